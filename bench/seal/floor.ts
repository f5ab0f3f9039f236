/**
 * The least that sealing and opening can cost on `node:crypto`: one key agreement, one derivation and one AEAD, and a signature where
 * something is sealed. Not RFC 9180, whose schedule derives several times, and it zeroes nothing.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { SUITES, type SuiteAlg } from '@dauth/protocol';
import type { RecipientKey } from '../stage/sealed-vectors.ts';

const [NONCE, TAG] = [12, 16];
const AEADS: Readonly<Record<number, string>> = { 1: 'aes-128-gcm', 2: 'aes-256-gcm', 3: 'chacha20-poly1305' };

interface Box {
  /** The ephemeral public key, as a JWK. */
  readonly enc: Readonly<Record<string, string>>;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Seals for a key, and signs what came of it. */
export function makeFloorSeal(key: RecipientKey, plaintext: Uint8Array): () => Box {
  const publicKey = createPublicKey({ key: { ...key.jwk }, format: 'jwk' });
  const signer = createPrivateKey({ key: generate('P-256'), format: 'der', type: 'pkcs8' });
  return () => {
    const privateKey = createPrivateKey({ key: generate(SUITES[key.alg].crv), format: 'der', type: 'pkcs8' });
    const { aead, secret, nonce } = derive(key.alg, privateKey, publicKey);
    const cipher = createCipheriv(aead, secret, nonce, { authTagLength: TAG });
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    sign('sha256', ciphertext, { key: signer, dsaEncoding: 'ieee-p1363' });
    const enc = createPublicKey(privateKey).export({ format: 'jwk' }) as Box['enc'];
    return { enc, ciphertext, tag: cipher.getAuthTag() };
  };
}

export function makeFloorOpen({ alg, privateKey }: RecipientKey, { enc, ciphertext, tag }: Box): () => Buffer {
  return () => {
    const publicKey = createPublicKey({ key: { ...enc }, format: 'jwk' });
    const { aead, secret, nonce } = derive(alg, privateKey, publicKey);
    const decipher = createDecipheriv(aead, secret, nonce, { authTagLength: TAG });
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  };
}

function derive(alg: SuiteAlg, privateKey: KeyObject, publicKey: KeyObject) {
  const { aead, key: octets } = SUITES[alg];
  const shared = diffieHellman({ privateKey, publicKey });
  const keys = Buffer.from(hkdfSync('sha256', shared, Buffer.alloc(0), 'floor', octets + NONCE));
  // Typed for one of them; the others take the same.
  return { aead: AEADS[aead] as 'aes-128-gcm', secret: keys.subarray(0, octets), nonce: keys.subarray(octets) };
}

/** By way of octets: Node 20 may lock itself up while it hands on a key that it has just made. */
function generate(crv: 'P-256' | 'X25519'): Buffer {
  const [publicKeyEncoding, privateKeyEncoding] = [
    { format: 'der', type: 'spki' },
    { format: 'der', type: 'pkcs8' },
  ] as const;
  return crv === 'P-256'
    ? generateKeyPairSync('ec', { namedCurve: crv, publicKeyEncoding, privateKeyEncoding }).privateKey
    : generateKeyPairSync('x25519', { publicKeyEncoding, privateKeyEncoding }).privateKey;
}
