/**
 * The way to databases: steps 6 to 9 of a session (spec/dauth.md §5.6), from an allowed one to a running one.
 * Never decides whether a session is allowed, and never lets two sessions share a connection.
 */
import type { Readable, Writable } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';
import { DAuthError } from '@dauth/protocol';
import type { CheckedAddress } from '../where/address.ts';
import { wipe } from '../secret/memory.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { scrubStackSoon } from '../secret/scrub.ts';
import { asDownstream } from '../wire/faults.ts';
import { serverEndPoint } from './binding.ts';
import { cancelAt, connectDatabase } from './connect.ts';
import { Frames, type Hold } from './frames.ts';
import type { DriverKey } from './keys.ts';
import { Login, type LoggedIn, type LoginRequest } from './login.ts';
import { AUTHENTICATION_OK, message, uint32 } from './messages.ts';
import { Relay, type ServerSide, type SessionBytes, type SessionLimits, type SessionOutcome } from './relay.ts';

/** A session that passed steps 1 to 5. */
export interface SessionRequest extends Omit<LoginRequest, 'binding' | 'write'> {
  readonly address: CheckedAddress;
  /** Status once more, before each message of the driver. */
  readonly assertStands: () => void;
  /** Aborting ends the session, whatever it is doing. */
  readonly signal: AbortSignal;
  /** Octets that the operator lets a whole session say, and be answered. */
  readonly most: SessionBytes;
  /** Takes room for the octets of a message. */
  readonly hold: Hold;
  /** Milliseconds that the session may last. */
  readonly lifeMs: number;
}

/** A session that is logged in, and that nobody talks over yet. */
export interface OpenedSession {
  /** Asks the server to stop its statement. */
  readonly cancel: () => Promise<void>;
  /** Talks until one side ends. Settles, never rejects. */
  run(request: Readable, response: Writable, key: DriverKey): Promise<SessionOutcome>;
}

/** One per process. */
export interface Databases {
  /** @throws DAuthError whatever `open` and `beforeSend` threw, `POLICY_DENIED`, `DOWNSTREAM_*` */
  open(request: SessionRequest): Promise<OpenedSession>;
}

export interface DatabasesOptions {
  readonly trust: () => SecureContext;
  readonly limits?: Partial<DatabasesLimits>;
}

export interface DatabasesLimits extends SessionLimits {
  /** To connect, and to log in then. */
  readonly connectMs: number;
}

const DEFAULT_LIMITS: DatabasesLimits = {
  connectMs: 10_000,
  idleMs: 60_000,
  graceMs: 1_000,
  requestBytes: 1_048_576,
  responseBytes: 8_388_608,
};
/** Of a message before the login is done. */
const MAX_LOGIN_MESSAGE = 65_536;

/** Makes the way to databases of one process. */
export function createDatabases({ trust, limits: given }: DatabasesOptions): Databases {
  const limits = { ...DEFAULT_LIMITS, ...given };
  return {
    open: async (request) => {
      const { address } = request;
      const { socket, ip } = await connectDatabase(address, trust(), limits.connectMs);
      const loggedIn = await logIn(socket, request, limits.connectMs);
      const cancel = (): Promise<void> =>
        loggedIn.key.length === 0
          ? Promise.resolve()
          : cancelAt({ ...address, ips: [ip] }, loggedIn.key, trust(), limits.connectMs);
      return new Opened(socket, loggedIn, request, limits, cancel);
    },
  };
}

