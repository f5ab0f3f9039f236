/**
 * Steps 6 to 8 of a session (spec/dauth.md §5.6): logging in to a database with the sealed password.
 * Never opens before the server asked for a proof, never shows the password itself, and never takes a server's word for a
 * login that it did not ask a proof for.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { DAuthError, type Postgres } from '@dauth/protocol';
import { proveMd5 } from '../secret/md5.ts';
import { ownedConcat, wipe } from '../secret/memory.ts';
import { showPassword } from '../secret/password.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { proveScram } from '../secret/scram.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { scrubStackSoon } from '../secret/scrub.ts';
import { Forms } from '../wire/forms.ts';
import { message, sqlState, startupMessage, textsOf, uint32 } from './messages.ts';

export interface LoginRequest {
  readonly login: Postgres;
  readonly database: string;
  readonly isReadOnly: boolean;
  /** The driver's, those that are passed on. */
  readonly parameters: ReadonlyMap<string, string>;
  /** RFC 5929 §4.1 of the server's certificate; undefined where it has none. */
  readonly binding: Buffer | undefined;
  /** Step 6, in the same tick as 7 and 8. */
  readonly open: () => Plaintext;
  /** Step 7, status once more: throws to stop. */
  readonly beforeSend: () => void;
  readonly write: (octets: Buffer, done?: () => void) => void;
}

export interface LoggedIn {
  /** `ParameterStatus` messages, as they came. */
  readonly parameters: readonly Buffer[];
  /** Process id and secret, by which the server lets its session be cancelled; empty where it gave none. */
  readonly key: Buffer;
  readonly forms: Forms;
}

const OK = 0;
const MD5 = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
/** RFC 7677 §4 wants 4096 at least; each login of anybody waits for all of them, so there is an end too. */
const ITERATIONS = { least: 4_096, most: 32_768 };
const MAX_SALT = 1_024;
/** More parameters than any server reports. */
const MAX_PARAMETERS = 64;
const SERVER_FIRST = /^r=([!-+\--~]{1,512}),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})$/;

export class Login implements Disposable {
  readonly #request: LoginRequest;
  readonly #done: (loggedIn: LoggedIn) => void;
  readonly #nonce = randomBytes(18).toString('base64');
  readonly #parameters: Buffer[] = [];
  #step: 'asked' | 'sasl' | 'final' | 'proven' | 'in' = 'asked';
  /** RFC 5802 §7 `gs2-header`, and the mechanism. */
  #gs2 = '';
  #serverSignature: Buffer | null = null;
  #forms: Forms | null = null;
  #key = Buffer.alloc(0);

  constructor(request: LoginRequest, done: (loggedIn: LoggedIn) => void) {
    this.#request = request;
    this.#done = done;
  }

  start(): void {
    const { login, database, isReadOnly, parameters, write } = this.#request;
    const own: readonly (readonly [string, string])[] = [
      ['user', login.user],
      ['database', database],
      ['client_encoding', 'UTF8'],
      ['statement_timeout', `${login.statement_timeout_ms}`],
      ...(isReadOnly ? [['default_transaction_read_only', 'on'] as const] : []),
    ];
    write(startupMessage([...parameters, ...own]));
  }

