/**
 * The MCP server's own key (ES256): authenticates it at the authority and binds its dispatch tokens.
 * The one file of this package that signs; the key is kept as a handle, its text form is not.
 */
import { createPrivateKey, createPublicKey, KeyObject, randomUUID, sign } from 'node:crypto';
import { joinJws, jwsSigningInput, parsePublicJwk, TYP, type PublicJwk } from '@dauth/protocol';
import { sha256Base64url, thumbprint } from '@dauth/verify';

/** RFC 7523 §2.2. */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export interface ServerKey {
  readonly jwk: PublicJwk;
  readonly jkt: string;
  readonly privateKey: KeyObject;
}

/** @throws Error for anything but a private EC P-256 key */
export function readServerKey(value: unknown): ServerKey {
  const privateKey = value instanceof KeyObject ? value : createPrivateKey({ key: value as never, format: 'jwk' });
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError();
  const jwk = parsePublicJwk(createPublicKey(privateKey).export({ format: 'jwk' }));
  return { jwk, jkt: thumbprint(jwk), privateKey };
}

/** A DPoP proof (RFC 9449 §4.2). `htu` without query. */
export function signProof(key: ServerKey, of: { htm: string; htu: string; accessToken?: string }, now: number): string {
  const ath = of.accessToken === undefined ? {} : { ath: sha256Base64url(of.accessToken) };
  return signJws(
    key,
    { typ: TYP.dpop, alg: 'ES256', jwk: key.jwk },
    { htm: of.htm, htu: of.htu, jti: randomUUID(), iat: now, ...ath },
  );
}

/** A client assertion (RFC 7523 §3), good for one minute. */
export function signAssertion(key: ServerKey, clientId: string, audience: string, now: number): string {
  const claims = { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), iat: now, exp: now + 60 };
  return signJws(key, { typ: 'client-authentication+jwt', alg: 'ES256' }, claims);
}

function signJws(key: ServerKey, header: object, claims: object): string {
  const input = jwsSigningInput(header, claims);
  return joinJws(input, sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }));
}
