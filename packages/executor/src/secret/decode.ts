/**
 * Decodings of secret bytes, octet by octet into owned memory.
 * Never through a string, and never lenient: a key that two readers would decode differently is none.
 */
import { ByteWriter } from './writer.ts';

const EQUALS = 0x3d;

/** Hex in either case. @returns owned memory, null where it is no hex */
export function decodeHex(text: Uint8Array): Buffer | null {
  return text.length % 2 === 0 ? decodeGroups(text, 4, hexDigit) : null;
}

/** RFC 4648 §4 or §5, with its padding or without. @returns owned memory, null where it is no base64 */
export function decodeBase64(text: Uint8Array): Buffer | null {
  let end = text.length;
  while (end > 0 && text.length - end < 2 && text[end - 1] === EQUALS) end--;
  const isPadded = end < text.length;
  if (end % 4 === 1 || (isPadded && text.length % 4 !== 0)) return null;
  return decodeGroups(text.subarray(0, end), 6, base64Digit);
}

/** Bits in a row; those that are left over at the end must be zero (RFC 4648 §3.5). */
function decodeGroups(text: Uint8Array, bits: number, valueOf: (octet: number) => number): Buffer | null {
  using out = new ByteWriter(text.length + 1);
  let [pending, count] = [0, 0];
  for (const octet of text) {
    const value = valueOf(octet);
    if (value < 0) return null;
    pending = (pending << bits) | value;
    count += bits;
    if (count < 8) continue;
    count -= 8;
    out.octet(pending >> count);
    pending &= (1 << count) - 1;
  }
  return pending === 0 ? out.take() : null;
}

export function hexDigit(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function base64Digit(octet: number): number {
  if (octet >= 0x41 && octet <= 0x5a) return octet - 0x41;
  if (octet >= 0x61 && octet <= 0x7a) return octet - 0x61 + 26;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30 + 52;
  if (octet === 0x2b || octet === 0x2d) return 62;
  return octet === 0x2f || octet === 0x5f ? 63 : -1;
}
