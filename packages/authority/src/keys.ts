/**
 * The authority's signing key: the one file where its private half has a text form.
 * Never an opening key: nothing here, or in any package this one may import, can open an envelope.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isObject, joinJws, jwsSigningInput, parseJson, parsePublicJwk, type PublicJwk } from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';

export interface SigningKey {
  /** RFC 7638 thumbprint of `jwk`. */
  readonly kid: string;
  readonly jwk: PublicJwk;
  /** Signs claims under an explicit type (RFC 8725 §3.11). */
  sign(typ: string, claims: object): string;
}

const MAX_KEY_FILE = 4_096;

/**
 * Reads the signing key, or makes one (ES256) on first start; the file is its owner's only (0600).
 * @throws Error with a sentence for the operator where the file is open to others or holds something else
 */
export function loadSigningKey(path: string): SigningKey {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const known = readKeyFile(path);
  if (known !== undefined) return signingKey(known);
  publishKeyFile(path, JSON.stringify(generateKey().export({ format: 'jwk' })));
  // Of two processes that start at once one published first; both sign with what stands in the file.
  return signingKey(readKeyFile(path)!);
}

/**
 * By way of octets: Node 20 may lock itself up for good while it writes a key it generated as a JWK, for it holds the
 * key's lock, and so does the collector that frees the generator. What was read from octets has a lock of its own.
 */
function generateKey(): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  });
  return createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
}

function readKeyFile(path: string): KeyObject | undefined {
  let text: string;
  try {
    // Tokens are only as good as this file is private.
    if ((statSync(path).mode & 0o077) !== 0)
      throw new Error(`${path} can be reached by other users of this machine. Take their rights away (chmod 600).`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const jwk = parseJson(text, MAX_KEY_FILE);
  if (!isObject(jwk) || jwk.kty !== 'EC' || jwk.crv !== 'P-256' || typeof jwk.d !== 'string') {
    throw new Error(`${path} does not hold an EC P-256 private key. Restore it from your backup.`);
  }
  return createPrivateKey({ key: { ...jwk } as JsonWebKey, format: 'jwk' });
}

/** Whole and durable under its final name, or not there at all: `link` never replaces, so nobody's key is lost. */
function publishKeyFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
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
