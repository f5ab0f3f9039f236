/**
 * Until when a caller's call may be acted on (spec/dauth.md §4): what goes on for long ends with it.
 * Never later than the authority meant: the proof is the one that it put into the token.
 */
import { LIMITS, parseClaims, splitJws } from '@dauth/protocol';
import type { Caller } from './authenticate.ts';

/** Unix milliseconds. Of a call without a proof, or with one that cannot be read, the token's own end. */
export function windowEndMs({ claims }: Pick<Caller, 'claims'>): number {
  const signed = claims.subjectDpop === undefined ? undefined : signedAt(claims.subjectDpop);
  // The token was made inside the window, so that ends at most so long after it.
  const end = signed === undefined ? claims.exp : Math.min(signed, claims.iat) + LIMITS.callWindowSeconds;
  return end * 1_000;
}

function signedAt(proof: string): number | undefined {
  try {
    const { iat } = parseClaims(splitJws(proof, LIMITS.proof).payload, LIMITS.proof);
    return typeof iat === 'number' ? iat : undefined;
  } catch {
    return undefined;
  }
}
