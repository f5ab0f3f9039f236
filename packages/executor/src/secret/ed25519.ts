/**
 * Ed25519 (RFC 8032 §5.1.6), computed here: Node signs by it only with its one-call `sign`, which keeps the key until that is
 * collected. The seed and all that is made of it is in memory of our own, and zeroed before this returns; octets and limbs of it
 * are read one by one, and no step or address depends on one.
 */
import { createPublicKey, verify } from 'node:crypto';
import { add, FieldSpace, subtract, swapWhere, type Field } from './field25519.ts';
import { ownedBytes, wipe } from './memory.ts';
import { secretDigest } from './native.ts';
import { scrubRegisters } from './registers.ts';

/** Extended coordinates (§5.1.4): x = X/Z, y = Y/Z, x·y = T/Z. */
type Point = readonly [X: Field, Y: Field, Z: Field, T: Field];

/** §5.1: p, d, the order of the base point, and that point. All of it is public. */
const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const BASE = {
  x: 15112221349535400772501151409588531511454012693041857206046113283949847762202n,
  y: 46316835694926478169428394003475163141307993866256225615783033603165251855960n,
} as const;
const ORDER_OCTETS = Array.from({ length: 32 }, (_, i) => Number((ORDER >> BigInt(8 * i)) & 0xffn));

/** RFC 8410 §4, to the octets of the key. */
const PUBLIC_KIND = Buffer.from('302a' + '300506032b6570' + '032100', 'hex');

/**
 * @param seed 32 octets
 * @returns memory of the caller's own: R and S, 64 octets
 */
export function signEd25519(seed: Buffer, input: Buffer): Buffer {
  const expanded = secretDigest('sha512', seed);
  const [scalar, prefix] = [expanded.subarray(0, 32), expanded.subarray(32)];
  // §5.1.5 step 2
  scalar[0]! &= 0xf8;
  scalar[31] = (scalar[31]! & 0x7f) | 0x40;
  const hashed = secretDigest('sha512', prefix, input);
  const nonce = ownedBytes(32);
  const signature = ownedBytes(64);
  let commitment: Buffer | null = null;
  let isGood = false;
  try {
    reduce(nonce, new Numbers(hashed));
    const publicKey = multiplyBase(scalar);
    commitment = multiplyBase(nonce);
    signature.set(commitment);
    const challenge = Buffer.alloc(32);
    reduce(challenge, new Numbers(secretDigest('sha512', signature.subarray(0, 32), publicKey, input)));
    // S = r + k·a
    reduce(signature.subarray(32), new Numbers(nonce).plusProduct(challenge, scalar));
    assertGood(publicKey, input, signature);
    isGood = true;
    return signature;
  } finally {
    wipe(expanded, hashed, nonce, commitment, isGood ? null : signature);
    // Hashes leave blocks of what they hash on the native stack; the same work with other octets takes that place.
    secretDigest('sha512', ownedBytes(32 + input.length));
    scrubRegisters();
  }
}

/** A wrong result would tell of the key: two signatures with one R and two S give it away. */
function assertGood(publicKey: Buffer, input: Buffer, signature: Buffer): void {
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_KIND, publicKey]), format: 'der', type: 'spki' });
  if (!verify(null, input, key, signature)) throw new Error('A signature by Ed25519 came out wrong.');
}

/** [scalar]B in 32 octets of owned memory (§5.1.2), in Montgomery's ladder: the same steps for each bit. */
function multiplyBase(scalar: Uint8Array): Buffer {
  using space = new FieldSpace(22);
  const point = (x: bigint, y: bigint, t: bigint): Point => [
    space.number(x),
    space.number(y),
    space.number(1n),
    space.number(t),
  ];
  const sum = point(0n, 1n, 0n);
  const next = point(BASE.x, BASE.y, (BASE.x * BASE.y) % P);
  const adder = new Adder(space);
  for (let at = 255; at >= 0; at--) {
    const bit = (scalar[at >> 3]! >> (at & 7)) & 1;
    swapPoints(bit, sum, next);
    adder.add(next, sum);
    adder.add(sum, sum);
    swapPoints(bit, sum, next);
  }
  const [x, y, inverse] = [space.number(), space.number(), space.number()];
  space.invert(inverse, sum[2]);
  space.multiply(x, sum[0], inverse);
  space.multiply(y, sum[1], inverse);
  const [encoded, sign] = [ownedBytes(32), ownedBytes(32)];
  space.pack(encoded, y);
  space.pack(sign, x);
  encoded[31]! |= (sign[0]! & 1) << 7;
  return encoded;
}

