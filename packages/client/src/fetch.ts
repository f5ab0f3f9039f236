/**
 * A `fetch` for one protected resource: a token for it, a fresh proof per request, one step-up, no redirects.
 * Never sends the token anywhere but to the resource it is for.
 */
import { DAuthError } from '@dauth/protocol';
import { assertSecure } from './issuer.ts';
import { signProof, type ClientKey } from './key.ts';
import type { Token, TokenRequest, TokenSource } from './tokens.ts';

/** A token is renewed this long before it ends, in milliseconds. */
const RENEW_BEFORE = 30_000;

/** @returns a function of the shape of `fetch`, for the MCP client's transport */
export function createResourceFetch(
  tokens: TokenSource,
  key: ClientKey,
  wanted: TokenRequest,
  send: typeof fetch,
): typeof fetch {
  assertSecure(wanted.resource);
  const resource = new URL(wanted.resource);
  let scope = [...(wanted.scope ?? [])];
  let held: Promise<Token> | undefined;
  let nonce: string | undefined;
  let isStored = false;

  /** Concurrent callers share one token request. */
  const token = async (): Promise<Token> => {
    const current = await held?.catch(() => undefined);
    if (current !== undefined && current.expiresAt - RENEW_BEFORE > Date.now()) return current;
    held = tokens.request({ ...wanted, scope, ...(isStored ? withoutCredentials(wanted) : {}) });
    const fresh = await held;
    if (!isStored && wanted.credentials !== undefined) {
      // Stored at the first request; from now on they are named.
      wanted = { ...wanted, connections: [...new Set(fresh.details.map((detail) => detail.identifier))] };
      isStored = true;
    }
    return fresh;
  };

  const attempt = async (request: Request): Promise<Response> => {
    const { accessToken } = await token();
    const proof = await signProof(key, {
      method: request.method,
      url: request.url,
      accessToken,
      ...(nonce === undefined ? {} : { nonce }),
    });
    const headers = new Headers(request.headers);
    headers.set('authorization', `DPoP ${accessToken}`);
    headers.set('dpop', proof);
    const response = await send(new Request(request, { headers, redirect: 'manual' }));
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    return response;
  };

  return async (input, init) => {
    const request = new Request(input, init);
    assertSameResource(new URL(request.url), resource);
    // Only a request whose body can be sent again is tried again.
    const again = request.clone();
    const response = await attempt(request);
    const challenge = response.headers.get('www-authenticate') ?? '';
    const missing = stepUp(response.status, challenge, scope);
    if (missing !== undefined) {
      scope = missing;
      held = undefined;
    } else if (!(response.status === 401 && challenge.includes('use_dpop_nonce'))) {
      await again.body?.cancel();
      return response;
    }
    await response.body?.cancel();
    return attempt(again);
  };
}

/** The union of the scopes held and those a 403 asks for (MCP step-up); undefined where there is nothing to add. */
function stepUp(status: number, challenge: string, held: readonly string[]): string[] | undefined {
  if (status !== 403 || !/error="insufficient_scope"/.test(challenge)) return undefined;
  const asked = /scope="([^"]*)"/.exec(challenge)?.[1]?.split(' ') ?? [];
  const union = [...new Set([...held, ...asked])].filter((each) => each !== '');
  return union.length > held.length ? union : undefined;
}

/** Refuses any address outside the resource: another origin, or a path beside its own. @throws DAuthError `POLICY_DENIED` */
export function assertSameResource(url: URL, resource: URL): void {
  const base = resource.pathname.endsWith('/') ? resource.pathname : `${resource.pathname}/`;
  if (
    url.origin !== resource.origin ||
    !(url.pathname === resource.pathname || url.pathname.startsWith(base) || resource.pathname === '/')
  ) {
    throw new DAuthError('POLICY_DENIED', 'This fetch is for one resource; its token goes nowhere else.');
  }
}

function withoutCredentials(wanted: TokenRequest): { credentials?: never } & Pick<TokenRequest, 'resource'> {
  return { resource: wanted.resource, credentials: undefined as never };
}
