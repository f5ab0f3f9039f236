/**
 * The executor's key directory, fetched, checked against the pinned identity and passed on octet by octet.
 * Never the origin of trust: clients check the same signature against their own pin, not against this copy.
 */
import { DAuthError, LIMITS, parseDirectory, TYP, type ExecutorDirectory } from '@dauth/protocol';
import { verifyEmbeddedJws } from '@dauth/verify';

const MAX_AGE = 30;
const TIMEOUT_MS = 3_000;

export interface MirrorOptions {
  readonly resource: string;
  readonly identity: string;
  readonly fetch: typeof fetch;
  /** Unix seconds. */
  readonly now: () => number;
}

export class DirectoryMirror {
  readonly #options: MirrorOptions;
  #held: { compact: string; directory: ExecutorDirectory; at: number } | undefined;

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

  async #current(): Promise<{ compact: string; directory: ExecutorDirectory }> {
    const now = this.#options.now();
    if (this.#held !== undefined && now - this.#held.at < MAX_AGE) return this.#held;
    try {
      const compact = await this.#fetch();
      const { claims, jkt } = verifyEmbeddedJws(compact, { typ: TYP.directory, maxLength: LIMITS.directory });
      const directory = parseDirectory(claims);
      if (jkt !== this.#options.identity || directory.exp <= now) throw new Error('not the pinned executor');
      this.#held = { compact, directory, at: now };
      return this.#held;
    } catch (cause) {
      throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The executor does not show a valid key directory.', { cause });
    }
  }

  async #fetch(): Promise<string> {
    const { resource, fetch } = this.#options;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${resource}/.well-known/dauth-executor`, { redirect: 'error', signal });
    if (!response.ok) throw new Error('no directory');
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString('latin1');
      if (text.length > LIMITS.directory) throw new Error('directory too large');
    }
    return text;
  }
}
