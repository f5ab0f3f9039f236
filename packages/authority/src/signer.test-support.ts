/** Keys and signatures for the tests of this package: everything a client, a server or an executor would sign. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { encodeUtf8, joinJws, jwsSigningInput, parsePublicJwk, TYP, type PublicJwk } from '@dauth/protocol';
import { sha256Base64url, thumbprint } from '@dauth/verify';

export interface Signer {
  readonly jwk: PublicJwk;
  readonly jkt: string;
  /** A compact JWS of any header and claims. */
  jws(header: object, claims: object): string;
  /** One by the key in its own header. */
  proof(typ: string, claims: object): string;
}

export function makeSigner(kind: 'ES256' | 'Ed25519' = 'ES256'): Signer {
  const pair = makePair(kind === 'ES256' ? 'P-256' : kind);
  const jwk = parsePublicJwk(pair.publicKey.export({ format: 'jwk' }));
  const jws = (header: object, claims: object): string => {
    const input = jwsSigningInput({ alg: kind, ...header }, claims);
    const hash = kind === 'ES256' ? 'sha256' : null;
    return joinJws(input, sign(hash, encodeUtf8(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }));
  };
  return { jwk, jkt: thumbprint(jwk), jws, proof: (typ, claims) => jws({ typ, jwk }, claims) };
}

/**
 * A fresh pair. By way of octets: Node 20 may lock itself up for good while it writes a key it generated as a JWK, for it
 * holds the key's lock, and so does the collector that frees the generator.
 */
export function makePair(kind: 'P-256' | 'Ed25519' | 'X25519'): {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
} {
  const [publicKeyEncoding, privateKeyEncoding] = [
    { format: 'der', type: 'spki' },
    { format: 'der', type: 'pkcs8' },
  ] as const;
  const { privateKey, publicKey } =
    kind === 'P-256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
      : kind === 'Ed25519'
        ? generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding })
        : generateKeyPairSync('x25519', { publicKeyEncoding, privateKeyEncoding });
  return {
    privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: publicKey, format: 'der', type: 'spki' }),
  };
}

export interface ProofClaims {
  readonly htm?: string;
  readonly htu?: string;
  readonly iat?: number;
  readonly jti?: string;
  readonly token?: string;
  readonly nonce?: unknown;
}

/** A DPoP proof (RFC 9449 §4.2). */
export function dpop(key: Signer, { token, jti = randomUUID(), ...claims }: ProofClaims): string {
  return key.proof(TYP.dpop, { ...claims, jti, ...(token === undefined ? {} : { ath: sha256Base64url(token) }) });
}

/** A `private_key_jwt` assertion (RFC 7523). */
export function assertion(key: Signer, claims: object): string {
  return key.jws({ typ: 'JWT' }, { jti: randomUUID(), ...claims });
}

export interface RsaSigner {
  readonly jwk: { readonly kty: string; readonly n: string; readonly e: string };
  jws(header: object, claims: object): string;
}

/** An RSA key (RS256), as an issuer outside has one; by way of octets, as `makePair`. */
export function makeRsaSigner(): RsaSigner {
  const der = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  });
  const key = createPrivateKey({ key: der.privateKey, format: 'der', type: 'pkcs8' });
  const jwk = createPublicKey({ key: der.publicKey, format: 'der', type: 'spki' }).export({ format: 'jwk' });
  return {
    jwk: jwk as RsaSigner['jwk'],
    jws(header, claims) {
      const input = jwsSigningInput({ alg: 'RS256', ...header }, claims);
      return joinJws(input, sign('sha256', encodeUtf8(input), { key }));
    },
  };
}
