/**
 * The text of a client certificate's private key (§2.9), as far as it has to be looked at before anybody decodes it. Reads octets
 * where they lie: never copies one, and never decodes a key.
 */
import { isBase64, readKeyContainer } from './key-container.ts';
import { LIMITS } from './limits.ts';

const [LF, CR, DASH] = [0x0a, 0x0d, 0x2d];

/**
 * Whether a key is one that answers can be searched for, line by line: of a bounded length, and in PEM nothing but base64 in
 * lines of their own (RFC 7468 §3, strictly), of which there are so many at most, and none but the last is short. What is no PEM may be DER.
 * @param key what was sealed, or is about to be
 */
export function isKeyText(key: Uint8Array): boolean {
  if (key.length > LIMITS.clientKey) return false;
  const container = readKeyContainer(key);
  return container.kind === 'pem' ? isLines(container.block) : container.kind === 'der';
}

function isLines(block: Uint8Array): boolean {
  let [lines, texts, hasEnded] = [0, 0, false];
  for (let start = 0; start < block.length; lines++) {
    const isLabel = block[start] === DASH;
    let end = start;
    for (; end < block.length && !isBreak(block[end]!); end++) if (!isLabel && !isBase64(block[end]!)) return false;
    // What stands on a label's line, or in short ones, is not searched for.
    if (isLabel && block[end - 1] !== DASH) return false;
    if (!isLabel && end > start) {
      if (hasEnded) return false;
      hasEnded = end - start < LIMITS.clientKeyLine;
      texts++;
    }
    start = end + (block[end] === CR && block[end + 1] === LF ? 2 : 1);
  }
  return texts > 0 && lines <= LIMITS.clientKeyLines;
}

function isBreak(octet: number): boolean {
  return octet === LF || octet === CR;
}
