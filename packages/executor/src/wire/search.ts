/**
 * The places of many forms in some octets, in one pass and octet by octet. Nothing native searches or compares, which would leave
 * pieces of either in the registers; and what begins like a form for fewer than four octets is passed over like anything else,
 * so that the time of a look does not tell a credential octet by octet to whoever chooses what is echoed.
 */

/** From, up to. */
export type Range = readonly [start: number, end: number];

/** Octets by which a place is looked up, where no form is shorter. */
const START = 4;
/** For what forms begin with: many more than there are forms, unless somebody sealed very many. */
const SLOT_BITS = 12;
/** In each slot the number of a form, counted from 1, and 0 where nothing begins so. Empty between two searches. */
const SLOTS = new Uint32Array(1 << SLOT_BITS);

/**
 * @param forms none empty, the longest first
 * @returns of each place where forms stand the longest, in rising order; they may overlap
 */
export function findForms(data: Uint8Array, forms: readonly Uint8Array[]): Range[] {
  const found: Range[] = [];
  const length = Math.min(START, forms.at(-1)?.length ?? 0);
  const keys = new Int32Array(forms.length);
  // Of the forms that share a slot the next one, which is no longer.
  const next = new Uint32Array(forms.length);
  try {
    for (let number = forms.length; number > 0; number--) {
      const key = startOf(forms[number - 1]!, length, length);
      keys[number - 1] = key;
      next[number - 1] = SLOTS[slotOf(key)]!;
      SLOTS[slotOf(key)] = number;
    }
    if (length === 0 || data.length < length) return found;
    let key = startOf(data, length - 1, length);
    for (let last = length - 1; last < data.length; last++) {
      key = shift(key, data[last]!, length);
      for (let number = SLOTS[slotOf(key)]!; number !== 0; number = next[number - 1]!) {
        if (keys[number - 1] !== key) continue;
        const [form, at] = [forms[number - 1]!, last - length + 1];
        if (!stands(data, at, form, length)) continue;
        found.push([at, at + form.length]);
        break;
      }
    }
    return found;
  } finally {
    for (const key of keys) SLOTS[slotOf(key)] = 0;
    keys.fill(0);
  }
}

/** The first octets as one number, the last of `width` in its highest place. */
function startOf(octets: Uint8Array, count: number, width: number): number {
  let key = 0;
  for (let i = 0; i < count; i++) key = shift(key, octets[i]!, width);
  return key;
}

function shift(key: number, octet: number, width: number): number {
  return (key >>> 8) | (octet << (8 * (width - 1)));
}

/** Multiplied by the golden ratio's fraction, the upper bits depend on all of the key's (Knuth, TAOCP 3, 6.4). */
function slotOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> (32 - SLOT_BITS);
}

function stands(data: Uint8Array, at: number, form: Uint8Array, from: number): boolean {
  if (at + form.length > data.length) return false;
  for (let i = from; i < form.length; i++) if (form[i] !== data[at + i]) return false;
  return true;
}
