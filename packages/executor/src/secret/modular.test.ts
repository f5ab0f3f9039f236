/** Products modulo an odd number, limb by limb, beside those of BigInts; and nothing of them stays. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { multiplyByPublic } from './modular.ts';

const numberOf = (octets: Buffer): bigint => BigInt(`0x${octets.toString('hex')}`);

/** @returns octets of an odd number of that length */
function modulusOf(length: number, fill?: number): Buffer {
  const modulus = fill === undefined ? randomBytes(length) : Buffer.alloc(length, fill);
  modulus[0]! |= 0x80;
  modulus[length - 1]! |= 1;
  return modulus;
}

for (const length of [256, 257, 512])
  test(`a product modulo a number of ${length} octets is the one of BigInts`, () => {
    for (const modulus of [modulusOf(length), modulusOf(length), modulusOf(length, 0xff), modulusOf(length, 0)]) {
      const n = numberOf(modulus);
      for (const [secret, factor] of [
        [numberOf(randomBytes(length)) % n, numberOf(randomBytes(length)) % n],
        [n - 1n, n - 1n],
        [n - 1n, 1n],
        [0n, n - 1n],
        [1n, 0n],
      ] as const) {
        const octets = Buffer.from(secret.toString(16).padStart(2 * length, '0'), 'hex');
        assert.equal(numberOf(multiplyByPublic(octets, factor, modulus)), (secret * factor) % n);
      }
    }
  });

test('[memory.clean] of what a product was made in nothing stays but the product', (t) => {
  const made: ArrayBuffer[] = [];
  const real = globalThis.ArrayBuffer;
  t.after(() => (globalThis.ArrayBuffer = real));
  const [secret, factor, modulus] = [randomBytes(256), numberOf(randomBytes(256)), modulusOf(256)];
  secret[0] = 0;
  globalThis.ArrayBuffer = new Proxy(real, {
    construct(target, given: [number]) {
      made.push(new target(...given));
      return made.at(-1)!;
    },
  });
  const product = multiplyByPublic(secret, factor, modulus);
  const kept = made.filter((buffer) => buffer !== product.buffer).map((buffer) => Buffer.from(buffer));
  const zeroed = kept.filter((octets) => octets.every((octet) => octet === 0));
  // The modulus and the factor are public.
  assert.deepEqual([kept.length, zeroed.length], [5, 3]);
});
