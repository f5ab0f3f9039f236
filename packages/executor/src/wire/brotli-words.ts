/**
 * The words that every decoder of Brotli knows (RFC 7932 §8, appendices A and B). Node's own copy of them is used: a stream
 * that names each word once is decoded once. All of it is public, and no answer ever goes that way.
 */
import { brotliDecompressSync, crc32 } from 'node:zlib';
import { BrotliError } from './brotli-code.ts';

const SHORTEST = 4;
const LONGEST = 24;
/** By length: how many bits number the words of it. */
const NUMBER_BITS = [0, 0, 0, 0, 10, 10, 11, 11, 10, 10, 10, 10, 10, 9, 9, 8, 7, 7, 8, 7, 7, 6, 6, 5, 5];
const OFFSETS = NUMBER_BITS.map((_, length) =>
  NUMBER_BITS.slice(0, length).reduce((sum, bits, of) => sum + (bits === 0 ? 0 : of << bits), 0),
);
/** RFC 7932, Appendix A. */
const DICTIONARY_CRC = 0x5136cb04;

type Kind = 'as it is' | 'Capital' | 'CAPITALS' | `without first ${number}` | `without last ${number}`;
/** RFC 7932, Appendix B: what stands before a word, what is done to it, and what stands behind it. Octets as Latin-1. */
const TRANSFORMS: readonly (readonly [before: string, kind: Kind, behind: string])[] = [
  ['', 'as it is', ''],
  ['', 'as it is', ' '],
  [' ', 'as it is', ' '],
  ['', 'without first 1', ''],
  ['', 'Capital', ' '],
  ['', 'as it is', ' the '],
  [' ', 'as it is', ''],
  ['s ', 'as it is', ' '],
  ['', 'as it is', ' of '],
  ['', 'Capital', ''],
  ['', 'as it is', ' and '],
  ['', 'without first 2', ''],
  ['', 'without last 1', ''],
  [', ', 'as it is', ' '],
  ['', 'as it is', ', '],
  [' ', 'Capital', ' '],
  ['', 'as it is', ' in '],
  ['', 'as it is', ' to '],
  ['e ', 'as it is', ' '],
  ['', 'as it is', '"'],
  ['', 'as it is', '.'],
  ['', 'as it is', '">'],
  ['', 'as it is', '\n'],
  ['', 'without last 3', ''],
  ['', 'as it is', ']'],
  ['', 'as it is', ' for '],
  ['', 'without first 3', ''],
  ['', 'without last 2', ''],
  ['', 'as it is', ' a '],
  ['', 'as it is', ' that '],
  [' ', 'Capital', ''],
  ['', 'as it is', '. '],
  ['.', 'as it is', ''],
  [' ', 'as it is', ', '],
  ['', 'without first 4', ''],
  ['', 'as it is', ' with '],
  ['', 'as it is', "'"],
  ['', 'as it is', ' from '],
  ['', 'as it is', ' by '],
  ['', 'without first 5', ''],
  ['', 'without first 6', ''],
  [' the ', 'as it is', ''],
  ['', 'without last 4', ''],
  ['', 'as it is', '. The '],
  ['', 'CAPITALS', ''],
  ['', 'as it is', ' on '],
  ['', 'as it is', ' as '],
  ['', 'as it is', ' is '],
  ['', 'without last 7', ''],
  ['', 'without last 1', 'ing '],
  ['', 'as it is', '\n\t'],
  ['', 'as it is', ':'],
  [' ', 'as it is', '. '],
  ['', 'as it is', 'ed '],
  ['', 'without first 9', ''],
  ['', 'without first 7', ''],
  ['', 'without last 6', ''],
  ['', 'as it is', '('],
  ['', 'Capital', ', '],
  ['', 'without last 8', ''],
  ['', 'as it is', ' at '],
  ['', 'as it is', 'ly '],
  [' the ', 'as it is', ' of '],
  ['', 'without last 5', ''],
  ['', 'without last 9', ''],
  [' ', 'Capital', ', '],
  ['', 'Capital', '"'],
  ['.', 'as it is', '('],
  ['', 'CAPITALS', ' '],
  ['', 'Capital', '">'],
  ['', 'as it is', '="'],
  [' ', 'as it is', '.'],
  ['.com/', 'as it is', ''],
  [' the ', 'as it is', ' of the '],
  ['', 'Capital', "'"],
  ['', 'as it is', '. This '],
  ['', 'as it is', ','],
  ['.', 'as it is', ' '],
  ['', 'Capital', '('],
  ['', 'Capital', '.'],
  ['', 'as it is', ' not '],
  [' ', 'as it is', '="'],
  ['', 'as it is', 'er '],
  [' ', 'CAPITALS', ' '],
  ['', 'as it is', 'al '],
  [' ', 'CAPITALS', ''],
  ['', 'as it is', "='"],
  ['', 'CAPITALS', '"'],
  ['', 'Capital', '. '],
  [' ', 'as it is', '('],
  ['', 'as it is', 'ful '],
  [' ', 'Capital', '. '],
  ['', 'as it is', 'ive '],
  ['', 'as it is', 'less '],
  ['', 'CAPITALS', "'"],
  ['', 'as it is', 'est '],
  [' ', 'Capital', '.'],
  ['', 'CAPITALS', '">'],
  [' ', 'as it is', "='"],
  ['', 'Capital', ','],
  ['', 'as it is', 'ize '],
  ['', 'CAPITALS', '.'],
  ['\xc2\xa0', 'as it is', ''],
  [' ', 'as it is', ','],
  ['', 'Capital', '="'],
  ['', 'CAPITALS', '="'],
  ['', 'as it is', 'ous '],
  ['', 'CAPITALS', ', '],
  ['', 'Capital', "='"],
  [' ', 'Capital', ','],
  [' ', 'CAPITALS', '="'],
  [' ', 'CAPITALS', ', '],
  ['', 'CAPITALS', ','],
  ['', 'CAPITALS', '('],
  ['', 'CAPITALS', '. '],
  [' ', 'CAPITALS', '.'],
  ['', 'CAPITALS', "='"],
  [' ', 'CAPITALS', '. '],
  [' ', 'Capital', '="'],
  [' ', 'CAPITALS', "='"],
  [' ', 'Capital', "='"],
];

