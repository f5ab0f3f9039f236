import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { DAuthError } from './errors.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

const refused = (fn: () => unknown) =>
  assert.throws(fn, (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST');

test('base64url agrees with Node for every byte string', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = encodeBase64url(bytes);
      assert.equal(text, Buffer.from(bytes).toString('base64url'));
      assert.deepEqual(decodeBase64url(text), new Uint8Array(bytes));
    }),
  );
});

test('base64url takes only the one spelling it would write itself', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      let bytes: Uint8Array;
      try {
        bytes = decodeBase64url(text);
      } catch (error) {
        assert.equal((error as DAuthError).code, 'INVALID_REQUEST');
        return;
      }
      assert.equal(encodeBase64url(bytes), text);
    }),
  );
});

for (const [what, text] of [
  ['padding', 'QQ=='],
  ['the standard alphabet', '+/+/'],
  ['white space', 'QUJD RA'],
  ['a line feed', 'QUJD\n'],
  ['trailing bits that are not zero', 'QR'],
  ['a length no byte string has', 'QUJDR'],
  ['a character beyond ASCII', 'QUJ\u0144'],
] as const) {
  test(`base64url with ${what} is refused`, () => refused(() => decodeBase64url(text)));
}

test('UTF-8 agrees with the platform for every well-formed string', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
      const bytes = encodeUtf8(text);
      assert.deepEqual(bytes, new Uint8Array(new TextEncoder().encode(text)));
      assert.equal(decodeUtf8(bytes), text);
    }),
  );
});

test('UTF-8 decoding refuses exactly what a fatal TextDecoder refuses', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      let wanted: string | undefined;
      try {
        wanted = decoder.decode(bytes);
      } catch {
        refused(() => decodeUtf8(bytes));
        return;
      }
      assert.equal(decodeUtf8(bytes), wanted);
    }),
    { numRuns: 2_000 },
  );
  refused(() => encodeUtf8('\ud800'));
});

test('UTF-8 longer than one piece reads as the platform reads it, with every length of character at the border', () => {
  for (const character of ['a', 'ä', '€', '😀'])
    for (const before of [4_093, 4_094, 4_095, 4_096]) {
      const text = `${'x'.repeat(before)}${character.repeat(5_000)}`;
      assert.equal(decodeUtf8(Buffer.from(text)), text);
    }
});
