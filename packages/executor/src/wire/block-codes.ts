/**
 * The codes of one block of DEFLATE: the fixed ones, or those it brings itself (RFC 1951 §3.2.6 and 7).
 * Never takes codes that another decoder could read differently.
 */
import type { BitReader } from './bits.ts';
import { prefixCode, type PrefixCode } from './prefix-code.ts';

export interface BlockCodes {
  /** Octets, 256 for the end of the block, then lengths of repetitions. */
  readonly literals: PrefixCode;
  readonly distances: PrefixCode;
}

const END_OF_BLOCK = 256;
const MOST_LITERALS = 286;
const MOST_DISTANCES = 30;
/** In which lengths of the code of the lengths come: the likely ones first. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

export const FIXED_CODES: BlockCodes = {
  literals: prefixCode(Uint8Array.from({ length: 288 }, (_, s) => (s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8)))!,
  distances: prefixCode(new Uint8Array(32).fill(5))!,
};

/** @returns null where they are none, or are not here as a whole: `bits.isShort` tells which */
export function readCodes(bits: BitReader): BlockCodes | null {
  const literalCount = bits.take(5) + 257;
  const distanceCount = bits.take(5) + 1;
  const lengths = readLengths(bits, bits.take(4) + 4, literalCount + distanceCount);
  if (lengths === null || literalCount > MOST_LITERALS || distanceCount > MOST_DISTANCES) return null;
  // A block without an end would be read on into whatever follows.
  if (lengths[END_OF_BLOCK] === 0) return null;
  const literals = prefixCode(lengths.subarray(0, literalCount));
  const distances = prefixCode(lengths.subarray(literalCount));
  return literals === null || distances === null ? null : { literals, distances };
}

/** Lengths of both codes in a row, written in a code of their own that comes first. */
function readLengths(bits: BitReader, ownCount: number, count: number): Uint8Array | null {
  const own = new Uint8Array(ORDER.length);
  for (let i = 0; i < ownCount; i++) own[ORDER[i]!] = bits.take(3);
  const code = prefixCode(own, true);
  if (code === null) return null;
  const lengths = new Uint8Array(count);
  for (let i = 0; i < count && !bits.isShort;) {
    const entry = code.entries[bits.look() & code.mask]!;
    bits.at += entry & 15;
    const [length, times] = readRun(bits, entry >> 4, lengths[i - 1]);
    if (length === undefined || i + times > count) return null;
    lengths.fill(length, i, i + times);
    i += times;
  }
  return lengths;
}

/** @returns a length, undefined where there is none to repeat, and how often it stands there */
function readRun(
  bits: BitReader,
  symbol: number,
  before: number | undefined,
): [length: number | undefined, times: number] {
  switch (symbol) {
    case 16:
      return [before, 3 + bits.take(2)];
    case 17:
      return [0, 3 + bits.take(3)];
    case 18:
      return [0, 11 + bits.take(7)];
    default:
      return [symbol, 1];
  }
}
