/** Signatures by RSA in shares: octet for octet those of OpenSSL, and nothing of a share stays. */
import assert from 'node:assert/strict';
import { createDiffieHellman, generatePrimeSync, sign, type KeyObject } from 'node:crypto';
import { mock, test } from 'node:test';
import { makePair } from '../support/signer.test-support.ts';
import { signRs256, type RsaKey } from './rsa.ts';

const INPUT = Buffer.from('head.claims');

function numbersOf(key: KeyObject): RsaKey {
  const { n, e, d, p, q } = key.export({ format: 'jwk' });
  const of = (number: string | undefined): Buffer => Buffer.from(number!, 'base64url');
  return { modulus: of(n), publicExponent: of(e), privateExponent: of(d), primes: [of(p), of(q)] };
}

const KEY = makePair('RSA-2048').privateKey;
const NUMBERS = numbersOf(KEY);

for (const kind of ['RSA-2048', 'RSA-3072', 'RSA-4096'] as const)
  test(`a signature by ${kind} is the one that OpenSSL makes`, () => {
    const { privateKey } = makePair(kind);
    for (const input of [INPUT, Buffer.alloc(0), Buffer.alloc(3_000, 7)])
      assert.deepEqual(signRs256(numbersOf(privateKey), input), sign('sha256', input, privateKey));
  });

/** By which OpenSSL would be busy for seconds before each power. */
const PRIME = Buffer.from(generatePrimeSync(2_048));
const other = (number: Buffer): Buffer => {
  const changed = Buffer.from(number);
  changed[changed.length - 1]! ^= 2;
  return changed;
};
const WRONG: Readonly<Record<string, Partial<RsaKey>>> = {
  'another private exponent': { privateExponent: other(NUMBERS.privateExponent) },
  'a private exponent longer than the modulus': {
    privateExponent: Buffer.concat([Buffer.from([1]), NUMBERS.privateExponent, Buffer.alloc(1)]),
  },
  'another public exponent': { publicExponent: Buffer.from([3]) },
  'a public exponent that takes long': { publicExponent: Buffer.alloc(5, 1) },
  'no public exponent': { publicExponent: Buffer.alloc(0) },
  'another modulus': { modulus: other(NUMBERS.modulus) },
  'an even modulus': { modulus: Buffer.concat([NUMBERS.modulus.subarray(0, -1), Buffer.from([2])]) },
  'no modulus': { modulus: Buffer.alloc(0) },
  'a modulus that is a prime': { modulus: PRIME, primes: [Buffer.from([1]), PRIME] },
  'primes that make another modulus': { primes: [NUMBERS.primes[0], other(NUMBERS.primes[1])] },
  '1024 bits': numbersOf(makePair('RSA-1024').privateKey),
};
for (const [name, numbers] of Object.entries(WRONG))
  test(`[dispatch.bound] a key of RSA with ${name} signs nothing`, () =>
    assert.equal(signRs256({ ...NUMBERS, ...numbers }, INPUT), null));

/** Every group that a signature makes, and the share that it was given. */
function watch(t: { after(fn: () => void): void }) {
  const groups = new Set<{ getPrivateKey(): Buffer }>();
  const given: Buffer[] = [];
  const copies: Buffer[] = [];
  const prototype = Object.getPrototypeOf(createDiffieHellman(NUMBERS.modulus, 2)) as {
    readonly setPrivateKey: (this: object, key: Buffer) => void;
  };
  const real = prototype.setPrivateKey;
  const spy = mock.method(prototype, 'setPrivateKey', function (this: { getPrivateKey(): Buffer }, key: Buffer) {
    if (!groups.has(this)) {
      given.push(key);
      copies.push(Buffer.from(key));
    }
    groups.add(this);
    return real.call(this, key);
  });
  t.after(() => spy.mock.restore());
  return { groups, given, copies };
}

test('[memory.clean] of the shares of an exponent nothing stays, neither with us nor in OpenSSL', (t) => {
  const { groups, given, copies } = watch(t);
  assert.notEqual(signRs256(NUMBERS, INPUT), null);
  assert.equal(groups.size, 2);
  for (const group of groups) assert.deepEqual(group.getPrivateKey(), Buffer.from([2]));
  for (const share of given) assert.ok(share.every((octet) => octet === 0));
  assert.ok(copies.every((share) => share.some((octet) => octet !== 0)));
});

test('[memory.clean] of the power that is a signature but for a public factor nothing stays either', () => {
  const powers: { readonly group: { getPublicKey(): Buffer }; readonly given: Buffer; readonly copy: Buffer }[] = [];
  const prototype = Object.getPrototypeOf(createDiffieHellman(NUMBERS.modulus, 2)) as {
    readonly generateKeys: (this: object) => Buffer;
  };
  const real = prototype.generateKeys;
  const spy = mock.method(prototype, 'generateKeys', function (this: { getPublicKey(): Buffer }) {
    const given = real.call(this);
    if (powers.every(({ group }) => group !== this)) powers.push({ group: this, given, copy: Buffer.from(given) });
    return given;
  });
  assert.notEqual(signRs256(NUMBERS, INPUT), null);
  spy.mock.restore();
  const [, blinded] = powers;
  assert.equal(powers.length, 2);
  assert.ok(blinded!.given.every((octet) => octet === 0));
  for (const { group, copy } of powers) assert.notDeepEqual(group.getPublicKey(), copy);
});

test('[memory.clean] a share is another one each time, and no piece of the exponent is in it', (t) => {
  const { copies } = watch(t);
  for (let i = 0; i < 8; i++) signRs256(NUMBERS, INPUT);
  assert.equal(new Set(copies.map((share) => share.toString('hex'))).size, 16);
  for (let at = 0; at + 8 <= NUMBERS.privateExponent.length; at++) {
    const piece = NUMBERS.privateExponent.subarray(at, at + 8);
    assert.ok(copies.every((share) => !share.includes(piece)));
  }
});
