/**
 * Refresh tokens in use, and the codes that bring the first of them (§2.6, §6): one exchange at a time for a connection, in steps of which none can lose a token that has
 * come, and the access tokens it brought, kept as other tokens are: sealed, in memory alone, bounded.
 * Never ended by the caller that began it, and never a version in use before it is durable.
 */
import { DAuthError, LIMITS, nextHeader, type ConnectionHandle } from '@dauth/protocol';
import type { Log } from '../log.ts';
import { lookAtGrant, type HeldGrant } from '../secret/grant.ts';
import { KeptAssertions, type Connection } from '../secret/kept-assertions.ts';
import { rekeepToken, type KeptToken } from '../secret/kept-token.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import type { Authority } from '../who/authority.ts';
import { standingAlone } from '../who/view.ts';
import type { UpstreamRequest } from '../wire/call.ts';
import type { OpeningKey } from '../open.ts';
import { askForRefresh, type RefreshExchange, type Refreshed, type Sealing } from '../wire/refresh-call.ts';
import { sign } from '../wire/token-call.ts';
import type { Turns } from '../wire/turns.ts';
import type { Upstream } from '../wire/upstream.ts';
import { waitFor } from '../wire/wait.ts';
import type { Pending } from './pending.ts';
import { endedAccess, spentCode } from './spent.ts';
import { storeVersion, type SealedUse, type StoreDeps } from './version.ts';

/** A dispatch that needs an access token, past steps 1 to 5. */
export type RefreshAsk = Omit<RefreshExchange, 'connection' | 'envelope' | 'assertion'> &
  Pick<UpstreamRequest, 'timeoutMs' | 'signal'> & { readonly sealed: SealedUse };

/** An access token, and the version whose opening gives it. */
export interface RefreshedUse {
  readonly token: KeptToken;
  readonly sealed: SealedUse;
}

export interface RefreshesOptions extends StoreDeps {
  readonly upstream: Pick<Upstream, 'call' | 'isFreedOverwritten'>;
  readonly authority: Pick<Authority, 'lease' | 'needsReauthorization'>;
  readonly pending: StoreDeps['pending'] & Pick<Pending, 'reserve' | 'release'>;
  readonly sealing: Sealing;
  /** This node's URL. */
  readonly node: string;
  /** In which signatures are made. */
  readonly turns: Pick<Turns, 'take'>;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back; Unix seconds. */
  readonly monotonic: () => number;
  readonly now: () => number;
}

interface Kept extends RefreshedUse {
  /** The lowest version that this one was made out of here. */
  readonly from: number;
  /** Milliseconds of the monotonic clock. */
  readonly obtainedAt: number;
  readonly until: number;
}

type Outcome = { readonly kept: Kept } | { readonly error: unknown; readonly isOwn: boolean };

interface Flight {
  readonly ver: number;
  readonly outcome: Promise<Outcome>;
  isDropped: boolean;
}

/** Some 100 KiB each at most. */
const CAPACITY = 1_024;

export class Refreshes {
  readonly #options: RefreshesOptions;
  readonly #assertions: KeptAssertions;
  readonly #kept = new Map<ConnectionHandle, Kept>();
  readonly #flights = new Map<ConnectionHandle, Flight>();

  constructor(options: RefreshesOptions) {
    this.#options = options;
    this.#assertions = new KeptAssertions(options.monotonic);
  }

