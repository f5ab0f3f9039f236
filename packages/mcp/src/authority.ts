/** What this server asks of its authority: metadata whose issuer is the configured one, signing keys, token exchange. */
import {
  DAuthError,
  isObject,
  LIMITS,
  parseJson,
  parseSecureUrl,
  type ConnectionDetail,
  type JsonObject,
} from '@dauth/protocol';
import { JwksCache, readText, sha256Base64url } from '@dauth/verify';
import type { Settings } from './config.ts';
import { signAssertion, signProof } from './key.ts';

const TIMEOUT_MS = 5_000;
/** Octets of one answer. */
const MAX_ANSWER = 131_072;
/** Pause after a discovery that failed, so that callers in a hurry are no storm on an authority that is down. */
const COOL_DOWN_MS = 1_000;
/** RFC 6750 §2.1 b64token: what can stand in a header. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** Dispatch tokens kept at once. */
const MAX_HELD = 1_000;
/** A held dispatch token is left alone this long before its end, in seconds. */
const MARGIN = 10;

export interface Deps {
  readonly fetch: typeof fetch;
  /** Unix seconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

interface Metadata {
  readonly tokenEndpoint: string;
  readonly jwks: JwksCache;
}

export class AuthorityClient {
  readonly #settings: Settings;
  readonly #deps: Deps;
  readonly #held = new Map<string, { token: Promise<string>; exp: number }>();
  #metadata: Promise<Metadata> | undefined;
  #failedAt: number | undefined;

  constructor(settings: Settings, deps: Deps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  async jwks(): Promise<JwksCache> {
    return (await this.#discover()).jwks;
  }

  /**
   * A dispatch token for one caller's token (RFC 8693, spec/dauth.md §4). Kept until shortly before it ends; concurrent
   * callers share one exchange.
   */
  dispatchToken(accessToken: string, subjectDpop: string): Promise<string> {
    const now = this.#deps.now();
    const id = sha256Base64url(accessToken);
    const held = this.#held.get(id);
    if (held !== undefined && held.exp - MARGIN > now) return held.token;
    const entry = { token: Promise.resolve(''), exp: Number.MAX_SAFE_INTEGER };
    entry.token = this.#exchange(accessToken, subjectDpop).then(
      ({ token, life }) => {
        entry.exp = this.#deps.now() + life;
        return token;
      },
      (error: unknown) => {
        this.#held.delete(id);
        throw error;
      },
    );
    this.#held.delete(id);
    this.#held.set(id, entry);
    if (this.#held.size > MAX_HELD) this.#held.delete(this.#held.keys().next().value!);
    return entry.token;
  }

  async #exchange(accessToken: string, subjectDpop: string): Promise<{ token: string; life: number }> {
    const { server, issuer, executor } = this.#settings;
    const { tokenEndpoint } = await this.#discover();
    const now = this.#deps.now();
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: signAssertion(server, server.clientId, issuer, now),
      subject_token: accessToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_dpop: subjectDpop,
      resource: executor,
    });
    const headers = { dpop: signProof(server, { htm: 'POST', htu: tokenEndpoint }, now) };
    return readDispatchToken(await this.#json(tokenEndpoint, { method: 'POST', headers, body }));
  }

  #discover(): Promise<Metadata> {
    if (this.#metadata !== undefined) return this.#metadata;
    if (this.#failedAt !== undefined && this.#deps.monotonic() - this.#failedAt < COOL_DOWN_MS)
      return Promise.reject(unavailable('The authority could not be reached a moment ago. Try again shortly.'));
    this.#metadata = this.#fetchMetadata().catch((error: unknown) => {
      this.#metadata = undefined;
      this.#failedAt = this.#deps.monotonic();
      throw error;
    });
    return this.#metadata;
  }

  async #fetchMetadata(): Promise<Metadata> {
    const { issuer, cacheTtl } = this.#settings;
    const metadata = await this.#json(`${issuer}/.well-known/oauth-authorization-server`, {});
    // RFC 8414 §3.3: metadata that names another issuer is somebody else's.
    if (metadata.issuer !== issuer) throw unavailable('The authority describes itself as another issuer.');
    const maxAgeMs = cacheTtl * 1_000;
    const jwks = new JwksCache({
      url: readEndpoint(metadata.jwks_uri),
      fetch: this.#deps.fetch,
      now: this.#deps.monotonic,
      maxAgeMs,
      lastGoodMs: 3 * maxAgeMs,
    });
    return { tokenEndpoint: readEndpoint(metadata.token_endpoint), jwks };
  }

  /** A refusal is the authority's word; what cannot be read is nobody's, and so never the caller's mistake. */
  async #json(url: string, init: RequestInit): Promise<JsonObject> {
    let body: unknown;
    let status: number;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await this.#deps.fetch(url, { ...init, redirect: 'error', signal });
      status = response.status;
      body = parseJson(await readText(response, MAX_ANSWER), MAX_ANSWER);
    } catch (cause) {
      throw unavailable('The authority could not be reached. Try again shortly.', cause);
    }
    if (status === 429)
      throw new DAuthError('RATE_LIMITED', 'The authority limits the rate of requests. Try again later.');
    if (init.method === 'POST' && status >= 400 && status < 500)
      throw new DAuthError('FORBIDDEN', 'The authority refused to let this server act for the caller.');
    if (status !== 200 || !isObject(body)) throw unavailable('The authority gave no usable answer. Try again shortly.');
    return body;
  }
}

function readDispatchToken(answer: JsonObject): { token: string; life: number } {
  const { access_token: token, expires_in: life, token_type: type } = answer;
  const isToken = typeof token === 'string' && token.length <= LIMITS.token && TOKEN.test(token) && type === 'DPoP';
  if (!isToken || typeof life !== 'number' || !(life > 0 && life <= LIMITS.dispatchTokenSeconds))
    throw unavailable('The authority gave no usable dispatch token.');
  return { token, life };
}

/** Where a token goes, or keys come from, is https like the issuer itself. */
function readEndpoint(value: unknown): string {
  try {
    return parseSecureUrl(value);
  } catch (cause) {
    throw unavailable('The authority describes itself in a way that cannot be used.', cause);
  }
}

function unavailable(sentence: string, cause?: unknown): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', sentence, { cause });
}

/** Names → details of a token, in its order. */
export function detailsByName(details: readonly ConnectionDetail[]): ReadonlyMap<string, readonly ConnectionDetail[]> {
  const names = new Map<string, ConnectionDetail[]>();
  for (const detail of details) {
    const name = detail.name ?? detail.identifier;
    names.set(name, [...(names.get(name) ?? []), detail]);
  }
  return names;
}
