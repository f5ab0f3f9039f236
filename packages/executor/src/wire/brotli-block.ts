/**
 * The heads of Brotli, of the stream and of a block (RFC 7932 §9): the window, lengths, and how literals, commands and
 * distances are coded, and by which context.
 * Reads on whenever more came; never more than the alphabets of the format have.
 */
import type { BitReader } from './bits.ts';
import { BrotliError, readCode, takeBits, takeSymbol, type BrotliCode, type Waiting } from './brotli-code.ts';

/** Which of several kinds of a block comes next, and for how many symbols. */
export interface Kinds {
  readonly count: number;
  readonly types: BrotliCode | null;
  readonly lengths: BrotliCode | null;
  current: number;
  previous: number;
  left: number;
}

export interface BlockHead {
  readonly literalKinds: Kinds;
  readonly commandKinds: Kinds;
  readonly distanceKinds: Kinds;
  readonly postfixBits: number;
  readonly direct: number;
  /** By kind of literals. */
  readonly modes: Uint8Array;
  /** By kind and context: which code. */
  readonly literalMap: Uint8Array;
  readonly distanceMap: Uint8Array;
  readonly literals: readonly BrotliCode[];
  readonly commands: readonly BrotliCode[];
  readonly distances: readonly BrotliCode[];
}

const LITERALS = 256;
const COMMANDS = 704;
const LITERAL_CONTEXTS = 64;
const DISTANCE_CONTEXTS = 4;
/** As many as a block can have octets, where there is one kind only. */
const ENDLESS = 1 << 24;
/** Codes until others have their turn: each may be cheap to write and takes time to make. */
const CODES_A_TURN = 32;
/** RFC 7932 §6: the lengths of runs of one kind, `base << 5 | extra bits`. */
const RUN_BITS = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12, 13, 24];
const RUN_BASES = RUN_BITS.map((_, at) => RUN_BITS.slice(0, at).reduce((base, bits) => base + 2 ** bits, 1));

/** RFC 7932 §9.1. */
export function* readWindowBits(bits: BitReader): Waiting<number> {
  if ((yield* takeBits(bits, 1)) === 0) return 16;
  const large = yield* takeBits(bits, 3);
  if (large > 0) return 17 + large;
  const small = yield* takeBits(bits, 3);
  // 1 would be a window larger than the format has.
  if (small === 1) throw new BrotliError('a window that is none');
  return small === 0 ? 17 : 8 + small;
}

/** A length less one, in digits from the lowest on; the highest of a longer number is not zero. */
export function* takeLength(bits: BitReader, digits: number, width: number): Waiting<number> {
  let [length, digit] = [0, 0];
  for (let at = 0; at < digits; at++) {
    digit = yield* takeBits(bits, width);
    length += digit * 2 ** (width * at);
  }
  if (digit === 0 && digits > (width === 4 ? 4 : 1)) throw new BrotliError('a length with a zero before it');
  return length + 1;
}

export function* readBlockHead(bits: BitReader): Waiting<BlockHead> {
  const literalKinds = yield* readKinds(bits);
  const commandKinds = yield* readKinds(bits);
  const distanceKinds = yield* readKinds(bits);
  const postfixBits = yield* takeBits(bits, 2);
  const direct = (yield* takeBits(bits, 4)) << postfixBits;
  const modes = new Uint8Array(literalKinds.count);
  for (let kind = 0; kind < modes.length; kind++) modes[kind] = yield* takeBits(bits, 2);
  const [literalMap, literalCodes] = yield* readMap(bits, literalKinds.count * LITERAL_CONTEXTS);
  const [distanceMap, distanceCodes] = yield* readMap(bits, distanceKinds.count * DISTANCE_CONTEXTS);
  return {
    ...{ literalKinds, commandKinds, distanceKinds, postfixBits, direct, modes, literalMap, distanceMap },
    literals: yield* readCodes(bits, literalCodes, LITERALS),
    commands: yield* readCodes(bits, commandKinds.count, COMMANDS),
    distances: yield* readCodes(bits, distanceCodes, 16 + direct + (48 << postfixBits)),
  };
}

/** The next kind, where the one before ended. RFC 7932 §6. */
export function* changeKind(bits: BitReader, kinds: Kinds): Waiting<void> {
  if (kinds.types === null || kinds.lengths === null) throw new BrotliError('a block longer than it may be');
  const code = yield* takeSymbol(bits, kinds.types);
  const next = code === 0 ? kinds.previous : code === 1 ? (kinds.current + 1) % kinds.count : code - 2;
  [kinds.previous, kinds.current] = [kinds.current, next];
  kinds.left = yield* takeRun(bits, kinds.lengths);
}

function* takeRun(bits: BitReader, lengths: BrotliCode): Waiting<number> {
  const run = yield* takeSymbol(bits, lengths);
  return RUN_BASES[run]! + (yield* takeBits(bits, RUN_BITS[run]!));
}

function* readKinds(bits: BitReader): Waiting<Kinds> {
  const count = yield* takeCount(bits);
  const first = { count, current: 0, previous: 1 };
  if (count === 1) return { ...first, types: null, lengths: null, left: ENDLESS };
  const types = yield* readCode(bits, count + 2);
  const lengths = yield* readCode(bits, RUN_BITS.length);
  return { ...first, types, lengths, left: yield* takeRun(bits, lengths) };
}

/** 1 to 256. */
function* takeCount(bits: BitReader): Waiting<number> {
  if ((yield* takeBits(bits, 1)) === 0) return 1;
  const width = yield* takeBits(bits, 3);
  return 1 + 2 ** width + (yield* takeBits(bits, width));
}

/** RFC 7932 §7.3. @returns the map, and how many codes it tells apart */
function* readMap(bits: BitReader, length: number): Waiting<readonly [map: Uint8Array, codes: number]> {
  const map = new Uint8Array(length);
  const codes = yield* takeCount(bits);
  if (codes === 1) return [map, codes];
  const longestRun = (yield* takeBits(bits, 1)) === 0 ? 0 : 1 + (yield* takeBits(bits, 4));
  const code = yield* readCode(bits, codes + longestRun);
  for (let at = 0; at < length;) {
    const symbol = yield* takeSymbol(bits, code);
    if (symbol === 0 || symbol > longestRun) {
      map[at++] = symbol === 0 ? 0 : symbol - longestRun;
      continue;
    }
    at += 2 ** symbol + (yield* takeBits(bits, symbol));
    if (at > length) throw new BrotliError('a run longer than its map');
  }
  if ((yield* takeBits(bits, 1)) === 1) moveToFront(map);
  // A few octets may say all of a map: others get their turn behind each.
  yield 'turn';
  return [map, codes];
}

/** Each entry is a place in a list from which it moves to the front. */
function moveToFront(map: Uint8Array): void {
  const list = Uint8Array.from({ length: 256 }, (_, value) => value);
  for (let at = 0; at < map.length; at++) {
    const place = map[at]!;
    const value = list[place]!;
    list.copyWithin(1, 0, place);
    list[0] = value;
    map[at] = value;
  }
}

function* readCodes(bits: BitReader, count: number, alphabet: number): Waiting<readonly BrotliCode[]> {
  const codes: BrotliCode[] = [];
  while (codes.length < count) {
    codes.push(yield* readCode(bits, alphabet));
    if (codes.length % CODES_A_TURN === 0) yield 'turn';
  }
  return codes;
}
