/**
 * The carried proof (spec/dauth.md §4, `subject_dpop`): the DPoP proof that came with a client's call to an MCP server,
 * shown again at the token exchange and, for pinned envelopes, at the executor.
 * Never asks whether it was used before: one server may use one call several times inside its window, which only the
 * shared store of the exchange can tell.
 */
import { LIMITS, parseMethod, TYP, type ErrorCode } from '@dauth/protocol';
import { claimName } from './claims.ts';
import { sha256Base64url } from './digest.ts';
import { assertAth, verifyProof, type VerifiedProof } from './dpop.ts';
import { subjectOf, verifyEmbeddedJws } from './jws.ts';
import { parsing, refuseSubject } from './refuse.ts';

export interface CarriedProofOptions {
  /** Thumbprints of which the proof's key must have one: `cnf.jkt` of the subject token, or an envelope's `pin.jkt`. */
  readonly jkt: string | readonly string[];
  /** The MCP server's resource URI, from the registry or `act.sub`; never from a Host header. */
  readonly htu: string;
  /** The caller's access token, where it is at hand (token exchange): then `ath` must fit. */
  readonly accessToken?: string;
  /** Now, in Unix seconds. */
  readonly now: number;
  /** Length of the call window in seconds. Default 300. */
  readonly windowSeconds?: number;
  /** Code of every refusal. Default `UNAUTHENTICATED`. */
  readonly refusal?: ErrorCode;
}

/**
 * Verifies a carried proof.
 * @returns the proof, and `windowEnd`: the Unix second after which the call it came with may no longer be acted on
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifyCarriedProof(
  proof: string,
  options: CarriedProofOptions,
): VerifiedProof & { readonly windowEnd: number } {
  const subject = subjectOf(options, 'The carried proof');
  const windowSeconds = options.windowSeconds ?? LIMITS.callWindowSeconds;
  // The call may have had any method the transport has (RFC 9449 leaves it to who received the call to compare).
  const { claims } = verifyEmbeddedJws(proof, { typ: TYP.dpop, maxLength: LIMITS.proof, ...subject });
  const htm = parsing(subject, () => parseMethod(claimName(claims, 'htm', 32, subject)));
  const target = { htm, htu: options.htu, now: options.now, windowSeconds, refusal: subject.refusal };
  const verified = verifyProof(proof, TYP.dpop, target, subject);
  const allowed = typeof options.jkt === 'string' ? [options.jkt] : options.jkt;
  if (!allowed.includes(verified.jkt)) refuseSubject(subject, 'is by a key that may not make this call.');
  if (options.accessToken !== undefined) assertAth(verified.claims, sha256Base64url(options.accessToken), subject);
  return { ...verified, windowEnd: verified.iat + windowSeconds };
}
