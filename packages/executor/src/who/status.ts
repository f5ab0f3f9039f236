/**
 * The status stream (§6): signed, gapless, fresh by a clock that never goes back, or nothing is dispatched.
 * Never keeps going on an old view: what cannot be verified ends the stream, and without one the executor refuses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DAuthError, LIMITS, parseStatus, TYP, type StatusChange, type StatusMessage } from '@dauth/protocol';
import { verifyJws, type JwksCache } from '@dauth/verify';
import type { Authority, StatusConnection } from './authority.ts';
import type { Log } from '../log.ts';
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
/** A stream is opened anew after this long, before two clocks that drift apart (500 ppm) differ by a heartbeat. */
const RENEW_MS = 300_000;
/** What the opening took is missing from the freshness of every later message: a slower one is given up. */
const OPENING_SHARE = 2 / 3;
/** Without any view after this long, once, the log says that there is none. */
const WAITING_MS = 5_000;

export class Status {
  readonly view = new StatusView();
  readonly #options: StatusOptions;
  #revision = 0;
  /** The earliest moment at which the newest message can have been signed. */
  #freshAt: number | undefined;
  /** What the log said last: each turn is said once, not every attempt. */
  #said: 'starting' | 'waiting' | 'fresh' | 'lost' = 'starting';
  #startedAt = 0;
  #isStopped = false;
  #connection: StatusConnection | undefined;
  #waiters = new Set<() => void>();
  #running: Promise<void> | undefined;

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#startedAt = this.#options.monotonic();
    this.#running = this.#run();
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

  /** Milliseconds since the newest message can have been signed; `undefined` without one to go by. */
  get ageMs(): number | undefined {
    return this.#freshAt === undefined ? undefined : this.#options.monotonic() - this.#freshAt;
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
        if (error instanceof Gap || isForged(error)) this.#freshAt = undefined;
        if (!this.#isStopped) this.#sayLost(error);
      }
      pause = this.isFresh ? BACK_OFF_MS.first : Math.min(BACK_OFF_MS.most, pause * 2);
      if (!this.#isStopped) await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  #sayLost(error: unknown): void {
    const { log, monotonic } = this.#options;
    const isLong = this.#said === 'starting' && monotonic() - this.#startedAt > WAITING_MS;
    if (this.#said !== 'fresh' && !isLong) return;
    this.#said = isLong ? 'waiting' : 'lost';
    const reason = error instanceof Gap || error instanceof DAuthError ? sentenceOf(error) : 'the connection ended';
    log(`status.${this.#said}`, { reason, revision: this.#revision });
  }

  /** One stream, from its opening to its end. */
  async #follow(): Promise<void> {
    const { authority, monotonic, freshnessMs } = this.#options;
    const openedAt = monotonic();
    const connection = await authority.openStatus(this.#revision);
    this.#connection = connection;
    const watchdog = { timer: setTimeout(() => connection.close(), SILENCE_MS) };
    const stream = new StreamState(connection.sid, openedAt, freshnessMs);
    try {
      if (this.#isStopped) return;
      for await (const line of linesOf(connection.body)) {
        const arrivedAt = monotonic();
        const message = await this.#verify(line, stream);
        this.#apply(message);
        // Late changes still tighten, so they were applied; they only make nothing fresh.
        if (stream.isTimely(message, arrivedAt)) this.#refresh(message, stream.signedAt(message));
        watchdog.timer.refresh();
        if (monotonic() - openedAt > RENEW_MS) return;
      }
      throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The status stream ended.');
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
    if (message.iss !== issuer || message.aud !== resource) throw new Gap('is for another issuer or executor');
    stream.assertNext(message);
    return message;
  }

  /** All changes of a message or, at a gap anywhere in it, none: what is applied is always announced too. */
  #apply(message: StatusMessage): void {
    const { monotonic, seen, onChange, log } = this.#options;
    if (message.revision < this.#revision || (message.changes.length === 0 && message.revision < seen.revision)) {
      log('status.regressed', { revision: message.revision, highest: seen.revision });
      void seen.markRegressed().catch(() => undefined);
      throw new Gap('shows a lower revision than seen before; an operator has to confirm it');
    }
    if (message.revision !== reachedBy(message.changes, this.#revision)) throw new Gap('leaves out a revision');
    if (message.changes.length === 0) return;
    for (const change of message.changes) this.view.apply(change, monotonic());
    this.#revision = message.revision;
    onChange(message.changes);
    void seen.raise(this.#revision).catch(() => undefined);
  }

  /** Only a view that reached the highest revision ever seen counts: before that the stream is still catching up. */
  #refresh(message: StatusMessage, signedAt: number): void {
    const { seen } = this.#options;
    if (message.revision < seen.revision || seen.regressed) return;
    this.#freshAt = signedAt;
    this.#said = 'fresh';
    for (const done of [...this.#waiters]) done();
  }
}

/** The revision after these changes, each one above the last or told to be skipped; `undefined` at a gap. */
function reachedBy(changes: readonly StatusChange[], from: number): number | undefined {
  let at = from;
  for (const { kind, revision } of changes) {
    if (revision !== at + 1 && !(kind === 'skipped' && revision > at)) return undefined;
    at = revision;
  }
  return at;
}

/** What one stream has shown so far, and since when. */
class StreamState {
  readonly #sid: string;
  readonly #openedAt: number;
  readonly #freshnessMs: number;
  #n = 0;

  constructor(sid: string, openedAt: number, freshnessMs: number) {
    this.#sid = sid;
    this.#openedAt = openedAt;
    this.#freshnessMs = freshnessMs;
  }

  assertNext(message: StatusMessage): void {
    if (message.sid !== this.#sid) throw new Gap('belongs to another stream');
    if (message.n !== this.#n) throw new Gap('is not the next one of its stream');
    this.#n++;
  }

  /**
   * The earliest moment, on our clock, at which a message can have been signed: the authority counts from a request that
   * was not there before we sent it (`sid`). Whoever holds a stream back, from its first octet on, only makes it older.
   */
  signedAt(message: StatusMessage): number {
    return this.#openedAt + message.at_ms;
  }

  /** @throws Gap where the two clocks no longer agree; DAuthError `ENCLAVE_UNAVAILABLE` where a new stream may do better */
  isTimely(message: StatusMessage, arrivedAt: number): boolean {
    const age = arrivedAt - this.signedAt(message);
    if (age < -this.#freshnessMs) throw new Gap('was signed later than it came');
    if (message.n === 0 && age > this.#freshnessMs * OPENING_SHARE)
      throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The status stream took too long to open.');
    return age <= this.#freshnessMs;
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
    if (held.length > LIMITS.status) throw new Gap('is larger than allowed');
  }
}

/** Something is missing, or may be: the view cannot count as fresh any more, however young it is. */
class Gap extends Error {
  constructor(why: string) {
    super(`A status message ${why}.`);
    this.name = 'Gap';
  }
}

/** A message that does not verify or parse, other than an authority that cannot be reached. */
function isForged(error: unknown): boolean {
  return error instanceof DAuthError && error.code !== 'ENCLAVE_UNAVAILABLE';
}

function sentenceOf(error: Gap | DAuthError): string {
  return error instanceof DAuthError ? error.publicMessage : error.message;
}
