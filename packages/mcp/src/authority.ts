/** What this server asks of its authority: metadata whose issuer is the configured one, signing keys, token exchange. */
import { DAuthError, isObject, LIMITS, parseJson, parseResource, type ConnectionDetail } from '@dauth/protocol';
import { JwksCache, sha256Base64url } from '@dauth/verify';
import type { Settings } from './config.ts';
import { signAssertion, signProof } from './key.ts';

const TIMEOUT_MS = 5_000;
/** Dispatch tokens kept at once. */
const MAX_HELD = 1_000;
/** A held dispatch token is left alone this long before its end, in seconds. */
const MARGIN = 10;

export interface Deps {
  readonly fetch: typeof fetch;
  /** Unix seconds. */
  readonly now: () => number;
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
    const answer = await this.#json(tokenEndpoint, { method: 'POST', headers, body });
    if (
      typeof answer.access_token !== 'string' ||
      typeof answer.expires_in !== 'number' ||
      answer.token_type !== 'DPoP'
    ) {
      throw new DAuthError('FORBIDDEN', 'The authority gave no dispatch token for this call.');
    }
    return { token: answer.access_token, life: answer.expires_in };
  }

  #discover(): Promise<Metadata> {
    const { issuer, cacheTtl } = this.#settings;
    this.#metadata ??= this.#json(`${issuer}/.well-known/oauth-authorization-server`, {}).then((metadata) => {
      // RFC 8414 §3.3: metadata that names another issuer is somebody else's.
      if (metadata.issuer !== issuer)
        throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The authority describes itself as another issuer.');
      const url = parseResource(metadata.jwks_uri);
      const maxAgeMs = cacheTtl * 1_000;
      const jwks = new JwksCache({
        url,
        fetch: this.#deps.fetch,
        now: () => performance.now(),
        maxAgeMs,
        lastGoodMs: 3 * maxAgeMs,
      });
      return { tokenEndpoint: parseResource(metadata.token_endpoint), jwks };
    });
    this.#metadata.catch(() => (this.#metadata = undefined));
    return this.#metadata;
  }

  async #json(url: string, init: RequestInit): Promise<Record<string, unknown>> {
    let text: string;
    let ok: boolean;
    try {
      const response = await this.#deps.fetch(url, {
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      ok = response.ok;
      text = await response.text();
    } catch (cause) {
      throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The authority could not be reached. Try again shortly.', { cause });
    }
    const body = parseJson(text, LIMITS.jsonBody);
    if (!ok || !isObject(body))
      throw new DAuthError('FORBIDDEN', 'The authority refused to let this server act for the caller.');
    return body;
  }
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
