/**
 * How many dispatches may be under way, and how many octets they may hold whole: in all, and of these a quarter for one owner
 * and for one server key. Never counts who is not known yet: anonymous requests hold no place, and no tenant can hold the places,
 * or the memory, of all others.
 */
import { DAuthError } from '@dauth/protocol';
import type { Caller } from './authenticate.ts';

/** The part of all places and octets that one owner, or one server key, may hold. */
const SHARE = 1 / 4;
/** Octets that a place holds on average. Most hold none: bodies stream by, but where somebody has to see them whole. */
const PLACE_OCTETS = 262_144;

/** One dispatch under way; what it took is given back when it is disposed of. */
export interface Place extends Disposable {
  /**
   * Takes room for octets that are held until the end, before they are.
   * @throws DAuthError `RATE_LIMITED`, or what `full` makes
   */
  readonly hold: (octets: number, full?: () => DAuthError) => void;
}

export class Shares {
  readonly #places: Count;
  readonly #octets: Count;

  /** @param largest octets that one dispatch alone has to be able to hold */
  constructor(concurrency: number, largest = 0) {
    this.#places = new Count(concurrency, Math.max(1, Math.floor(concurrency * SHARE)));
    const octets = Math.max(concurrency * PLACE_OCTETS, largest / SHARE);
    this.#octets = new Count(octets, octets * SHARE);
  }

  /** @throws DAuthError `RATE_LIMITED` */
  enter({ claims }: Pick<Caller, 'claims'>): Place {
    const holders = [`owner ${JSON.stringify([claims.org, claims.sub])}`, `key ${claims.cnf.jkt}`];
    if (!this.#places.takes(holders, 1))
      throw new DAuthError('RATE_LIMITED', 'Too many dispatches are under way. Try again shortly.');
    let held = 0;
    return {
      hold: (octets, full = tooMuch) => {
        if (!this.#octets.takes(holders, octets)) throw full();
        held += octets;
      },
      [Symbol.dispose]: () => {
        this.#places.give(holders, 1);
        this.#octets.give(holders, held);
      },
    };
  }
}

/** What is taken, in all and by holder. */
class Count {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #held = new Map<string, number>();
  #all = 0;

  constructor(most: number, mostOfOne: number) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  /** All of it or, where it is too much for anybody, nothing. */
  takes(holders: readonly string[], amount: number): boolean {
    if (this.#all + amount > this.#most) return false;
    if (holders.some((holder) => (this.#held.get(holder) ?? 0) + amount > this.#mostOfOne)) return false;
    this.#add(holders, amount);
    return true;
  }

  give(holders: readonly string[], amount: number): void {
    this.#add(holders, -amount);
  }

  #add(holders: readonly string[], by: number): void {
    this.#all += by;
    for (const holder of holders) {
      const held = (this.#held.get(holder) ?? 0) + by;
      if (held === 0) this.#held.delete(holder);
      else this.#held.set(holder, held);
    }
  }
}

function tooMuch(): DAuthError {
  return new DAuthError(
    'RATE_LIMITED',
    'Too many large bodies are under way. Try again shortly, or send them one after another.',
  );
}
