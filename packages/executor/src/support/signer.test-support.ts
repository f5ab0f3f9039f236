/** Keys and signatures for tests. Never part of the executor: it signs with its identity only. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto';
import {
  encodeBase64url,
  encodeUtf8,
  joinJws,
  jwsSigningInput,
  makeHandle,
  parsePublicJwk,
  type ConnectionHandle,
  type PublicJwk,
} from '@dauth/protocol';
import { sha256Base64url, thumbprint } from '@dauth/verify';

export interface Signer {
  readonly jwk: PublicJwk;
  readonly jkt: string;
  /** A compact JWS of any header and claims; `alg` is filled in. */
  jws(header: object, claims: object): string;
}

export function makeSigner(): Signer {
  const { privateKey, publicKey } = makePair('P-256');
  const jwk = parsePublicJwk(publicKey.export({ format: 'jwk' }));
  return {
    jwk,
    jkt: thumbprint(jwk),
    jws(header, claims) {
      const input = jwsSigningInput({ alg: 'ES256', ...header }, claims);
      return joinJws(input, sign('sha256', encodeUtf8(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

const publicKeyEncoding = { format: 'der', type: 'spki' } as const;
const privateKeyEncoding = { format: 'der', type: 'pkcs8' } as const;

/** Private keys of the usual kinds, in PKCS #8; see `makePair`. */
const GENERATORS = {
  'RSA-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding }),
  'RSA-1024': () => generateKeyPairSync('rsa', { modulusLength: 1024, publicKeyEncoding, privateKeyEncoding }),
  'RSA-3072': () => generateKeyPairSync('rsa', { modulusLength: 3072, publicKeyEncoding, privateKeyEncoding }),
  'RSA-4096': () => generateKeyPairSync('rsa', { modulusLength: 4096, publicKeyEncoding, privateKeyEncoding }),
  'RSA-PSS': () => generateKeyPairSync('rsa-pss', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384', publicKeyEncoding, privateKeyEncoding }),
  Ed25519: () => generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding }),
  X25519: () => generateKeyPairSync('x25519', { publicKeyEncoding, privateKeyEncoding }),
} as const;

/**
 * A fresh pair. By way of octets: Node 20 may lock itself up for good while it writes a key it generated as a JWK, for it
 * holds the key's lock, and so does the collector that frees the generator.
 */
export function makePair(kind: keyof typeof GENERATORS): {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
} {
  const { privateKey, publicKey } = GENERATORS[kind]();
  return {
    privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: publicKey, format: 'der', type: 'spki' }),
  };
}

/** A token of the shape that libraries once took: `alg: none` and no signature. */
export function unsigned(header: object, claims: object): string {
  const part = (value: object): string => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  return `${part({ ...header, alg: 'none' })}.${part(claims)}.`;
}

export interface ProofWords {
  readonly htm: string;
  readonly htu: string;
  /** Unix seconds. */
  readonly iat: number;
  readonly token?: string;
}

/** A DPoP proof; `claims` and `header` replace members, `undefined` removes one. */
export function dpop(
  signer: Signer,
  words: ProofWords,
  { claims = {}, header = {} }: { claims?: object; header?: object } = {},
): string {
  const { token, ...rest } = words;
  const ath = token === undefined ? {} : { ath: sha256Base64url(token) };
  return signer.jws({ typ: 'dpop+jwt', jwk: signer.jwk, ...header }, { jti: randomUUID(), ...rest, ...ath, ...claims });
}

export function freshHandle(nowMs: number): ConnectionHandle {
  return makeHandle(nowMs, randomBytes(10));
}
