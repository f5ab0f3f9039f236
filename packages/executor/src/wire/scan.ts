/**
 * The scan (security.md `response.clean`): finds every form of the injected secrets in a stream and stars it out.
 * Never hands on a chunk that it did not look at, and never decides by the secret when to hand it on: who chooses what the
 * upstream echoes could read that like a lamp, octet by octet.
 */
import type { Forms } from './forms.ts';
import { ownedBytes, ownedConcat, wipe } from '../secret/memory.ts';

/** Same length, so that counted framing stays true. */
const MARK = 0x2a;
const LINE_FEED = 0x0a;
const LINE_END = Buffer.of(LINE_FEED);

/** From, up to: octets to star out. */
type Range = readonly [start: number, end: number];

/**
 * Stars out what is complete in `data`, in place.
 * @param more whether more octets follow: then a match that the next ones could widen is left alone
 * @returns how many places
 */
export function redact(data: Buffer, forms: Forms, more = false): number {
  const ranges = look(data, forms);
  const open = more ? openFrom(data, forms) : data.length;
  const settled = ranges.filter(([, end]) => end <= open);
  star(data, settled, data.length);
  return settled.length;
}

/**
 * Stars out in place what is in a whole body, of several secrets in one look: starred one after another, of two that overlap the
 * rest of the second would not be found any more.
 * @returns how many places
 */
export function redactWhole(data: Buffer, all: readonly Forms[]): number {
  const ranges = merge(all.flatMap((forms) => look(data, forms)));
  star(data, ranges, data.length);
  return ranges.length;
}

/**
 * Stars out what is complete in each of several parts, in place, at the price of one look.
 * @returns how many places, part by part
 */
export function redactParts(parts: readonly Buffer[], forms: Forms): readonly number[] {
  // Nothing that a slot takes has a line feed, so parts do not make a value together; if they did, both would be starred.
  const joined = ownedConcat(...parts.flatMap((part) => [part, LINE_END]));
  const ranges = look(joined, forms);
  wipe(joined);
  let start = 0;
  return parts.map((part) => {
    const own = ranges
      .map(([from, to]): Range => [Math.max(from - start, 0), Math.min(to - start, part.length)])
      .filter(([from, to]) => from < to);
    star(part, own, part.length);
    start += part.length + 1;
    return own.length;
  });
}

/** Scans one body, chunk by chunk. Memory: the longest form and one chunk. */
export class Scanner {
  readonly #forms: Forms;
  #held: Buffer = ownedBytes(0);
  /** What is known about the held octets already. */
  #known: readonly Range[] = [];
  #redactions = 0;

  constructor(forms: Forms) {
    this.#forms = forms;
  }

  /** Places starred out so far. */
  get redactions(): number {
    return this.#redactions;
  }

  /** Takes a chunk (and leaves it to its owner) and returns what is safe to pass on, in memory of its own. */
  push(chunk: Uint8Array): Buffer {
    const seen = this.#held.length;
    const data = ownedConcat(this.#held, chunk);
    this.#held.fill(0);
    const ranges = look(data, this.#forms, this.#known, seen);
    const open = holdFrom(data, this.#forms);
    this.#redactions += ranges.filter(([, end]) => end > seen).length;
    star(data, ranges, open);
    this.#held = ownedConcat(data.subarray(open));
    // A match may end inside what is held back: it must stay known, or its rest would pass on the next look.
    this.#known = ranges.filter(([, end]) => end > open).map(([start, end]) => [Math.max(start - open, 0), end - open]);
    wipe(data.subarray(open));
    return data.subarray(0, open);
  }

  /** The body ended: what looked like a beginning was none. */
  end(): Buffer {
    const rest = this.#held;
    star(rest, this.#known, rest.length);
    this.#held = ownedBytes(0);
    return rest;
  }

  [Symbol.dispose](): void {
    wipe(this.#held);
  }
}

/**
 * From where the end of the data is held back: as much as the longest form could still need, or what stands behind the last
 * line end, which few forms can cross. The same for every content, whether it begins like a form or not.
 */
function holdFrom(data: Buffer, { longest, longestAcrossLines }: Forms): number {
  const earliest = Math.max(0, data.length - longest + 1);
  let line = data.length;
  while (line > earliest && data[line - 1] !== LINE_FEED) line--;
  return Math.max(earliest, Math.min(line, data.length - Math.max(longestAcrossLines, 1) + 1));
}

/**
 * Where forms stand. Only where a piece of one was met are the forms unmasked at all.
 * @param known what was found before
 * @param seen up to where that was looked for: what ends there was found
 */
function look(data: Buffer, forms: Forms, known: readonly Range[] = [], seen = 0): readonly Range[] {
  const { sieve } = forms;
  const first = sieve.next(data, Math.max(0, seen - sieve.reach + 1));
  if (first < 0) return known;
  return forms.lend((plain) => {
    const found: Range[] = [...known];
    // What the newest of them cover; whatever lies in there adds nothing, and needs no comparison.
    let [from, to] = [0, 0];
    for (let at = first; at >= 0; at = sieve.next(data, at + sieve.step)) {
      sieve.each(data, at, (index, left) => {
        const form = plain[index]!;
        const end = at + left;
        const start = end - form.length;
        if (start < 0 || end > data.length || (start >= from && end <= to) || !stands(form, data, start, at - start))
          return;
        found.push([start, end]);
        [from, to] = start < to && end > from ? [Math.min(from, start), Math.max(to, end)] : [start, end];
      });
    }
    return merge(found);
  });
}

/** The first place from which the data's end is a true beginning of some form; `data.length` where there is none. */
function openFrom(data: Buffer, forms: Forms): number {
  return forms.lend((plain) => {
    const byFirst: (readonly Buffer[] | undefined)[] = [];
    for (const form of plain) byFirst[form[0]!] = [...(byFirst[form[0]!] ?? []), form];
    for (let at = Math.max(0, data.length - forms.longest + 1); at < data.length; at++) {
      for (const form of byFirst[data[at]!] ?? []) {
        if (form.length > data.length - at && stands(form.subarray(0, data.length - at), data, at)) return at;
      }
    }
    return data.length;
  });
}

/** Compares from one place of a form to both sides: where something else stands, it is near the pieces that tell a form. */
function stands(form: Buffer, data: Buffer, start: number, from = 0): boolean {
  for (let [left, right] = [from - 1, from]; left >= 0 || right < form.length; left--, right++) {
    if (left >= 0 && form[left] !== data[start + left]) return false;
    if (right < form.length && form[right] !== data[start + right]) return false;
  }
  return true;
}

function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: [number, number][] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

function star(data: Buffer, ranges: readonly Range[], upTo: number): void {
  for (const [start, end] of ranges) data.fill(MARK, Math.min(start, upTo), Math.min(end, upTo));
}
