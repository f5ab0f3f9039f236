/**
 * What every access token of RFC 9068 says, whoever issued it: the registered claims, the scope, the key it is bound to.
 * Never decides which further claims have to be there: that is the reader's who knows the issuer.
 */
import { isObject, LIMITS, parseThumbprint, type ErrorCode, type JsonObject } from '@dauth/protocol';
import { assertWithinValidity, claimName, claimText, claimTime } from './claims.ts';
import { parsing, refuseSubject, type Subject } from './refuse.ts';

export const MAX_NAME = 512;
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

export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  /** Every claim as it was signed. */
  readonly raw: JsonObject;
}

/** @param aud of the token; its one audience, however that is spelled for this issuer */
export function readRegisteredClaims(
  claims: JsonObject,
  aud: unknown,
  options: AccessTokenOptions,
  subject: Subject,
): TokenClaims {
  const leeway = options.leeway ?? LIMITS.clockLeewaySeconds;
  if (claimText(claims, 'iss', MAX_NAME, subject) !== options.issuer)
    refuseSubject(subject, 'is by another issuer (iss).');
  if (claimText({ aud }, 'aud', MAX_NAME, subject) !== options.audience)
    refuseSubject(subject, 'is for another audience (aud).');
  const iat = claimTime(claims, 'iat', subject);
  const exp = claimTime(claims, 'exp', subject);
  assertWithinValidity(claims, options.now, leeway, subject);
  if (iat > options.now + leeway) refuseSubject(subject, "was issued in the future (iat). Check this machine's clock.");
  if (exp <= iat || exp - iat > (options.maxLifetime ?? LIMITS.accessTokenSeconds))
    refuseSubject(subject, 'is valid for longer than allowed.');
  return {
    iss: options.issuer,
    aud: options.audience,
    sub: claimText(claims, 'sub', MAX_NAME, subject),
    client_id: claimText(claims, 'client_id', MAX_NAME, subject),
    scope: readScope(claims.scope, subject),
    exp,
    iat,
    jti: claimName(claims, 'jti', MAX_NAME, subject),
    raw: claims,
  };
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
export function readConfirmation(cnf: unknown, subject: Subject): { readonly jkt: string } {
  if (!isObject(cnf) || Object.keys(cnf).length !== 1)
    return refuseSubject(subject, 'is not bound to exactly one key (cnf.jkt).');
  return Object.freeze({ jkt: parsing(subject, () => parseThumbprint(cnf.jkt, '"cnf.jkt"')) });
}
