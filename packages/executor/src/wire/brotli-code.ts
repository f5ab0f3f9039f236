/**
 * Prefix codes of Brotli (RFC 7932 §3): how they are written, and how a symbol is read. Small tables, for a block may bring
 * hundreds of codes. Never takes a set of codes that is not complete.
 */
import type { BitReader } from './bits.ts';

/** What came is not Brotli. */
export class BrotliError extends Error {}

/** A decoder in the middle of its work waits: for octets, for its reader to take what is decoded, or for others to have their turn. */
export type Wait = 'octets' | 'reader' | 'turn';
export type Waiting<T> = Generator<Wait, T, void>;

/** No code of Brotli is longer. */
const LONGEST = 15;
/** Codes up to this length are read in one step. */
const FAST_BITS = 8;
const FAST_MASK = (1 << FAST_BITS) - 1;

export interface BrotliCode {
  /** By the next eight bits: `symbol << 4 | length`; `LONG` where the code is longer. */
  readonly fast: Uint16Array;
  /** How many codes there are of each length, and their symbols in the order of the codes. */
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const LONG = 0xffff;

/** @param lengths in bits, by symbol; a complete set, or all zero but that of `only`, which takes no bits then */
function makeCode(lengths: Uint8Array, only?: number): BrotliCode {
  const fast = new Uint16Array(1 << FAST_BITS).fill(LONG);
  const counts = new Uint16Array(LONGEST + 1);
  if (only !== undefined) return { fast: fast.fill(only << 4), counts, symbols: new Uint16Array(0) };
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const [places, codes] = [new Uint16Array(LONGEST + 2), new Uint16Array(LONGEST + 2)];
  for (let length = 1; length <= LONGEST; length++) {
    places[length + 1] = places[length]! + counts[length]!;
    codes[length + 1] = (codes[length]! + counts[length]!) << 1;
  }
  const symbols = new Uint16Array(places[LONGEST + 1]!);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    symbols[places[length]!++] = symbol;
    const code = codes[length]!++;
    if (length > FAST_BITS) continue;
    let turned = 0;
    for (let bit = 0; bit < length; bit++) turned |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let at = turned; at <= FAST_MASK; at += 1 << length) fast[at] = (symbol << 4) | length;
  }
  return { fast, counts, symbols };
}

/** What the next bits begin with: `symbol << 4 | length`. Of what did not come, anything. */
export function entryOf(code: BrotliCode, next: number): number {
  const entry = code.fast[next & FAST_MASK]!;
  return entry === LONG ? longEntry(next, code) : entry;
}

