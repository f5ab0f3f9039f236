/**
 * Private keys of a sealed credential (RFC 5208, RFC 7468 §10), from octets to a signature.
 * Never a key object, nor the one-call `sign`: both keep the key until they are collected. A `Sign` parses, uses and frees a
 * key of P-256 before it returns (measured on Node 20 and 24). It cannot do Ed25519, which is computed here.
 */
import { createSign } from 'node:crypto';
import type { SigningAlg } from '@dauth/protocol';
import { signEd25519 } from './ed25519.ts';
import { derOf, innerItems, isKind, P256_KIND, RSA_KIND } from './key-der.ts';
import { keyNumbers, numberOf } from './key-numbers.ts';
import { ownedConcat, wipe } from './memory.ts';
import { signRs256, type RsaKey } from './rsa.ts';
import { scrubRegisters } from './registers.ts';

/** RFC 5208 §5 and RFC 5915 §3: what stands before the number in a key that has neither parameters nor a point. */
const P256_START = Buffer.concat([Buffer.of(0x30, 0x41), P256_KIND, Buffer.from('0427' + '30250201010420', 'hex')]);

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
    const numbers = keyNumbers(der);
    if (alg === 'RS256') return isKind(der, RSA_KIND) ? signRs256(rsaNumbers(der), input) : null;
    if (alg === 'ES256') return numbers?.kind === 'ec' ? signEs256(numbers.secret[0]!, input) : null;
    return numbers?.kind === 'ed25519' ? signEd25519(numbers.secret[0]!, input) : null;
  } finally {
    wipe(der);
    scrubRegisters();
  }
}

/** OpenSSL is given the number alone, in a key that is written here: never what else stood around it. */
function signEs256(number: Buffer, input: Buffer): Buffer | null {
  const der = ownedConcat(P256_START, number);
  let signature: Buffer | null = null;
  try {
    signature = signDer(der, input);
  } catch {
    // What OpenSSL says of a key is for nobody.
  }
  // Other octets in the place of the secret ones.
  der.fill(DECOY, P256_START.length);
  signDecoy(der);
  wipe(der);
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

/** Views of a key's numbers (RFC 8017 A.1.2). */
function rsaNumbers(der: Buffer): RsaKey {
  const [, modulus, publicExponent, privateExponent, p, q] = innerItems(der, RSA_KIND).map((item) =>
    numberOf(der, item),
  );
  const none = Buffer.alloc(0);
  return {
    modulus: modulus ?? none,
    publicExponent: publicExponent ?? none,
    privateExponent: privateExponent ?? none,
    primes: [p ?? none, q ?? none],
  };
}
