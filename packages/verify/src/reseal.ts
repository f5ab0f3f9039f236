/**
 * What the executor states about a version that it sealed again (spec/dauth.md §6): by whom, out of which, on whose seal.
 * Never opens anything, and never says whose key a seal proof may be by: that is `verifySealChain`.
 */
import { LIMITS, parseReseal, TYP, type ErrorCode, type Reseal } from '@dauth/protocol';
import { sha256Base64url } from './digest.ts';
import { subjectOf, verifyEmbeddedJws } from './jws.ts';
import { parsing, refuseSubject } from './refuse.ts';

export interface ResealOptions {
  readonly handle: string;
  readonly ver: number;
  /** The resealed envelope's compact text. */
  readonly envelope: string;
  /** Thumbprint of the executor's identity key. */
  readonly identity: string;
  /** Code of every refusal. Default `POLICY_DENIED`. */
  readonly refusal?: ErrorCode;
}

/**
 * Verifies a reseal statement by the executor's identity: exactly this handle, version and envelope.
 * @throws DAuthError `options.refusal` (default `POLICY_DENIED`)
 */
export function verifyReseal(statement: string, options: ResealOptions): Reseal {
  const subject = subjectOf({ refusal: 'POLICY_DENIED', ...options }, 'The reseal statement');
  const { claims, jkt } = verifyEmbeddedJws(statement, { typ: TYP.reseal, maxLength: LIMITS.proof, ...subject });
  if (jkt !== options.identity) refuseSubject(subject, 'is not by the executor.');
  const said = parsing(subject, () => parseReseal(claims));
  const fits =
    said.handle === options.handle &&
    said.to.ver === options.ver &&
    said.to.sha256 === sha256Base64url(options.envelope);
  if (!fits) refuseSubject(subject, 'is for another handle, version or envelope.');
  return said;
}
