/**
 * Databases for tools: a stream for a PostgreSQL driver, which ends at the executor, where the password is (spec/dauth.md §5.6).
 * Never an address that another process could dial: whoever has the stream has the caller's session, and only this process has.
 */
import { Duplex } from 'node:stream';
import { databaseOf, DAuthError, HEADER, splitAction, type ConnectionDetail } from '@dauth/protocol';
import { authorized, find, readRefusal, type Way } from './handle.ts';
import { sessionOf, type ToolContext } from './session.ts';

/** What a driver is configured with: `pg` takes it as it is, for one client or a pool. */
export interface PostgresConfig {
  /** Of no meaning: who logs in was sealed with the credential. */
  readonly user: string;
  readonly database: string;
  /** The way to the executor is encrypted already. */
  readonly ssl: false;
  /** Makes the stream of one session. */
  readonly stream: () => Duplex;
}

export interface PostgresOptions {
  /** Whether sessions may write; else the executor lets them read only. Default false. */
  readonly write?: boolean;
  /** Where the token names several. */
  readonly database?: string;
  readonly origin?: string;
}

/**
 * The named connection of the caller, to a database.
 * @throws DAuthError `CONNECTION_NOT_FOUND` where the token does not name it, `POLICY_DENIED` where it names no such database;
 * nothing was asked of anybody
 * @example
 * const client = new pg.Client(postgres(ctx, 'shop'));
 */
export function postgres(ctx: ToolContext, name: string, options: PostgresOptions = {}): PostgresConfig {
  const session = sessionOf(ctx);
  const { details, executor } = find(session, name);
  const method = options.write === true ? 'WRITE' : 'READ';
  const { database, origin } = choose(details, method, options);
  const path = `/sessions/${details[0]!.identifier}/${method}/${database}`;
  const way = { executor, deps: session.deps };
  return Object.freeze({
    ...{ user: 'dauth', database, ssl: false as const },
    stream: () => new SessionStream(way, path, origin),
  });
}

interface Place {
  readonly database: string;
  readonly origin: string;
}

function choose(details: readonly ConnectionDetail[], method: string, { database, origin }: PostgresOptions): Place {
  const places = details.flatMap(({ locations: [at], actions }): readonly Place[] =>
    actions.map(splitAction).flatMap((action) => {
      const named = databaseOf(action.pattern);
      return action.method === method && named !== undefined ? [{ database: named, origin: at }] : [];
    }),
  );
  const fitting = places.filter(
    (place) => (database ?? place.database) === place.database && (origin ?? place.origin) === place.origin,
  );
  const [only, ...others] = fitting;
  if (only === undefined)
    throw new DAuthError('POLICY_DENIED', 'The token names no such database for this connection. Nothing was sent.');
  if (others.length > 0) throw new DAuthError('INVALID_REQUEST', 'The connection has several databases; name one.');
  return only;
}

/** A dispatch token is left this many seconds at least: sessions end with theirs. */
const LEAST_SECONDS = 60;
const ENDED =
  'The session was ended: its time was over, what it stands on was revoked, or a message is not taken. The receipt has the reason.';

/** One session: what is written goes up in one request, what is read is its answer. Of a socket's shape, as drivers want it. */
class SessionStream extends Duplex {
  readonly #way: Way;
  readonly #path: string;
  readonly #origin: string;
  readonly #gone = new AbortController();
  #up!: ReadableStreamDefaultController<Uint8Array>;
  #wrote: (() => void) | undefined;
  #down: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #wanted = false;

  constructor(way: Way, path: string, origin: string) {
    super();
    this.#way = way;
    this.#path = path;
    this.#origin = origin;
  }

  /** Begins; a driver says where to, and is not listened to. */
  connect(): this {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#up = controller),
      pull: () => this.#pulled(),
    });
    this.#begin(body).catch((error: unknown) => this.destroy(error as Error));
    queueMicrotask(() => this.emit('connect'));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  async #begin(body: ReadableStream<Uint8Array>): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream', [HEADER.origin]: this.#origin };
    const init = { method: 'POST', headers, body, duplex: 'half', redirect: 'manual', signal: this.#gone.signal };
    const url = `${this.#way.executor.url}${this.#path}`;
    const response = await authorized(this.#way, url, 'POST', init as RequestInit, LEAST_SECONDS);
    if (response.headers.get(HEADER.upstream) !== '1') throw await readRefusal(response, 'GET');
    this.#down = response.body!.getReader();
    if (this.#wanted) this.#pump();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    try {
      this.#up.enqueue(new Uint8Array(chunk));
    } catch (cause) {
      return done(new DAuthError('ENCLAVE_UNAVAILABLE', ENDED, { cause }));
    }
    if ((this.#up.desiredSize ?? 0) > 0) done();
    else this.#wrote = () => done();
  }

  override _final(done: () => void): void {
    try {
      this.#up.close();
    } catch {
      // The session is over already.
    }
    done();
  }

  override _read(): void {
    this.#wanted = true;
    if (this.#down !== undefined) this.#pump();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#gone.abort();
    done(error);
  }

  #pulled(): void {
    const wrote = this.#wrote;
    this.#wrote = undefined;
    wrote?.();
  }

  #pump(): void {
    this.#wanted = false;
    this.#down!.read().then(
      ({ done, value }) => this.push(done ? null : Buffer.from(value)),
      (cause: unknown) => this.destroy(new DAuthError('ENCLAVE_UNAVAILABLE', ENDED, { cause })),
    );
  }
}
