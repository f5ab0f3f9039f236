/**
 * The authority's published signing keys (RFC 7517 §5), fetched and remembered.
 * Never fetches because a caller asks often: one fetch at a time, a pause between fetches, a bound on age, size and time, and
 * no redirects, so a stranger's tokens cannot turn this into traffic, and an outage of seconds is not one of ours.
 */
import { DAuthError, isObject, parseJson, splitJws, type JsonObject } from '@dauth/protocol';
import { importKey, type VerifyKey } from './key.ts';
import { importRsaKey } from './rsa.ts';
import { fetchJson, type FetchLike } from './fetch-json.ts';
import { parsing, refuseSubject, type Subject } from './refuse.ts';
import { ReadTokens } from './read-tokens.ts';
import { VerifiedSignatures } from './verified.ts';

export interface JwksCacheOptions {
  /** The authority's `jwks_uri`, from configuration. */
  readonly url: string;
  readonly fetch: FetchLike;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Age after which keys are fetched again, in milliseconds. Default 5 minutes. */
  readonly maxAgeMs?: number;
  /** Age until which the last good keys serve while fetching fails, in milliseconds. Default 15 minutes. */
  readonly lastGoodMs?: number;
  /** Pause after each fetch, good or bad, in milliseconds. Default 5 seconds. */
  readonly coolDownMs?: number;
  /** Time for one fetch with its body, in milliseconds. Default 3 seconds. */
  readonly timeoutMs?: number;
  /** Whether RSA keys count: for an authority that is not DAuth's. Default false. */
  readonly rsa?: boolean;
}

const MAX_OCTETS = 65_536;
const MAX_KEYS = 64;

interface KeySet {
  readonly keys: ReadonlyMap<string, VerifyKey>;
  readonly fetchedAt: number;
}

const TOKEN: Subject = { what: 'The token', refusal: 'UNAUTHENTICATED' };

export class JwksCache {
  /** Signatures by these keys that verified. */
  readonly verified = new VerifiedSignatures();
  /** What tokens say that verified by these keys. */
  readonly read = new ReadTokens();
  readonly #options: Required<JwksCacheOptions>;
  #good: KeySet | undefined;
  #triedAt: number | undefined;
  #running: Promise<void> | undefined;

  constructor(options: JwksCacheOptions) {
    const times = { maxAgeMs: 300_000, lastGoodMs: 900_000, coolDownMs: 5_000, timeoutMs: 3_000 };
    this.#options = { ...times, rsa: false, ...options };
    const { maxAgeMs, lastGoodMs } = this.#options;
    if (!URL.canParse(options.url)) throw new TypeError('url must be an absolute URL');
    if (lastGoodMs < maxAgeMs) throw new TypeError('lastGoodMs must not be less than maxAgeMs');
  }

  /**
   * Finds a key by id. Fetches where the keys are old or the id is unknown, at most once per cool-down.
   * @throws DAuthError `UNAUTHENTICATED` for an id that is not published; `ENCLAVE_UNAVAILABLE` where no keys can be had
   */
  async resolve(kid: string | undefined, alg: string, subject: Subject = TOKEN): Promise<VerifyKey> {
    if (kid === undefined) refuseSubject(subject, 'names no key (kid).');
    let set = this.#usable(this.#options.maxAgeMs);
    if (set?.keys.get(kid) === undefined) {
      await this.#refresh();
      set = this.#usable(this.#options.lastGoodMs);
    }
    if (set === undefined)
      throw new DAuthError('ENCLAVE_UNAVAILABLE', "The authority's signing keys cannot be fetched. Try again shortly.");
    const key = set.keys.get(kid);
    if (key === undefined) refuseSubject(subject, 'is signed by a key that is not published by its issuer.');
    if (!key.algs.includes(alg)) refuseSubject(subject, 'names an algorithm that is not the one of its key.');
    return key;
  }

  /** Finds the key that a compact JWS names in its (unverified) header. */
  async resolveFor(compact: string, maxLength: number, subject: Subject = TOKEN): Promise<VerifyKey> {
    return this.resolveNamed(parsing(subject, () => splitJws(compact, maxLength)).header, subject);
  }

  /** Finds the key that a header names. */
  async resolveNamed({ kid, alg }: JsonObject, subject: Subject = TOKEN): Promise<VerifyKey> {
    if (typeof kid !== 'string' || typeof alg !== 'string')
      return refuseSubject(subject, 'names no key (kid) or algorithm (alg).');
    return this.resolve(kid, alg, subject);
  }

  #usable(age: number): KeySet | undefined {
    return this.#good !== undefined && this.#options.now() - this.#good.fetchedAt <= age ? this.#good : undefined;
  }

  /** Fetches, waits for the fetch that runs, or does nothing inside the cool-down. Never throws: the old keys stay. */
  async #refresh(): Promise<void> {
    this.#running ??= this.#isCoolingDown() ? undefined : this.#fetch().finally(() => (this.#running = undefined));
    await this.#running;
  }

  #isCoolingDown(): boolean {
    return this.#triedAt !== undefined && this.#options.now() - this.#triedAt < this.#options.coolDownMs;
  }

  async #fetch(): Promise<void> {
    const { url, fetch, timeoutMs, now, rsa } = this.#options;
    try {
      const text = await fetchJson(fetch, url, { maxOctets: MAX_OCTETS, timeoutMs });
      this.#good = { keys: parseKeySet(text, rsa), fetchedAt: now() };
    } catch {
      // Whatever it was, the answer is the same: the last good keys for their window, then a refusal that says so.
    } finally {
      this.#triedAt = now();
    }
  }
}

/** Reads the text of a key set. @throws DAuthError `INVALID_REQUEST` */
export function parseKeySet(text: string, rsa = false): ReadonlyMap<string, VerifyKey> {
  return readKeySet(parseJson(text, MAX_OCTETS), rsa);
}

/**
 * Reads a key set. Keys of other kinds are passed over (RFC 7517 §5), private or symmetric ones and doubled ids refuse the set:
 * an issuer that publishes those is not to be trusted with the next token.
 * @param rsa whether RSA keys count: for an issuer that is not DAuth's
 * @throws DAuthError `INVALID_REQUEST`
 */
export function readKeySet(set: unknown, rsa: boolean): ReadonlyMap<string, VerifyKey> {
  if (!isObject(set) || !Array.isArray(set.keys) || set.keys.length > MAX_KEYS) throw malformed();
  const keys = new Map<string, VerifyKey>();
  for (const value of set.keys as readonly unknown[]) {
    if (!isObject(value) || ['d', 'k', 'p', 'q', 'priv'].some((name) => Object.hasOwn(value, name))) throw malformed();
    const key = tryImport(value, rsa);
    if (key === undefined || typeof value.kid !== 'string') continue;
    if (keys.has(value.kid)) throw malformed();
    keys.set(value.kid, key);
  }
  return keys;
}

function tryImport(value: JsonObject, rsa: boolean): VerifyKey | undefined {
  try {
    return rsa && value.kty === 'RSA' ? importRsaKey(value) : importKey(value);
  } catch (error) {
    if (error instanceof DAuthError) return undefined;
    throw error;
  }
}

function malformed(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A key set is not well-formed.');
}
