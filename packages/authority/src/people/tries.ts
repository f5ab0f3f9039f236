/**
 * How often somebody may guess: so many tries in a window of time, for each key by itself. Kept in memory only, in a table
 * of one size: never more of it whatever is sent, and never a count forgotten before its window ends, or whoever sends
 * enough other keys would guess on.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';
import type { HttpContext } from '../http.ts';

/** Each key counts in one place of each row, so another one's tries are taken for its own only where both places meet. */
const ROWS = 2;
const PLACES_PER_ROW = 65_536;

export class Tries {
  readonly #now: () => number;
  readonly #most: number;
  readonly #seconds: number;
  /** Where a key counts is a secret of this process: nobody can choose keys that meet another's. */
  readonly #secret = randomBytes(32);
  readonly #counts = new Uint8Array(ROWS * PLACES_PER_ROW);
  readonly #ends = new Uint32Array(ROWS * PLACES_PER_ROW);

  /**
   * @param now Unix seconds
   * @param most tries in a window, at most 255
   */
  constructor(now: () => number, most: number, seconds: number) {
    this.#now = now;
    this.#most = most;
    this.#seconds = seconds;
  }

  /**
   * Counts a try before its outcome is known, so that tries at the same moment count too.
   * @throws DAuthError `RATE_LIMITED`, with the time until the window ends in `Retry-After`
   */
  take(c: HttpContext, key: string): void {
    const now = this.#now();
    const places = this.#placesOf(key);
    for (const place of places)
      if (this.#ends[place]! <= now) {
        this.#counts[place] = 0;
        this.#ends[place] = now + this.#seconds;
      }
    if (places.every((place) => this.#counts[place]! >= this.#most)) {
      const left = Math.min(...places.map((place) => this.#ends[place]!)) - now;
      c.header('retry-after', String(left));
      const wait = Math.ceil(left / 60);
      const minutes = wait === 1 ? 'a minute' : `${wait} minutes`;
      throw new DAuthError('RATE_LIMITED', `Too many tries did not work. Wait ${minutes} and try again.`);
    }
    // A place that is full stays full, where the other one let this try in.
    for (const place of places) this.#counts[place] = Math.min(this.#most, this.#counts[place]! + 1);
  }

  /** It was the right one: this try does not count. */
  giveBack(key: string): void {
    for (const place of this.#placesOf(key)) this.#counts[place] = Math.max(0, this.#counts[place]! - 1);
  }

  #placesOf(key: string): readonly number[] {
    const hash = createHmac('sha256', this.#secret).update(key).digest();
    return Array.from(
      { length: ROWS },
      (_, row) => row * PLACES_PER_ROW + (hash.readUInt32BE(row * 4) % PLACES_PER_ROW),
    );
  }
}
