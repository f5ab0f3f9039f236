/**
 * Writes access and dispatch tokens (RFC 9068, spec/dauth.md §4). Never a second audience, and never a token without a key
 * but for a client that an operator marked.
 */
import { LIMITS, TYP, type ConnectionDetail } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import { OAuthError } from './errors.ts';

export interface Issue {
  readonly sub: string;
  readonly aud: string;
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly org: string;
  readonly grant_id: string;
  /** Null under the Bearer exception. */
  readonly jkt: string | null;
  /** Unix seconds. */
  readonly exp: number;
  readonly details: readonly ConnectionDetail[];
  /** Who the person is, where they let this server know (scopes `profile` and `email`). */
  readonly profile?: { readonly name?: string; readonly email?: string };
  /** Dispatch tokens only. */
  readonly dispatch?: {
    readonly actor: string;
    readonly subjectJti: string;
    readonly subjectClientId: string;
    /** Null where the caller's token has no key. */
    readonly subjectDpop: string | null;
  };
}

/** The token endpoint's answer (RFC 6749 §5.1, RFC 9396 §7). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'DPoP' | 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
  readonly authorization_details: readonly ConnectionDetail[];
  readonly issued_token_type?: string;
  readonly refresh_token?: string;
  /** Seconds in which the refresh token has to be used (draft-ietf-oauth-refresh-token-expiration). */
  readonly refresh_token_timeout?: number;
}

/** @throws OAuthError `invalid_authorization_details` for a token that no server would read */
export function issueToken(authority: Authority, issue: Issue): TokenAnswer {
  const { config, key, now, newId } = authority;
  // What it opens is everything an owner may do here, and no owner said yes to that.
  if (issue.jkt === null && issue.aud === config.issuer)
    throw new OAuthError('invalid_dpop_proof', 'A token for the authority itself is always bound to a key.');
  const iat = now();
  const scope = issue.scope.join(' ');
  const connections = Object.fromEntries(
    issue.details.map((detail) => [detail.name ?? detail.identifier, detail.identifier]),
  );
  const token = key.sign(TYP.accessToken, {
    ...{ iss: config.issuer, sub: issue.sub, aud: issue.aud, client_id: issue.client_id },
    ...(scope === '' ? {} : { scope }),
    ...{ iat, exp: issue.exp, jti: newId(), grant_id: issue.grant_id, 'ddls:org': issue.org },
    ...(issue.jkt === null ? {} : { cnf: { jkt: issue.jkt } }),
    ...issue.profile,
    ...(issue.details.length === 0 ? {} : { authorization_details: issue.details, 'ddls:connections': connections }),
    ...(issue.dispatch === undefined
      ? {}
      : {
          act: { sub: issue.dispatch.actor },
          subject_jti: issue.dispatch.subjectJti,
          subject_client_id: issue.dispatch.subjectClientId,
          ...(issue.dispatch.subjectDpop === null
            ? { 'ddls:bearer': true }
            : { 'ddls:subject_dpop': issue.dispatch.subjectDpop }),
        }),
  });
  // An access token leaves room for what its exchange adds, or the call would fail one step later.
  const most = LIMITS.issuedToken - (issue.dispatch === undefined ? LIMITS.exchangeRoom : 0);
  if (token.length > most) {
    const why = `The token would have more than ${most} characters, which servers do not take in a header.`;
    throw new OAuthError('invalid_authorization_details', `${why} Ask for fewer connections or actions.`);
  }
  return {
    access_token: token,
    token_type: issue.jkt === null ? 'Bearer' : 'DPoP',
    expires_in: issue.exp - iat,
    scope,
    authorization_details: issue.details,
    ...(issue.dispatch === undefined ? {} : { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }),
  };
}
