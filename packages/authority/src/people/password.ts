/**
 * Passwords: which are taken (NIST SP 800-63B §5.1.1.2), and scrypt over them, at most two at once. Never a way to tell an
 * unknown login from a wrong password: the same work is done for both. Never a password kept, logged or shown again.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';

/** OWASP's first choice for scrypt: 128 MiB and some 300 ms for each guess. */
const [LN, R, P] = [17, 8, 1];
const MAX_MEMORY = 160 * 1024 * 1024;
const SALT = 16;
const HASH = 32;
const FORM = new RegExp(`^\\$scrypt\\$ln=${LN},r=${R},p=${P}\\$([\\w+/]{22})\\$([\\w+/]{43})$`);
/** Opens for nobody: what a sign-in with an unknown login is held against. */
const NOBODY = `$scrypt$ln=${LN},r=${R},p=${P}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const LEAST = 12;
const MOST = 256;

/** Two leave threads of Node's pool for the rest; who would wait for more than these is told to come back. */
const AT_ONCE = 2;
const WAITING = 32;

/** The sentence that refuses a new password, if any. Length is all there is to it: composition rules make worse ones. */
export function refusePassword(password: string | undefined, login: string): string | undefined {
  const plain = (password ?? '').normalize('NFKC');
  const { length } = Array.from(plain);
  if (length < LEAST) return `A password has at least ${LEAST} characters. Several words make a good one.`;
  if (length > MOST) return `A password has at most ${MOST} characters.`;
  if (plain.toLowerCase() === login) return 'The password must not be the login.';
  return undefined;
}

/** A password and a salt to 32 octets, slowly. */
export type Derive = (password: string, salt: Uint8Array) => Promise<Buffer>;

const slowly: Derive = (password, salt) =>
  new Promise((resolve, reject) =>
    scrypt(password, salt, HASH, { N: 2 ** LN, r: R, p: P, maxmem: MAX_MEMORY }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    ),
  );

/** The one place where passwords are worked on, so that all of them together stay within its bounds. */
export class Passwords {
  readonly #slowly: Derive;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param derive scrypt; what runs for people is never anything else */
  constructor(derive: Derive = slowly) {
    this.#slowly = derive;
  }

  /** @throws DAuthError `RATE_LIMITED` where too many wait */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT);
    const hash = await this.#derive(password, salt);
    return `$scrypt$ln=${LN},r=${R},p=${P}$${base64(salt)}$${base64(hash)}`;
  }

  /**
   * @param stored undefined where there is no such person, which takes as long
   * @throws DAuthError `RATE_LIMITED` where too many wait
   */
  async isRight(password: string, stored: string | undefined): Promise<boolean> {
    const [, salt, hash] = FORM.exec(stored ?? NOBODY) ?? [];
    if (salt === undefined || hash === undefined)
      throw new Error('A stored password has a form that is not known here.');
    const derived = await this.#derive(password, Buffer.from(salt, 'base64'));
    return timingSafeEqual(derived, Buffer.from(hash, 'base64')) && stored !== undefined;
  }

  async #derive(password: string, salt: Uint8Array): Promise<Buffer> {
    if (this.#running < AT_ONCE) this.#running++;
    else await this.#turn();
    try {
      return await this.#slowly(password.normalize('NFKC'), salt);
    } finally {
      // A place is handed on, so that nobody new comes before those who wait.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING)
      throw new DAuthError('RATE_LIMITED', 'Many people sign in at the same moment. Try again in a few seconds.');
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64').replace(/=+$/, '');
}
