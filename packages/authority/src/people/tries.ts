/**
 * How often somebody may guess: so many tries in a window of time, for each key by itself. Kept in memory only, and never
 * more of it than its bound, whatever is sent.
 */
import { DAuthError } from '@dauth/protocol';
import type { HttpContext } from '../http.ts';

const MAX_KEYS = 10_000;

export class Tries {
  readonly #now: () => number;
  readonly #most: number;
  readonly #seconds: number;
  readonly #keys = new Map<string, { count: number; readonly ends: number }>();

  /** @param now Unix seconds */
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
    let entry = this.#keys.get(key);
    if (entry === undefined || entry.ends <= now) {
      this.#keys.delete(key);
      this.#makeRoom(now);
      entry = { count: 0, ends: now + this.#seconds };
      this.#keys.set(key, entry);
    }
    if (entry.count >= this.#most) {
      c.header('retry-after', String(entry.ends - now));
      const wait = Math.ceil((entry.ends - now) / 60);
      const minutes = wait === 1 ? 'a minute' : `${wait} minutes`;
      throw new DAuthError('RATE_LIMITED', `Too many tries did not work. Wait ${minutes} and try again.`);
    }
    entry.count++;
  }

  /** It was the right one: this try does not count. */
  giveBack(key: string): void {
    const entry = this.#keys.get(key);
    if (entry !== undefined && entry.count > 0) entry.count--;
  }

  #makeRoom(now: number): void {
    if (this.#keys.size < MAX_KEYS) return;
    for (const [key, { ends }] of this.#keys) if (ends <= now) this.#keys.delete(key);
    // Keys stand in the order they came; the oldest is the next to end.
    const [oldest] = this.#keys.keys();
    if (this.#keys.size >= MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest);
  }
}
