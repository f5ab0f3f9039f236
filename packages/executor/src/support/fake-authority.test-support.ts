/** An authority in memory behind the executor's own interface: real signatures, a status stream that tests steer. */
import { randomUUID } from 'node:crypto';
import { DAuthError, parseEnvelope, TYP, type ConnectionHandle, type StatusChange } from '@dauth/protocol';
import type { Authority, StatusConnection, StoredEnvelope } from '../who/authority.ts';
import { makeSigner, type Signer } from './signer.test-support.ts';

/** A change without its number: the authority counts. */
export type Change = StatusChange extends infer C ? (C extends StatusChange ? Omit<C, 'revision'> : never) : never;

/** A body that is fed line by line. */
export class LineFeed implements AsyncIterable<Uint8Array> {
  readonly sid = randomUUID();
  readonly openedMs: number;
  n = 0;
  #waiting: (() => void) | undefined;
  readonly #chunks: Uint8Array[] = [];
  isClosed = false;

  constructor(openedMs: number) {
    this.openedMs = openedMs;
  }

  push(text: string): void {
    this.#chunks.push(Buffer.from(text, 'latin1'));
    this.#wake();
  }

  /** Whether its reader has dealt with every line and waits for another. */
  get isRead(): boolean {
    return this.isClosed || (this.#chunks.length === 0 && this.#waiting !== undefined);
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) yield chunk;
      if (this.isClosed) return;
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
  }
}

export interface FakeAuthorityOptions {
  readonly issuer: string;
  readonly resource: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

export class FakeAuthority implements Authority {
  readonly signer: Signer = makeSigner();
  readonly kid = 'signing-1';
  readonly stored = new Map<ConnectionHandle, StoredEnvelope>();
  /** Handles that were asked for, in order. */
  readonly fetched: ConnectionHandle[] = [];
  readonly posted: { readonly records: readonly string[]; readonly checkpoint: string }[] = [];
  /** What streams were opened with. */
  readonly since: number[] = [];
  readonly streams: LineFeed[] = [];
  readonly changes: StatusChange[] = [];
  /** Stops heartbeats, as a cut line does. */
  isSilent = false;
  isTakingRecords = true;
  /** Runs inside `envelope`, before it answers. */
  onFetch: () => void = () => undefined;
  readonly #options: FakeAuthorityOptions;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(options: FakeAuthorityOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => {
      if (!this.isSilent) this.beat();
    }, 100);
    this.#heartbeat.unref();
  }

  get revision(): number {
    return this.changes.length;
  }

  async envelope(handle: ConnectionHandle): Promise<StoredEnvelope> {
    this.fetched.push(handle);
    this.onFetch();
    const stored = this.stored.get(handle);
    if (stored === undefined) throw new DAuthError('CONNECTION_NOT_FOUND');
    return stored;
  }

  async openStatus(since: number): Promise<StatusConnection> {
    this.since.push(since);
    const stream = new LineFeed(this.#options.nowMs());
    this.streams.push(stream);
    const missed = this.changes.slice(since);
    if (!this.isSilent) this.write(stream, { changes: missed });
    return { sid: stream.sid, body: stream, close: () => stream.close() };
  }

  async postRecords(records: readonly string[], checkpoint: string): Promise<void> {
    if (!this.isTakingRecords) throw new DAuthError('ENCLAVE_UNAVAILABLE');
    this.posted.push({ records, checkpoint });
  }

  /** Leases that were given: version and holder. */
  readonly leased: { readonly handle: ConnectionHandle; readonly ver: number; readonly holder: string }[] = [];
  /** Handles of which it was said that their owners have to authorize again, with the version. */
  readonly ended: { readonly handle: ConnectionHandle; readonly ver: number }[] = [];
  /** Runs inside `storeReseal`, before anything is stored. */
  onStore: () => void | Promise<void> = () => undefined;
  onLease: () => void | Promise<void> = () => undefined;

  /** A lease for a code is given once; whoever asks again is the only node there is. */
  async lease(handle: ConnectionHandle, ver: number, holder: string, isOnce = false): Promise<void> {
    if (this.stored.get(handle)?.ver !== ver) throw new DAuthError('ENCLAVE_UNAVAILABLE');
    if (isOnce && this.leased.some((one) => one.handle === handle && one.ver === ver))
      throw new DAuthError('NEEDS_REAUTHORIZATION');
    this.leased.push({ handle, ver, holder });
    await this.onLease();
  }

  /** Compare and swap, as the real one; what a statement has to say is checked there. */
  async storeReseal(handle: ConnectionHandle, envelope: string, reseal: string): Promise<number | null> {
    await this.onStore();
    const stored = this.stored.get(handle);
    const { ver } = parseEnvelope(envelope).header.dauth;
    if (stored === undefined || (stored.ver !== ver - 1 && stored.envelope !== envelope)) return null;
    if (stored.envelope === envelope) return stored.revision;
    const revision = this.revision + 1;
    this.stored.set(handle, { ...stored, envelope, reseal, ver, revision });
    this.change({ kind: 'connection', handle, status: stored.status, ver });
    return revision;
  }

  async needsReauthorization(handle: ConnectionHandle, ver: number): Promise<void> {
    this.ended.push({ handle, ver });
    this.change({ kind: 'connection', handle, status: 'needs_reauthorization', ver });
  }

  readonly fetch = async (): Promise<Response> =>
    new Response(JSON.stringify({ keys: [{ ...this.signer.jwk, kid: this.kid, alg: 'ES256', use: 'sig' }] }), {
      headers: { 'content-type': 'application/json' },
    });

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    for (const stream of this.streams) stream.close();
  }

  /** An empty message on every open stream. */
  beat(): void {
    for (const stream of this.streams) if (!stream.isClosed) this.write(stream, {});
  }

  /** Records changes and tells every open stream. */
  change(...changes: readonly Change[]): void {
    const numbered = changes.map((change, index) => ({ ...change, revision: this.revision + index + 1 }));
    this.changes.push(...(numbered as StatusChange[]));
    for (const stream of this.streams) if (!stream.isClosed) this.write(stream, { changes: numbered });
  }

  /** One signed line; `claims` replaces members of a right message. */
  write(stream: LineFeed, claims: object, header: object = {}, by: Signer = this.signer): void {
    const { issuer, resource, nowMs } = this.#options;
    const message = {
      iss: issuer,
      aud: resource,
      sid: stream.sid,
      n: stream.n++,
      revision: this.revision,
      iat: Math.floor(nowMs() / 1_000),
      at_ms: nowMs() - stream.openedMs,
      changes: [],
      ...claims,
    };
    stream.push(`${by.jws({ typ: TYP.status, kid: this.kid, ...header }, message)}\n`);
  }
}
