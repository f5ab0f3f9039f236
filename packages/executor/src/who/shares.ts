/**
 * How many dispatches may be under way: in all, and of these a quarter for one owner and for one server key.
 * Never counts who is not known yet: anonymous requests hold no place, and no tenant can hold the places of all others.
 */
import { DAuthError } from '@dauth/protocol';
import type { Caller } from './authorize.ts';

/** The part of all places that one owner, or one server key, may hold. */
const SHARE = 1 / 4;

export class Shares {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #held = new Map<string, number>();
  #all = 0;

  constructor(concurrency: number) {
    this.#most = concurrency;
    this.#mostOfOne = Math.max(1, Math.floor(concurrency * SHARE));
  }

  /** Takes a place until the result is disposed of. @throws DAuthError `RATE_LIMITED` */
  enter({ claims }: Pick<Caller, 'claims'>): Disposable {
    const holders = [`owner ${JSON.stringify([claims.org, claims.sub])}`, `key ${claims.cnf.jkt}`];
    if (this.#all >= this.#most || holders.some((holder) => (this.#held.get(holder) ?? 0) >= this.#mostOfOne))
      throw new DAuthError('RATE_LIMITED', 'Too many dispatches are under way. Try again shortly.');
    this.#add(holders, 1);
    return { [Symbol.dispose]: () => this.#add(holders, -1) };
  }

  #add(holders: readonly string[], by: 1 | -1): void {
    this.#all += by;
    for (const holder of holders) {
      const held = (this.#held.get(holder) ?? 0) + by;
      if (held === 0) this.#held.delete(holder);
      else this.#held.set(holder, held);
    }
  }
}
