/**
 * A ring of DPoP proofs (RFC 9449 §4.2), signed ahead so that the load does not wait for them: each is used once, so the server's
 * replay protection works as it always does. Never a proof that is signed twice, and never one that grows old here.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Signer } from './job.ts';
import { makeJws } from './jws.ts';

/** Signs proofs of one key for one request, under one token where there is one. */
export function makeSigner({ key, token, htu }: Signer, htm: string): () => string {
  const { kty, crv, x, y } = key;
  const signed = makeJws(key);
  const header = { typ: 'dpop+jwt', jwk: { kty, crv, x, y } };
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') };
  return () => signed(header, { htm, htu, ...ath, jti: randomUUID(), iat: Math.floor(Date.now() / 1_000) });
}
