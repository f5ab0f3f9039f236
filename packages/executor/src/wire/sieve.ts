/**
 * Where some form of a secret may stand in an answer, in one pass over it: each form is known by some pieces of it in a row, and of the
 * answer every n-th place is looked at, where n is so small that no such row fits between two places (Wu and Manber, 1994).
 * Four octets at most at a time and nothing native: a search by the C library leaves what it looked for in the registers.
 */
import { randomFillSync } from 'node:crypto';
import { ownedBytes, wipe } from '../secret/memory.ts';

/** Octets of a piece. */
const PIECE = 4;
/** Places of the answer for each that is looked at: with more, a look costs little less, and a form has as many more entries. */
const WIDEST_STEP = 16;
/** Numbers of an entry: its piece, the next one in the same row, which form it is of, and how many octets are left there from it on. */
const ENTRY = 4;

/** A table of pieces, each mixed with two random numbers, so that none lies in memory as it is. */
export class Sieve {
  /** Places from one look to the next. */
  readonly step: number;
  /** Octets at the end of a form by which it is found, at most. */
  readonly reach: number;
  readonly #memory: Buffer;
  /** Where the entries of a row begin; 0 of an empty one. */
  readonly #rows: Int32Array;
  readonly #entries: Int32Array;
  readonly #shift: number;
  readonly #mask: number;
  readonly #factor: number;

  /** @throws RangeError where a form is too short to be found */
  constructor(forms: readonly Uint8Array[]) {
    const shortest = forms.reduce((least, { length }) => Math.min(least, length), Infinity);
    if (shortest < PIECE) throw new RangeError('a form is shorter than a piece');
    this.step = Math.min(shortest - PIECE + 1, WIDEST_STEP);
    const count = forms.length * this.step;
    // Four rows for each entry at least: nearly all that is asked for is empty.
    const bits = Math.ceil(Math.log2(Math.max(count, 1))) + 2;
    this.#shift = 32 - bits;
    const random = randomFillSync(ownedBytes(8));
    this.#mask = random.readInt32LE(0);
    // Odd, so that no two pieces become the same number.
    this.#factor = random.readInt32LE(4) | 1;
    wipe(random);
    this.#memory = ownedBytes(4 * (2 ** bits + ENTRY * (count + 1)));
    this.#rows = new Int32Array(this.#memory.buffer, 0, 2 ** bits);
    this.#entries = new Int32Array(this.#memory.buffer, 4 * 2 ** bits);
    let [entry, reach] = [ENTRY, 0];
    // The last that goes in comes out first: the longest form, which covers most of what the others would.
    for (let index = forms.length - 1; index >= 0; index--) {
      const form = viewOf(forms[index]!);
      const first = this.#telling(form);
      reach = Math.max(reach, form.byteLength - first);
      for (let at = first + this.step - 1; at >= first; at--, entry += ENTRY) this.#add(entry, form, index, at);
    }
    this.reach = reach;
  }

  /** The first place from `at` on, in steps, where a piece of some form stands; -1 where there is none. */
  next(data: Uint8Array, at: number): number {
    const [rows, entries, shift, mask, factor] = [this.#rows, this.#entries, this.#shift, this.#mask, this.#factor];
    const [step, last] = [this.step, data.length - PIECE];
    const octets = viewOf(data);
    for (let place = at; place <= last; place += step) {
      const piece = mix(octets.getInt32(place, true), mask, factor);
      for (let entry = rows[piece >>> shift]!; entry !== 0; entry = entries[entry + 1]!)
        if (entries[entry] === piece) return place;
    }
    return -1;
  }

  /** Tells each form that has the piece at this place, and how many of its octets are left from there on. */
  each(data: Uint8Array, place: number, tell: (form: number, left: number) => void): void {
    const [entries, piece] = [this.#entries, this.#pieceAt(viewOf(data), place)];
    for (let entry = this.#rows[piece >>> this.#shift]!; entry !== 0; entry = entries[entry + 1]!)
      if (entries[entry] === piece) tell(entries[entry + 2]!, entries[entry + 3]!);
  }

  [Symbol.dispose](): void {
    wipe(this.#memory);
  }

  /**
   * Where in a form the pieces begin by which it is known: few of them are the same, or an upstream could answer with one pattern that is
   * a piece of many forms at many places, each of which has to be compared. From the end on, where public beginnings are not.
   */
  #telling(form: DataView): number {
    let [best, fewest] = [0, Infinity];
    for (let first = form.byteLength - PIECE - this.step + 1; ; first = Math.max(first - this.step, 0)) {
      const same = this.#sameFrom(form, first);
      if (same < fewest) [best, fewest] = [first, same];
      if (4 * same <= this.step || first === 0) break;
    }
    return best;
  }

  /** How many of the pieces from a place on stood there before, and some more by chance: a bit for each, of 64. */
  #sameFrom(form: DataView, first: number): number {
    const seen = [0, 0];
    let same = 0;
    for (let at = first; at < first + this.step; at++) {
      const bit = this.#pieceAt(form, at) >>> 26;
      const before = seen[bit >> 5]!;
      if ((before >>> (bit & 31)) & 1) same++;
      else seen[bit >> 5] = before | (1 << (bit & 31));
    }
    return same;
  }

  #add(entry: number, form: DataView, index: number, at: number): void {
    const piece = this.#pieceAt(form, at);
    const row = piece >>> this.#shift;
    this.#entries[entry] = piece;
    this.#entries[entry + 1] = this.#rows[row]!;
    this.#entries[entry + 2] = index;
    this.#entries[entry + 3] = form.byteLength - at;
    this.#rows[row] = entry;
  }

  #pieceAt(octets: DataView, at: number): number {
    return mix(octets.getInt32(at, true), this.#mask, this.#factor);
  }
}

/** One to one, with an odd factor: two pieces that mix to the same number are the same. */
function mix(piece: number, mask: number, factor: number): number {
  return Math.imul(piece ^ mask, factor);
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
