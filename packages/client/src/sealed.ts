/**
 * Whose seal a stored envelope carries (spec/dauth.md §2.4). A policy that is sealed again comes from the header an own key
 * signed for, never from what the authority says about it: who re-aims a policy re-aims the credential.
 */
import {
  DAuthError,
  exactObject,
  LIMITS,
  parseEnvelope,
  parseHandle,
  parseReseal,
  parseThumbprint,
  TYP,
  type EnvelopePolicy,
  type SealedVersion,
} from '@dauth/protocol';
import { verifySelfKeyed } from './jws.ts';
import { sha256 } from './key.ts';
import type { SealPolicy } from './seal.ts';

/** An envelope as the authority gives it back. */
export interface StoredSeal {
  readonly envelope: string;
  readonly seal_proof: string;
  readonly endorsements?: readonly string[];
  /** The executor's statement about a version that it sealed again; `seal_proof` is over the one its owner sealed then. */
  readonly reseal?: string;
}

export interface ExpectedSeal {
  readonly handle: string;
  readonly issuer: string;
  /** Thumbprints of the keys whose seal is believed: this device's own, and what its owner was told elsewhere. */
  readonly sealers: readonly string[];
  /** Thumbprint of the executor's pinned identity, whose reseals are believed. Default: none are. */
  readonly executor?: string;
  /** The highest version this device knows of; an older one may have a wider policy. Default: any. */
  readonly atLeast?: number;
}

export interface VerifiedSeal {
  readonly policy: EnvelopePolicy;
  /** Thumbprint of the key that sealed this version. */
  readonly jkt: string;
}

/**
 * Verifies that the envelope was sealed by a key of `sealers` (or one they vouch for), for this handle and issuer.
 * @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST` with the reason
 * @example
 * const { policy } = await verifySeal(await client.connections.get(handle), { handle, issuer, sealers: [key.jkt] });
 */
export async function verifySeal(stored: StoredSeal, expected: ExpectedSeal): Promise<VerifiedSeal> {
  const policy = parseEnvelope(stored.envelope).header.dauth;
  const { handle } = policy;
  if (handle !== expected.handle) throw denied('The envelope that was given back is that of another connection.');
  if (policy.iss !== expected.issuer)
    throw denied('The envelope that was given back was sealed for another authority.');
  // What its owner sealed has its policy: a reseal of an older version than that owner sealed last has an older policy.
  const base = await sealedVersion(stored, policy, expected);
  if (base.ver < (expected.atLeast ?? 0))
    throw denied('The envelope that was given back is older than one seen before.');
  const { claims, jkt } = await verifySelfKeyed(stored.seal_proof, { typ: TYP.seal, ...limits('seal proof') });
  const said = exactObject(claims, 'A seal proof', ['handle', 'ver', 'sha256']);
  if (said.handle !== handle || said.ver !== base.ver || said.sha256 !== base.sha256)
    throw denied('The seal proof is for another handle, version or envelope.');
  const trusted = await followEndorsements(stored.endorsements ?? [], expected);
  if (!trusted.has(jkt)) throw denied('The envelope that was given back was not sealed by a key that is known here.');
  return Object.freeze({ policy, jkt });
}

/** The version that its owner sealed: this one, or the one that the executor says it is made out of (§6). */
async function sealedVersion(
  { envelope, reseal }: StoredSeal,
  { handle, ver }: EnvelopePolicy,
  { executor }: ExpectedSeal,
): Promise<SealedVersion> {
  const digest = await sha256(envelope);
  if (reseal === undefined) return { ver, sha256: digest };
  const { claims, jkt } = await verifySelfKeyed(reseal, { typ: TYP.reseal, ...limits('reseal statement') });
  if (jkt !== executor) throw denied('The reseal statement is not by the pinned executor.');
  const said = parseReseal(claims);
  if (said.handle !== handle || said.to.ver !== ver || said.to.sha256 !== digest)
    throw denied('The reseal statement is for another handle, version or envelope.');
  return said.base;
}

/** The policy to seal as the next version. It lasts as long as the old one did, unless another end is given. */
export function nextPolicy(
  { policy }: VerifiedSeal,
  when: { readonly now: number; readonly lifeSeconds?: number },
): SealPolicy {
  const { handle, ver, iss, org, owner, connection, servers, allow, inject } = policy;
  const { pin, limits, spki, response_headers: responseHeaders, echoes } = policy;
  const { capture, captured, bearer, iat, exp } = policy;
  return {
    ...{ issuer: iss, org, owner, connection, servers, allow, inject },
    ...(pin === undefined ? {} : { pin }),
    ...(limits === undefined ? {} : { limits }),
    ...(spki === undefined ? {} : { spki }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
    ...(echoes === undefined ? {} : { echoes }),
    ...(capture === undefined ? {} : { capture }),
    ...(captured === undefined ? {} : { captured }),
    ...(bearer ? { bearer } : {}),
    expiresAt: when.now + (when.lifeSeconds ?? exp - iat),
    replaces: { handle, ver: ver + 1 },
  };
}

/** The keys believed for this handle: each endorsement is by one that was believed before it. */
async function followEndorsements(endorsements: readonly string[], expected: ExpectedSeal): Promise<Set<string>> {
  const trusted = new Set(expected.sealers);
  if (endorsements.length > LIMITS.details) throw denied('There are more endorsements than allowed.');
  for (const endorsement of endorsements) {
    const { claims, jkt } = await verifySelfKeyed(endorsement, { typ: TYP.endorsement, ...limits('endorsement') });
    const named = exactObject(claims, 'An endorsement', ['handle', 'jkt']);
    // A chain begins with the first sealer, which this device need not know: what it does not know vouches for nothing.
    if (parseHandle(named.handle) === expected.handle && trusted.has(jkt))
      trusted.add(parseThumbprint(named.jkt, '"jkt"'));
  }
  return trusted;
}

function limits(what: string) {
  return { maxLength: LIMITS.proof, code: 'POLICY_DENIED', what } as const;
}

function denied(sentence: string): DAuthError {
  return new DAuthError('POLICY_DENIED', sentence);
}