function swapPoints(bit: number, a: Point, b: Point): void {
  for (let i = 0; i < 4; i++) swapWhere(bit, a[i]!, b[i]!);
}

/** Adds points (§5.1.4), two that are the same included. */
class Adder {
  readonly #space: FieldSpace;
  readonly #twiceD: Field;
  readonly #numbers: readonly Field[];

  constructor(space: FieldSpace) {
    this.#space = space;
    this.#twiceD = space.number((2n * D) % P);
    this.#numbers = Array.from({ length: 9 }, () => space.number());
  }

  /** p = p + q */
  add(p: Point, q: Point): void {
    const [a, b, c, d, e, f, g, h, t] = this.#numbers as [
      Field,
      Field,
      Field,
      Field,
      Field,
      Field,
      Field,
      Field,
      Field,
    ];
    const space = this.#space;
    subtract(a, p[1], p[0]);
    subtract(t, q[1], q[0]);
    space.multiply(a, a, t);
    add(b, p[0], p[1]);
    add(t, q[0], q[1]);
    space.multiply(b, b, t);
    space.multiply(c, p[3], q[3]);
    space.multiply(c, c, this.#twiceD);
    space.multiply(d, p[2], q[2]);
    add(d, d, d);
    subtract(e, b, a);
    subtract(f, d, c);
    add(g, d, c);
    add(h, b, a);
    space.multiply(p[0], e, f);
    space.multiply(p[1], h, g);
    space.multiply(p[2], g, f);
    space.multiply(p[3], e, h);
  }
}

/** 64 octets or fewer, the lowest first, each in a number of its own that may become wider. */
class Numbers {
  readonly memory: Buffer = ownedBytes(64 * 8);
  readonly each = new Float64Array(this.memory.buffer, this.memory.byteOffset, 64);

  constructor(octets: Uint8Array) {
    for (let i = 0; i < octets.length; i++) this.each[i] = octets[i]!;
  }

  plusProduct(a: Uint8Array, b: Uint8Array): this {
    for (let i = 0; i < 32; i++) for (let j = 0; j < 32; j++) this.each[i + j]! += a[i]! * b[j]!;
    return this;
  }
}

/** Modulo the order, from above down: 2^252 is less than nothing by what the order has beyond that. Zeroes what it is given. */
function reduce(out: Uint8Array, numbers: Numbers): void {
  const { each: x } = numbers;
  for (let i = 63; i >= 32; i--) {
    let carry = 0;
    let j = i - 32;
    for (; j < i - 12; j++) {
      x[j]! += carry - 16 * x[i]! * ORDER_OCTETS[j - (i - 32)]!;
      carry = Math.floor((x[j]! + 128) / 256);
      x[j]! -= carry * 256;
    }
    x[j]! += carry;
    x[i] = 0;
  }
  let carry = 0;
  for (let j = 0; j < 32; j++) {
    x[j]! += carry - (x[31]! >> 4) * ORDER_OCTETS[j]!;
    carry = x[j]! >> 8;
    x[j]! &= 255;
  }
  for (let j = 0; j < 32; j++) x[j]! -= carry * ORDER_OCTETS[j]!;
  for (let i = 0; i < 32; i++) {
    x[i + 1]! += x[i]! >> 8;
    out[i] = x[i]! & 255;
  }
  wipe(numbers.memory);
}
