/**
 * A-labels (`xn--…`, RFC 5890 §2.3.2.1): whether one is the one spelling of a label in a common script.
 * Never a full IDNA table: it takes fewer labels than the WHATWG URL standard, so that it takes none the standard refuses.
 */

// RFC 3492 §5, the parameters of Punycode.
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const FIRST_BIAS = 72;
const FIRST_CODE = 128;
const MAX_CODE = 0x10ffff;

/**
 * Latin, Greek, Cyrillic, Devanagari, Thai, kana, Han, Hangul: ranges that every version of the IDNA tables in use takes
 * alike. Not the scripts written from right to left, where the order seen is not the order compared (RFC 5893 §2).
 */
const SCRIPTS =
  /^[a-z0-9\-\u00df-\u024f\u0370-\u03ff\u0400-\u052f\u0900-\u097f\u0e01-\u0e5b\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fcc\uac00-\ud7a3]+$/;
/** Letters without case or in lowercase, marks, digits, hyphen: what UTS 46 leaves a label once it is mapped. */
const PLAIN = /^[\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}-]+$/u;

/** Whether a label that begins with `xn--` is one that an origin may have. */
export function isALabel(label: string): boolean {
  const points = decodePunycode(label.slice(4));
  if (points === undefined) return false;
  const text = String.fromCodePoint(...points);
  return (
    SCRIPTS.test(text) &&
    PLAIN.test(text) &&
    !/^[a-z0-9-]*$|^\p{M}|^-|-$|^..--/u.test(text) &&
    text === text.normalize('NFKC').toLowerCase()
  );
}

/** RFC 3492 §6.2. @returns code points, or undefined where the text is no Punycode */
function decodePunycode(text: string): number[] | undefined {
  const border = text.lastIndexOf('-');
  const points = border > 0 ? Array.from(text.slice(0, border), (letter) => letter.charCodeAt(0)) : [];
  let [code, bias, index] = [FIRST_CODE, FIRST_BIAS, 0];
  for (let at = border + 1; at < text.length;) {
    const before = index;
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = digitOf(text.charCodeAt(at++));
      if (digit === undefined) return undefined;
      index += digit * weight;
      if (index > MAX_CODE * 64) return undefined;
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    const count = points.length + 1;
    bias = adapt(index - before, count, before === 0);
    code += Math.floor(index / count);
    index %= count;
    if (code > MAX_CODE || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    points.splice(index++, 0, code);
  }
  return points;
}

/** `a`–`z` are 0–25, `0`–`9` are 26–35; the label is lowercase already. */
function digitOf(code: number): number | undefined {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61;
  return code >= 0x30 && code <= 0x39 ? code - 0x30 + 26 : undefined;
}

/** RFC 3492 §6.1. */
function adapt(delta: number, count: number, isFirst: boolean): number {
  let left = Math.floor(delta / (isFirst ? DAMP : 2));
  left += Math.floor(left / count);
  let k = 0;
  for (; left > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) left = Math.floor(left / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * left) / (left + SKEW));
}
