/**
 * What stands around DEFLATE: gzip's head and tail (RFC 1952), zlib's (RFC 1950), or nothing.
 * Never takes a body whose check value is not that of what was decoded: it was changed, or is not what it says.
 */
import { crc32 } from 'node:zlib';

export interface Wrapping {
  /** @returns how many octets the head takes, null where it is not here as a whole; throws where it is none */
  readonly headLength: (octets: Buffer) => number | null;
  readonly tailLength: number;
  /** The check value of what was decoded so far and more. */
  readonly check: (octets: Uint8Array, before: number) => number;
  readonly firstCheck: number;
  readonly isTail: (tail: Buffer, check: number, length: number) => boolean;
  /** Whether another body of the kind may follow. */
  readonly isRepeated: boolean;
}

/** What came is not wrapped as its encoding says. */
export class WrappingError extends Error {}

/** RFC 1952 §2.3.1 */
const FLAG = { headCheck: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

export const GZIP: Wrapping = {
  headLength: gzipHeadLength,
  tailLength: 8,
  check: crc32,
  firstCheck: 0,
  isTail: (tail, check, length) => tail.readUInt32LE(0) === check && tail.readUInt32LE(4) === length >>> 0,
  isRepeated: true,
};

export const ZLIB: Wrapping = {
  headLength: zlibHeadLength,
  tailLength: 4,
  check: adler32,
  firstCheck: 1,
  isTail: (tail, check) => tail.readUInt32BE(0) === check,
  isRepeated: false,
};

export const BARE: Wrapping = {
  headLength: () => 0,
  tailLength: 0,
  check: () => 0,
  firstCheck: 0,
  isTail: () => true,
  isRepeated: false,
};

/** RFC 1952 §2.3. */
function gzipHeadLength(octets: Buffer): number | null {
  const isBegun = [0x1f, 0x8b, 8].every((octet, at) => octets.length <= at || octets[at] === octet);
  if (!isBegun) throw new WrappingError('no gzip');
  if (octets.length < 10) return null;
  const flags = octets[3]!;
  if ((flags & FLAG.reserved) !== 0) throw new WrappingError('a flag that nobody knows');
  let length = 10;
  if ((flags & FLAG.extra) !== 0) {
    if (octets.length < length + 2) return null;
    length += 2 + octets.readUInt16LE(length);
  }
  for (const text of [FLAG.name, FLAG.comment]) {
    if ((flags & text) === 0) continue;
    const end = octets.indexOf(0, length);
    if (end < 0) return null;
    length = end + 1;
  }
  if ((flags & FLAG.headCheck) !== 0) {
    if (octets.length < length + 2) return null;
    const check = crc32(octets.subarray(0, length)) & 0xffff;
    if (octets.readUInt16LE(length) !== check) throw new WrappingError('a head that was changed');
    length += 2;
  }
  return octets.length < length ? null : length;
}

/** RFC 1950 §2.2. A dictionary that both sides know does not exist here. */
function zlibHeadLength(octets: Buffer): number | null {
  if (octets.length < 2) return null;
  const isZlib = (octets[0]! & 15) === 8 && octets[0]! >> 4 <= 7 && octets.readUInt16BE(0) % 31 === 0;
  if (!isZlib || (octets[1]! & 0x20) !== 0) throw new WrappingError('no zlib');
  return 2;
}

/** RFC 1950 §9; so many octets may be added up before a number of 32 bits is full. */
const ADLER_STEP = 5552;
function adler32(octets: Uint8Array, before: number): number {
  let low = before & 0xffff;
  let high = before >>> 16;
  for (let from = 0; from < octets.length; from += ADLER_STEP) {
    const until = Math.min(from + ADLER_STEP, octets.length);
    for (let i = from; i < until; i++) {
      low += octets[i]!;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return ((high << 16) | low) >>> 0;
}
