/** Keys and signatures for the tests of this package. Never part of it: `verify` signs nothing. */
import assert from 'node:assert/strict';
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  DAuthError,
  encodeUtf8,
  joinJws,
  jwsSigningInput,
  parsePublicJwk,
  type ErrorCode,
  type PublicJwk,
} from '@dauth/protocol';
import { thumbprint } from './digest.ts';

export interface Signer {
  readonly privateKey: KeyObject;
  /** As a key set publishes it. */
  readonly publicJwk: object;
  readonly jwk: PublicJwk;
  readonly jkt: string;
  readonly alg: string;
  /** A compact JWS of any header and claims; `alg` and nothing else is filled in. */
  jws(header: object, claims: object): string;
  /** One by the key in its own header. */
  proof(typ: string, claims: object, header?: object): string;
}

export function makeSigner(kind: 'ES256' | 'Ed25519' = 'ES256'): Signer {
  const pair = makePair(kind);
  const jwk = parsePublicJwk(pair.publicKey.export({ format: 'jwk' }));
  const jws = (header: object, claims: object): string => {
    const input = jwsSigningInput({ alg: kind, ...header }, claims);
    return joinJws(input, signRaw(kind, pair.privateKey, encodeUtf8(input)));
  };
  return {
    privateKey: pair.privateKey,
    publicJwk: jwk,
    jwk,
    jkt: thumbprint(jwk),
    alg: kind,
    jws,
    proof: (typ, claims, header = {}) => jws({ typ, jwk, ...header }, claims),
  };
}

/** A signer of an authority that is not DAuth's, of one algorithm. */
export function makeForeignSigner(alg: 'RS256' | 'PS256', modulusLength = 2_048): Pick<Signer, 'jws' | 'publicJwk'> {
  const rsa = makeRsaSigner(modulusLength);
  return { publicJwk: { ...rsa.jwk, alg }, jws: (header, claims) => rsa.jws({ alg, ...header }, claims) };
}

/**
 * A fresh pair. By way of octets: Node 20 may lock itself up for good while it writes a key it generated as a JWK, for it
 * holds the key's lock, and so does the collector that frees the generator.
 */
function makePair(kind: 'ES256' | 'Ed25519'): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const [publicKeyEncoding, privateKeyEncoding] = [
    { format: 'der', type: 'spki' },
    { format: 'der', type: 'pkcs8' },
  ] as const;
  const { privateKey, publicKey } =
    kind === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding });
  return {
    privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: publicKey, format: 'der', type: 'spki' }),
  };
}

export function signRaw(kind: 'ES256' | 'Ed25519', key: KeyObject, data: Uint8Array): Uint8Array {
  return sign(kind === 'ES256' ? 'sha256' : null, data, { key, dsaEncoding: 'ieee-p1363' });
}

/** Asserts a refusal by code, status and sentence. */
export function assertRefused(run: () => unknown, code: ErrorCode, sentence: RegExp): void {
  assert.throws(run, (error: unknown) => isRefusal(error, code, sentence));
}

/** The same for promises. */
export async function assertRefusedAsync(
  run: () => Promise<unknown>,
  code: ErrorCode,
  sentence: RegExp,
): Promise<void> {
  await assert.rejects(run, (error: unknown) => isRefusal(error, code, sentence));
}

function isRefusal(error: unknown, code: ErrorCode, sentence: RegExp): boolean {
  assert.ok(error instanceof DAuthError, String(error));
  assert.equal(error.code, code);
  assert.match(error.publicMessage, sentence);
  return true;
}

export interface RsaSigner {
  /** Public members of the key, for a key set. */
  readonly jwk: { readonly kty: string; readonly n: string; readonly e: string };
  readonly privateKey: KeyObject;
  jws(header: { readonly alg: string }, claims: object): string;
}

/** An RSA key as an issuer outside has one; by way of octets, as `makePair`. */
export function makeRsaSigner(modulusLength = 2_048, publicExponent = 65_537): RsaSigner {
  const der = generateKeyPairSync('rsa', {
    ...{ modulusLength, publicExponent },
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  });
  const privateKey = createPrivateKey({ key: der.privateKey, format: 'der', type: 'pkcs8' });
  const jwk = createPublicKey({ key: der.publicKey, format: 'der', type: 'spki' }).export({ format: 'jwk' });
  return {
    jwk: jwk as RsaSigner['jwk'],
    privateKey,
    jws(header, claims) {
      const input = jwsSigningInput(header, claims);
      return joinJws(input, signRsa(privateKey, header.alg, encodeUtf8(input)));
    },
  };
}

/** Signs as RSA of this algorithm does, with the salt of RFC 7518 §3.5 unless told otherwise. */
export function signRsa(key: KeyObject, alg: string, data: Uint8Array, saltLength = 32): Uint8Array {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return sign('sha256', data, alg === 'PS256' ? { key, ...pss } : { key });
}
