/**
 * Memory that holds secrets: owned alone, zeroed by hand, and the traces that native calls leave behind.
 * Never pooled: a slice of the shared pool outlives its owner and may be handed to anybody.
 */
import { scrubRegisters } from './registers.ts';

/**
 * Zeroed memory of our own, outside Node's pool. Through an ArrayBuffer on purpose: `allocUnsafeSlow` puts up to 64 octets
 * into the garbage-collected heap, which moves them and leaves what they were behind (measured).
 */
export function ownedBytes(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length));
}

/** Up to so many octets are copied from here: what a secret, and what is made of one, usually has. */
const FEW = 8_192;
/** From so many on, four at a time: two views cost as much. */
const WORDS = 128;

/**
 * Copies octets, and leaves none of them in the registers of eight octets and more, which V8 writes down wherever it gives up a
 * piece of optimized code: also between a native copy and whatever would overwrite them, so that there is none.
 * @param source may lie over the target only where it stands behind it: it is copied forward
 * @throws RangeError as `set` does: what lies beyond the end would be lost without a word
 */
export function copyOctets(target: Uint8Array, source: Uint8Array, at = 0): void {
  if (!(at >= 0 && at + source.length <= target.length)) throw new RangeError('offset is out of bounds');
  if (source.length < WORDS) for (let i = 0; i < source.length; i++) target[at + i] = source[i]!;
  else if (source.length <= FEW) copyWords(target, source, at);
  else {
    target.set(source, at);
    scrubRegisters();
  }
}

/** Four octets at a time: too few to be a piece of a secret. */
function copyWords(target: Uint8Array, source: Uint8Array, at: number): void {
  const { length } = source;
  const to = new DataView(target.buffer, target.byteOffset + at, length);
  const from = new DataView(source.buffer, source.byteOffset, length);
  let i = 0;
  for (; i + 4 <= length; i += 4) to.setUint32(i, from.getUint32(i));
  for (; i < length; i++) to.setUint8(i, from.getUint8(i));
}

/**
 * The order of two runs of octets, negative, 0 or positive, as `Buffer.compare` has it. Nothing native, which would leave pieces in
 * the registers; only for what nobody learns from how long it takes.
 */
export function compareOctets(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i]! - other[i]!;
  return one.length - other.length;
}

/**
 * Whether two have the same octets; nothing native either. How long it takes says how many there are and no more: a token that an
 * endpoint chose is compared with fields that it was not shown.
 */
export function areSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let differing = 0;
  for (let i = 0; i < one.length; i++) differing |= one[i]! ^ other[i]!;
  return differing === 0;
}

/** As `indexOf` has it, for one octet; as `compareOctets`. */
export function placeOf(octets: Uint8Array, octet: number, from = 0): number {
  for (let i = from; i < octets.length; i++) if (octets[i] === octet) return i;
  return -1;
}

/** One owned copy of several parts in a row. */
export function ownedConcat(...parts: readonly Uint8Array[]): Buffer {
  const joined = ownedBytes(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    copyOctets(joined, part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * Zeroes what is given, and the registers, which whatever was done with it may have left full; `null` and `undefined` are let
 * through so that `finally` blocks stay short.
 */
export function wipe(...secrets: readonly (Uint8Array | null | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
  scrubRegisters();
}
