/**
 * Private keys of a sealed credential (RFC 5208, RFC 7468 §10), from octets to a signature.
 * Never a key object, nor the one-call `sign`: both keep the key until they are collected. A `Sign` parses, uses and frees a
 * key of P-256 before it returns (measured on Node 20 and 24). It cannot do Ed25519, which is computed here.
 */
import { createSign } from 'node:crypto';
import type { SigningAlg } from '@dauth/protocol';
import { signEd25519 } from './ed25519.ts';
import { derOf, innerItems, isKind, P256_KIND, RSA_KIND, versionAt } from './key-der.ts';
import { keyNumbers, numberOf } from './key-numbers.ts';
import { wipe } from './memory.ts';
import { signRs256, type RsaKey } from './rsa.ts';
import { scrubRegisters } from './registers.ts';

/** RFC 7518 §3.1: version and kind of a key as they stand in its DER (RFC 3279 §2.3.1, RFC 5480 §2.1.1). */
const KINDS = { RS256: RSA_KIND, ES256: P256_KIND } as const;

const BLANK = Buffer.alloc(32);
/** No leading zero, which DER forbids. */
const DECOY = 0x10;
/** Octets of a key of RSA with 4096 bits in DER. */
const MAX_DER = 2_400;

/**
 * Signs by the key's own kind alone.
 * @param key as `derOf` takes it
 * @returns memory of the caller's own; null for a key that is no such key
 */
export function signWith(key: Buffer, alg: SigningAlg, input: Buffer): Buffer | null {
  const der = derOf(key);
  try {
    if (der === null || der.length > MAX_DER) return null;
    if (alg === 'Ed25519' || alg === 'EdDSA') {
      const key = keyNumbers(der);
      return key?.kind === 'ed25519' ? signEd25519(key.secret[0]!, input) : null;
    }
    if (!isKind(der, KINDS[alg])) return null;
    return alg === 'RS256' ? signRs256(rsaNumbers(der), input) : signEs256(der, input);
  } finally {
    wipe(der);
    scrubRegisters();
  }
}

function signEs256(der: Buffer, input: Buffer): Buffer | null {
  let signature: Buffer | null = null;
  try {
    signature = signDer(der, input);
  } catch {
    // What OpenSSL says of a key is for nobody.
  }
  if (signature === null) der.fill(DECOY, versionAt(der) + KINDS.ES256.length);
  else disguise(der);
  signDecoy(der);
  return signature;
}

function signDer(der: Buffer, input: Buffer): Buffer {
  return createSign('sha256').update(input).sign({ key: der, format: 'der', type: 'pkcs8', dsaEncoding: 'ieee-p1363' });
}

/** OpenSSL frees the octets that it read a key from as they are; the same work with other octets takes the same memory. */
function signDecoy(der: Buffer): void {
  try {
    signDer(der, BLANK);
  } catch {
    // Most disguised keys are no keys.
  }
}

/** Puts other octets in the place of the secret number of a key that signed (RFC 5915 §3). */
function disguise(der: Buffer): void {
  for (const [item, { tag, start, end }] of innerItems(der, KINDS.ES256).entries())
    if (item > 0 && tag === 0x04) der.fill(DECOY, start, end);
}

/** Views of a key's numbers (RFC 8017 A.1.2). */
function rsaNumbers(der: Buffer): RsaKey {
  const [, modulus, publicExponent, privateExponent] = innerItems(der, RSA_KIND).map((item) => numberOf(der, item));
  const none = Buffer.alloc(0);
  return {
    modulus: modulus ?? none,
    publicExponent: publicExponent ?? none,
    privateExponent: privateExponent ?? none,
  };
}
