/**
 * Tokens that this authority issued, known by its own signature, and whether they still stand. Never says why a token is
 * none or does not: whoever holds one of another client must not learn more than whoever made one up.
 */
import { DAuthError, isObject, LIMITS, TYP, type Revocable } from '@dauth/protocol';
import { verifyJws } from '@dauth/verify';
import { OPERATOR_ID, type Authority } from '../context.ts';
import { mayBeUnbound } from './client-auth.ts';

/** What `issueToken` wrote, and nobody else can have signed. */
export interface IssuedClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly client_id: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly grant_id: string;
  readonly 'ddls:org': string;
  readonly scope?: string;
  /** Absent under the Bearer exception. */
  readonly cnf?: { readonly jkt: string };
  readonly authorization_details?: readonly object[];
  readonly act?: { readonly sub: string };
  readonly subject_jti?: string;
  readonly subject_client_id?: string;
}

/** The claims of an access or dispatch token, also of one that has ended; `undefined` for everything else. */
export function readIssued({ config, key }: Authority, token: string): IssuedClaims | undefined {
  try {
    const { claims } = verifyJws(token, { typ: TYP.accessToken, maxLength: LIMITS.token, keys: key.find });
    return isObject(claims) && claims.iss === config.issuer ? (claims as unknown as IssuedClaims) : undefined;
  } catch (error) {
    if (error instanceof DAuthError) return undefined;
    throw error;
  }
}

/** Whether a token would be taken now: not ended, its grant there, and nothing it stands on revoked. */
export function isStanding(authority: Authority, claims: IssuedClaims): boolean {
  const { config, store, now } = authority;
  const { changes, grants, registry } = store;
  const isRevoked = (what: Revocable, ...ids: readonly (string | undefined)[]): boolean =>
    ids.some((id) => id !== undefined && changes.isRevoked(what, id));
  if (claims.exp <= now() || changes.isForgotten(claims.iat)) return false;
  if (isRevoked('token', claims.jti, claims.subject_jti)) return false;
  // As at the authority's own API: who revoked an organisation can still look at it.
  if (claims.client_id === OPERATOR_ID && claims.aud === config.issuer) return true;
  const client = registry.client(claims.client_id);
  // The Bearer exception is asked anew at each use (spec/dauth.md §4): an operator who takes the mark away ends its tokens.
  if (claims.cnf === undefined && (client === undefined || !mayBeUnbound(authority, client))) return false;
  const grant = grants.get(claims.grant_id);
  return !(
    grant === undefined ||
    (grant.expires_at !== null && grant.expires_at <= now()) ||
    isRevoked('grant', claims.grant_id) ||
    isRevoked('client', claims.client_id, claims.subject_client_id) ||
    isRevoked('server', claims.aud, claims.act?.sub) ||
    isRevoked('owner', claims.sub) ||
    isRevoked('org', claims['ddls:org'])
  );
}