/** RFC 1951 §3.2.2 the other way round: bit by bit, counting the codes of each length. */
function longEntry(next: number, { counts, symbols }: BrotliCode): number {
  let [code, first, place] = [0, 0, 0];
  for (let length = 1; length <= LONGEST; length++) {
    code |= (next >> (length - 1)) & 1;
    const count = counts[length]!;
    if (code - first < count) return (symbols[place + code - first]! << 4) | length;
    place += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  throw new BrotliError('a code of no symbol');
}

export function* takeSymbol(bits: BitReader, code: BrotliCode): Waiting<number> {
  for (;;) {
    const entry = entryOf(code, bits.look());
    const end = bits.at + (entry & 15);
    if (end <= bits.limit) {
      bits.at = end;
      return entry >> 4;
    }
    yield 'octets';
  }
}

/** The next 0 to 32 bits, or fewer of what came: `bits.isShort` tells. */
export function takeLong(bits: BitReader, count: number): number {
  return count <= 16 ? bits.take(count) : bits.take(16) + bits.take(count - 16) * 65_536;
}

export function* takeBits(bits: BitReader, count: number): Waiting<number> {
  for (;;) {
    const value = takeLong(bits, count);
    if (!bits.isShort) return value;
    bits.at -= count;
    yield 'octets';
  }
}

/** RFC 7932 §3.4 and 3.5: a code as it stands in the stream. */
export function* readCode(bits: BitReader, alphabet: number): Waiting<BrotliCode> {
  const skipped = yield* takeBits(bits, 2);
  return skipped === 1 ? yield* readSimple(bits, alphabet) : yield* readComplex(bits, alphabet, skipped);
}

/** By number of symbols, and by the tree where there are four. */
const SIMPLE_LENGTHS: readonly (readonly number[])[] = [[0], [1, 1], [1, 2, 2], [2, 2, 2, 2], [1, 2, 3, 3]];

function* readSimple(bits: BitReader, alphabet: number): Waiting<BrotliCode> {
  const count = (yield* takeBits(bits, 2)) + 1;
  const width = 32 - Math.clz32(alphabet - 1);
  const symbols: number[] = [];
  for (let i = 0; i < count; i++) symbols.push(yield* takeBits(bits, width));
  if (symbols.some((symbol) => symbol >= alphabet) || new Set(symbols).size < count)
    throw new BrotliError('symbols that are none, or are there twice');
  if (count === 1) return makeCode(new Uint8Array(0), symbols[0]!);
  const shape = SIMPLE_LENGTHS[count === 4 ? 3 + (yield* takeBits(bits, 1)) : count - 1]!;
  const lengths = new Uint8Array(alphabet);
  for (const [i, symbol] of symbols.entries()) lengths[symbol] = shape[i]!;
  return makeCode(lengths);
}

/** In which lengths of the code of the lengths come. */
const ORDER = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/** Their own fixed code: by the next four bits, `length << 4 | bits read`. */
const ORDER_CODE = [0, 4, 3, 2, 0, 4, 3, 1, 0, 4, 3, 2, 0, 4, 3, 5].map((length, at) => {
  const read = [2, 2, 2, 3, 2, 2, 2, 4, 2, 2, 2, 3, 2, 2, 2, 4][at]!;
  return (length << 4) | read;
});

function* readComplex(bits: BitReader, alphabet: number, skipped: number): Waiting<BrotliCode> {
  const own = yield* readOwnCode(bits, skipped);
  const lengths = new Uint8Array(alphabet);
  let [symbol, previous, repeated, repeat, space] = [0, 8, 0, 0, 1 << LONGEST];
  while (symbol < alphabet && space > 0) {
    const length = yield* takeSymbol(bits, own);
    if (length < 16) {
      repeat = 0;
      lengths[symbol++] = length;
      if (length === 0) continue;
      previous = length;
      space -= (1 << LONGEST) >> length;
      continue;
    }
    // 16 repeats the length before, 17 zeros; one after another they count on in a larger base.
    const of = length === 16 ? previous : 0;
    if (repeated !== of) [repeat, repeated] = [0, of];
    const before = repeat;
    if (repeat > 0) repeat = (repeat - 2) << (length - 14);
    repeat += (yield* takeBits(bits, length - 14)) + 3;
    if (symbol + repeat - before > alphabet) throw new BrotliError('a length for more symbols than there are');
    lengths.fill(of, symbol, symbol + repeat - before);
    symbol += repeat - before;
    if (of > 0) space -= (repeat - before) << (LONGEST - of);
  }
  if (space !== 0) throw new BrotliError('codes that are not complete');
  return makeCode(lengths);
}

function* readOwnCode(bits: BitReader, skipped: number): Waiting<BrotliCode> {
  const lengths = new Uint8Array(ORDER.length);
  let [space, codes, last] = [32, 0, 0];
  for (let i = skipped; i < ORDER.length && space > 0; i++) {
    const entry = ORDER_CODE[yield* peekFour(bits)]!;
    bits.at += entry & 15;
    const length = entry >> 4;
    if (length === 0) continue;
    lengths[ORDER[i]!] = length;
    last = ORDER[i]!;
    space -= 32 >> length;
    codes++;
  }
  if (codes !== 1 && space !== 0) throw new BrotliError('codes of the lengths that are not complete');
  return codes === 1 ? makeCode(lengths, last) : makeCode(lengths);
}

/** Four bits, which stay; fewer where the code that they begin with is shorter and no more came. */
function* peekFour(bits: BitReader): Waiting<number> {
  for (;;) {
    const four = bits.look() & 15;
    if (bits.at + (ORDER_CODE[four]! & 15) <= bits.limit) return four;
    yield 'octets';
  }
}
