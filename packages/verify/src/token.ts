/**
 * Access and dispatch tokens (RFC 9068 `at+jwt`, spec/dauth.md §4): verified, and turned into typed claims.
 * Never decides what a token may do: that is the caller's comparison with its own request. Never takes a token without a
 * key (`cnf.jkt`) but where its issuer asks for that by name, so a token found here is worth nothing to whoever steals it.
 */
import { isObject, LIMITS, parseDetails, TYP, type ConnectionDetail, type JsonObject } from '@dauth/protocol';
import { claimName, claimText } from './claims.ts';
import { subjectOf, verifyJws, type VerifyJwsOptions } from './jws.ts';
import { type JwksCache } from './jwks.ts';
import { parsing, refuseSubject, type Subject } from './refuse.ts';
import {
  MAX_NAME,
  readConfirmation,
  readRegisteredClaims,
  type AccessTokenOptions,
  type TokenClaims,
} from './rfc9068.ts';

export interface AccessClaims extends TokenClaims {
  readonly cnf: { readonly jkt: string };
  readonly grant_id: string;
  /** `ddls:org`. */
  readonly org: string;
  /** `authorization_details`: the only thing that authorizes a connection. Empty where the token names none. */
  readonly details: readonly ConnectionDetail[];
  /** Dispatch tokens: the MCP server that acts, as its resource URI. */
  readonly act?: { readonly sub: string };
  /** Dispatch tokens: `jti` of the caller's access token. */
  readonly subjectJti?: string;
  /** Dispatch tokens: `ddls:subject_dpop`, the caller's proof verbatim. Not verified here: see `verifyCarriedProof`. */
  readonly subjectDpop?: string;
}

/** What a token says that may be bound to no key. */
export type SubjectClaims = Omit<AccessClaims, 'cnf'> & Partial<Pick<AccessClaims, 'cnf'>>;

/**
 * Verifies a token by keys at hand.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifyAccessToken(
  token: string,
  options: AccessTokenOptions & Pick<VerifyJwsOptions, 'keys' | 'verified'>,
): AccessClaims {
  const subject = subjectOf(options, 'The access token');
  const claims = verifySubjectToken(token, options);
  return Object.freeze({ ...claims, cnf: claims.cnf ?? readConfirmation(undefined, subject) });
}

/**
 * The same of a token that may be bound to no key (spec/dauth.md §4, Bearer exception). Whether its client may have one is
 * the caller's to ask: that is for its issuer alone, who knows what an operator marked.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifySubjectToken(
  token: string,
  options: AccessTokenOptions & Pick<VerifyJwsOptions, 'keys' | 'verified'>,
): SubjectClaims {
  const subject = subjectOf(options, 'The access token');
  const { claims } = verifyJws(token, {
    typ: TYP.accessToken,
    maxLength: LIMITS.token,
    keys: options.keys,
    verified: options.verified,
    ...subject,
  });
  return readClaims(claims, options, subject);
}

/**
 * Verifies a token by the authority's published keys, fetching them where needed.
 * @throws DAuthError as `verifyAccessToken`; `ENCLAVE_UNAVAILABLE` while the keys cannot be had
 */
export async function verifyAccessTokenWith(
  jwks: JwksCache,
  token: string,
  options: AccessTokenOptions,
): Promise<AccessClaims> {
  const key = await jwks.resolveFor(token, LIMITS.token, subjectOf(options, 'The access token'));
  return verifyAccessToken(token, { ...options, keys: key, verified: jwks.verified });
}

function readClaims(claims: JsonObject, options: AccessTokenOptions, subject: Subject): SubjectClaims {
  // An array is refused even with one entry: a token for several audiences works at each of them (RFC 9068 §3, RFC 8707 §2).
  return Object.freeze({
    ...readRegisteredClaims(claims, claims.aud, options, subject),
    ...(claims.cnf === undefined ? {} : { cnf: readConfirmation(claims.cnf, subject) }),
    grant_id: claimName(claims, 'grant_id', MAX_NAME, subject),
    org: claimText(claims, 'ddls:org', MAX_NAME, subject),
    details: parsing(subject, () => parseDetails(claims.authorization_details ?? [])),
    ...readActor(claims, subject),
  });
}

function readActor(claims: JsonObject, subject: Subject): Pick<AccessClaims, 'act' | 'subjectJti' | 'subjectDpop'> {
  const { act } = claims;
  if (act !== undefined && (!isObject(act) || Object.keys(act).length !== 1))
    refuseSubject(subject, 'needs exactly one actor (act.sub).');
  return {
    ...(act === undefined ? {} : { act: Object.freeze({ sub: claimText(act, 'sub', MAX_NAME, subject) }) }),
    ...(claims.subject_jti === undefined ? {} : { subjectJti: claimName(claims, 'subject_jti', MAX_NAME, subject) }),
    ...(claims['ddls:subject_dpop'] === undefined
      ? {}
      : { subjectDpop: claimName(claims, 'ddls:subject_dpop', LIMITS.proof, subject) }),
  };
}
