/**
 * Access and dispatch tokens (RFC 9068 `at+jwt`, spec/dauth.md §4): verified, and turned into typed claims.
 * Never decides what a token may do: that is the caller's comparison with its own request. Never takes a token without a
 * key (`cnf.jkt`), so a token found here is worth nothing to whoever steals it.
 */
import {
  LIMITS,
  parseDetails,
  parseThumbprint,
  TYP,
  isObject,
  type ConnectionDetail,
  type ErrorCode,
  type JsonObject,
} from '@dauth/protocol';
import { assertWithinValidity, claimName, claimText, claimTime } from './claims.ts';
import { subjectOf, verifyJws, type KeySource } from './jws.ts';
import { type JwksCache } from './jwks.ts';
import { parsing, refuseSubject, type Subject } from './refuse.ts';

const MAX_NAME = 512;
/** RFC 6749 §3.3 scope-token. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const MAX_SCOPES = 64;

export interface AccessTokenOptions {
  /** Exact `iss`. */
  readonly issuer: string;
  /** Exact and only `aud`. */
  readonly audience: string;
  /** Now, in Unix seconds. */
  readonly now: number;
  /** Clock leeway in seconds. Default 5. */
  readonly leeway?: number;
  /** Longest life taken, `exp` − `iat` in seconds. Default 300 (spec/dauth.md §4). */
  readonly maxLifetime?: number;
  /** Code of every refusal. Default `UNAUTHENTICATED`. */
  readonly refusal?: ErrorCode;
}

export interface AccessClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
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
  /** Every claim as it was signed. */
  readonly raw: JsonObject;
}

/**
 * Verifies a token by keys at hand.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifyAccessToken(
  token: string,
  options: AccessTokenOptions & { readonly keys: KeySource },
): AccessClaims {
  const subject = subjectOf(options, 'The access token');
  const { claims } = verifyJws(token, {
    typ: TYP.accessToken,
    maxLength: LIMITS.token,
    keys: options.keys,
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
  return verifyAccessToken(token, { ...options, keys: key });
}

function readClaims(claims: JsonObject, options: AccessTokenOptions, subject: Subject): AccessClaims {
  const leeway = options.leeway ?? LIMITS.clockLeewaySeconds;
  if (claimText(claims, 'iss', MAX_NAME, subject) !== options.issuer)
    refuseSubject(subject, 'is by another issuer (iss).');
  // An array is refused even with one entry: a token for several audiences works at each of them (RFC 9068 §3, RFC 8707 §2).
  if (claimText(claims, 'aud', MAX_NAME, subject) !== options.audience)
    refuseSubject(subject, 'is for another audience (aud).');
  const iat = claimTime(claims, 'iat', subject);
  const exp = claimTime(claims, 'exp', subject);
  assertWithinValidity(claims, options.now, leeway, subject);
  if (iat > options.now + leeway) refuseSubject(subject, "was issued in the future (iat). Check this machine's clock.");
  if (exp <= iat || exp - iat > (options.maxLifetime ?? LIMITS.accessTokenSeconds))
    refuseSubject(subject, 'is valid for longer than allowed.');
  return Object.freeze({
    iss: options.issuer,
    aud: options.audience,
    sub: claimText(claims, 'sub', MAX_NAME, subject),
    client_id: claimText(claims, 'client_id', MAX_NAME, subject),
    scope: readScope(claims.scope, subject),
    exp,
    iat,
    jti: claimName(claims, 'jti', MAX_NAME, subject),
    cnf: readConfirmation(claims.cnf, subject),
    grant_id: claimName(claims, 'grant_id', MAX_NAME, subject),
    org: claimText(claims, 'ddls:org', MAX_NAME, subject),
    details: parsing(subject, () => parseDetails(claims.authorization_details ?? [])),
    ...readActor(claims, subject),
    raw: claims,
  });
}

function readScope(scope: unknown, subject: Subject): readonly string[] {
  if (scope === undefined || scope === '') return Object.freeze([]);
  const tokens = typeof scope === 'string' ? scope.split(' ', MAX_SCOPES + 1) : [];
  if (tokens.length === 0 || tokens.length > MAX_SCOPES || !tokens.every((token) => SCOPE_TOKEN.test(token))) {
    return refuseSubject(subject, 'needs a usable "scope" claim.');
  }
  return Object.freeze(tokens);
}

/** `cnf` (RFC 9449 §6.1, RFC 7800): exactly one confirmation, by thumbprint. */
function readConfirmation(cnf: unknown, subject: Subject): { readonly jkt: string } {
  if (!isObject(cnf) || Object.keys(cnf).length !== 1)
    return refuseSubject(subject, 'is not bound to exactly one key (cnf.jkt).');
  return Object.freeze({ jkt: parsing(subject, () => parseThumbprint(cnf.jkt, '"cnf.jkt"')) });
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