  /**
   * A kept token, or one that is asked for now; whoever comes while it is asked for waits for the same.
   * @returns with the assertions behind it that are good still
   * @throws DAuthError `NEEDS_REAUTHORIZATION`, `ENCLAVE_UNAVAILABLE`, `AUDIT_UNAVAILABLE`, `RATE_LIMITED`, `DOWNSTREAM_*`, and
   * whatever `beforeSend` throws
   */
  async take(ask: RefreshAsk): Promise<RefreshedUse> {
    const { token, sealed } = await this.#take(ask);
    return { token: { ...token, behind: this.#assertions.of(versionOf(sealed)) }, sealed };
  }

  async #take(ask: RefreshAsk): Promise<RefreshedUse> {
    const { monotonic } = this.#options;
    const { sealed } = ask;
    const { handle } = sealed.envelope.header.dauth;
    const deadline = ask.timeoutMs === undefined ? Infinity : monotonic() + ask.timeoutMs;
    for (;;) {
      const kept = this.#keptFor(sealed);
      if (kept !== undefined && kept.until > monotonic()) return kept;
      const left = deadline - monotonic();
      if (left <= 0) throw new DAuthError('DOWNSTREAM_TIMEOUT');
      const running = this.#flights.get(handle);
      const newest = kept?.sealed ?? sealed;
      const flight = running ?? this.#start(handle, { ...ask, sealed: newest });
      const outcome = await waitFor(flight.outcome, left, ask.signal);
      if ('kept' in outcome) {
        if (covers(outcome.kept, sealed)) return outcome.kept;
        // What was under way was of a version that this one has replaced.
      } else if (running === undefined || (!outcome.isOwn && flight.ver === newest.use.ver)) throw outcome.error;
    }
  }

  /** The upstream did not take it: the next dispatch asks for another, but not more often than so many seconds. */
  forget(handle: ConnectionHandle, token: KeptToken): void {
    const kept = this.#kept.get(handle);
    if (kept?.token.ciphertext !== token.ciphertext) return;
    const pauseEnds = kept.obtainedAt + LIMITS.refreshPauseSeconds * 1_000;
    this.#kept.set(handle, { ...kept, until: Math.min(kept.until, pauseEnds) });
  }

  /** Called for every change of a connection that is none of ours; without one, for all. What is asked for is not kept. */
  drop(handle?: ConnectionHandle): void {
    const of = (all: ReadonlyMap<ConnectionHandle, unknown>): ConnectionHandle[] =>
      handle === undefined ? [...all.keys()] : [handle];
    for (const each of of(this.#kept)) this.#kept.delete(each);
    for (const each of of(this.#flights)) {
      const flight = this.#flights.get(each);
      if (flight !== undefined) flight.isDropped = true;
    }
  }

  /** Settles once no exchange is under way. */
  async idle(): Promise<void> {
    while (this.#flights.size > 0) await Promise.all([...this.#flights.values()].map(({ outcome }) => outcome));
  }

  #keptFor(sealed: SealedUse): Kept | undefined {
    const kept = this.#kept.get(sealed.envelope.header.dauth.handle);
    return kept !== undefined && covers(kept, sealed) ? kept : undefined;
  }

  /** Goes on to its end whatever becomes of whoever began it. */
  #start(handle: ConnectionHandle, ask: RefreshAsk): Flight {
    const askedAt = this.#options.monotonic();
    let isOwn = false;
    // What ends it before it is sent may be its starter's own: its token revoked, its caller gone.
    const beforeSend = (): void => {
      isOwn = true;
      ask.signal?.throwIfAborted();
      ask.beforeSend();
      isOwn = false;
    };
    const outcome = this.#refresh(handle, { ...ask, beforeSend }).then(
      ({ token, expiresIn, sealed }): Outcome => {
        const seconds = Math.min(expiresIn ?? Infinity, LIMITS.tokenKeptSeconds) - LIMITS.tokenMarginSeconds;
        const from = this.#keptFor(ask.sealed)?.from ?? ask.sealed.use.ver;
        const kept = { token, sealed, from, obtainedAt: askedAt, until: askedAt + Math.max(seconds, 0) * 1_000 };
        if (!flight.isDropped) this.#keep(handle, kept);
        return { kept };
      },
      (error: unknown): Outcome => ({ error, isOwn }),
    );
    const flight: Flight = { ver: ask.sealed.use.ver, outcome, isDropped: false };
    this.#flights.set(handle, flight);
    void outcome.then(() => this.#flights.delete(handle));
    return flight;
  }

  /** The steps of one exchange, each of which leaves what the one before made whole. */
  async #refresh(handle: ConnectionHandle, ask: RefreshAsk): Promise<Refreshed & { readonly sealed: SealedUse }> {
    const { pending, upstream, sealing, view, monotonic, turns } = this.#options;
    const { sealed, key, scheme, address, injections } = ask;
    const now = this.#options.now();
    const { ver } = sealed.use;
    const held = this.#look(ask);
    if (held.kind === 'access') return this.#lasting(handle, held, sealed);
    // 1 · what an earlier exchange brought is stored
    await pending.settle(handle);
    // Before the lease, which does not wait for anybody's turn.
    const open = (): Plaintext => sealing.open(sealed.envelope, key);
    const { owner } = sealed.envelope.header.dauth;
    const assertion = await sign(
      { turns, now, upstream },
      { owner, scheme, injections, open, beforeSend: ask.beforeSend },
    );
    // A code has one lease, ever: who began this is asked before, and cannot spend it by leaving.
    if (held.kind === 'code') ask.beforeSend();
    // 2 · the lease: nobody else exchanges this version now
    const leasedAt = monotonic();
    await this.#lease(handle, ver, held.kind === 'code');
    const beforeSend = (): void => {
      if (monotonic() - leasedAt > LIMITS.leaseSendSeconds * 1_000)
        throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The refresh took too long to begin. Try again shortly.');
      if (held.kind === 'code') view.assertStands(standingAlone(sealed.envelope.header.dauth));
      else ask.beforeSend();
    };
    const exchange = { address, injections, scheme, key, beforeSend, envelope: sealed.envelope, assertion };
    let refreshed: Refreshed;
    try {
      // 3 · space for what may come, and a version that there can be
      nextHeader(sealed.envelope.header, key);
      await this.#reserve(handle);
      // 4 · the exchange; what comes is sealed in the tick in which it comes
      const asker = { upstream, now, assertions: this.#assertions };
      refreshed = await askForRefresh(asker, { ...exchange, connection: { handle, ver } }, sealing);
    } catch (caught) {
      await pending.release(handle);
      // Whether a code was sent, and taken, nobody knows for sure: it is not shown twice (RFC 6749 §4.1.2).
      const error = held.kind === 'code' ? spentCode(caught) : caught;
      if (error instanceof DAuthError && error.code === 'NEEDS_REAUTHORIZATION') await this.#tell(handle, ver);
      throw error;
    }
    if (refreshed.envelope === null) {
      await pending.release(handle);
      return { ...refreshed, sealed };
    }
    const next = await storeVersion(sealed, refreshed.envelope, this.#options);
    this.#carry(sealed, next, key);
    return { ...refreshed, sealed: next };
  }

  /** What an earlier version's key signed is good still, and answers to the next one are searched for it. */
  #carry(sealed: SealedUse, next: SealedUse, key: OpeningKey): void {
    const { open } = this.#options.sealing;
    if (this.#assertions.of(versionOf(sealed)).length === 0) return;
    using from = open(sealed.envelope, key);
    using to = open(next.envelope, key);
    this.#assertions.carry(versionOf(sealed), versionOf(next), (kept) => rekeepToken(kept, from, to));
  }

  /** Only where there may be a code is it opened for that alone. */
  #look({ scheme, key, sealed: { envelope } }: RefreshAsk): HeldGrant {
    if (scheme.redirect_uri === undefined) return { kind: 'refresh' };
    using plaintext = this.#options.sealing.open(envelope, key);
    return lookAtGrant(plaintext, scheme);
  }

  /** An access token that nothing can renew. */
  async #lasting(
    handle: ConnectionHandle,
    { token, endsAt }: Extract<HeldGrant, { kind: 'access' }>,
    sealed: SealedUse,
  ): Promise<Refreshed & { readonly sealed: SealedUse }> {
    const expiresIn = endsAt === null ? null : endsAt - this.#options.now();
    if (expiresIn !== null && expiresIn <= 0) {
      await this.#tell(handle, sealed.use.ver);
      throw endedAccess();
    }
    return { token, expiresIn, envelope: null, sealed };
  }

  /** Of a code there is one lease, ever. */
  async #lease(handle: ConnectionHandle, ver: number, isOnce: boolean): Promise<void> {
    const { authority, node } = this.#options;
    try {
      await authority.lease(handle, ver, node, isOnce);
    } catch (error) {
      if (!(error instanceof DAuthError) || error.code !== 'NEEDS_REAUTHORIZATION') throw error;
      await this.#tell(handle, ver);
      throw spentCode(null);
    }
  }

  async #reserve(handle: ConnectionHandle): Promise<void> {
    try {
      await this.#options.pending.reserve(handle);
    } catch (cause) {
      throw new DAuthError('AUDIT_UNAVAILABLE', undefined, { cause });
    }
  }

  /** Where it cannot be told now, the next exchange is refused likewise. */
  async #tell(handle: ConnectionHandle, ver: number): Promise<void> {
    const { authority, log } = this.#options;
    await authority.needsReauthorization(handle, ver).catch(() => log('reauthorization.untold', { handle }));
  }

  #keep(handle: ConnectionHandle, kept: Kept): void {
    this.#kept.delete(handle);
    this.#kept.set(handle, kept);
    if (this.#kept.size > CAPACITY) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

function versionOf({ envelope, use: { ver } }: SealedUse): Connection {
  return { handle: envelope.header.dauth.handle, ver };
}

/** Whether a version is one that this token's was made out of here, or that one itself. */
function covers({ from, sealed: { use } }: Kept, { use: { ver } }: SealedUse): boolean {
  return from <= ver && ver <= use.ver;
}
