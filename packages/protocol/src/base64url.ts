/**
 * Canonical base64url (RFC 4648 §5, no padding) and nothing else: one byte string has exactly one spelling here.
 * Never lenient: whitespace, padding, the standard alphabet and non-zero trailing bits are all refused, because a second
 * spelling of a signed or hashed value is a second identity for it (RFC 7515 §2, age's `DecodeString`).
 */
import { DAuthError } from './errors.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const CODE = /* @__PURE__ */ Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const INVALID = 255;
const VALUE = /* @__PURE__ */ (() => {
  const table = new Uint8Array(128).fill(INVALID);
  for (let i = 0; i < ALPHABET.length; i++) table[ALPHABET.charCodeAt(i)] = i;
  return table;
})();

/** Encodes bytes as unpadded base64url. */
export function encodeBase64url(bytes: Uint8Array): string {
  const whole = bytes.length - (bytes.length % 3);
  let text = '';
  // Four characters at a time: put together one by one they would be a string each.
  for (let i = 0; i < whole; i += 3) {
    const group = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text += String.fromCharCode(code(group >>> 18), code(group >>> 12), code(group >>> 6), code(group));
  }
  if (whole === bytes.length) return text;
  const rest = (bytes[whole]! << 16) | ((bytes[whole + 1] ?? 0) << 8);
  text += String.fromCharCode(code(rest >>> 18), code(rest >>> 12));
  return bytes.length - whole === 1 ? text : text + String.fromCharCode(code(rest >>> 6));
}

/** The character for the last six bits, as its code. */
function code(bits: number): number {
  return CODE[bits & 63]!;
}

/**
 * Decodes unpadded base64url.
 * @throws DAuthError `INVALID_REQUEST` for anything that `encodeBase64url` would not have written.
 */
export function decodeBase64url(text: string): Uint8Array {
  const tail = text.length & 3;
  if (tail === 1) throw notCanonical();
  const bytes = new Uint8Array((text.length * 3) >>> 2);
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? VALUE[code]! : INVALID;
    if (value === INVALID) throw notCanonical();
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >>> bits) & 0xff;
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw notCanonical();
  return bytes;
}

function notCanonical(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A value is not canonical base64url (RFC 4648 section 5, without padding).');
}
