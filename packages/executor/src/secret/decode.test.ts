import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64, decodeHex } from './decode.ts';

const octets = fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes));

test('what Node writes in hex and base64 is decoded as it was', () => {
  const same = fc.property(octets, (bytes) => {
    const texts = [bytes.toString('base64'), bytes.toString('base64').replaceAll('=', ''), bytes.toString('base64url')];
    for (const text of texts) assert.deepEqual(decodeBase64(Buffer.from(text)), bytes);
    for (const text of [bytes.toString('hex'), bytes.toString('hex').toUpperCase()])
      assert.deepEqual(decodeHex(Buffer.from(text)), bytes);
  });
  fc.assert(same);
});

test('[seal.bound] a key in another spelling than the one that was meant is none', () => {
  for (const bad of ['A', 'AAAAA', 'AA=', 'AA===', 'A===', '=', 'AB==', 'AAB=', 'AA=A', 'A A=', 'AAA\n', 'AA.A'])
    assert.equal(decodeBase64(Buffer.from(bad)), null, bad);
  for (const bad of ['0', '000', '0g', '0 ', '0x00', '\u00e4']) assert.equal(decodeHex(Buffer.from(bad)), null, bad);
});
