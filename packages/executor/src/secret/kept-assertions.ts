/**
 * The assertions by which tokens were asked for here, for as long as they are good (§2.6): whoever learns one can have a token
 * for it, so that answers must not contain it. Each sealed as a token is, in memory alone, bounded.
 * Never a plain one, and never one more than answers can be searched for: another exchange is refused before.
 */
import { DAuthError, LIMITS, type ConnectionHandle, type TokenScheme } from '@dauth/protocol';
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

/** Octets of a signature by RSA of 4096 bits in base64url. */
const SIGNATURE = 683;
/** What one exchange adds at most: an assertion, or one for each of two servers and what the first of them gives. */
const MOST = {
  one: { count: 1, octets: SIGNATURE },
  two: { count: 3, octets: 2 * SIGNATURE + LIMITS.injectedValue },
} as const;
/** Connections; some 20 KiB each at most, one or two mostly. */
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

  /** Whether there is room for what one exchange adds. */
  hasRoom(connection: Connection, { scheme }: TokenScheme): boolean {
    const kept = this.of(connection);
    const { count, octets } = MOST[scheme === 'id_jag' ? 'two' : 'one'];
    return kept.length + count <= LIMITS.assertions && octetsOf(kept) + octets <= LIMITS.assertionsTotal;
  }

  /**
   * Before it is shown to anybody.
   * @param seconds for which it is good; null where nobody said so
   * @throws DAuthError `RATE_LIMITED` where answers could not be searched for another
   */
  add(connection: Connection, sealed: KeptToken, seconds: number | null): void {
    const key = keyOf(connection);
    const kept = this.#good(key);
    const all = [...kept.map((one) => one.sealed), sealed];
    if (all.length > LIMITS.assertions || octetsOf(all) > LIMITS.assertionsTotal) throw tooMany();
    const good = Math.min(seconds ?? Infinity, LIMITS.tokenKeptSeconds) + BEHIND;
    this.#put(key, [...kept, { sealed, until: this.#monotonic() + good * 1_000 }]);
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
    if (this.#kept.size > CAPACITY) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

export function tooMany(): DAuthError {
  return new DAuthError(
    'RATE_LIMITED',
    'Too many assertions of this connection are good still: answers could not be searched for another. Try again in a minute.',
  );
}

function octetsOf(kept: readonly KeptToken[]): number {
  return kept.reduce((sum, { ciphertext }) => sum + ciphertext.length, 0);
}

function keyOf({ handle, ver }: Connection): string {
  return `${handle} ${ver}`;
}
