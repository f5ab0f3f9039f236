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

/** Up to so many octets are copied one by one sooner than the registers are overwritten. */
const FEW = 256;

/** Copies octets, and leaves none of them in the registers. */
export function copyOctets(target: Uint8Array, source: Uint8Array, at = 0): void {
  if (source.length <= FEW) return copyFew(target, source, at);
  target.set(source, at);
  scrubRegisters();
}

/** @throws RangeError as `set` does: what lies beyond the end would be lost without a word */
function copyFew(target: Uint8Array, source: Uint8Array, at: number): void {
  if (!(at >= 0 && at + source.length <= target.length)) throw new RangeError('offset is out of bounds');
  for (let i = 0; i < source.length; i++) target[at + i] = source[i]!;
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
