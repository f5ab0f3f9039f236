/**
 * The status stream (§6): signed, gapless, fresh by a clock that never goes back, or nothing is dispatched.
 * Never keeps going on an old view: what cannot be verified ends the stream, and without one the executor refuses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DAuthError, LIMITS, parseStatus, TYP, type StatusChange, type StatusMessage } from '@dauth/protocol';
import { verifyJws, type JwksCache } from '@dauth/verify';
import type { Authority, StatusConnection } from './authority.ts';
import type { Log } from './log.ts';
import { StatusView } from './view.ts';

export interface StatusOptions {
  readonly authority: Pick<Authority, 'openStatus'>;
  readonly jwks: Pick<JwksCache, 'resolveFor'>;
  readonly issuer: string;
  readonly resource: string;
  readonly freshnessMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  /** The durable highest revision. */
  readonly seen: {
    readonly revision: number;
    readonly regressed: boolean;
    raise(n: number): Promise<void>;
    markRegressed(): Promise<void>;
  };
  readonly log: Log;
  /** Called after the changes of one message were applied. */
  readonly onChange: (changes: readonly StatusChange[]) => void;
}

/** How long a dispatch may wait for the next heartbeat, in milliseconds. */
export const HEARTBEAT_WAIT_MS = 1_000;
/** Silence after which the stream is given up: the connection may be half dead. */
const SILENCE_MS = 2_000;
const BACK_OFF_MS = { first: 50, most: 500 };
/** `iat` counts whole seconds, so a message may look this much older than it is. */
const IAT_STEP_MS = 1_000;

export class Status {
  readonly view = new StatusView();
  readonly #options: StatusOptions;
  #revision = 0;
  #freshAt: number | undefined;
  #isStopped = false;
  #connection: StatusConnection | undefined;
  #waiters = new Set<() => void>();
  #running: Promise<void> | undefined;

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#connection?.close();
    await this.#running;
  }

  get isFresh(): boolean {
    const { monotonic, freshnessMs, seen } = this.#options;
    return this.#freshAt !== undefined && monotonic() - this.#freshAt <= freshnessMs && !seen.regressed;
  }

  /** @throws DAuthError `ENCLAVE_UNAVAILABLE` */
  assertFresh(): void {
    if (!this.isFresh) {
      throw new DAuthError(
        'ENCLAVE_UNAVAILABLE',
        'The executor has no fresh view of revocations. Nothing was sent; try again shortly.',
      );
    }
  }

  /** Waits for the next heartbeat, at most a second. @throws DAuthError `ENCLAVE_UNAVAILABLE` */
  async whenFresh(): Promise<void> {
    if (!this.isFresh) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, HEARTBEAT_WAIT_MS);
        const waiters = this.#waiters;
        waiters.add(done);
        function done(): void {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        }
      });
    }
    this.assertFresh();
  }

  async #run(): Promise<void> {
    let pause = BACK_OFF_MS.first;
    while (!this.#isStopped) {
      try {
        await this.#follow();
      } catch (error) {
        // What was shown and does not fit says that something is missing; a lost connection alone does not.
        if (error instanceof DAuthError && error.code !== 'ENCLAVE_UNAVAILABLE') this.#freshAt = undefined;
        const reason = error instanceof DAuthError ? error.publicMessage : 'the connection ended';
        if (!this.#isStopped) this.#options.log('status.lost', { reason, revision: this.#revision });
      }
      pause = this.isFresh ? BACK_OFF_MS.first : Math.min(BACK_OFF_MS.most, pause * 2);
      if (!this.#isStopped) await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /** One stream, from its opening to its end. */
  async #follow(): Promise<void> {
    const connection = await this.#options.authority.openStatus(this.#revision);
    this.#connection = connection;
    const watchdog = { timer: setTimeout(() => connection.close(), SILENCE_MS) };
    const stream = new StreamState(connection.sid);
    try {
      if (this.#isStopped) return;
      for await (const line of linesOf(connection.body)) {
        const message = await this.#verify(line, stream);
        this.#apply(message);
        if (stream.isTimely(message, this.#options.monotonic(), this.#options.freshnessMs)) this.#refresh(message);
        watchdog.timer.refresh();
      }
    } finally {
      clearTimeout(watchdog.timer);
      connection.close();
    }
  }

  async #verify(line: string, stream: StreamState): Promise<StatusMessage> {
    const { issuer, resource, jwks } = this.#options;
    const keys = await jwks.resolveFor(line, LIMITS.status);
    const { claims } = verifyJws(line, { typ: TYP.status, keys, maxLength: LIMITS.status, what: 'A status message' });
    const message = parseStatus(claims);
    if (message.iss !== issuer || message.aud !== resource) throw gap('is for another issuer or executor');
    stream.assertNext(message);
    return message;
  }

  /** All changes of a message or, at a gap, none that follows it. */
  #apply(message: StatusMessage): void {
    const { monotonic, seen, onChange, log } = this.#options;
    if (message.revision < this.#revision || (message.changes.length === 0 && message.revision < seen.revision)) {
      log('status.regressed', { revision: message.revision, highest: seen.revision });
      void seen.markRegressed().catch(() => undefined);
      throw gap('shows a lower revision than seen before; an operator has to confirm it');
    }
    for (const change of message.changes) {
      if (change.revision !== this.#revision + 1) throw gap('leaves out a revision');
      this.view.apply(change, monotonic());
      this.#revision = change.revision;
    }
    if (message.revision !== this.#revision) throw gap('leaves out a revision');
    if (message.changes.length > 0) {
      onChange(message.changes);
      void seen.raise(this.#revision).catch(() => undefined);
    }
  }

  /** Only a view that reached the highest revision ever seen counts: before that the stream is still catching up. */
  #refresh(message: StatusMessage): void {
    const { monotonic, seen } = this.#options;
    if (message.revision < seen.revision || seen.regressed) return;
    this.#freshAt = monotonic();
    for (const done of [...this.#waiters]) done();
  }
}

/** What one stream has shown so far. */
class StreamState {
  readonly #sid: string;
  #n = 0;
  #leastLag = Infinity;

  constructor(sid: string) {
    this.#sid = sid;
  }

  assertNext(message: StatusMessage): void {
    if (message.sid !== this.#sid) throw gap('belongs to another stream');
    if (message.n !== this.#n) throw gap('is not the next one of its stream');
    this.#n++;
  }

  /**
   * Whether a message arrived about when it was signed: whoever holds messages back on the way and lets them through
   * one by one would otherwise keep an old view looking fresh. Compared within one stream, so clocks need not agree.
   */
  isTimely(message: StatusMessage, nowMs: number, freshnessMs: number): boolean {
    const lag = nowMs - message.iat * 1_000;
    this.#leastLag = Math.min(this.#leastLag, lag);
    return lag - this.#leastLag <= freshnessMs + IAT_STEP_MS;
  }
}

/** Lines of a body, bounded while they are read. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let held = '';
  for await (const chunk of body) {
    held += Buffer.from(chunk).toString('latin1');
    for (let end = held.indexOf('\n'); end !== -1; end = held.indexOf('\n')) {
      const line = held.slice(0, end);
      held = held.slice(end + 1);
      if (line !== '') yield line;
    }
    if (held.length > LIMITS.status) throw gap('is larger than allowed');
  }
}

function gap(why: string): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', `A status message ${why}.`);
}
