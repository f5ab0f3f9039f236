/**
 * A ring of DPoP proofs (RFC 9449 §4.2), signed ahead so that the load does not wait for them: each is used once, so the server's
 * replay protection works as it always does. Never a proof that is signed twice, and never one that grows old here.
 */
import { createHash, createPrivateKey, randomUUID, sign } from 'node:crypto';
import type { Signer } from './job.ts';

/** Signs proofs of one key for one request under one token. */
export function makeSigner({ key, token, htu }: Signer, htm: string): () => string {
  const { kty, crv, x, y } = key;
  const privateKey = createPrivateKey({ key: { ...key }, format: 'jwk' });
  const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } });
  const ath = createHash('sha256').update(token).digest('base64url');
  return () => {
    const iat = Math.floor(Date.now() / 1_000);
    const input = `${header}.${encode({ htm, htu, ath, jti: randomUUID(), iat })}`;
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
