/**
 * DPoP nonces of the authority (RFC 9449 §8): a hash over the present minute, so that nothing is stored for a client.
 * Never a secret and never once only: a nonce says that a proof was signed lately; its `jti` says that it is used once.
 */
import { createHmac } from 'node:crypto';
import { equalSecret } from '@dauth/verify';
import type { HttpContext } from '../http.ts';
import { OAuthError } from './errors.ts';

/** A nonce is new for this long and taken for as long again; no shorter than a proof lives. */
const STEP_SECONDS = 60;
const HEADER = 'dpop-nonce';
const USE_NONCE = 'The DPoP proof needs the nonce of the DPoP-Nonce header. Sign it again with that.';

export interface Nonces {
  /** The nonce to use at this moment, in Unix seconds. */
  at(now: number): string;
  /** Whether a proof with this nonce was signed in this step or the one before. */
  isFresh(nonce: string, now: number): boolean;
}

/** @param key at least 256 random bits, of this process or shared by the nodes behind one URL */
export function makeNonces(key: Uint8Array): Nonces {
  const nonceOf = (step: number) => createHmac('sha256', key).update(`dauth-nonce.${step}`).digest('base64url');
  const stepAt = (now: number) => Math.floor(now / STEP_SECONDS);
  return {
    at: (now) => nonceOf(stepAt(now)),
    isFresh: (nonce, now) => [stepAt(now), stepAt(now) - 1].some((step) => equalSecret(nonce, nonceOf(step))),
  };
}

/**
 * Refuses a proof without a fresh nonce, and says the one to use wherever the one that came is not it.
 * @throws OAuthError `use_dpop_nonce`
 */
export function requireNonce(nonces: Nonces, c: HttpContext, nonce: unknown, now: number): void {
  const present = nonces.at(now);
  if (nonce !== present) c.header(HEADER, present);
  if (typeof nonce !== 'string' || !nonces.isFresh(nonce, now)) throw new OAuthError('use_dpop_nonce', USE_NONCE);
}
