/**
 * Who calls the authority's own API: a DPoP-bound token for the authority, a fresh proof, a scope.
 * Never takes `htu` from `Host`: it is the configured issuer and the path.
 */
import { DAuthError, LIMITS } from '@dauth/protocol';
import { readAuthorization, verifyAccessToken, verifyDpopProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { rawHeaders, type HttpContext } from '../http.ts';

export interface Caller {
  readonly sub: string;
  readonly org: string;
  readonly clientId: string;
  /** Holds `dauth:admin`: may act for any owner, and is noted as such. */
  readonly isAdmin: boolean;
}

/** @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED`, `FORBIDDEN` */
export function authenticate(authority: Authority, c: HttpContext, scope: string): Caller {
  const { config, key, store, now } = authority;
  const { scheme, token, proof } = readAuthorization(rawHeaders(c));
  if (scheme !== 'DPoP' || proof === undefined) throw new DAuthError('UNAUTHENTICATED', 'Tokens are used with the DPoP scheme and a proof.');
  const claims = verifyAccessToken(token, { issuer: config.issuer, audience: config.issuer, now: now(), keys: key.jwk });
  const { jkt, jti, iat } = verifyDpopProof(proof, {
    ...{ htm: c.req.method, htu: `${config.issuer}${new URL(c.req.url).pathname}`, accessToken: token },
    ...{ now: now(), windowSeconds: LIMITS.proofSeconds, requireJkt: claims.cnf.jkt },
  });
  const ids = { token: claims.jti, grant: claims.grant_id, client: claims.client_id, owner: claims.sub, org: claims.org };
  if (store.changes.isAnyRevoked(ids)) throw new DAuthError('UNAUTHENTICATED', 'This access was revoked.');
  const isAdmin = claims.scope.includes('dauth:admin');
  if (!isAdmin && !claims.scope.includes(scope)) throw new DAuthError('FORBIDDEN', `The token lacks the scope ${scope}.`);
  if (!store.once.consume(`${jkt}.${jti}`, iat + LIMITS.proofReplaySeconds)) throw new DAuthError('REPLAY_DETECTED');
  return { sub: claims.sub, org: claims.org, clientId: claims.client_id, isAdmin };
}
