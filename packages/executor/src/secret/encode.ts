/**
 * Encodings of secret bytes, octet by octet into a `ByteWriter`.
 * Never through a string: `toString('base64')` and friends leave copies that nobody can zero.
 */
import { ByteWriter } from './writer.ts';

export type Case = 'lower' | 'upper';

const DIGITS = { lower: ascii('0123456789abcdef'), upper: ascii('0123456789ABCDEF') };
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BASE64 = { base64: ascii(`${LETTERS}+/`), base64url: ascii(`${LETTERS}-_`) };

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A table of the octets that `characters` and all letters and digits stand for. */
export function plainOctets(characters: string): ReadonlySet<number> {
  return new Set(ascii(`${LETTERS}${characters}`));
}

/** RFC 3986 §2.3: what a value in a query keeps. */
export const UNRESERVED = plainOctets('-._~');
/** RFC 3986 §3.3 `pchar` without `;`, which some servers cut a segment at: what a value in a path keeps. */
export const SEGMENT = plainOctets("-._~!$&'()*+,=:@");
/**
 * Which octets percent-encoders leave alone. Ours must stand here, or an echoed URL would show a value in a form that
 * nobody looks for; then `encodeURIComponent`, HTML forms, Python's `quote`, `encodeURI` and
 * its like with and without `#`.
 */
export const PERCENT_SETS: readonly ReadonlySet<number>[] = [
  UNRESERVED,
  SEGMENT,
  plainOctets("-._~!'()*"),
  plainOctets('-._*'),
  plainOctets('-._~/'),
  plainOctets("-._~!$&'()*+,;=:@/?"),
  plainOctets("-._~!$&'()*+,;=:@/?#"),
];
/** `application/x-www-form-urlencoded` (WHATWG URL §5.2) but for the space, which is `+`. */
const FORM = plainOctets('-._*');

/** RFC 3986 §2.1: octets outside `plain` as `%XX`. */
export function writePercent(
  out: ByteWriter,
  bytes: Uint8Array,
  plain: ReadonlySet<number>,
  hex: Case = 'upper',
): void {
  for (const octet of bytes) {
    if (plain.has(octet)) out.octet(octet);
    else {
      out.octet(0x25);
      writeHexOctet(out, octet, hex);
    }
  }
}

/** `application/x-www-form-urlencoded` (WHATWG URL §5.2): a space is `+`. */
export function writeForm(out: ByteWriter, bytes: Uint8Array, hex: Case = 'upper'): void {
  for (const octet of bytes) {
    if (octet === 0x20) out.octet(0x2b);
    else if (FORM.has(octet)) out.octet(octet);
    else {
      out.octet(0x25);
      writeHexOctet(out, octet, hex);
    }
  }
}

/** The same as owned memory, as a value stands in a query. */
export function percent(bytes: Uint8Array): Buffer {
  using out = new ByteWriter(bytes.length * 2);
  writePercent(out, bytes, UNRESERVED);
  return out.take();
}

export function writeHex(out: ByteWriter, bytes: Uint8Array, hex: Case): void {
  for (const octet of bytes) writeHexOctet(out, octet, hex);
}

export function writeHexOctet(out: ByteWriter, octet: number, hex: Case): void {
  out.octet(DIGITS[hex][octet >> 4]!).octet(DIGITS[hex][octet & 15]!);
}

/** RFC 4648 §4 or §5; with `=` to the end only where `padded`. */
export function writeBase64(out: ByteWriter, bytes: Uint8Array, alphabet: keyof typeof BASE64, padded: boolean): void {
  const full = Math.ceil((bytes.length * 8) / 6);
  writeBase64Part(out, bytes, alphabet, 0, full, 0);
  if (padded) for (let i = full; i % 4 !== 0; i++) out.octet(0x3d);
}

/**
 * The characters that `bytes` alone decide when they stand `shift` (0, 1 or 2) octets into a base64 group: what any
 * encoding of a longer text that contains them must contain, whatever stands before and after.
 */
export function writeBase64Inner(
  out: ByteWriter,
  bytes: Uint8Array,
  alphabet: keyof typeof BASE64,
  shift: number,
): void {
  const first = Math.ceil((shift * 8) / 6);
  const end = Math.floor(((shift + bytes.length) * 8) / 6);
  writeBase64Part(out, bytes, alphabet, first, end, shift);
}

function writeBase64Part(
  out: ByteWriter,
  bytes: Uint8Array,
  alphabet: keyof typeof BASE64,
  first: number,
  end: number,
  shift: number,
): void {
  for (let i = first; i < end; i++) {
    const bit = i * 6;
    const at = (bit >> 3) - shift;
    const pair = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    out.octet(BASE64[alphabet][(pair >> (10 - (bit & 7))) & 63]!);
  }
}
