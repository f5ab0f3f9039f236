/**
 * Who sealed a credential (spec/dauth.md §2): the seal proof of one version, and the chain by which an earlier sealing key
 * vouches for a later one.
 * Never remembers: which key counts for a handle is the caller's durable record. Never opens anything.
 */
import {
  exactObject,
  LIMITS,
  parseHandle,
  parseThumbprint,
  TYP,
  type ErrorCode,
  type JsonObject,
} from '@dauth/protocol';
import { sha256Base64url } from './digest.ts';
import { subjectOf, verifyEmbeddedJws } from './jws.ts';
import { parsing, refuseSubject } from './refuse.ts';
import type { VerifiedSignatures } from './verified.ts';

export interface SealProofOptions {
  readonly handle: string;
  readonly ver: number;
  /** The envelope's compact text, exactly as it is stored; or `sha256`. */
  readonly envelope?: string;
  /** The digest of an envelope that is not there any more: a reseal statement names it. */
  readonly sha256?: string;
  /** Code of every refusal. Default `POLICY_DENIED`. */
  readonly refusal?: ErrorCode;
  /** Where signatures that verified are remembered, for whoever is shown the same with every call. Default: nowhere. */
  readonly verified?: VerifiedSignatures | undefined;
}

export interface SealChainOptions extends SealProofOptions {
  /** Thumbprints of the keys trusted for this handle before now: what was remembered at its first use, and what they signed for. */
  readonly trusted: readonly string[];
  /** Endorsements (`typ: dauth-seal-key+jwt`) in order: each by a key that is trusted by then. */
  readonly endorsements?: readonly string[];
}

const REFUSAL: ErrorCode = 'POLICY_DENIED';

/**
 * Verifies a seal proof: exactly this handle, version and envelope. `jkt` is the sealing device's key.
 * @throws DAuthError `options.refusal` (default `POLICY_DENIED`)
 */
export function verifySealProof(proof: string, options: SealProofOptions): { readonly jkt: string } {
  const subject = subjectOf({ refusal: REFUSAL, ...options }, 'The seal proof');
  const { verified } = options;
  const { claims, jkt } = verifyEmbeddedJws(proof, { typ: TYP.seal, maxLength: LIMITS.proof, verified, ...subject });
  const said = parsing(subject, () => exactObject(claims, 'A seal proof', ['handle', 'ver', 'sha256']));
  const digest = options.envelope === undefined ? options.sha256 : sha256Base64url(options.envelope);
  const fits =
    digest !== undefined && said.handle === options.handle && said.ver === options.ver && said.sha256 === digest;
  if (!fits) refuseSubject(subject, 'is for another handle, version or envelope.');
  return { jkt };
}

/**
 * Verifies a seal proof whose key must be one already trusted for the handle, directly or by endorsements.
 * @returns the proof's key, and every key trusted from now on (the endorsed ones behind the given ones)
 * @throws DAuthError `options.refusal` (default `POLICY_DENIED`)
 */
export function verifySealChain(
  proof: string,
  options: SealChainOptions,
): { readonly jkt: string; readonly trusted: readonly string[] } {
  const { jkt } = verifySealProof(proof, options);
  const trusted = [...options.trusted];
  const endorsements = options.endorsements ?? [];
  const subject = subjectOf({ refusal: REFUSAL, ...options }, 'An endorsement');
  if (endorsements.length > LIMITS.details) refuseSubject(subject, `list has more than ${LIMITS.details} entries.`);
  for (const endorsement of endorsements) {
    const signed = verifyEmbeddedJws(endorsement, {
      ...{ typ: TYP.endorsement, maxLength: LIMITS.proof, verified: options.verified },
      ...subject,
    });
    const named = parsing(subject, () => readEndorsement(signed.claims));
    if (named.handle !== options.handle) refuseSubject(subject, 'is for another handle.');
    if (!trusted.includes(signed.jkt)) refuseSubject(subject, 'is by a key that is not trusted for this handle.');
    if (!trusted.includes(named.jkt)) trusted.push(named.jkt);
  }
  if (!trusted.includes(jkt)) {
    refuseSubject(
      subjectOf({ refusal: REFUSAL, ...options }, 'The seal proof'),
      'is by a key that is not trusted for this handle.',
    );
  }
  return { jkt, trusted };
}

function readEndorsement(claims: JsonObject): { handle: string; jkt: string } {
  const endorsement = exactObject(claims, 'An endorsement', ['handle', 'jkt']);
  return { handle: parseHandle(endorsement.handle), jkt: parseThumbprint(endorsement.jkt, '"jkt"') };
}
