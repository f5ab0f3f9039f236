/**
 * Where the authority's keys and endpoints are: RFC 8414, and for an issuer that is not DAuth's OpenID discovery after it.
 * Never believes metadata that names another issuer, nor an endpoint over plain http where the issuer itself is not.
 * One fetch at a time, a pause after one that failed, and the last good answer for its window.
 */
import { parseSecureUrl, type JsonObject } from '@dauth/protocol';
import { JwksCache } from '@dauth/verify';
import { ask, readAnswer, unavailable, type Answer, type Deps } from './ask.ts';
import type { Settings } from './config.ts';

/** Pause after a discovery that failed, so that callers in a hurry are no storm on an authority that is down. */
const COOL_DOWN_MS = 1_000;
/** Ages of metadata and keys, in multiples of `cacheTtl`, until which they serve while the authority is away. */
const LAST_GOOD = 3;

export interface Metadata {
  readonly jwks: JwksCache;
  /** A DAuth authority's. */
  readonly tokenEndpoint?: string;
  /** Where introspection is asked for. */
  readonly introspectionEndpoint?: string;
}

export class Discovery {
  readonly #settings: Settings;
  readonly #deps: Deps;
  #good: { readonly metadata: Metadata; readonly at: number } | undefined;
  #running: Promise<Metadata> | undefined;
  #failedAt: number | undefined;
  #keys: { readonly url: string; readonly jwks: JwksCache } | undefined;

  constructor(settings: Settings, deps: Deps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** @throws DAuthError `ENCLAVE_UNAVAILABLE`, `RATE_LIMITED` */
  async read(): Promise<Metadata> {
    const maxAgeMs = this.#settings.cacheTtl * 1_000;
    const fresh = this.#goodUntil(maxAgeMs);
    if (fresh !== undefined) return fresh;
    try {
      return await (this.#running ??= this.#fetch().finally(() => (this.#running = undefined)));
    } catch (error) {
      const lastGood = this.#goodUntil(LAST_GOOD * maxAgeMs);
      if (lastGood !== undefined) return lastGood;
      throw error;
    }
  }

  #goodUntil(ageMs: number): Metadata | undefined {
    const good = this.#good;
    return good !== undefined && this.#deps.monotonic() - good.at <= ageMs ? good.metadata : undefined;
  }

  async #fetch(): Promise<Metadata> {
    if (this.#failedAt !== undefined && this.#deps.monotonic() - this.#failedAt < COOL_DOWN_MS)
      throw unavailable('The authority could not be reached a moment ago. Try again shortly.');
    try {
      const metadata = this.#readMetadata(readAnswer(await this.#find()));
      this.#good = { metadata, at: this.#deps.monotonic() };
      return metadata;
    } catch (error) {
      this.#failedAt = this.#deps.monotonic();
      throw error;
    }
  }

  /** The first document that is there. Only "not there" leads on: a server in trouble is not asked three times over. */
  async #find(): Promise<Answer> {
    const { issuer, isDauth } = this.#settings;
    const [first, ...others] = wellKnown(issuer);
    let answer = await ask(this.#deps, first, {});
    for (const url of isDauth ? [] : others) {
      if (!isAbsent(answer)) return answer;
      answer = await ask(this.#deps, url, {});
    }
    if (!isDauth && isAbsent(answer))
      throw unavailable('The authorization server has no metadata where RFC 8414 and OpenID discovery look for it.');
    return answer;
  }

  #readMetadata(metadata: JsonObject): Metadata {
    const { issuer, isDauth, introspection } = this.#settings;
    // RFC 8414 §3.3: metadata that names another issuer is somebody else's.
    if (metadata.issuer !== issuer) throw unavailable('The authority describes itself as another issuer.');
    const endpoint = (value: unknown): string => readEndpoint(value, issuer);
    return {
      jwks: this.#jwksAt(endpoint(metadata.jwks_uri)),
      ...(isDauth ? { tokenEndpoint: endpoint(metadata.token_endpoint) } : {}),
      ...(introspection ? { introspectionEndpoint: endpoint(metadata.introspection_endpoint) } : {}),
    };
  }

  /** The keys stay where they are while their address does: what was fetched once is not forgotten with the metadata. */
  #jwksAt(url: string): JwksCache {
    if (this.#keys?.url === url) return this.#keys.jwks;
    const { cacheTtl, isDauth } = this.#settings;
    const maxAgeMs = cacheTtl * 1_000;
    const jwks = new JwksCache({
      ...{ url, fetch: this.#deps.fetch, now: this.#deps.monotonic, rsa: !isDauth },
      ...{ maxAgeMs, lastGoodMs: LAST_GOOD * maxAgeMs },
    });
    this.#keys = { url, jwks };
    return jwks;
  }
}

/**
 * RFC 8414 §3.1: between host and path, a last slash left out; then OpenID discovery so, and with the path in front
 * (RFC 8414 §5, OpenID Connect Discovery §4.1).
 */
function wellKnown(issuer: string): readonly [string, ...string[]] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const openid = `${origin}/.well-known/openid-configuration${path}`;
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    openid,
    ...(path === '' ? [] : [`${origin}${path}/.well-known/openid-configuration`]),
  ];
}

/** Any 4xx but "too often": some servers forbid what they do not have. */
function isAbsent({ status }: Answer): boolean {
  return status >= 400 && status < 500 && status !== 429;
}

/** Where a token goes, or keys come from, is https like the issuer itself: a loopback address would be another machine's. */
function readEndpoint(value: unknown, issuer: string): string {
  try {
    const url = parseSecureUrl(value);
    if (url.startsWith('https:') || issuer.startsWith('http:')) return url;
  } catch (cause) {
    throw unusable(cause);
  }
  throw unusable();
}

function unusable(cause?: unknown): Error {
  return unavailable('The authority describes itself in a way that cannot be used.', cause);
}
