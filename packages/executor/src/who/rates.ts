/**
 * Rates: how many dispatches in any stretch of so many seconds, by a clock that never goes back. In memory, and bounded in it;
 * a start takes what the journal says of the minute before. Never lets more through than it may, at the cost of a little less.
 */
import type { Quota } from '@dauth/protocol';

/** Parts of a window: whatever stretch of it one looks at lies in these and one more, so nobody gets past a border. */
const PARTS = 20;
/** Keys that are counted at a time; one more is refused until a window of another one is over. */
const MOST = 65_536;

/** How a quota stands. */
export interface QuotaState extends Quota {
  readonly remaining: number;
  /** Until something of it comes back. */
  readonly resetSeconds: number;
}

interface Window {
  readonly partMs: number;
  readonly counts: Uint32Array;
  /** Number of the newest part. */
  last: number;
}

export class Rates {
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one where there is one left. @returns how it stands then; undefined where nothing more can be counted */
  take(key: string, quota: Quota): { readonly isTaken: boolean; readonly state: QuotaState } {
    const window = this.#window(key, quota);
    const used = window?.counts.reduce((sum, count) => sum + count, 0) ?? quota.count;
    const isTaken = window !== undefined && used < quota.count;
    if (isTaken) window.counts[window.last % window.counts.length]! += 1;
    const remaining = Math.max(0, quota.count - used - (isTaken ? 1 : 0));
    return { isTaken, state: { ...quota, remaining, resetSeconds: this.#resetSeconds(window, quota) } };
  }

  /** Counts what happened before this process, however much it was. */
  remember(key: string, quota: Quota, ageMs: number): void {
    const window = this.#window(key, quota);
    const ago = Math.floor(Math.max(0, ageMs) / (quota.seconds * (1_000 / PARTS)));
    if (window !== undefined && ago <= PARTS) window.counts[(window.last - ago) % window.counts.length]! += 1;
  }

  #window(key: string, { seconds }: Quota): Window | undefined {
    const partMs = (seconds * 1_000) / PARTS;
    // Numbers of parts are above zero, so that the ring can be read backwards from the first one on.
    const part = Math.floor(this.#now() / partMs) + PARTS + 1;
    const known = this.#windows.get(key);
    if (known?.partMs === partMs) {
      for (let next = Math.max(known.last + 1, part - PARTS); next <= part; next++)
        known.counts[next % known.counts.length] = 0;
      known.last = Math.max(known.last, part);
      return known;
    }
    if (known === undefined && this.#windows.size >= MOST && !this.#forget()) return undefined;
    const window = { partMs, counts: new Uint32Array(PARTS + 1), last: part };
    this.#windows.set(key, window);
    return window;
  }

  /** Drops what is over. @returns whether there is room then */
  #forget(): boolean {
    for (const [key, { last, partMs }] of this.#windows)
      if (Math.floor(this.#now() / partMs) > last) this.#windows.delete(key);
    return this.#windows.size < MOST;
  }

  #resetSeconds(window: Window | undefined, { seconds }: Quota): number {
    if (window === undefined) return seconds;
    const { counts, last, partMs } = window;
    for (let part = last - PARTS; part <= last; part++) {
      // A part is looked at until as many parts began after it as a window has.
      if (counts[part % counts.length]! > 0) return Math.max(1, Math.ceil((part * partMs - this.#now()) / 1_000));
    }
    return seconds;
  }
}
