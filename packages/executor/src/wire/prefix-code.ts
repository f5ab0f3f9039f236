/**
 * Prefix codes of DEFLATE (RFC 1951 §3.2.2): from the lengths of the codes to a table that reads one symbol in one step.
 * Never a table of a set of codes that no encoder makes: what another decoder would read differently is refused.
 */

/** No code of DEFLATE is longer. */
const LONGEST = 15;

/** Reads symbols: `entries[the next bits & mask]` is `symbol << 4 | length of its code`, 0 where no code begins so. */
export interface PrefixCode {
  readonly entries: Uint16Array;
  readonly mask: number;
}

/**
 * @param lengths in bits, by symbol, 0 for a symbol without a code; 0 to 15 each
 * @returns null where no complete set of codes has these lengths. One code alone, or none, may be incomplete, as encoders
 * write them where nothing is repeated; a code of code lengths may not
 */
export function prefixCode(lengths: Uint8Array, mustBeComplete = false): PrefixCode | null {
  const counts = new Uint16Array(LONGEST + 1);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const longest = counts.findLastIndex((count) => count > 0);
  const left = counts.reduce((free, count, length) => free - count * 2 ** (LONGEST - length), 2 ** LONGEST);
  if (left < 0 || (left > 0 && (mustBeComplete || longest > 1))) return null;
  const bits = Math.max(longest, 1);
  const entries = new Uint16Array(1 << bits);
  const next = firstCodes(counts);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    const entry = (symbol << 4) | length;
    for (let at = reversed(next[length]!++, length); at < entries.length; at += 1 << length) entries[at] = entry;
  }
  return { entries, mask: entries.length - 1 };
}

/** RFC 1951 §3.2.2, step 2. */
function firstCodes(counts: Uint16Array): Uint16Array {
  const first = new Uint16Array(LONGEST + 1);
  for (let length = 2; length <= LONGEST; length++) first[length] = (first[length - 1]! + counts[length - 1]!) << 1;
  return first;
}

/** Codes are packed from their first bit on, everything else from the last (RFC 1951 §3.1.1). */
function reversed(code: number, length: number): number {
  let turned = 0;
  for (let bit = 0; bit < length; bit++) turned |= ((code >> bit) & 1) << (length - 1 - bit);
  return turned;
}
