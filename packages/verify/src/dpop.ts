/**
 * DPoP proofs as RFC 9449 §4.3 says, and the executor's proofs, which have the same shape. The order is: size, form, type,
 * algorithm, key, claims' shape, method, URL, time, token hash, key binding, signature.
 * Never records a `jti`: the caller does that last, in one atomic step over (`jkt`, `jti`), so that a request refused for
 * another reason burns nothing and a forged proof cannot burn anybody's.
 */
import { LIMITS, TYP, type ErrorCode, type JsonObject, type PublicJwk } from '@dauth/protocol';
import { assertWithinValidity, claimName, claimText, claimTime } from './claims.ts';
import { equalSecret, sha256Base64url } from './digest.ts';
import { matchesHtu } from './htu.ts';
import { subjectOf, verifyEmbeddedJws } from './jws.ts';
import { refuseSubject, type Subject } from './refuse.ts';

/** `jti` is kept in the replay store, so its length is bounded; RFC 9449 §4.2 asks for 96 bits, a UUID has 36 characters. */
const MAX_JTI = 128;

export interface ProofTarget {
  /** Method of the request, compared case-sensitively. */
  readonly htm: string;
  /** URL at which the request may have come in, from configuration; any one of several. Query and fragment are ignored. */
  readonly htu: string | readonly string[];
  /** Now, in Unix seconds. */
  readonly now: number;
  /** Greatest age of the proof in seconds. */
  readonly windowSeconds: number;
  /** How far `iat` may lie in the future, in seconds. Default 5. */
  readonly leewaySeconds?: number;
  /** Thumbprint the proof's key must have. */
  readonly requireJkt?: string;
  /** Code of every refusal. Default `UNAUTHENTICATED`. */
  readonly refusal?: ErrorCode;
}

export interface DpopOptions extends ProofTarget {
  /** The access token sent with the proof; its hash must be the proof's `ath` (RFC 9449 §4.3 step 12). */
  readonly accessToken?: string;
  /** That hash, where it is at hand. */
  readonly ath?: string;
}

export interface ExecutorProofOptions extends ProofTarget {
  /** SHA-256 of the request body in base64url; required in the proof where given, forbidden where not. */
  readonly bodySha256?: string;
}

export interface VerifiedProof {
  readonly jkt: string;
  readonly jti: string;
  /** Unix seconds. */
  readonly iat: number;
  readonly jwk: PublicJwk;
  readonly claims: JsonObject;
}

/**
 * Verifies a DPoP proof.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 * @example
 * const { jkt, jti, iat } = verifyDpopProof(proof, { htm: 'POST', htu: 'https://mcp.example/mcp', accessToken, now, windowSeconds: 60 });
 * if (!(await replay.consume(`${jkt}.${jti}`, iat + 120))) throw new DAuthError('REPLAY_DETECTED');
 */
export function verifyDpopProof(proof: string, options: DpopOptions): VerifiedProof {
  const subject = subjectOf(options, 'The DPoP proof');
  const verified = verifyProof(proof, TYP.dpop, options, subject);
  const ath = options.accessToken === undefined ? options.ath : sha256Base64url(options.accessToken);
  if (ath !== undefined) assertAth(verified.claims, ath, subject);
  return verified;
}

/**
 * Verifies a `DAuth-Executor-Proof` (spec/dauth.md §6): a request to the authority by an executor's identity key.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifyExecutorProof(proof: string, options: ExecutorProofOptions): VerifiedProof {
  const subject = subjectOf(options, 'The executor proof');
  const verified = verifyProof(proof, TYP.executorProof, options, subject);
  if (verified.claims.body_sha256 !== options.bodySha256) refuseSubject(subject, 'is for another body (body_sha256).');
  return verified;
}

/** `ath` (RFC 9449 §4.2), compared in constant time with that of the access token. */
export function assertAth(claims: JsonObject, ath: string, subject: Subject): void {
  if (!equalSecret(claimName(claims, 'ath', MAX_JTI, subject), ath))
    refuseSubject(subject, 'is for another access token (ath).');
}

/** What every proof has in common: signature by its own key, target, time, optional key binding. */
export function verifyProof(proof: string, typ: string, options: ProofTarget, subject: Subject): VerifiedProof {
  const { claims, jwk, jkt } = verifyEmbeddedJws(proof, { typ, maxLength: LIMITS.proof, ...subject });
  const htm = claimName(claims, 'htm', 32, subject);
  const htu = claimText(claims, 'htu', LIMITS.proof, subject);
  const jti = claimName(claims, 'jti', MAX_JTI, subject);
  const iat = claimTime(claims, 'iat', subject);
  if (htm !== options.htm) refuseSubject(subject, 'is for another method (htm).');
  if (!matchesHtu(htu, options.htu)) refuseSubject(subject, 'is for another URL (htu).');
  const leeway = options.leewaySeconds ?? LIMITS.clockLeewaySeconds;
  if (iat < options.now - options.windowSeconds)
    refuseSubject(subject, 'is too old (iat). Sign a fresh proof for each request.');
  if (iat > options.now + leeway) refuseSubject(subject, "was signed in the future (iat). Check the signer's clock.");
  assertWithinValidity(claims, options.now, leeway, subject);
  if (options.requireJkt !== undefined && jkt !== options.requireJkt)
    refuseSubject(subject, 'is by another key than the token is bound to.');
  return { jkt, jti, iat, jwk, claims };
}
