/**
 * Who sends a request (spec/dauth.md §4, §8): token, key, proof, whether the authority still stands by it, replay.
 * Never takes a token that is bound to a key without a proof by that key; `htu` is the configured resource, never `Host`.
 */
import { asDAuthError, DAuthError, LIMITS } from '@dauth/protocol';
import {
  readAuthorization,
  verifyCallerToken,
  verifyDpopProof,
  type CallerClaims,
  type ReplayStore,
  type VerifiedProof,
} from '@dauth/verify';
import type { Deps } from './ask.ts';
import type { AuthorityClient } from './authority.ts';
import { challenge, refusal, type ChallengeError } from './challenge.ts';
import type { Settings } from './config.ts';
import type { NonceSource } from './nonce.ts';
import { openSession, type AuthInfo } from './session.ts';

export interface Gate {
  readonly settings: Settings;
  readonly deps: Deps;
  readonly authority: AuthorityClient;
  readonly replay: ReplayStore;
  /** `iat` of the oldest proof that is taken: what an earlier process took, a store in memory does not know. */
  readonly oldestProof: number;
  /** Undefined where proofs need no nonce. */
  readonly nonces: NonceSource | undefined;
}

/** Who calls, or the answer to send instead. */
export async function authenticate(gate: Gate, request: Request): Promise<AuthInfo | Response> {
  const { settings, deps, authority, nonces } = gate;
  // Who shows nothing is told where to look; who shows something wrong is told that it is wrong (RFC 6750 §3.1).
  let stage: ChallengeError | undefined = request.headers.has('authorization') ? 'invalid_token' : undefined;
  let isBound = settings.requireDpop;
  try {
    const { scheme, token, proof } = readAuthorization(request.headers);
    if (scheme === 'Bearer' && settings.requireDpop)
      throw unauthenticated('Use the DPoP scheme with a proof; bearer tokens are not taken.');
    const claims = await verifyCallerToken(await authority.jwks(), token, {
      issuer: settings.issuer,
      audience: settings.resource,
      now: deps.now(),
      isDauth: settings.isDauth,
      requiredClaims: settings.requiredClaims,
      maxLifetime: settings.maxTokenLifetime,
      allowUnbound: !settings.requireDpop,
    });
    isBound ||= claims.cnf !== undefined;
    if (scheme === 'Bearer') {
      assertUnbound(claims, proof);
      await authority.assertActive(token);
      return openSession(gate, { claims, token, proof: undefined });
    }
    const { jkt } = boundTo(claims);
    stage = 'invalid_dpop_proof';
    const verified = verifyDpopProof(proof ?? '', {
      htm: request.method,
      htu: settings.resource,
      ath: claims.ath,
      now: deps.now(),
      windowSeconds: settings.dpopLeeway,
      requireJkt: jkt,
    });
    stage = 'use_dpop_nonce';
    assertNonce(gate, verified);
    stage = 'invalid_token';
    await authority.assertActive(token);
    stage = 'invalid_dpop_proof';
    await consume(gate, verified);
    return openSession(gate, { claims, token, proof });
  } catch (error) {
    const known = asDAuthError(error);
    if (known.status !== 401) return refusal(known, known.retryable ? { 'retry-after': '1' } : {});
    return challenge(settings, known, {
      scopes: settings.requiredScopes,
      error: stage,
      isBound,
      nonce: nonces?.issue(),
    });
  }
}

/** What is bound to a key is worth nothing without it (RFC 9449 §7.1, §11.1): as a bearer token it would be worth all. */
function assertUnbound(claims: CallerClaims, proof: string | undefined): void {
  if (claims.cnf !== undefined)
    throw unauthenticated('The access token is bound to a key. Show it with the DPoP scheme and a proof by that key.');
  if (proof !== undefined)
    throw unauthenticated('A bearer token comes without a proof: nothing says whose key that would be.');
}

function boundTo({ cnf }: CallerClaims): { readonly jkt: string } {
  if (cnf === undefined)
    throw unauthenticated('The access token is bound to no key, so a proof says nothing. Use the Bearer scheme.');
  return cnf;
}

/** RFC 9449 §9. */
function assertNonce({ nonces }: Gate, { claims }: VerifiedProof): void {
  if (nonces === undefined) return;
  if (typeof claims.nonce !== 'string' || !nonces.verify(claims.nonce))
    throw unauthenticated('The DPoP proof lacks a nonce of this server. Sign one with the DPoP-Nonce of this answer.');
}

/** Last, and atomically: whatever was refused before burnt nothing. */
async function consume({ settings, replay, oldestProof }: Gate, { jkt, jti, iat }: VerifiedProof): Promise<void> {
  if (iat < oldestProof)
    throw unauthenticated('The DPoP proof is older than this server process. Sign a fresh proof for each request.');
  const keepUntil = iat + settings.dpopLeeway + LIMITS.clockLeewaySeconds;
  if (!(await replay.consume(`${jkt}.${jti}`, keepUntil))) throw new DAuthError('REPLAY_DETECTED');
}

function unauthenticated(sentence: string): DAuthError {
  return new DAuthError('UNAUTHENTICATED', sentence);
}
