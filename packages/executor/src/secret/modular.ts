/**
 * A product modulo a public odd number (Montgomery's method, HAC 14.36), where one factor and the product are secrets: limb by
 * limb in memory of our own. Never a BigInt of either: those cannot be zeroed.
 */
import { ownedBytes } from './memory.ts';
import { scrubRegisters } from './registers.ts';

const BITS = 16;

/**
 * @param secret big-endian, below the modulus
 * @param factor public, or random on its own
 * @param modulus odd, big-endian without leading zeros
 * @returns as many octets as the modulus has, in owned memory which the caller zeroes
 */
export function multiplyByPublic(secret: Buffer, factor: bigint, modulus: Buffer): Buffer {
  const n = limbsOf(modulus, Math.ceil(modulus.length / 2));
  const a = limbsOf(secret, n.length);
  const whole = BigInt(`0x${modulus.toString('hex')}`);
  // What the method divides by is put into the factor before.
  const scaled = (factor << BigInt(BITS * n.length)) % whole;
  const b = limbsOf(Buffer.from(scaled.toString(16).padStart(4 * n.length, '0'), 'hex'), n.length);
  const sum = new Uint16Array(ownedBytes(2 * (n.length + 2)).buffer);
  const less = new Uint16Array(ownedBytes(2 * n.length).buffer);
  try {
    accumulate(sum, a, b, n);
    return octetsOf(subtract(less, sum, n) ? sum : less, modulus.length);
  } finally {
    for (const limbs of [a, sum, less]) limbs.fill(0);
    scrubRegisters();
  }
}

/** Whether the product of two secrets is that public number; all big-endian without leading zeros. */
export function isProduct(product: Buffer, one: Buffer, other: Buffer): boolean {
  // Neither more octets nor fewer can be.
  if (![0, 1].includes(one.length + other.length - product.length)) return false;
  const a = limbsOf(one, Math.ceil(one.length / 2));
  const b = limbsOf(other, Math.ceil(other.length / 2));
  const sum = new Uint16Array(ownedBytes(2 * (a.length + b.length)).buffer);
  try {
    for (const [i, limb] of a.entries()) {
      let carry = 0;
      for (let j = 0; j < b.length; j++) {
        const x = sum[i + j]! + limb * b[j]! + carry;
        sum[i + j] = x;
        carry = x >>> BITS;
      }
      sum[i + b.length] = carry;
    }
    const wanted = limbsOf(product, sum.length);
    return sum.every((limb, at) => limb === wanted[at]);
  } finally {
    for (const limbs of [a, b, sum]) limbs.fill(0);
    scrubRegisters();
  }
}

/** sum = a · b / 2^(16 · limbs), below 2n. */
function accumulate(sum: Uint16Array, a: Uint16Array, b: Uint16Array, n: Uint16Array): void {
  const { length } = n;
  const negated = negatedInverse(n[0]!);
  for (const limb of a) {
    let carry = 0;
    for (let j = 0; j < length; j++) {
      const x = sum[j]! + limb * b[j]! + carry;
      sum[j] = x;
      carry = x >>> BITS;
    }
    let top = sum[length]! + carry;
    sum[length] = top;
    sum[length + 1] = top >>> BITS;
    // So many times n make the lowest limb zero, which falls off.
    const times = (sum[0]! * negated) & 0xffff;
    carry = (sum[0]! + times * n[0]!) >>> BITS;
    for (let j = 1; j < length; j++) {
      const x = sum[j]! + times * n[j]! + carry;
      sum[j - 1] = x;
      carry = x >>> BITS;
    }
    top = sum[length]! + carry;
    sum[length - 1] = top;
    sum[length] = sum[length + 1]! + (top >>> BITS);
  }
}

/** out = sum - n. @returns whether that is below zero */
function subtract(out: Uint16Array, sum: Uint16Array, n: Uint16Array): boolean {
  let borrow = 0;
  for (let j = 0; j < n.length; j++) {
    const x = sum[j]! - n[j]! - borrow;
    out[j] = x;
    borrow = x < 0 ? 1 : 0;
  }
  return sum[n.length]! < borrow;
}

/** -1 / odd modulo 2^16, by Newton: each step doubles the bits that are right. */
function negatedInverse(odd: number): number {
  let inverse = odd;
  for (let right = 3; right < BITS; right *= 2) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse)) & 0xffff;
  return -inverse & 0xffff;
}

/** The lowest first. */
function limbsOf(number: Buffer, count: number): Uint16Array {
  const limbs = new Uint16Array(ownedBytes(2 * count).buffer);
  for (let i = 0, at = number.length - 1; i < count; i++, at -= 2)
    limbs[i] = (number[at] ?? 0) | ((number[at - 1] ?? 0) << 8);
  return limbs;
}

function octetsOf(limbs: Uint16Array, length: number): Buffer {
  const octets = ownedBytes(length);
  for (let i = 0; i < length; i++) octets[length - 1 - i] = (limbs[i >> 1]! >> (i % 2 === 0 ? 0 : 8)) & 0xff;
  return octets;
}
