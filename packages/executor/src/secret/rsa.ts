/**
 * RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1), with a private exponent that OpenSSL never gets. What it reads a key from
 * it frees as it is, and other blocks take that memory piece by piece (measured: numbers of the key a second later, on Node 20
 * and 24). So the exponent goes out in two random shares, neither of which says anything of it: m^d = m^(r+d) · (m^r)^-1.
 * The signature is a credential, too: it is made in memory of our own, and never a BigInt, which cannot be zeroed.
 */
import {
  createDiffieHellman,
  createHash,
  createPublicKey,
  createVerify,
  randomFillSync,
  type DiffieHellman,
} from 'node:crypto';
import { ownedBytes, wipe } from './memory.ts';
import { isProduct, multiplyByPublic } from './modular.ts';
import { scrubRegisters } from './registers.ts';

/** The numbers of a key (RFC 8017 A.1.2), big-endian without leading zeros. */
export interface RsaKey {
  readonly modulus: Buffer;
  readonly publicExponent: Buffer;
  readonly privateExponent: Buffer;
  readonly primes: readonly [Buffer, Buffer];
}

/** RFC 8017 §9.2 note 1. */
const SHA256_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');
/** RFC 7518 §3.3: 2048 bits at least. 4096 at most: a longer key would hold up everybody while it signs. */
const [LEAST_OCTETS, MOST_OCTETS] = [256, 512];
/** Octets of a prime: of a shorter one, or of one, the other is guessed. */
const LEAST_PRIME = 32;
/** By so many octets a share is longer than the exponent, so that its first ones do not tell those of the exponent. */
const MARGIN = 16;
const DECOY = Buffer.from([2]);

/** @returns memory of the caller's own; null for numbers that are no key, or none that signs */
export function signRs256(key: RsaKey, input: Buffer): Buffer | null {
  const { modulus, publicExponent, privateExponent, primes } = key;
  const length = modulus.length;
  if (length < LEAST_OCTETS || length > MOST_OCTETS || (modulus[length - 1]! & 1) === 0) return null;
  if (publicExponent.length > 4 || privateExponent.length > length) return null;
  // Of a modulus that is a prime OpenSSL would make sure, for seconds, before each power.
  if (primes.some((prime) => prime.length < LEAST_PRIME) || !isProduct(modulus, ...primes)) return null;
  const message = encodeMessage(input, length);
  const [mask, masked] = shareOut(privateExponent, length + MARGIN);
  let [blinded, signature]: (Buffer | null)[] = [null, null];
  let isGood = false;
  try {
    const inverse = invert(toNumber(raise(message, mask, modulus)), toNumber(modulus));
    if (inverse === null) return null;
    blinded = raise(message, masked, modulus);
    signature = multiplyByPublic(blinded, inverse, modulus);
    // A wrong result would tell of the key (RFC 8017 §5.1 and its literature on faults), and says that the numbers are no key.
    isGood = isSignature(signature, key, input);
    return isGood ? signature : null;
  } catch {
    // What OpenSSL says of a number is for nobody.
    return null;
  } finally {
    wipe(mask, masked, blinded, isGood ? null : signature);
    scrubRegisters();
  }
}

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2). */
function encodeMessage(input: Buffer, length: number): Buffer {
  const hash = createHash('sha256').update(input).digest();
  const message = Buffer.alloc(length, 0xff);
  message.set([0, 1]);
  message.set([0, ...SHA256_INFO, ...hash], length - SHA256_INFO.length - hash.length - 1);
  return message;
}

/** @returns r and r + d, octets each that are random on their own; owned memory */
function shareOut(exponent: Buffer, length: number): readonly [mask: Buffer, masked: Buffer] {
  const [mask, masked] = [ownedBytes(length), ownedBytes(length)];
  randomFillSync(mask);
  // Room for the carry.
  mask[0]! &= 0x7f;
  let carry = 0;
  for (let i = 1; i <= length; i++) {
    const sum = mask[length - i]! + (exponent[exponent.length - i] ?? 0) + carry;
    masked[length - i] = sum & 0xff;
    carry = sum >> 8;
  }
  return [mask, masked];
}

/** base^share mod modulus: the public key of a Diffie-Hellman whose prime nobody asks to be one. */
function raise(base: Buffer, share: Buffer, modulus: Buffer): Buffer {
  const group: DiffieHellman = createDiffieHellman(modulus, base);
  try {
    group.setPrivateKey(share);
    return group.generateKeys();
  } finally {
    // OpenSSL clears the private key that it had; else it would stay until the object is collected, and so would the power.
    group.setPrivateKey(DECOY);
    group.generateKeys();
  }
}

/** Only of what is public, or random on its own: such numbers cannot be zeroed. */
function toNumber(octets: Buffer): bigint {
  return BigInt(`0x${octets.toString('hex')}`);
}

/** By Euclid's algorithm; null where there is none. */
function invert(number: bigint, modulus: bigint): bigint | null {
  let [rest, next, factor, nextFactor] = [modulus, number, 0n, 1n];
  while (next !== 0n) {
    const quotient = rest / next;
    [rest, next] = [next, rest - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return rest === 1n ? ((factor % modulus) + modulus) % modulus : null;
}

function isSignature(signature: Buffer, { modulus, publicExponent }: RsaKey, input: Buffer): boolean {
  const numbers = { n: modulus.toString('base64url'), e: publicExponent.toString('base64url') };
  const key = createPublicKey({ key: { kty: 'RSA', ...numbers }, format: 'jwk' });
  return createVerify('sha256').update(input).verify(key, signature);
}
