/**
 * The executor's key, verified before anything is sealed (spec/dauth.md §7). This is where "no fallback, ever" lives:
 * without a directory signed by a pinned identity there is no `VerifiedExecutor`, and without one `seal` has no argument.
 */
import {
  asDAuthError,
  DAuthError,
  decodeUtf8,
  LIMITS,
  parseDirectory,
  thumbprintInput,
  TYP,
  type DirectoryKey,
  type ExecutorDirectory,
  type IsolationLevel,
} from '@dauth/protocol';
import { readOctets } from './http.ts';
import { verifySelfKeyed } from './jws.ts';
import { sha256 } from './key.ts';

/** Remembers the highest directory `seq` per identity, durably where the caller can. */
export interface SeqStore {
  /**
   * Remembers `seq` where none as high was seen; never lowers. One operation, so that there is no moment between looking
   * and remembering. @returns false where a higher one was seen
   */
  advance(identity: string, seq: number): boolean | Promise<boolean>;
}

/** Remembers only as long as this process lives: good for a page that is opened once, weaker than a file. */
export class MemorySeqStore implements SeqStore {
  readonly #seen = new Map<string, number>();

  advance(identity: string, seq: number): boolean {
    const seen = this.#seen.get(identity) ?? 0;
    if (seq > seen) this.#seen.set(identity, seq);
    return seq >= seen;
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
  if (!(await options.seqStore.advance(identity, directory.seq)))
    throw untrusted('The key directory is older than one seen before.');
  const key = choose(directory, now);
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
  try {
    return decodeUtf8(await readOctets(response, LIMITS.directory));
  } catch (error) {
    if (!(error instanceof DAuthError)) throw untrusted('The key directory could not be fetched.', error);
    throw untrusted(
      error.code === 'PAYLOAD_TOO_LARGE'
        ? 'The key directory is larger than allowed.'
        : 'The key directory is not text.',
      error,
    );
  }
}

async function checkSignature(
  compact: string,
  pins: readonly string[],
): Promise<{ identity: string; directory: ExecutorDirectory }> {
  const { claims, jkt: identity } = await verifySelfKeyed(compact, {
    ...{ typ: TYP.directory, maxLength: LIMITS.directory, code: 'UNTRUSTED_EXECUTOR', what: 'key directory' },
  });
  if (!pins.includes(identity)) throw untrusted('The key directory is signed by an identity that is not pinned.');
  try {
    return { identity, directory: parseDirectory(claims) };
  } catch (error) {
    throw untrusted(`The key directory is not valid. ${asDAuthError(error).publicMessage}`, error);
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
