/** What this server asks of its authority: signing keys, whether a token is still good, token exchange. */
import { DAuthError, LIMITS, type ConnectionDetail, type JsonObject } from '@dauth/protocol';
import { sha256Base64url, type JwksCache } from '@dauth/verify';
import { ask, readAnswer, unavailable, type Deps } from './ask.ts';
import type { Settings } from './config.ts';
import { Discovery } from './discovery.ts';
import { Introspection } from './introspection.ts';
import { ASSERTION_TYPE, signAssertion, signProof } from './key.ts';
import type { ServerClient } from './members.ts';

/** RFC 6750 §2.1 b64token: what can stand in a header. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** Dispatch tokens kept at once. */
const MAX_HELD = 1_000;
/** A held dispatch token is left alone this long before its end, in seconds. */
const MARGIN = 10;

/** Whom a dispatch token is for, and who asks for it: of a DAuth authority only. */
export interface Executor {
  readonly url: string;
  readonly server: ServerClient;
}

export class AuthorityClient {
  readonly #issuer: string;
  readonly #deps: Deps;
  readonly #discovery: Discovery;
  readonly #introspection: Introspection | undefined;
  readonly #held = new Map<string, { token: Promise<string>; exp: number }>();

  constructor(settings: Settings, deps: Deps) {
    const { issuer, server } = settings;
    this.#issuer = issuer;
    this.#deps = deps;
    this.#discovery = new Discovery(settings, deps);
    this.#introspection =
      settings.introspection && server !== undefined
        ? new Introspection({ issuer, server, discovery: this.#discovery, deps })
        : undefined;
  }

  async jwks(): Promise<JwksCache> {
    return (await this.#discovery.read()).jwks;
  }

  /** Asks about the token where the configuration says so. @throws DAuthError as `Introspection` */
  async assertActive(token: string): Promise<void> {
    await this.#introspection?.assertActive(token);
  }

  /**
   * A dispatch token for one caller's token (RFC 8693, spec/dauth.md §4). Kept until shortly before it ends; concurrent
   * callers share one exchange.
   * @param subjectDpop the proof that came with the call; undefined where the token is bound to no key
   * @param least seconds that a kept one still has to live
   */
  dispatchToken(
    executor: Executor,
    accessToken: string,
    subjectDpop: string | undefined,
    least = MARGIN,
  ): Promise<string> {
    const now = this.#deps.now();
    const id = sha256Base64url(accessToken);
    const held = this.#held.get(id);
    if (held !== undefined && held.exp - least > now) return held.token;
    const entry = { token: Promise.resolve(''), exp: Number.MAX_SAFE_INTEGER };
    entry.token = this.#exchange(executor, accessToken, subjectDpop).then(
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

  async #exchange(
    { url, server }: Executor,
    accessToken: string,
    subjectDpop: string | undefined,
  ): Promise<{ token: string; life: number }> {
    const { tokenEndpoint } = await this.#discovery.read();
    const now = this.#deps.now();
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: signAssertion(server, server.clientId, this.#issuer, now),
      subject_token: accessToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      ...(subjectDpop === undefined ? {} : { subject_dpop: subjectDpop }),
      resource: url,
    });
    const headers = { dpop: signProof(server, { htm: 'POST', htu: tokenEndpoint! }, now) };
    const answer = await ask(this.#deps, tokenEndpoint!, { method: 'POST', headers, body });
    const refused = new DAuthError('FORBIDDEN', 'The authority refused to let this server act for the caller.');
    return readDispatchToken(readAnswer(answer, refused));
  }
}

function readDispatchToken(answer: JsonObject): { token: string; life: number } {
  const { access_token: token, expires_in: life, token_type: type } = answer;
  const isToken = typeof token === 'string' && token.length <= LIMITS.token && TOKEN.test(token) && type === 'DPoP';
  if (!isToken || typeof life !== 'number' || !(life > 0 && life <= LIMITS.dispatchTokenSeconds))
    throw unavailable('The authority gave no usable dispatch token.');
  return { token, life };
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
