/**
 * The gate in front of an MCP server: metadata, authentication, scopes, then the SDK's handler (spec/dauth.md §4, §8).
 * Never lets a request through that it could not check.
 */
import { asDAuthError, DAuthError } from '@dauth/protocol';
import { MemoryReplayStore, type ReplayStore } from '@dauth/verify';
import type { Deps } from './ask.ts';
import { authenticate } from './authenticate.ts';
import { AuthorityClient } from './authority.ts';
import { readBody } from './body.ts';
import { challenge, challengeValue, refusal } from './challenge.ts';
import { checkConfig, type AuthorizationConfig, type Settings } from './config.ts';
import { filterAnswer } from './filter.ts';
import type { NonceSource } from './nonce.ts';
import { readAgain } from './read-again.ts';
import { neededScopes } from './scopes.ts';
import type { AuthInfo } from './session.ts';

/** The SDK's handler, by shape. */
export interface FetchHandler {
  fetch(request: Request, options?: { authInfo?: AuthInfo; parsedBody?: unknown }): Promise<Response>;
}

export interface ProtectDeps {
  readonly fetch?: typeof fetch;
  /** Unix seconds. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic?: () => number;
  /**
   * Shared by all processes behind one resource URI; required where there is more than one. Default: in memory, for one
   * process, which then takes no proof older than itself.
   */
  readonly replay?: ReplayStore;
  /** Makes proofs carry a nonce of this server (RFC 9449 §9). Default: they need none. */
  readonly nonces?: NonceSource;
  /** Told once, at the start, what a configuration gives away. Default: a warning of the process. */
  readonly warn?: (sentence: string) => void;
}

const UNBOUND =
  '"requireDpop" is false: this server also takes tokens that are bound to no key. Whoever gets hold of one can use it until it ends.';

export interface Protection {
  /** Checks a request: who calls, or the answer to send instead. */
  gate(request: Request): Promise<AuthInfo | Response>;
  /** Puts the gate, scopes and metadata in front of an MCP handler. */
  handler(inner: FetchHandler): { readonly fetch: (request: Request) => Promise<Response> };
  /** The RFC 9728 document. */
  readonly metadata: object;
}

/**
 * Protects an MCP server.
 * @throws TypeError with a sentence per contradiction in the configuration
 * @example
 * const { fetch } = protect(config).handler(createMcpHandler(createServer));
 */
export function protect(config: AuthorizationConfig, given: ProtectDeps = {}): Protection {
  const settings = checkConfig(config);
  const now = given.now ?? (() => Math.floor(Date.now() / 1_000));
  const monotonic = given.monotonic ?? (() => performance.now());
  const deps: Deps = { fetch: given.fetch ?? globalThis.fetch, now, monotonic };
  const replay = given.replay ?? new MemoryReplayStore({ now });
  const oldestProof = given.replay === undefined ? now() : 0;
  const authority = new AuthorityClient(settings, deps);
  const metadata = describe(settings);
  const warn = given.warn ?? ((sentence) => process.emitWarning(sentence, 'DAuthWarning'));
  if (!settings.requireDpop) warn(UNBOUND);

  const { nonces } = given;
  const parts = { settings, deps, authority, replay, oldestProof, nonces };
  const gate = (request: Request) => authenticate(parts, request);

  const handler = (inner: FetchHandler) => ({
    fetch: async (request: Request): Promise<Response> => {
      try {
        if (request.method === 'GET' && new URL(request.url).pathname === settings.metadataPath)
          return Response.json(metadata, { headers: { 'cache-control': 'public, max-age=300' } });
        const authInfo = await gate(request);
        if (authInfo instanceof Response) return authInfo;
        return withNonce(nonces, await serve(settings, inner, request, authInfo));
      } catch (error) {
        return refusal(asDAuthError(error));
      }
    },
  });
  return { gate, handler, metadata };
}

async function serve(settings: Settings, inner: FetchHandler, request: Request, authInfo: AuthInfo): Promise<Response> {
  const { scopes } = authInfo;
  const isBound = settings.requireDpop;
  const body = request.method === 'POST' ? await readBody(request) : undefined;
  const needed = neededScopes(settings, body?.json);
  if (!needed.every((scope) => scopes.includes(scope))) {
    const error = new DAuthError('FORBIDDEN', 'The token lacks a scope this needs. Ask for one with the scopes named.');
    return challenge(settings, error, { scopes: needed, error: 'insufficient_scope', isBound });
  }
  // What was checked is what runs: the SDK gets the value itself, and whoever reads the body again the same octets.
  const response =
    body === undefined
      ? await inner.fetch(request, { authInfo })
      : await inner.fetch(readAgain(request, body.octets, inner), { authInfo, parsedBody: body.json });
  if (response.status === 403) return asOurChallenge(settings, response);
  return settings.scopeEnforcement === 'filter' ? filterAnswer(settings, scopes, response) : response;
}

/** RFC 9449 §8.2: with each answer the nonce for the next proof, so that nobody has to be refused for an old one. */
function withNonce(nonces: NonceSource | undefined, response: Response): Response {
  if (nonces === undefined) return response;
  const { status, statusText, body } = response;
  const headers = new Headers(response.headers);
  headers.set('dpop-nonce', nonces.issue());
  return new Response(body, { status, statusText, headers });
}

/** The SDK's own scope challenges say Bearer; what works here is said in their place, and the SDK's client reads either. */
function asOurChallenge(settings: Settings, response: Response): Response {
  const given = response.headers.get('www-authenticate');
  if (given === null || !/^Bearer\b/i.test(given)) return response;
  const scopes =
    /scope="([^"]*)"/
      .exec(given)?.[1]
      ?.split(' ')
      .filter((scope) => scope !== '') ?? [];
  const isBound = settings.requireDpop;
  const headers = new Headers(response.headers);
  headers.set('www-authenticate', challengeValue(settings, { scopes, error: 'insufficient_scope', isBound }));
  return new Response(response.body, { status: 403, headers });
}

/** RFC 9728 §2, with what this server would like to use (a wish; the owner's side decides). */
function describe(settings: Settings): object {
  const scopes = new Set([...settings.requiredScopes, ...[...settings.toolScopes.values()].flat()]);
  return Object.freeze({
    resource: settings.resource,
    authorization_servers: [settings.issuer],
    ...(scopes.size === 0 ? {} : { scopes_supported: [...scopes] }),
    bearer_methods_supported: ['header'],
    dpop_bound_access_tokens_required: settings.requireDpop,
    dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA'],
    ...(settings.isDauth
      ? { authorization_details_types_supported: ['dauth_connection'], dauth_connections: settings.connections }
      : {}),
  });
}
