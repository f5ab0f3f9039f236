/**
 * Access tokens as a protected server takes them from its callers: DAuth's, or those of any issuer of RFC 9068 tokens.
 * Never strict by accident: which claims have to be there and whether a token may be bound to no key is said each time.
 * Never takes connections from an issuer that is not DAuth's: a detail of the same type would mean something else there.
 */
import { parseDetails, TYP, type ConnectionDetail, type JsonObject } from '@dauth/protocol';
import { claimName, claimText } from './claims.ts';
import { sha256Base64url } from './digest.ts';
import { ALGS, subjectOf } from './jws.ts';
import { type JwksCache } from './jwks.ts';
import { readPublished } from './read-tokens.ts';
import { parsing, refuseSubject, type Subject } from './refuse.ts';
import {
  MAX_NAME,
  readConfirmation,
  readRegisteredClaims,
  type AccessTokenOptions,
  type TokenClaims,
} from './rfc9068.ts';
import { RSA_ALGS } from './rsa.ts';

export interface CallerTokenOptions extends AccessTokenOptions {
  /** Whether the issuer is a DAuth authority. */
  readonly isDauth: boolean;
  /** Claims that must be there beside those of RFC 9068 §2.2. */
  readonly requiredClaims: readonly string[];
  /** Whether a token may be bound to no key (`cnf` absent). One that is bound to a key in another way never is taken. */
  readonly allowUnbound: boolean;
}

export interface CallerClaims extends TokenClaims {
  /** Absent where the token is bound to no key. */
  readonly cnf?: { readonly jkt: string };
  /** Absent where it is not required. */
  readonly grant_id?: string;
  /** `ddls:org`; absent where it is not required. */
  readonly org?: string;
  /** SHA-256 of the token, as the proofs that come with it have it (RFC 9449 §4.2). */
  readonly ath: string;
  /** Empty where the token names no connection. */
  readonly details: readonly ConnectionDetail[];
}

const OURS = { typ: TYP.accessToken, algs: ALGS };
/** RFC 9068 §4: both spellings. */
const THEIRS = { typ: [TYP.accessToken, `application/${TYP.accessToken}`], algs: [...ALGS, ...RSA_ALGS] };

/**
 * Verifies a caller's token by its issuer's published keys, fetching them where needed.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`); `ENCLAVE_UNAVAILABLE` while the keys cannot be had
 */
export async function verifyCallerToken(
  jwks: JwksCache,
  token: string,
  options: CallerTokenOptions,
): Promise<CallerClaims> {
  const subject = subjectOf(options, 'The access token');
  const ath = sha256Base64url(token);
  const claims = await readPublished(jwks, { token, ath }, options.isDauth ? OURS : THEIRS, subject);
  const registered = readRegisteredClaims(claims, options.isDauth ? claims.aud : onlyOf(claims.aud), options, subject);
  const bound =
    claims.cnf === undefined && options.allowUnbound ? undefined : { cnf: readConfirmation(claims.cnf, subject) };
  const required = readRequired(claims, options.requiredClaims, subject);
  const details = options.isDauth ? detailsOf(claims, subject) : [];
  // Members in front of what is spread: each one behind it takes Node 20 half a microsecond.
  return Object.freeze({ ath, details, ...registered, ...bound, ...required });
}

/** Of claims that are kept, and so came frozen. */
const parsed = new WeakMap<JsonObject, readonly ConnectionDetail[]>();

function detailsOf(claims: JsonObject, subject: Subject): readonly ConnectionDetail[] {
  const known = parsed.get(claims);
  if (known !== undefined) return known;
  const details = parsing(subject, () => parseDetails(claims.authorization_details ?? []));
  if (Object.isFrozen(claims)) parsed.set(claims, details);
  return details;
}

/** RFC 7519 §4.1.3: one audience may stand in a list of one. Of several none is the only one. */
function onlyOf(aud: unknown): unknown {
  return Array.isArray(aud) && aud.length === 1 ? (aud as unknown[])[0] : aud;
}

function readRequired(
  claims: JsonObject,
  required: readonly string[],
  subject: Subject,
): Pick<CallerClaims, 'grant_id' | 'org'> {
  for (const name of required)
    if (claims[name] === undefined || claims[name] === null)
      refuseSubject(subject, 'lacks a claim that this server requires.');
  return {
    ...(required.includes('grant_id') ? { grant_id: claimName(claims, 'grant_id', MAX_NAME, subject) } : {}),
    ...(required.includes('ddls:org') ? { org: claimText(claims, 'ddls:org', MAX_NAME, subject) } : {}),
  };
}
