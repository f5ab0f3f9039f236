/** RSA keys: two algorithms, sizes that are worth something, and no key for both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactVerify, importJWK } from 'jose';
import { parseKeySet } from './jwks.ts';
import { assertSigned } from './jws.ts';
import { splitJws } from '@dauth/protocol';
import { importRsaKey } from './rsa.ts';
import { assertRefused, makeForeignSigner } from './signer.test-support.ts';

const SUBJECT = { what: 'The token', refusal: 'UNAUTHENTICATED' } as const;
const SENTENCE = /^A key is not a public key for RS256 or PS256 signatures\.$/;
const signer = makeForeignSigner('RS256');
const { alg: _alg, ...bare } = signer.publicJwk as Record<string, unknown>;

for (const alg of ['RS256', 'PS256'] as const) {
  test(`${alg}: what verifies here verifies with jose, and a changed signature with neither`, async () => {
    const by = makeForeignSigner(alg);
    const jws = by.jws({ typ: 'at+jwt' }, { sub: 'ada' });
    assertSigned(splitJws(jws, 4_096), importRsaKey(by.publicJwk), SUBJECT);
    await compactVerify(jws, await importJWK(by.publicJwk as never, alg));
    const [head, body, signature] = jws.split('.') as [string, string, string];
    const changed = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    assertRefused(
      () => assertSigned(splitJws(changed, 4_096), importRsaKey(by.publicJwk), SUBJECT),
      'UNAUTHENTICATED',
      /signature that does not verify/,
    );
  });
}

test('a key without an algorithm is for RS256, as large issuers publish theirs', () => {
  assert.deepEqual(importRsaKey(bare).algs, ['RS256']);
  assert.deepEqual(importRsaKey({ ...bare, alg: 'PS256' }).algs, ['PS256']);
});

for (const [what, jwk] of [
  ['private members', { ...bare, d: 'AQAB' }],
  ['another kind', { ...bare, kty: 'EC' }],
  ['a use that is not to sign', { ...bare, use: 'enc' }],
  ['an algorithm with SHA-1', { ...bare, alg: 'RS1' }],
  ['an exponent of 3', { ...bare, e: 'Aw' }],
  ['an exponent with a leading zero', { ...bare, e: 'AAEAAQ' }],
  ['a modulus of 1024 bits', makeForeignSigner('RS256', 1_024).publicJwk],
  ['a modulus past 4096 bits', { ...bare, n: Buffer.alloc(513, 0xff).toString('base64url') }],
  ['a modulus with a leading zero', { ...bare, n: Buffer.alloc(257, 0).fill(0xff, 1).toString('base64url') }],
  ['a modulus that is no text', { ...bare, n: 5 }],
] as const) {
  test(`[token.bound] an RSA key is refused: ${what}`, () => {
    assertRefused(() => importRsaKey(jwk), 'INVALID_REQUEST', /^A key is not a public key for /);
  });
}

test('no key at all is no RSA key', () => assertRefused(() => importRsaKey(null), 'INVALID_REQUEST', SENTENCE));

test('a key set holds RSA keys only where that was asked for', () => {
  const text = JSON.stringify({ keys: [{ ...bare, kid: 'k' }] });
  assert.equal(parseKeySet(text).size, 0);
  assert.equal(parseKeySet(text, true).size, 1);
});
