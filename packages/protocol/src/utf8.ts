/**
 * UTF-8 for small protocol texts, without the platform (this package has no `TextEncoder`).
 * Never used on a credential: a credential has no text form in DAuth.
 */
import { DAuthError } from './errors.ts';

/** Encodes a string as UTF-8. A lone surrogate is refused with `INVALID_REQUEST`: it has no UTF-8 form. */
export function encodeUtf8(text: string): Uint8Array {
  return encodeAscii(text) ?? encodeAny(text);
}

/** What nearly every protocol text is: nothing to make room for, and nothing to cut off. */
function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

function encodeAny(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code > 0xffff) i++;
    if (code >= 0xd800 && code <= 0xdfff) throw malformed();
    if (code < 0x80) bytes[at++] = code;
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >>> 6);
      bytes[at++] = 0x80 | (code & 63);
    } else if (code < 0x10000) {
      bytes[at++] = 0xe0 | (code >>> 12);
      bytes[at++] = 0x80 | ((code >>> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    } else {
      bytes[at++] = 0xf0 | (code >>> 18);
      bytes[at++] = 0x80 | ((code >>> 12) & 63);
      bytes[at++] = 0x80 | ((code >>> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    }
  }
  return bytes.slice(0, at);
}

/** UTF-16 units that become text at a time: one by one a megabyte would hold up everybody else for half a second. */
const PIECE = 4_096;

/** Decodes UTF-8 strictly (RFC 3629: shortest form, no surrogates, at most U+10FFFF). @throws DAuthError `INVALID_REQUEST` */
export function decodeUtf8(bytes: Uint8Array): string {
  return isAscii(bytes) ? decodeAscii(bytes) : decodeAny(bytes);
}

function isAscii(bytes: Uint8Array): boolean {
  let all = 0;
  for (let i = 0; i < bytes.length; i++) all |= bytes[i]!;
  return all < 0x80;
}

/** Each octet is its own character. */
function decodeAscii(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += PIECE) text += textOf(bytes.subarray(i, i + PIECE));
  return text;
}

function decodeAny(bytes: Uint8Array): string {
  const units = new Uint16Array(Math.min(bytes.length, PIECE + 1));
  let text = '';
  let filled = 0;
  let i = 0;
  while (i < bytes.length) {
    if (filled >= PIECE) {
      text += textOf(units.subarray(0, filled));
      filled = 0;
    }
    const first = bytes[i]!;
    if (first < 0x80) {
      units[filled++] = first;
      i += 1;
      continue;
    }
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || i + length > bytes.length) throw malformed();
    let code = first & (0xff >> (length + 1));
    for (let k = 1; k < length; k++) {
      const next = bytes[i + k]!;
      if ((next & 0xc0) !== 0x80) throw malformed();
      code = (code << 6) | (next & 63);
    }
    const least = length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw malformed();
    if (code > 0xffff) {
      units[filled++] = 0xd7c0 + (code >>> 10);
      units[filled++] = 0xdc00 | (code & 0x3ff);
    } else units[filled++] = code;
    i += length;
  }
  return text + textOf(units.subarray(0, filled));
}

/** Not by spreading, which takes ten times as long. */
function textOf(units: Uint8Array | Uint16Array): string {
  return String.fromCharCode.apply(null, units as unknown as number[]);
}

function malformed(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A value is not well-formed UTF-8.');
}
