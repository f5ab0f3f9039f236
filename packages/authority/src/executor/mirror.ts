/**
 * The executor's key directory, fetched, checked against the pinned identity and passed on octet by octet.
 * Never the origin of trust: clients check the same signature against their own pin, not against this copy.
 */
import { DAuthError, LIMITS, parseDirectory, TYP, type ExecutorDirectory } from '@dauth/protocol';
import { verifyEmbeddedJws } from '@dauth/verify';

/** How long a directory is passed on, and how long a failure is, in seconds: nobody can make this room hammer the executor. */
const MAX_AGE = 30;
const COOL_DOWN = 1;
const TIMEOUT_MS = 3_000;

export interface MirrorOptions {
  /** The executor's base URL, and the `resource` its directory must name. */
  readonly resource: string;
  /** Thumbprint of the executor's identity key. */
  readonly identity: string;
  readonly fetch: typeof fetch;
  /** Unix seconds. */
  readonly now: () => number;
}

interface Held {
  readonly compact: string;
  readonly directory: ExecutorDirectory;
}

export class DirectoryMirror {
  readonly #options: MirrorOptions;
  #held: (Held & { readonly at: number }) | undefined;
  #fetching: Promise<Held> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** The signed directory as the executor wrote it. @throws DAuthError `ENCLAVE_UNAVAILABLE` */
  async compact(): Promise<string> {
    return (await this.#current()).compact;
  }

  /** @throws DAuthError `ENCLAVE_UNAVAILABLE` */
  async directory(): Promise<ExecutorDirectory> {
    return (await this.#current()).directory;
  }

  async #current(): Promise<Held> {
    const now = this.#options.now();
    const held = this.#held;
    if (held !== undefined && now >= held.at && now - held.at < MAX_AGE && held.directory.exp > now) return held;
    if (this.#fetching === undefined && now >= this.#failedAt && now - this.#failedAt < COOL_DOWN) throw unavailable();
    this.#fetching ??= this.#refresh().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #refresh(): Promise<Held> {
    const { identity, resource, now } = this.#options;
    try {
      const compact = await this.#fetch();
      const { claims, jkt } = verifyEmbeddedJws(compact, { typ: TYP.directory, maxLength: LIMITS.directory });
      const directory = parseDirectory(claims);
      const time = now();
      if (jkt !== identity || directory.resource !== resource) throw new Error('not the pinned executor');
      if (directory.exp <= time || directory.iat > time + LIMITS.clockLeewaySeconds) throw new Error('not valid now');
      // A recorded older directory could bring back a key that was given up.
      if (directory.seq < (this.#held?.directory.seq ?? 0)) throw new Error('older than the one before');
      this.#held = { compact, directory, at: time };
      return this.#held;
    } catch (cause) {
      this.#failedAt = now();
      throw unavailable(cause);
    }
  }

  async #fetch(): Promise<string> {
    const { resource, fetch } = this.#options;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${resource}/.well-known/dauth-executor`, { redirect: 'error', signal });
    if (response.status !== 200 || response.body === null) throw new Error('no directory');
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('latin1');
      if (text.length > LIMITS.directory) throw new Error('directory too large');
    }
    return text;
  }
}

function unavailable(cause?: unknown): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', 'The executor does not show a valid key directory.', { cause });
}
