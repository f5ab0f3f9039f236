/** Ed25519 against RFC 8032's own vectors and against OpenSSL, and that nothing of a key stays in memory of ours. */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { ED25519_KIND } from './key-der.ts';
import { FieldSpace } from './field25519.ts';
import { signEd25519 } from './ed25519.ts';

/** RFC 8032 §7.1: seed, message, signature. */
const VECTORS: readonly (readonly [name: string, seed: string, message: string, signature: string])[] = [
  [
    'TEST 1',
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    'TEST 2',
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'TEST 3',
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
];
for (const [name, seed, message, signature] of VECTORS)
  test(`${name} of RFC 8032 comes out as it stands there`, () => {
    assert.equal(signEd25519(Buffer.from(seed, 'hex'), Buffer.from(message, 'hex')).toString('hex'), signature);
  });

function keyOf(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([ED25519_KIND, seed]), format: 'der', type: 'pkcs8' });
}

test('any key signs any message as OpenSSL does by it', () => {
  const extremes = [0x00, 0xff, 0x80, 0x01].map((octet) => Buffer.alloc(32, octet));
  for (const seed of [...extremes, ...Array.from({ length: 24 }, () => randomBytes(32))]) {
    const message = randomBytes(seed[0]! * 3);
    const key = keyOf(seed);
    const signature = signEd25519(seed, message);
    assert.equal(signature.toString('hex'), sign(null, message, key).toString('hex'));
    assert.ok(verify(null, message, createPublicKey(key), signature));
  }
});

/** 2^255 - 19 */
const P = 2n ** 255n - 19n;
const random = (): bigint => BigInt(`0x${randomBytes(32).toString('hex')}`) >> 1n;
const packed = (space: FieldSpace, field: Float64Array): bigint => {
  const octets = Buffer.alloc(32);
  space.pack(octets, field);
  return BigInt(`0x${Buffer.from(octets.toReversed()).toString('hex')}`);
};

test('numbers are multiplied, inverted and written as BigInt does it, those at the border included', () => {
  const border = [0n, 1n, 2n, 18n, 19n, P - 1n, P, P + 1n, 2n ** 255n - 1n];
  for (const a of [...border, ...Array.from({ length: 20 }, random)]) {
    for (const b of [border[3]!, border[5]!, border[8]!, random()]) {
      using space = new FieldSpace(3);
      const [x, y, out] = [space.number(a), space.number(b), space.number()];
      assert.equal(packed(space, x), a % P);
      space.multiply(out, x, y);
      assert.equal(packed(space, out), (a * b) % P);
      space.invert(out, x);
      const inverse = packed(space, out);
      assert.equal((a * inverse) % P, a % P === 0n ? 0n : 1n);
    }
  }
});

test('[memory.clean] a workspace is zeroed with its scope', () => {
  const space = new FieldSpace(1);
  const field = space.number(random() | 1n);
  space.multiply(field, field, field);
  space[Symbol.dispose]();
  assert.ok(new Uint8Array(field.buffer).every((octet) => octet === 0));
});
