/** Our decoder of Brotli against Node's: whatever that one encodes or takes, in pieces of any size, and what was changed. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import fc from 'fast-check';
import { attempt, bodies, cut, decode } from '../support/coding.test-support.ts';
import { writeWord } from './brotli-words.ts';
import { BrotliError } from './brotli-code.ts';

const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_MODE: mode } = constants;

const encodings = fc
  .tuple(fc.constantFrom(0, 1, 2, 4, 5, 9, 10, 11), fc.integer({ min: 10, max: 24 }), fc.constantFrom(0, 1, 2))
  .map(([q, w, m]) => ({ params: { [quality]: q, [window]: w, [mode]: m } }));
/** Words that everybody knows, and octets of every kind. */
const texts = fc
  .array(
    fc.constantFrom(
      ...[
        'the time of ',
        'information',
        ' Category: ',
        '<div class="',
        'Всё ',
        '日本語',
        'function(',
        '://www.',
        '\n\t',
      ],
      ...['International ', 'ПРИВЕТ', "='x'", '{"id":', '0123', 'ly ', ' that this is not from '],
    ),
    { maxLength: 400 },
  )
  .map((parts) => Buffer.from(parts.join('')));

test('[response.clean] whatever is encoded in br is decoded, in pieces of any size', () =>
  fc.assert(
    fc.asyncProperty(
      fc.oneof(bodies, texts),
      encodings,
      fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 200_000 })),
      async (body, how, size) => {
        assert.deepEqual(await decode('br', cut(brotliCompressSync(body, how), size)), body);
      },
    ),
    { numRuns: 150 },
  ));

test('[response.clean] what was changed in br is decoded as Node decodes it, or refused as Node refuses it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.oneof(bodies, texts).filter((body) => body.length > 0),
      encodings,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
      async (body, how, flips) => {
        const encoded = brotliCompressSync(body, how);
        for (const [where, flip] of flips) encoded[where % encoded.length]! ^= flip;
        const ours = await attempt(() => decode('br', [encoded]));
        const theirs = await attempt(async () => brotliDecompressSync(encoded));
        assert.deepEqual(ours, theirs);
      },
    ),
    { numRuns: 1_500 },
  ));

test('octets of no kind are decoded as Node decodes them, or refused as Node refuses them', () =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 80 }), async (octets) => {
      const theirs = await attempt(async () => brotliDecompressSync(octets));
      assert.deepEqual(await attempt(() => decode('br', [octets])), theirs);
    }),
    { numRuns: 3_000 },
  ));

test('a body in br that ends anywhere before its end is refused', async () => {
  const body = Buffer.from('one, two, one, two, three and the information of that time. '.repeat(40));
  for (const q of [1, 5, 11]) {
    const encoded = brotliCompressSync(body, { params: { [quality]: q } });
    for (let length = 1; length < encoded.length; length++)
      await assert.rejects(decode('br', [encoded.subarray(0, length)]), { code: 'RESPONSE_UNSCANNABLE' });
    assert.deepEqual(await decode('br', [encoded]), body);
  }
});

test('a large body is decoded through a window of every size, and memory grows no further than it', async () => {
  const far = randomBytes(700_000);
  const body = Buffer.concat([far, far, randomBytes(100_000), far]);
  for (const w of [10, 16, 18, 20, 22, 24]) {
    const encoded = brotliCompressSync(body, { params: { [quality]: 5, [window]: w } });
    assert.ok((await decode('br', cut(encoded, 65_536))).equals(body));
  }
});

/** A block of one word, as `brotli-words.ts` names each of them, by bits. */
function naming(length: number, number: number, octets: number): Buffer {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let bit = 0; bit < count; bit++) bits.push(Math.floor(value / 2 ** bit) % 2);
  };
  put(15, 4);
  for (const [value, count] of [
    [(octets - 1) * 8, 20],
    [0, 13],
    [1, 4],
    [0, 8],
    [1, 4],
  ] as const)
    put(value, count);
  const [symbol, extra, width] =
    length < 10
      ? [126 + length, 0, 0]
      : length < 14
        ? [192 + ((length - 10) >> 1), length & 1, 1]
        : length < 22
          ? [194 + ((length - 14) >> 2), (length - 14) & 3, 2]
          : [196, length - 22, 3];
  put(symbol, 10);
  const far = number + 4;
  const count = Math.floor(Math.log2(far)) - 1;
  const half = Math.floor(far / 2 ** count) % 2;
  put(1, 4);
  put(16 + 2 * (count - 1) + half, 6);
  put(extra, width);
  put(far - (2 + half) * 2 ** count, count);
  put(3, 2);
  return Buffer.from(
    Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
      bits.slice(at * 8, at * 8 + 8).reduce((octet, bit, place) => octet | (bit << place), 0),
    ),
  );
}

test('every change of a word, and words of every length, are what Node makes of them', async () => {
  const counts = [10, 10, 11, 11, 10, 10, 10, 10, 10, 9, 9, 8, 7, 7, 8, 7, 7, 6, 6, 5, 5];
  for (const [at, bits] of counts.entries()) {
    for (let change = 0; change < 121; change++) {
      const number = change * 2 ** bits + ((change * 7919 + at * 31) % 2 ** bits);
      const octets: number[] = [];
      if (writeWord(4 + at, number, (octet) => octets.push(octet)) === 0) continue;
      const encoded = naming(4 + at, number, octets.length);
      assert.deepEqual(Buffer.from(octets), brotliDecompressSync(encoded), `${4 + at} ${number}`);
      assert.deepEqual(await decode('br', [encoded]), Buffer.from(octets));
    }
    assert.throws(() => writeWord(4 + at, 121 * 2 ** bits, () => undefined), BrotliError);
  }
  for (const length of [2, 3, 25, 100]) assert.throws(() => writeWord(length, 0, () => undefined), BrotliError);
});
