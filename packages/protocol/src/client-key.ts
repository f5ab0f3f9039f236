/**
 * The text of a client certificate's private key (§2.9), as far as it has to be looked at before anybody decodes it. Reads octets
 * where they lie: never copies one, and never decodes a key.
 */
import { LIMITS } from './limits.ts';

const [LF, CR, DASH, EQUALS] = [0x0a, 0x0d, 0x2d, 0x3d];

/**
 * Whether a key is one that answers can be searched for, line by line: of a bounded length, and in PEM nothing but base64 in
 * lines (RFC 7468 §3, strictly), of which there are so many at most. What does not begin with a dash is no PEM, but perhaps DER.
 * @param key what was sealed, or is about to be
 */
export function isKeyText(key: Uint8Array): boolean {
  if (key.length > LIMITS.clientKey) return false;
  if (key[0] !== DASH) return true;
  let lines = 0;
  for (let start = 0; start < key.length; lines++) {
    let end = start;
    for (; end < key.length && !isBreak(key[end]!); end++)
      if (key[start] !== DASH && !isBase64(key[end]!)) return false;
    start = end + (key[end] === CR && key[end + 1] === LF ? 2 : 1);
  }
  return lines <= LIMITS.clientKeyLines;
}

function isBreak(octet: number): boolean {
  return octet === LF || octet === CR;
}

/** RFC 4648 §4, with what it is padded by. */
function isBase64(octet: number): boolean {
  const isLetter = (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a);
  return isLetter || (octet >= 0x2f && octet <= 0x39) || octet === 0x2b || octet === EQUALS;
}
