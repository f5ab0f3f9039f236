/**
 * The tokens that credentials were exchanged for, between dispatches: one per version of a connection, each sealed so that
 * only who opens that envelope can read it. In memory alone, bounded, and gone when its connection changes.
 * Never a plain token, and never one past its time.
 */
import { DAuthError, LIMITS, type ConnectionHandle } from '@dauth/protocol';
import { KeptAssertions } from '../secret/kept-assertions.ts';
import type { KeptToken } from '../secret/kept-token.ts';
import { askForToken, type TokenAsk } from './token-call.ts';
import type { Turns } from './turns.ts';
import type { Upstream } from './upstream.ts';
import { waitFor } from './wait.ts';

interface Kept {
  readonly handle: ConnectionHandle;
  readonly token: KeptToken;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
}

interface Flight {
  readonly handle: ConnectionHandle;
  /** Whether the asking ended for a reason that is its starter's own, is in `left`. */
  readonly outcome: Promise<{ readonly token: KeptToken } | { readonly left: true }>;
  isDropped: boolean;
}

/** Some 5 KiB each at most. */
const CAPACITY = 1_024;

export class Tokens {
  readonly #upstream: Pick<Upstream, 'call' | 'isFreedOverwritten'>;
  readonly #monotonic: () => number;
  readonly #now: () => number;
  readonly #turns: Pick<Turns, 'take'>;
  readonly #assertions: KeptAssertions;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new Map<string, Flight>();

  /**
   * @param monotonic milliseconds of a clock that never goes back
   * @param now Unix seconds, for what is signed
   * @param turns in which that is
   */
  constructor(
    upstream: Pick<Upstream, 'call' | 'isFreedOverwritten'>,
    monotonic: () => number,
    now: () => number,
    turns: Pick<Turns, 'take'>,
  ) {
    this.#upstream = upstream;
    this.#monotonic = monotonic;
    this.#now = now;
    this.#turns = turns;
    this.#assertions = new KeptAssertions(monotonic);
  }

  /**
   * A kept token, or one that is asked for now; whoever comes while it is asked for waits for the same.
   * @returns with the assertions behind it that are good still
   * @throws DAuthError `DOWNSTREAM_*`, `RATE_LIMITED`, and whatever `open` and `beforeSend` throw
   */
  async take(ask: TokenAsk): Promise<KeptToken> {
    const token = await this.#take(ask);
    return { ...token, behind: this.#assertions.of(ask.connection) };
  }

  async #take(ask: TokenAsk): Promise<KeptToken> {
    const key = keyOf(ask.connection);
    const deadline = ask.timeoutMs === undefined ? Infinity : this.#monotonic() + ask.timeoutMs;
    for (;;) {
      const kept = this.#kept.get(key);
      if (kept !== undefined && kept.until > this.#monotonic()) {
        this.#kept.delete(key);
        this.#kept.set(key, kept);
        return kept.token;
      }
      this.#kept.delete(key);
      const running = this.#flights.get(key);
      const left = deadline - this.#monotonic();
      if (left <= 0) throw new DAuthError('DOWNSTREAM_TIMEOUT');
      if (running === undefined) return this.#ask(key, left === Infinity ? ask : { ...ask, timeoutMs: left });
      const outcome = await waitFor(running.outcome, left, ask.signal);
      // That of its starter alone was the end of it: it says nothing about whoever waited with it.
      if ('token' in outcome) return outcome.token;
    }
  }

  /** The upstream did not take it: the next dispatch asks for another. */
  forget(connection: TokenAsk['connection'], token: KeptToken): void {
    const key = keyOf(connection);
    // Others may stand behind it.
    if (this.#kept.get(key)?.token.ciphertext === token.ciphertext) this.#kept.delete(key);
  }

  /** Called for every change of a connection; without one, for all. What is being asked for is not kept. */
  drop(handle?: ConnectionHandle): void {
    for (const [key, kept] of this.#kept) if (handle === undefined || kept.handle === handle) this.#kept.delete(key);
    for (const [key, flight] of this.#flights) {
      if (handle !== undefined && flight.handle !== handle) continue;
      flight.isDropped = true;
      this.#flights.delete(key);
    }
  }

  async #ask(key: string, ask: TokenAsk): Promise<KeptToken> {
    const { handle } = ask.connection;
    const askedAt = this.#monotonic();
    let isOwn = false;
    // What ends the asking on this side is the starter's own: its token revoked, its caller gone or in a hurry.
    const own = <T>(work: () => T): T => {
      isOwn = true;
      const result = work();
      isOwn = false;
      return result;
    };
    const clocks = { monotonic: this.#monotonic, now: this.#now() };
    const asker = { ...clocks, upstream: this.#upstream, assertions: this.#assertions, turns: this.#turns };
    const asked = askForToken(asker, { ...ask, beforeSend: () => own(ask.beforeSend) });
    const flight: Flight = {
      handle,
      outcome: asked.catch((error: unknown) => {
        const isHasty =
          ask.timeoutMs !== undefined && error instanceof DAuthError && error.code === 'DOWNSTREAM_TIMEOUT';
        if (isOwn || isHasty || ask.signal?.aborted === true) return { left: true };
        throw error;
      }),
      isDropped: false,
    };
    // Nobody may wait for it beside its starter, who hears of a failure by itself.
    flight.outcome.catch(() => undefined);
    this.#flights.set(key, flight);
    try {
      const { token, expiresIn } = await asked;
      const seconds = Math.min(expiresIn ?? 0, LIMITS.tokenKeptSeconds) - LIMITS.tokenMarginSeconds;
      if (!flight.isDropped && seconds > 0) this.#keep(key, { handle, token, until: askedAt + seconds * 1_000 });
      return token;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    if (this.#kept.size > CAPACITY) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

/** A version never changes and has one scheme, so it has one endpoint and one token. */
function keyOf({ handle, ver }: TokenAsk['connection']): string {
  return `${handle} ${ver}`;
}
