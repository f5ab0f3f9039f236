/**
 * The authority's signing key: the one file where its private half has a text form.
 * Never an opening key: nothing here, or in any package this one may import, can open an envelope.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { joinJws, jwsSigningInput, parsePublicJwk, type PublicJwk } from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';

export interface SigningKey {
  readonly kid: string;
  readonly jwk: PublicJwk;
  /** Signs claims under an explicit type (RFC 8725 §3.11). */
  sign(typ: string, claims: object): string;
}

/** Reads the signing key, or makes one (ES256) on first start; the file is readable by its owner only. */
export function loadSigningKey(path: string): SigningKey {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return signingKey(createPrivateKey({ key: JSON.parse(readFileSync(path, 'utf8')) as object as never, format: 'jwk' }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // `wx`: two processes that start at once must not each believe in a key of their own.
  writeFileSync(path, JSON.stringify(privateKey.export({ format: 'jwk' })), { mode: 0o600, flag: 'wx', flush: true });
  return signingKey(privateKey);
}

export function signingKey(privateKey: KeyObject): SigningKey {
  const jwk = parsePublicJwk(createPublicKey(privateKey).export({ format: 'jwk' }));
  const kid = thumbprint(jwk);
  return {
    kid,
    jwk,
    sign(typ, claims) {
      const input = jwsSigningInput({ typ, alg: 'ES256', kid }, claims);
      return joinJws(input, sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    },
  };
}
