/** Signs compact JWS (RFC 7515) with one key, as cheaply as Node can. Checks nothing: whoever loads a server knows what they sign. */
import { createPrivateKey, sign } from 'node:crypto';

/** @param key a private EC P-256 JWK; `alg` is added to each header */
export function makeJws(key: Readonly<Record<string, string>>): (header: object, claims: object) => string {
  const privateKey = createPrivateKey({ key: { ...key }, format: 'jwk' });
  return (header, claims) => {
    const input = `${encode({ ...header, alg: 'ES256' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
