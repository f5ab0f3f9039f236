/**
 * Asks the authority whether a token is still good (RFC 7662), in this server's own name.
 * Never lets a token in because nobody answered; never believes an answer for longer than a second.
 */
import { DAuthError } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { ask, readAnswer, unavailable, type Deps } from './ask.ts';
import type { Discovery } from './discovery.ts';
import { ASSERTION_TYPE, signAssertion } from './key.ts';
import type { ServerClient } from './members.ts';

/** How long one question is the answer for all calls with its token, in milliseconds, from when it was asked. */
const SHARED_MS = 1_000;
/** Tokens remembered at once. */
const MAX_REMEMBERED = 10_000;

export class Introspection {
  readonly #issuer: string;
  readonly #server: ServerClient;
  readonly #discovery: Discovery;
  readonly #deps: Deps;
  readonly #asked = new Map<string, { readonly at: number; readonly active: Promise<void> }>();

  constructor(parts: { issuer: string; server: ServerClient; discovery: Discovery; deps: Deps }) {
    this.#issuer = parts.issuer;
    this.#server = parts.server;
    this.#discovery = parts.discovery;
    this.#deps = parts.deps;
  }

  /**
   * @throws DAuthError `UNAUTHENTICATED` where the authority says that the token is not active; `ENCLAVE_UNAVAILABLE` or
   * `RATE_LIMITED` where it does not say
   */
  assertActive(token: string): Promise<void> {
    const id = sha256Base64url(token);
    const at = this.#deps.monotonic();
    const known = this.#asked.get(id);
    if (known !== undefined && at - known.at < SHARED_MS) return known.active;
    const entry = { at, active: this.#ask(token) };
    // Only "yes" is remembered, and only by whoever still asks the same question.
    entry.active.catch(() => {
      if (this.#asked.get(id) === entry) this.#asked.delete(id);
    });
    this.#asked.delete(id);
    this.#asked.set(id, entry);
    if (this.#asked.size > MAX_REMEMBERED) this.#asked.delete(this.#asked.keys().next().value!);
    return entry.active;
  }

  async #ask(token: string): Promise<void> {
    const { introspectionEndpoint } = await this.#discovery.read();
    const body = new URLSearchParams({
      token,
      token_type_hint: 'access_token',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: signAssertion(this.#server, this.#server.clientId, this.#issuer, this.#deps.now()),
    });
    const headers = { accept: 'application/json' };
    const answer = await ask(this.#deps, introspectionEndpoint!, { method: 'POST', headers, body });
    const { active } = readAnswer(answer, unavailable('The authority does not let this server ask about tokens.'));
    if (active === false) throw new DAuthError('UNAUTHENTICATED', 'The access token is not active any more.');
    if (active !== true) throw unavailable('The authority did not say whether the token is active.');
  }
}
