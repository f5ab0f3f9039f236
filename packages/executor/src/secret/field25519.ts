/**
 * Numbers modulo 2^255 - 19 (RFC 8032 §5.1), each as 16 limbs of 16 bits, in a workspace that is zeroed as a whole.
 * Takes the same steps whatever the numbers are, and never makes one of them into a BigInt: those cannot be zeroed.
 */
import { ownedBytes } from './memory.ts';

/** 16 limbs, the lowest first. A limb may be some bits wider between two steps. */
export type Field = Float64Array;

const LIMBS = 16;
const OCTETS_EACH = 8;
const RADIX = 65_536;

/** Where a computation has all its numbers. */
export class FieldSpace implements Disposable {
  readonly #memory: Buffer;
  #taken = 0;
  /** Of a product before it is reduced. */
  readonly #product: Float64Array;
  readonly #reduced: Field;
  readonly #packed: Field;

  /** @param numbers how many are taken at most */
  constructor(numbers: number) {
    this.#memory = ownedBytes((numbers + 4) * LIMBS * OCTETS_EACH);
    this.#product = this.#take(2 * LIMBS);
    this.#reduced = this.#take(LIMBS);
    this.#packed = this.#take(LIMBS);
  }

  /** A number of its own, of a public value. */
  number(value = 0n): Field {
    const field = this.#take(LIMBS);
    for (let i = 0; i < LIMBS; i++) field[i] = Number((value >> BigInt(16 * i)) & 0xffffn);
    return field;
  }

  /** out = a · b; `out` may be one of them. */
  multiply(out: Field, a: Field, b: Field): void {
    const product = this.#product.fill(0);
    for (let i = 0; i < LIMBS; i++) {
      const limb = a[i]!;
      for (let j = 0; j < LIMBS; j++) product[i + j]! += limb * b[j]!;
    }
    // 2^256 is 38.
    for (let i = 0; i < LIMBS; i++) out[i] = product[i]! + 38 * product[i + LIMBS]!;
    carry(out);
    carry(out);
  }

  /** out = 1 / a, by Fermat: a^(p - 2). */
  invert(out: Field, a: Field): void {
    const power = this.#reduced;
    power.set(a);
    for (let bit = 253; bit >= 0; bit--) {
      this.multiply(power, power, power);
      if (bit !== 2 && bit !== 4) this.multiply(power, power, a);
    }
    out.set(power);
  }

  /** The one number from 0 to p - 1 that it is, in 32 octets, the lowest first. */
  pack(out: Uint8Array, a: Field): void {
    const [whole, less] = [this.#reduced, this.#packed];
    whole.set(a);
    for (let i = 0; i < 3; i++) carry(whole);
    for (let i = 0; i < 2; i++) {
      less[0] = whole[0]! - 0xffed;
      for (let j = 1; j < LIMBS; j++) {
        less[j] = whole[j]! - (j === LIMBS - 1 ? 0x7fff : 0xffff) - ((less[j - 1]! >> 16) & 1);
        less[j - 1]! &= 0xffff;
      }
      // Less than nothing: it was below p already.
      const isBelow = (less[LIMBS - 1]! >> 16) & 1;
      swapWhere(1 - isBelow, whole, less);
    }
    for (let i = 0; i < LIMBS; i++) {
      out[2 * i] = whole[i]! & 0xff;
      out[2 * i + 1] = whole[i]! >> 8;
    }
  }

  [Symbol.dispose](): void {
    this.#memory.fill(0);
  }

  #take(limbs: number): Float64Array {
    const { buffer, byteOffset } = this.#memory;
    const taken = new Float64Array(buffer, byteOffset + this.#taken * OCTETS_EACH, limbs);
    this.#taken += limbs;
    return taken;
  }
}

export function add(out: Field, a: Field, b: Field): void {
  for (let i = 0; i < LIMBS; i++) out[i] = a[i]! + b[i]!;
}

export function subtract(out: Field, a: Field, b: Field): void {
  for (let i = 0; i < LIMBS; i++) out[i] = a[i]! - b[i]!;
}

/** Swaps the two where `bit` is 1, and does the same work where it is 0. */
export function swapWhere(bit: number, a: Field, b: Field): void {
  const mask = 0 - bit;
  for (let i = 0; i < LIMBS; i++) {
    const change = mask & (a[i]! ^ b[i]!);
    a[i]! ^= change;
    b[i]! ^= change;
  }
}

function carry(field: Field): void {
  let over = 0;
  for (let i = 0; i < LIMBS; i++) {
    const sum = field[i]! + over;
    over = Math.floor(sum / RADIX);
    field[i] = sum - over * RADIX;
  }
  field[0]! += 38 * over;
}
