/**
 * The assertions by which tokens were asked for here, for as long as they are good (§2.6): whoever learns one can have a token
 * for it, so that answers must not contain it. Each sealed as a token is, in memory alone.
 * Never a plain one, and of one connection no more than the newest that answers can be searched for: whoever makes an endpoint fail,
 * or other connections change, would end everybody's calls if another were refused.
 */
import { LIMITS, type ConnectionHandle } from '@dauth/protocol';
import type { KeptToken } from './kept-token.ts';

/** A version of a connection: what is kept of one can be opened with that envelope alone. */
export interface Connection {
  readonly handle: ConnectionHandle;
  readonly ver: number;
}

interface Kept {
  readonly sealed: KeptToken;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
}

/** Connections; some 10 KiB each at most, one or two mostly. */
const CAPACITY = 4_096;
/** Seconds for which a server whose clock is behind takes one longer. */
const BEHIND = 60;

export class KeptAssertions {
  readonly #monotonic: () => number;
  readonly #kept = new Map<string, readonly Kept[]>();

  /** @param monotonic milliseconds of a clock that never goes back */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Those that are good still. */
  of(connection: Connection): readonly KeptToken[] {
    return this.#good(keyOf(connection)).map(({ sealed }) => sealed);
  }

  /**
   * Before it is shown to anybody.
   * @param seconds for which it is good; null where nobody said so
   */
  add(connection: Connection, sealed: KeptToken, seconds: number | null): void {
    const key = keyOf(connection);
    const good = Math.min(seconds ?? Infinity, LIMITS.tokenKeptSeconds) + BEHIND;
    const kept = [...this.#good(key), { sealed, until: this.#monotonic() + good * 1_000 }];
    while (kept.length > LIMITS.assertions || octetsOf(kept) > LIMITS.assertionsTotal) kept.shift();
    this.#put(key, kept);
  }

  /** The version after has them from now on, sealed anew. */
  carry(from: Connection, to: Connection, reseal: (sealed: KeptToken) => KeptToken): void {
    const kept = this.#good(keyOf(from));
    if (kept.length === 0) return;
    const carried = kept.map((one) => ({ ...one, sealed: reseal(one.sealed) }));
    this.#kept.delete(keyOf(from));
    this.#put(keyOf(to), carried);
  }

  #good(key: string): readonly Kept[] {
    const kept = this.#kept.get(key) ?? [];
    const good = kept.filter(({ until }) => until > this.#monotonic());
    if (good.length === 0) this.#kept.delete(key);
    else if (good.length < kept.length) this.#kept.set(key, good);
    return good;
  }

  #put(key: string, kept: readonly Kept[]): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size <= CAPACITY) return;
    // What is good no more takes nobody's place.
    for (const each of [...this.#kept.keys()]) this.#good(each);
    if (this.#kept.size > CAPACITY) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

function octetsOf(kept: readonly Kept[]): number {
  return kept.reduce((sum, { sealed }) => sum + sealed.ciphertext.length, 0);
}

function keyOf({ handle, ver }: Connection): string {
  return `${handle} ${ver}`;
}