function logIn(socket: TLSSocket, request: SessionRequest, timeoutMs: number): Promise<LoggedIn> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(late);
      request.signal.removeEventListener('abort', aborted);
      socket.removeAllListeners('data').removeAllListeners('close').pause();
      frames[Symbol.dispose]();
    };
    const fail = (error: unknown): void => {
      settle();
      login[Symbol.dispose]();
      socket.destroy();
      reject(asDownstream(error));
    };
    const binding = serverEndPoint(socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0));
    const write = (octets: Buffer, done?: () => void): void => void socket.write(octets, done);
    const login = new Login({ ...request, binding, write }, (loggedIn) => {
      settle();
      resolve(loggedIn);
    });
    const tooLarge = (): DAuthError => new DAuthError('RESPONSE_TOO_LARGE');
    const frames = new Frames({ most: MAX_LOGIN_MESSAGE, tooLarge, hold: request.hold }, (type, octets) =>
      login.take(type, octets),
    );
    const late = setTimeout(() => fail(new DAuthError('DOWNSTREAM_TIMEOUT')), timeoutMs);
    const aborted = (): void => fail(reasonOf(request.signal));
    request.signal.addEventListener('abort', aborted);
    // From here on to the end of the socket: nobody else listens, and an error without a listener ends the process.
    socket.on('error', () => undefined);
    socket.once('close', () => fail(new DAuthError('DOWNSTREAM_UNREACHABLE')));
    socket.on('data', (octets: Buffer) => {
      scrubRegisters();
      try {
        frames.push(octets);
      } catch (error) {
        fail(error);
      } finally {
        wipe(octets);
      }
    });
    if (request.signal.aborted) aborted();
    else login.start();
  });
}

class Opened implements OpenedSession {
  readonly cancel: () => Promise<void>;
  readonly #socket: TLSSocket;
  readonly #loggedIn: LoggedIn;
  readonly #request: SessionRequest;
  readonly #limits: SessionLimits;

  constructor(
    socket: TLSSocket,
    loggedIn: LoggedIn,
    request: SessionRequest,
    limits: SessionLimits,
    cancel: () => Promise<void>,
  ) {
    this.cancel = cancel;
    this.#socket = socket;
    this.#loggedIn = loggedIn;
    this.#request = request;
    this.#limits = limits;
  }

  run(request: Readable, response: Writable, { pid, key }: DriverKey): Promise<SessionOutcome> {
    const { signal, lifeMs, login, isReadOnly, assertStands, most, hold } = this.#request;
    const socket = this.#socket;
    return new Promise((resolve) => {
      const relay = new Relay(
        {
          ...{ server: sideOf(socket), forms: this.#loggedIn.forms, isReadOnly, assertStands, cancel: this.cancel },
          ...{ statementTimeoutMs: login.statement_timeout_ms, limits: this.#limits, most, hold },
        },
        request,
        response,
        (outcome) => {
          clearTimeout(life);
          signal.removeEventListener('abort', aborted);
          scrubStackSoon();
          resolve(outcome);
        },
      );
      const life = setTimeout(() => relay.fail(over()), lifeMs);
      const aborted = (): void => relay.fail(reasonOf(signal));
      signal.addEventListener('abort', aborted);
      if (signal.aborted) return aborted();
      const closed = (): void => relay.fail(new DAuthError('DOWNSTREAM_UNREACHABLE'));
      if (socket.destroyed) return closed();
      socket.once('close', closed);
      socket.on('drain', () => relay.drained());
      socket.on('data', (octets: Buffer) => {
        scrubRegisters();
        relay.take(octets);
        wipe(octets);
        scrubRegisters();
      });
      const ready = message('Z', Buffer.from('I'));
      const driverKey = message('K', uint32(pid), uint32(key));
      relay.start(Buffer.concat([AUTHENTICATION_OK, ...this.#loggedIn.parameters, driverKey, ready]));
      socket.resume();
    });
  }
}

function sideOf(socket: TLSSocket): ServerSide {
  return {
    write: (octets) => void socket.write(octets),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: (octets) => {
      socket.end(octets);
      // Whoever does not hear a goodbye is left anyway.
      setTimeout(() => socket.destroy(), 1_000).unref();
    },
    destroy: () => void socket.destroy(),
    get isFull() {
      return socket.writableNeedDrain;
    },
  };
}

function reasonOf(signal: AbortSignal): DAuthError {
  return signal.reason instanceof DAuthError ? signal.reason : new DAuthError('BAD_REQUEST', 'The driver left.');
}

function over(): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', 'The session ended with its token; the driver may open another one.');
}
