/**
 * Private keys of a sealed credential (RFC 5208, RFC 7468 §10), from octets to a signature.
 * Never a key object, nor the one-call `sign`: both keep the key until they are collected. A `Sign` parses, uses and frees a
 * key of P-256 before it returns (measured on Node 20 and 24), as it is: no such key gets here where memory that is freed is not
 * overwritten (token-call.ts). It cannot do Ed25519, which is computed here.
 */
import { createSign } from 'node:crypto';
import type { SigningAlg } from '@dauth/protocol';
import { signEd25519 } from './ed25519.ts';
import { derOf, innerItems, p256Der, RSA_KIND } from './key-der.ts';
import { keyNumbers, numberOf } from './key-numbers.ts';
import { wipe } from './memory.ts';
import { signRs256, type RsaKey } from './rsa.ts';
import { scrubRegisters } from './registers.ts';

const BLANK = Buffer.alloc(32);
/** No leading zero, which DER forbids. */
const DECOY = 0x10;

/**
 * Signs by the key's own kind alone.
 * @param key as `derOf` takes it
 * @returns memory of the caller's own; null for a key that is no such key
 */
export function signWith(key: Buffer, alg: SigningAlg, input: Buffer): Buffer | null {
  const der = derOf(key);
  try {
    const numbers = der === null ? null : keyNumbers(der);
    if (der === null || numbers === null) return null;
    if (alg === 'RS256') return numbers.kind === 'rsa' ? signRs256(rsaNumbers(der), input) : null;
    if (alg === 'ES256') return numbers.kind === 'ec' ? signEs256(numbers.secret[0]!, input) : null;
    return numbers.kind === 'ed25519' ? signEd25519(numbers.secret[0]!, input) : null;
  } finally {
    wipe(der);
    scrubRegisters();
  }
}

function signEs256(number: Buffer, input: Buffer): Buffer | null {
  const der = p256Der(number);
  let signature: Buffer | null = null;
  try {
    signature = signDer(der, input);
  } catch {
    // What OpenSSL says of a key is for nobody.
  }
  // Other octets in the place of the secret ones.
  der.fill(DECOY, der.length - number.length);
  signDecoy(der);
  wipe(der);
  return signature;
}

function signDer(der: Buffer, input: Buffer): Buffer {
  return createSign('sha256').update(input).sign({ key: der, format: 'der', type: 'pkcs8', dsaEncoding: 'ieee-p1363' });
}

/**
 * OpenSSL leaves parts of a signature on the stack; the same work with other octets goes over them. It takes the memory that the octets of
 * the key were freed in, too, but for one time in hundreds, where there was a larger block (measured on Node 20 and 24).
 */
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
