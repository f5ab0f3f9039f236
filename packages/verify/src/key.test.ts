/** Imported keys: what is a usable public signing key, and the bounded memory of them. */
import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { test } from 'node:test';
import { encodeBase64url, encodeUtf8 } from '@dauth/protocol';
import { calculateJwkThumbprint } from 'jose';
import { sha256Base64url, thumbprint } from './digest.ts';
import { importKey, isSignedBy, rememberedKeys } from './key.ts';
import { assertRefused, makeSigner, signRaw } from './signer.test-support.ts';

test('the thumbprint of RFC 7638 §3.1 follows from its canonical text', () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst' +
    'n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr' +
    'n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
  assert.equal(sha256Base64url(`{"e":"AQAB","kty":"RSA","n":"${n}"}`), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
});

test('thumbprints agree with jose', async () => {
  for (const kind of ['ES256', 'Ed25519'] as const) {
    const { jwk } = makeSigner(kind);
    assert.equal(thumbprint(jwk), await calculateJwkThumbprint({ ...jwk }));
  }
});

test('the same key is imported once', () => {
  const { jwk } = makeSigner();
  assert.equal(importKey(jwk).key, importKey({ ...jwk }).key);
});

test('remembered keys are bounded, and a key in use stays', () => {
  const used = importKey(makeSigner('Ed25519').jwk);
  for (let i = 0; i < 1_100; i++) {
    importKey(makeSigner('Ed25519').jwk);
    if (i % 500 === 0) importKey(used.jwk);
  }
  assert.equal(rememberedKeys(), 1_024);
  assert.equal(importKey(used.jwk).key, used.key);
});

test('private and symmetric members are refused', () => {
  const { privateKey } = makeSigner('Ed25519');
  assertRefused(() => importKey(privateKey.export({ format: 'jwk' })), 'INVALID_REQUEST', /private members/);
  assertRefused(() => importKey({ ...makeSigner().jwk, k: 'AA' }), 'INVALID_REQUEST', /private members/);
});

test('a key for another use, operation or algorithm is refused', () => {
  const { jwk } = makeSigner();
  assert.equal(importKey({ ...jwk, use: 'sig', key_ops: ['verify'], alg: 'ES256', ext: true }).jkt, thumbprint(jwk));
  for (const wrong of [
    { use: 'enc' },
    { key_ops: ['sign'] },
    { key_ops: 'verify' },
    { alg: 'ES384' },
    { alg: 'EdDSA' },
  ]) {
    assertRefused(() => importKey({ ...jwk, ...wrong }), 'INVALID_REQUEST', /not a public key for ES256 or Ed25519/);
  }
});

test('an agreement key is no signing key', () => {
  const { jwk } = makeSigner('Ed25519');
  assertRefused(() => importKey({ ...jwk, crv: 'X25519' }), 'INVALID_REQUEST', /not a public key for ES256 or Ed25519/);
});

test('a point off the curve is refused', () => {
  const [one, other] = [makeSigner().jwk, makeSigner().jwk];
  assertRefused(() => importKey({ ...one, x: other.x }), 'INVALID_REQUEST', /not a point of its curve/);
});

const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
];

test('Ed25519 points of small order are refused, with either sign', () => {
  for (const hex of SMALL_ORDER) {
    for (const sign of [0, 0x80]) {
      const point = Buffer.from(hex, 'hex');
      point[31] = point[31]! | sign;
      assertRefused(
        () => importKey({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(point) }),
        'INVALID_REQUEST',
        /small order or not canonical/,
      );
    }
  }
});

test('what that refusal prevents: under the neutral point OpenSSL takes one signature for every message', (t) => {
  const neutral = Buffer.from(SMALL_ORDER[1]!, 'hex');
  const signature = Buffer.concat([neutral, Buffer.alloc(32)]);
  const key = { key: { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(neutral) }, format: 'jwk' } as const;
  const taken = ['one', 'another', 'a third'].map((text) => verify(null, Buffer.from(text), key, signature));
  // OpenSSL 3.0 (Node 20) takes them all; 3.5 (Node 24) refuses such a key itself, and ours stays the first of two walls.
  if (taken.every((one) => !one))
    return t.skip(`OpenSSL ${process.versions.openssl} refuses the neutral point by itself`);
  assert.deepEqual(taken, [true, true, true]);
});

test('a second spelling of a point (y ≥ p) is refused', () => {
  for (const first of [0xed, 0xee, 0xf3, 0xff]) {
    const point = Buffer.alloc(32, 0xff);
    point[0] = first;
    point[31] = 0x7f;
    assertRefused(
      () => importKey({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(point) }),
      'INVALID_REQUEST',
      /small order or not canonical/,
    );
  }
});

test('signatures of another length are not looked at', () => {
  const signer = makeSigner('Ed25519');
  const data = encodeUtf8('data');
  const signature = signRaw('Ed25519', signer.privateKey, data);
  const key = importKey(signer.jwk);
  assert.equal(isSignedBy(key, data, signature), true);
  assert.equal(isSignedBy(key, data, signature.subarray(0, 63)), false);
  assert.equal(isSignedBy(key, data, Buffer.concat([signature, Buffer.of(0)])), false);
});

test('[token.bound] an ES256 signature is one exactly where Node itself takes its R‖S for one', () => {
  const { jwk, privateKey } = makeSigner();
  const key = importKey(jwk);
  const data = encodeUtf8('data');
  const n = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  const numbers = [n, Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.from('01'.padStart(64, '0'), 'hex')];
  const seen = { short: false, high: false };
  for (let i = 0; i < 2_000 && !(seen.short && seen.high); i++) {
    const signature = signRaw('ES256', privateKey, data);
    seen.short ||= signature[0] === 0 || signature[32] === 0;
    seen.high ||= signature[0]! > 0x7f && signature[32]! > 0x7f;
    assert.equal(isSignedBy(key, data, signature), true);
    const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
    const flipped = Buffer.from(signature);
    flipped[i % 64] = flipped[i % 64]! ^ 1;
    const others = [flipped, Buffer.concat([s, r]), ...numbers.map((one) => Buffer.concat([one, s]))];
    for (const other of [...others, ...numbers.map((one) => Buffer.concat([r, one]))]) {
      const taken = verify('sha256', data, { key: key.key, dsaEncoding: 'ieee-p1363' }, other);
      assert.equal(isSignedBy(key, data, other), taken, Buffer.from(other).toString('hex'));
    }
  }
  assert.deepEqual(seen, { short: true, high: true });
});