  /** @throws DAuthError `DOWNSTREAM_AUTH_FAILURE`, `DOWNSTREAM_UNREACHABLE`, `POLICY_DENIED`, and what opening throws */
  take(type: string, octets: Buffer): void {
    switch (type) {
      case 'R':
        return this.#authenticate(octets.readUInt32BE(5), octets.subarray(9));
      case 'E':
        throw refusal(sqlState(octets));
      case 'N':
        return;
      case 'S':
      case 'K':
      case 'Z':
        if (this.#step === 'in') return this.#settle(type, octets);
    }
    throw unusable();
  }

  [Symbol.dispose](): void {
    wipe(this.#serverSignature);
    this.#forms?.[Symbol.dispose]();
    this.#forms = null;
  }

  #authenticate(code: number, rest: Buffer): void {
    const { login } = this.#request;
    if (this.#step === 'asked' && code === MD5 && login.auth.includes('md5') && rest.length === 4)
      return this.#proveMd5(rest);
    if (this.#step === 'asked' && code === SASL && login.auth.includes('scram-sha-256')) return this.#begin(rest);
    if (this.#step === 'sasl' && code === SASL_CONTINUE) return this.#proveScram(rest.toString('latin1'));
    if (this.#step === 'final' && code === SASL_FINAL) return this.#checkServer(rest.toString('latin1'));
    if (this.#step === 'proven' && code === OK) this.#step = 'in';
    // Also a login without a proof: whoever lets everybody in is not shown who would have come.
    else
      throw new DAuthError('DOWNSTREAM_AUTH_FAILURE', 'The database asked for no proof that the credential may give.');
  }

  #begin(mechanisms: Buffer): void {
    const offered = mechanisms.toString('latin1').split('\0');
    const { binding } = this.#request;
    const isBound = offered.includes('SCRAM-SHA-256-PLUS');
    if (!isBound && !offered.includes('SCRAM-SHA-256')) throw unusable();
    // Nothing weaker by fallback: a server that can bind is asked to, or not spoken to.
    if (isBound && binding === undefined)
      throw new DAuthError('DOWNSTREAM_TLS_ERROR', 'The certificate of the database cannot be bound to the login.');
    this.#gs2 = isBound ? 'p=tls-server-end-point,,' : 'y,,';
    this.#step = 'sasl';
    const first = Buffer.from(`${this.#gs2}${this.#clientFirst}`, 'latin1');
    this.#request.write(message('p', isBound ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256', uint32(first.length), first));
  }

  /** PostgreSQL takes the user from the startup message. */
  get #clientFirst(): string {
    return `n=,r=${this.#nonce}`;
  }

  #proveScram(serverFirst: string): void {
    const [, nonce = '', salt64 = '', count] = SERVER_FIRST.exec(serverFirst) ?? [];
    const [salt, iterations] = [Buffer.from(salt64, 'base64'), Number(count)];
    const isOurs = nonce.startsWith(this.#nonce) && nonce.length > this.#nonce.length;
    if (!isOurs || salt.length === 0 || salt.length > MAX_SALT || salt.toString('base64') !== salt64) throw unusable();
    if (iterations < ITERATIONS.least || iterations > ITERATIONS.most)
      throw new DAuthError(
        'DOWNSTREAM_AUTH_FAILURE',
        `The database hashed the password in fewer than ${ITERATIONS.least} or more than ${ITERATIONS.most} rounds.`,
      );
    const { binding } = this.#request;
    const bound = this.#gs2.startsWith('p') ? binding! : Buffer.alloc(0);
    const channel = Buffer.concat([Buffer.from(this.#gs2, 'latin1'), bound]).toString('base64');
    const clientFinal = `c=${channel},r=${nonce}`;
    const exchange = { clientFirst: this.#clientFirst, serverFirst, clientFinal, salt, iterations };
    const { message: final, serverSignature } = this.#show((password) => proveScram(password, exchange));
    this.#serverSignature = serverSignature;
    this.#step = 'final';
    this.#send(final);
  }

  #checkServer(serverFinal: string): void {
    const [, signature = ''] = /^v=([A-Za-z0-9+/]{43}=)$/.exec(serverFinal) ?? [];
    const given = Buffer.from(signature, 'base64');
    const expected = this.#serverSignature!;
    const isRight = given.length === expected.length && timingSafeEqual(given, expected);
    wipe(expected);
    this.#serverSignature = null;
    if (!isRight)
      throw new DAuthError('DOWNSTREAM_AUTH_FAILURE', 'The database did not prove that it knows the credential.');
    this.#step = 'proven';
  }

  #proveMd5(salt: Buffer): void {
    const { message: text } = this.#show((password) => proveMd5(password, this.#request.login.user, salt));
    const ended = ownedConcat(text, Buffer.alloc(1));
    wipe(text);
    this.#step = 'proven';
    this.#send(ended);
  }

  #show<T extends { readonly message: Buffer; readonly made: readonly Buffer[] }>(prove: (password: Buffer) => T): T {
    // 6 open, only now: a server that takes its time must not find a credential waiting.
    using plaintext = this.#request.open();
    // 7 status once more, with nothing between it and the write.
    this.#request.beforeSend();
    const { shown, secrets } = showPassword(plaintext, this.#request.login, prove);
    this.#forms = new Forms(secrets);
    // 8 zero; `using` does the plaintext itself.
    wipe(...secrets);
    scrubRegisters();
    scrubStackSoon();
    return shown;
  }

  #send(proof: Buffer): void {
    const framed = message('p', proof);
    wipe(proof);
    this.#request.write(framed, () => wipe(framed));
  }

  #settle(type: 'S' | 'K' | 'Z', octets: Buffer): void {
    if (type === 'S') {
      if (this.#parameters.length === MAX_PARAMETERS) throw unusable();
      this.#parameters.push(Buffer.from(octets));
      return;
    }
    if (type === 'K') {
      this.#key = Buffer.from(octets.subarray(5));
      return;
    }
    // A superuser's functions write whatever kind of transaction they run in; a server that does not say is not believed.
    const isOrdinary = this.#parameters.some((octets) => isParameter(octets, 'is_superuser', 'off'));
    if (this.#request.isReadOnly && !isOrdinary)
      throw new DAuthError('POLICY_DENIED', 'A superuser of the database cannot be kept from writing.');
    // Before, RESET and SET … TO DEFAULT turn a transaction that only reads into one that writes.
    if (this.#request.isReadOnly && !this.#parameters.some(isSixteen))
      throw new DAuthError('POLICY_DENIED', 'Only PostgreSQL 16 and later can be kept from writing.');
    const forms = this.#forms!;
    this.#forms = null;
    this.#done({ parameters: this.#parameters, key: this.#key, forms });
  }
}

/** Whether a `ParameterStatus` says this. */
export function isParameter(octets: Buffer, name: string, value: string): boolean {
  const [said, of] = textsOf(octets);
  return said === name && of === value;
}

/** Whether a `ParameterStatus` says that the server is PostgreSQL 16 or later. */
function isSixteen(octets: Buffer): boolean {
  const [said, version = ''] = textsOf(octets);
  return said === 'server_version' && Number(/^\d+/.exec(version)?.[0] ?? 0) >= 16;
}

/** What a server refused a login with, by its SQLSTATE (PostgreSQL documentation, Appendix A); its words are its own. */
function refusal(state: string): DAuthError {
  if (state.startsWith('28')) return new DAuthError('DOWNSTREAM_AUTH_FAILURE');
  if (state === '53300') return new DAuthError('DOWNSTREAM_RATE_LIMITED', 'The database takes no more sessions now.');
  if (state === '3D000') return new DAuthError('DOWNSTREAM_AUTH_FAILURE', 'The database of that name is not there.');
  return new DAuthError('DOWNSTREAM_UNREACHABLE', 'The database took no session.');
}

function unusable(): DAuthError {
  return new DAuthError('DOWNSTREAM_AUTH_FAILURE', 'The login to the database did not go as it should.');
}
