import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  brotliCompressSync,
  constants,
  crc32,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib';
import fc from 'fast-check';
import { attempt, bodies, cut, decode } from '../support/coding.test-support.ts';
import { Decoder } from './decode.ts';

const CODINGS = {
  gzip: { coding: 'gzip', encode: gzipSync, decode: gunzipSync },
  zlib: {
    coding: 'deflate',
    encode: deflateSync,
    // Without zlib's first octet it is raw, to us.
    decode: (octets: Buffer) => ((octets[0]! & 15) === 8 ? inflateSync(octets) : inflateRawSync(octets)),
  },
  raw: { coding: 'deflate', encode: deflateRawSync },
} as const;

const strategies = fc.constantFrom(
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FIXED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FILTERED,
);

for (const [name, { coding, encode }] of Object.entries(CODINGS)) {
  test(`whatever zlib encodes in ${name} is decoded, in pieces of any size`, () =>
    fc.assert(
      fc.asyncProperty(
        bodies,
        fc.constantFrom(0, 1, 6, 9),
        strategies,
        fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 200_000 })),
        async (body, level, strategy, size) => {
          const encoded = encode(body, { level, strategy, memLevel: 1 + (size % 9) });
          assert.deepEqual(await decode(coding, cut(encoded, size)), body);
        },
      ),
      { numRuns: 60 },
    ));
}

for (const [name, { coding, encode, decode: zlib }] of Object.entries({ gzip: CODINGS.gzip, zlib: CODINGS.zlib })) {
  test(`what was changed in ${name} is decoded as zlib decodes it, or refused as zlib refuses it`, () =>
    fc.assert(
      fc.asyncProperty(
        bodies.filter((body) => body.length > 0),
        strategies,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (body, strategy, where, flip) => {
          const encoded = encode(body, { strategy });
          encoded[where % encoded.length]! ^= flip;
          const [ours, theirs] = [
            await attempt(() => decode(coding, [encoded])),
            await attempt(async () => zlib(encoded)),
          ];
          assert.deepEqual(ours, theirs);
        },
      ),
      { numRuns: 600 },
    ));
}

test('a body that ends anywhere before its end is refused', async () => {
  const body = Buffer.from('one, two, one, two, three'.repeat(40));
  for (const { coding, encode } of Object.values(CODINGS)) {
    const encoded = encode(body);
    for (let length = 1; length < encoded.length; length++) {
      await assert.rejects(decode(coding, [encoded.subarray(0, length)]), { code: 'RESPONSE_UNSCANNABLE' });
    }
    assert.deepEqual(await decode(coding, [encoded]), body);
  }
});

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

for (const [name, encoded] of [
  ['a block of no known type', hex('07')],
  ['a stored length without its complement', hex('01 0500 0000 6161616161')],
  ['a repetition from before the start', hex('03 02 00 00 00')],
  ['a length of no meaning', hex('1b 03 00 00 00 00 00')],
  ['codes without an end of the block', hex('05 c0 81 08 00 00 00 00 00 00 00 00 00 00 00 00')],
  ['codes of which there are too many', hex('fd ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff')],
] as const) {
  test(`${name} is refused`, () => assert.rejects(decode('deflate', [encoded]), { code: 'RESPONSE_UNSCANNABLE' }));
}

test('members of gzip follow one another, zeros may follow them, anything else may not', async () => {
  const two = Buffer.concat([gzipSync('one'), gzipSync('two')]);
  assert.equal((await decode('gzip', cut(two, 1))).toString(), 'onetwo');
  assert.equal((await decode('gzip', [two, Buffer.alloc(100)])).toString(), 'onetwo');
  await assert.rejects(decode('gzip', [two, Buffer.from('x')]), { code: 'RESPONSE_UNSCANNABLE' });
  await assert.rejects(decode('gzip', [two, hex('1f')]), { code: 'RESPONSE_UNSCANNABLE' });
});

test('a member repeats nothing of the one before it', async () => {
  const secret = randomBytes(64);
  const reaching = gzipSync(Buffer.concat([secret, secret]));
  // The second member's only block repeats 64 octets from before its start.
  const second = deflateRawSync(secret, { dictionary: secret });
  await assert.rejects(decode('gzip', [reaching, hex('1f8b0800000000000003'), second, Buffer.alloc(8)]), {
    code: 'RESPONSE_UNSCANNABLE',
  });
});

test('a head of gzip with all that may stand in it is passed over, and a changed one is not', async () => {
  const plain = gzipSync('body').subarray(10);
  const head = hex('1f8b081e0000000000ff 0300 616263 6e616d6500 6300');
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc32(head) & 0xffff);
  assert.equal((await decode('gzip', cut(Buffer.concat([head, check, plain]), 1))).toString(), 'body');
  head[4]! ^= 1;
  await assert.rejects(decode('gzip', [head, check, plain]), { code: 'RESPONSE_UNSCANNABLE' });
  await assert.rejects(decode('gzip', [hex('1f8b08080000000000ff'), Buffer.alloc(9_000, 'n')]), {
    code: 'RESPONSE_UNSCANNABLE',
  });
});

const MADE_UP = {
  gzip: gzipSync,
  br: (body: Buffer) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
} as const;
for (const coding of ['gzip', 'br'] as const) {
  test(`[response.clean] a body that its ${coding} makes up is refused before it fills anything`, async () => {
    let decoded = 0;
    using decoder = new Decoder(coding, (octets) => (decoded += octets.length));
    const bomb = MADE_UP[coding](Buffer.alloc(60 * 1_048_576));
    await assert.rejects(decoder.push(bomb), { code: 'RESPONSE_UNSCANNABLE' });
    assert.ok(decoded < 41 * 1_048_576, String(decoded));
  });

  test(`a decoder of ${coding} that is held waits, and one that is disposed of while it waits refuses`, async () => {
    const encoded = MADE_UP[coding](randomBytes(300_000));
    let pieces = 0;
    using decoder = new Decoder(coding, () => {
      pieces++;
      decoder.hold();
    });
    const pushing = decoder.push(encoded);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(pieces, 1);
    decoder.release();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(pieces, 2);
    decoder[Symbol.dispose]();
    await assert.rejects(pushing, { code: 'RESPONSE_UNSCANNABLE' });
    assert.equal(pieces, 2);
  });
}
