/**
 * The executor's key, verified before anything is sealed (spec/dauth.md §7). This is where "no fallback, ever" lives:
 * without a directory signed by a pinned identity there is no `VerifiedExecutor`, and without one `seal` has no argument.
 */
import {
  DAuthError,
  LIMITS,
  parseClaims,
  parseDirectory,
  parsePublicJwk,
  splitJws,
  thumbprintInput,
  TYP,
  type DirectoryKey,
  type ExecutorDirectory,
  type IsolationLevel,
} from '@dauth/protocol';
import { compactVerify, importJWK } from 'jose';
import { sha256 } from './key.ts';

/** Remembers the highest directory `seq` per identity, durably where the caller can. */
export interface SeqStore {
  get(identity: string): number | undefined | Promise<number | undefined>;
  set(identity: string, seq: number): void | Promise<void>;
}

/** Remembers only as long as this process lives: good for a page that is opened once, weaker than a file. */
export class MemorySeqStore implements SeqStore {
  readonly #seen = new Map<string, number>();

  get(identity: string): number | undefined {
    return this.#seen.get(identity);
  }

  set(identity: string, seq: number): void {
    this.#seen.set(identity, seq);
  }
}

export interface FetchExecutorOptions {
  /** Where the directory is: the executor's base URL, or the authority that mirrors it. */
  readonly url: string;
  /** Identity thumbprints the caller was told to accept, from somewhere other than the authority. At least one. */
  readonly identities: readonly string[];
  readonly seqStore: SeqStore;
  readonly fetch?: typeof fetch;
  /** Unix seconds. Default: this device's clock. */
  readonly now?: () => number;
}

/** An executor whose directory was signed by a pinned identity. Only `fetchExecutor` makes one. */
export interface VerifiedExecutor {
  readonly identity: string;
  readonly resource: string;
  readonly level: IsolationLevel;
  readonly key: DirectoryKey;
}

const verified = new WeakSet<object>();
const TIMEOUT_MS = 10_000;
/** HPKE-3 first (spec/dauth.md §2): the others are what special keys need. */
const PREFERENCE = ['HPKE-3', 'HPKE-7', 'HPKE-4', 'HPKE-0'] as const;

/**
 * Fetches and verifies the executor's key.
 * @throws DAuthError `UNTRUSTED_EXECUTOR` with the reason; nothing was sealed or sent
 * @example
 * const executor = await fetchExecutor({ url: 'https://executor.example', identities: [pin], seqStore });
 */
export async function fetchExecutor(options: FetchExecutorOptions): Promise<VerifiedExecutor> {
  const now = (options.now ?? (() => Math.floor(Date.now() / 1_000)))();
  if (options.identities.length === 0)
    throw untrusted('No executor identity is pinned. Ask the operator for its thumbprint.');
  const compact = await download(options);
  const { identity, directory } = await checkSignature(compact, options.identities);
  if (directory.iat > now + LIMITS.clockLeewaySeconds)
    throw untrusted("The key directory is dated in the future; check this device's clock.");
  if (directory.exp <= now) throw untrusted('The key directory has expired.');
  for (const key of directory.keys) {
    if ((await sha256(thumbprintInput(key.jwk))) !== key.kid)
      throw untrusted('A key in the directory does not have the id it is listed under.');
  }
  const seen = await options.seqStore.get(identity);
  if (seen !== undefined && directory.seq < seen) throw untrusted('The key directory is older than one seen before.');
  const key = choose(directory, now);
  await options.seqStore.set(identity, directory.seq);
  const executor = Object.freeze({ identity, resource: directory.resource, level: directory.evidence.level, key });
  verified.add(executor);
  return executor;
}

/** Refuses anything but the very object `fetchExecutor` returned. @throws DAuthError `UNTRUSTED_EXECUTOR` */
export function assertVerified(executor: VerifiedExecutor): void {
  if (!verified.has(executor))
    throw untrusted('The executor key was not verified. Use the value that fetchExecutor returned.');
}

async function download(options: FetchExecutorOptions): Promise<string> {
  const request = options.fetch ?? globalThis.fetch;
  let response: Response;
  try {
    response = await request(`${options.url}/.well-known/dauth-executor`, {
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw untrusted('The key directory could not be fetched.', cause);
  }
  if (response.status !== 200) throw untrusted('The key directory could not be fetched.');
  const reader = response.body?.getReader();
  let text = '';
  for (;;) {
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) return text;
    for (const octet of chunk.value) text += String.fromCharCode(octet);
    if (text.length > LIMITS.directory) {
      await reader?.cancel();
      throw untrusted('The key directory is larger than allowed.');
    }
  }
}

async function checkSignature(
  compact: string,
  pins: readonly string[],
): Promise<{ identity: string; directory: ExecutorDirectory }> {
  try {
    // Strict form first: jose alone would take other spellings of base64url.
    const { header, payload } = splitJws(compact, LIMITS.directory);
    const extra = Object.keys(header).some((name) => !['typ', 'alg', 'jwk', 'kid'].includes(name));
    if (header.typ !== TYP.directory || extra) throw untrusted('What was fetched is not a key directory.');
    const jwk = parsePublicJwk(header.jwk);
    const alg = jwk.crv === 'P-256' ? 'ES256' : jwk.crv === 'Ed25519' ? 'EdDSA' : undefined;
    if (alg === undefined || (header.alg !== alg && !(alg === 'EdDSA' && header.alg === 'Ed25519'))) {
      throw untrusted('The key directory is signed with an algorithm that is not known here.');
    }
    const identity = await sha256(thumbprintInput(jwk));
    if (!pins.includes(identity)) throw untrusted('The key directory is signed by an identity that is not pinned.');
    await compactVerify(compact, await importJWK({ ...jwk }, String(header.alg)), { algorithms: [String(header.alg)] });
    return { identity, directory: parseDirectory(parseClaims(payload, LIMITS.directory)) };
  } catch (error) {
    if (error instanceof DAuthError && error.code === 'UNTRUSTED_EXECUTOR') throw error;
    if (error instanceof DAuthError) throw untrusted(`The key directory is not valid. ${error.publicMessage}`, error);
    throw untrusted('The signature of the key directory is wrong.', error);
  }
}

function choose(directory: ExecutorDirectory, now: number): DirectoryKey {
  const usable = directory.keys.filter((key) => key.nbf <= now && now < key.exp);
  for (const alg of PREFERENCE) {
    const key = usable.find((each) => each.alg === alg);
    if (key !== undefined) return key;
  }
  throw untrusted('The key directory has no key that is valid now.');
}

function untrusted(detail: string, cause?: unknown): DAuthError {
  return new DAuthError('UNTRUSTED_EXECUTOR', detail, { cause });
}
