/**
 * Sockets kept open, per credential: a pool belongs to one handle, one version and one origin.
 * Never shares a socket or a TLS session between credentials, so no answer can meet another one's request.
 */
import { certificateOf, DAuthError, type ConnectionHandle } from '@dauth/protocol';
import type { buildConnector } from 'undici';
import type { CheckedAddress } from '../where/address.ts';
import type { UpstreamRequest } from './call.ts';
import { dial, type Trust } from './dial.ts';
import type { Certified } from './dial-certified.ts';
import type { Exchange } from './exchange.ts';
import { asDownstream } from './faults.ts';
import { Pool } from './http-client.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { Slots } from './slot.ts';
import { Wire } from './wire.ts';

export interface PoolLimits {
  /** Milliseconds to connect, handshake included; also to resolve. */
  readonly connectMs: number;
  /** Credentials with open sockets at once; idle ones give way. */
  readonly pools: number;
  readonly socketsPerPool: number;
  /** Milliseconds an idle socket stays. */
  readonly keepAliveMs: number;
}

/** Milliseconds of a socket that a client certificate was shown on, whose key is in memory as long: with what timers are late, 5 s. */
const CERTIFIED_KEEP_ALIVE_MS = 3_500;
/** Octets of an answer's head. */
const MAX_HEAD = 32_768;

interface Entry {
  /** Null where its sockets do not end with their connection. */
  readonly handle: ConnectionHandle | null;
  readonly pool: Pool;
  readonly slots: Slots<Exchange>;
  /** The newest checked address: new sockets go there. */
  address: CheckedAddress;
  /** Of one version and one origin, so they never change. */
  readonly pins: readonly string[] | undefined;
  /** Likewise. */
  readonly certified: Certified | undefined;
  readonly keepAliveMs: number;
  busy: number;
  idle: NodeJS.Timeout | undefined;
}

export class Pools {
  readonly #trust: Trust;
  readonly #limits: PoolLimits;
  /** In order of last use. */
  readonly #entries = new Map<string, Entry>();

  constructor(trust: Trust, limits: PoolLimits) {
    this.#trust = trust;
    this.#limits = limits;
  }

  /** Hands a call to the HTTP client, under a slot. What goes wrong from here on ends the exchange. */
  send(request: UpstreamRequest, exchange: Exchange): void {
    const { connection, address, isSteadfast = false } = request;
    const key = `${connection.handle} ${connection.ver} ${address.origin} ${String(isSteadfast)}`;
    const entry = this.#entries.get(key) ?? this.#make(request);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.address = address;
    entry.busy++;
    clearTimeout(entry.idle);
    const slot = entry.slots.issue(exchange);
    void exchange.finished.then(() => {
      entry.slots.withdraw(slot);
      if (--entry.busy === 0) this.#expire(key, entry);
    });
    entry.pool.dispatch(
      {
        method: request.method as 'GET',
        path: `/${slot}`,
        ...(request.webSocket === undefined ? {} : { upgrade: 'websocket' }),
        headers: request.bodyLength === undefined ? [] : ['content-length', String(request.bodyLength)],
        body:
          request.body === null ? null : request.body instanceof Uint8Array ? Buffer.from(request.body) : request.body,
      },
      exchange,
    );
  }

  /** Closes every socket of a handle at once. */
  drop(handle: ConnectionHandle): void {
    for (const [key, entry] of this.#entries) {
      if (entry.handle === handle) this.#remove(key, entry);
    }
  }

  async close(): Promise<void> {
    const pools = [...this.#entries.values()];
    this.#entries.clear();
    for (const { idle } of pools) clearTimeout(idle);
    await Promise.all(pools.map(({ pool }) => pool.close()));
  }

  #make(request: UpstreamRequest): Entry {
    if (this.#entries.size >= this.#limits.pools) this.#makeRoom();
    const slots = new Slots<Exchange>();
    const connect: buildConnector.connector = (_, done) => {
      const wire = new Wire(slots);
      dial(entry, this.#trust, this.#limits.connectMs, (octets) => wire.receive(octets)).then(
        // The client asks for a socket's shape; a stream is what it uses.
        (socket) => done(null, wire.attach(socket) as never),
        (error: unknown) => done(asDownstream(error), null),
      );
    };
    const scheme = certificateOf(request.injections);
    const certified = scheme === undefined ? undefined : { scheme, open: () => openFor(slots.waiting()) };
    const keepAliveMs =
      certified === undefined ? this.#limits.keepAliveMs : Math.min(this.#limits.keepAliveMs, CERTIFIED_KEEP_ALIVE_MS);
    const pool = new Pool(request.address.origin, {
      connect,
      connections: this.#limits.socketsPerPool,
      // One request at a time on a socket, so that an answer has exactly one possible owner.
      pipelining: 1,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      maxHeaderSize: MAX_HEAD,
      // The exchange has its own clocks, which know about slow readers.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const handle = request.isSteadfast === true ? null : request.connection.handle;
    const { address, pins } = request;
    const entry: Entry = { handle, pool, slots, address, pins, certified, keepAliveMs, busy: 0, idle: undefined };
    return entry;
  }

  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.busy === 0) return this.#remove(key, entry);
    }
    throw new DAuthError('RATE_LIMITED');
  }

  #expire(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    entry.idle = setTimeout(() => this.#remove(key, entry), entry.keepAliveMs).unref();
  }

  #remove(key: string, entry: Entry): void {
    clearTimeout(entry.idle);
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.pool.destroy().catch(() => undefined);
  }
}

/**
 * By the first call that may still be sent. The HTTP client does not say for whom it opens a socket, and one that is refused ends by
 * itself alone: its token and its lease are nobody else's.
 */
function openFor(waiting: Iterable<Exchange>): Plaintext {
  for (const exchange of waiting) {
    if (exchange.ended) continue;
    try {
      return exchange.openEarly();
    } catch (error) {
      exchange.fail(asDownstream(error));
    }
  }
  // Heard by nobody: all of them have their answer.
  throw new DAuthError('DOWNSTREAM_TIMEOUT');
}
