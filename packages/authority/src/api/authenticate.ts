/**
 * Who calls the authority's own API: a DPoP-bound token for the authority, a fresh proof, a scope.
 * Never takes `htu` from `Host`: it is the configured issuer and the path.
 */
import { DAuthError, LIMITS } from '@dauth/protocol';
import { readAuthorization, verifyAccessToken, verifyDpopProof, type AccessClaims } from '@dauth/verify';
import { OPERATOR_ID, type Authority } from '../context.ts';
import { rawHeaders, targetOf, type HttpContext } from '../http.ts';

export interface Caller {
  readonly sub: string;
  readonly org: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  /** Holds `dauth:admin`: may act for any owner, and is noted as such. */
  readonly isAdmin: boolean;
  /** @throws DAuthError `UNAUTHENTICATED` where the access ended since the request came in */
  assertLive(): void;
}

/**
 * @param scope what the endpoint needs; without one any token for the authority will do
 * @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED`, `FORBIDDEN`
 */
export function authenticate(authority: Authority, c: HttpContext, scope?: string): Caller {
  const { config, key, store, now } = authority;
  const { scheme, token, proof } = readAuthorization(rawHeaders(c));
  if (scheme !== 'DPoP' || proof === undefined)
    throw new DAuthError('UNAUTHENTICATED', 'Tokens are used with the DPoP scheme and a proof.');
  const claims = verifyAccessToken(token, {
    issuer: config.issuer,
    audience: config.issuer,
    now: now(),
    keys: key.find,
  });
  const { jkt, jti, iat } = verifyDpopProof(proof, {
    ...{ htm: c.req.method, htu: targetOf(c, config.issuer), accessToken: token },
    ...{ now: now(), windowSeconds: LIMITS.proofSeconds, requireJkt: claims.cnf.jkt },
  });
  const assertLive = (): void => {
    if (claims.exp + LIMITS.clockLeewaySeconds <= now())
      throw new DAuthError('UNAUTHENTICATED', 'The access token has expired.');
    if (store.changes.isForgotten(claims.iat) || store.changes.isAnyRevoked(revocable(claims)))
      throw new DAuthError('UNAUTHENTICATED', 'This access was revoked.');
  };
  assertLive();
  const isAdmin = claims.scope.includes('dauth:admin');
  if (scope !== undefined && !isAdmin && !claims.scope.includes(scope))
    throw new DAuthError('FORBIDDEN', `The token lacks the scope ${scope}.`);
  if (!store.once.consume(`${jkt}.${jti}`, iat + LIMITS.proofReplaySeconds)) throw new DAuthError('REPLAY_DETECTED');
  return { sub: claims.sub, org: claims.org, clientId: claims.client_id, scope: claims.scope, isAdmin, assertLive };
}

/**
 * Runs a caller's write in one transaction. A caller decides how slowly its body comes in, so what was checked at the
 * door is asked again where nothing can come between any more: no write follows an acknowledged revocation.
 * @throws DAuthError `UNAUTHENTICATED`
 */
export function writeAs<T>({ store }: Authority, caller: Caller, body: () => T): T {
  return store.transaction(() => {
    caller.assertLive();
    return body();
  });
}

/** By what a token can be revoked. Of the operator's only the single token: who revoked an organisation can still look at it. */
function revocable({
  jti,
  grant_id,
  client_id,
  sub,
  org,
}: AccessClaims): Parameters<Authority['store']['changes']['isAnyRevoked']>[0] {
  if (client_id === OPERATOR_ID) return { token: jti };
  return { token: jti, grant: grant_id, client: client_id, owner: sub, org };
}