let dictionary: Buffer | undefined;

/**
 * Writes one word.
 * @param number which word of the length, and how it is changed
 * @returns how many octets it takes
 * @throws BrotliError
 */
export function writeWord(length: number, number: number, into: (octet: number) => void): number {
  const bits = NUMBER_BITS[length] ?? 0;
  const transform = bits === 0 ? undefined : TRANSFORMS[Math.floor(number / 2 ** bits)];
  if (transform === undefined) throw new BrotliError('a word that is not in the dictionary');
  dictionary ??= readDictionary();
  const from = OFFSETS[length]! + length * (number % 2 ** bits);
  const [before, kind, behind] = transform;
  const word = changed(dictionary.subarray(from, from + length), kind);
  for (let i = 0; i < before.length; i++) into(before.charCodeAt(i));
  word.forEach(into);
  for (let i = 0; i < behind.length; i++) into(behind.charCodeAt(i));
  return before.length + word.length + behind.length;
}

function changed(word: Uint8Array, kind: Kind): Uint8Array {
  const [, end, count = ''] = /^without (first|last) (\d)$/.exec(kind) ?? [];
  if (end === 'first') return word.subarray(Number(count));
  if (end === 'last') return word.subarray(0, Math.max(0, word.length - Number(count)));
  if (kind === 'as it is') return word;
  const copy = Uint8Array.from(word);
  for (let at = 0; at < copy.length;) {
    at += capitalize(copy, at);
    if (kind === 'Capital') break;
  }
  return copy;
}

/** RFC 7932 §8 `ToUpperCase`, as simple as it is there. @returns how many octets the letter takes */
function capitalize(word: Uint8Array, at: number): number {
  const first = word[at]!;
  const [length, flips] = first < 0xc0 ? [1, 0x20] : first < 0xe0 ? [2, 0x20] : [3, 5];
  const isLetter = length > 1 || (first >= 0x61 && first <= 0x7a);
  if (isLetter && at + length <= word.length) word[at + length - 1]! ^= flips;
  return length;
}

function readDictionary(): Buffer {
  const words = brotliDecompressSync(nameEachWord());
  if (crc32(words) !== DICTIONARY_CRC) throw new TypeError('This runtime decodes Brotli with other words.');
  return words;
}

/** A block for each word: no literals, one copy of its length from a distance that lies before all octets there are. */
function nameEachWord(): Buffer {
  const octets: number[] = [];
  let [held, count] = [0, 0];
  const put = (value: number, bits: number): void => {
    for (let bit = 0; bit < bits; bit++) {
      held |= ((value >> bit) & 1) << count++;
      if (count < 8) continue;
      octets.push(held);
      [held, count] = [0, 0];
    }
  };
  const putCode = (symbol: number, width: number): void => {
    put(1, 4);
    put(symbol, width);
  };
  let position = 0;
  // A window of 2^24.
  put(15, 4);
  for (let length = SHORTEST; length <= LONGEST; length++) {
    for (let number = 0; number < 1 << NUMBER_BITS[length]!; number++) {
      // Not the last block; its length in four nibbles; no kinds of blocks, no distances of their own, no contexts.
      put((length - 1) << 3, 20);
      put(0, 13);
      putCode(0, 8);
      const [copy, copyBits, copyExtra] = copyCode(length);
      putCode(copy, 10);
      const distance = position + number;
      const bits = 30 - Math.clz32(distance + 4);
      const half = ((distance + 4) >> bits) & 1;
      putCode(16 + 2 * (bits - 1) + half, 6);
      put(copyExtra, copyBits);
      put(distance + 4 - ((2 + half) << bits), bits);
      position += length;
    }
  }
  put(3, 2);
  if (count > 0) octets.push(held);
  return Buffer.from(octets);
}

/** The symbol of no literals and a copy of this length (RFC 7932 §5), then its extra bits. */
function copyCode(length: number): readonly [symbol: number, bits: number, extra: number] {
  if (length < 10) return [126 + length, 0, 0];
  const [symbol, bits, base] = length < 14 ? [192, 1, 10] : length < 22 ? [194, 2, 14] : [196, 3, 22];
  return [symbol + ((length - base) >> bits), bits, (length - base) & ((1 << bits) - 1)];
}
