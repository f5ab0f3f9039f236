/** RSA, for issuers that are not DAuth's: published example, bounds, and a header that never decides anything. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { encodeBase64url, encodeUtf8, joinJws, jwsSigningInput, splitJws } from '@dauth/protocol';
import { SignJWT } from 'jose';
import { readKeySet } from './jwks.ts';
import { ALGS, assertSigned, verifyEmbeddedJws, verifyJws } from './jws.ts';
import { importKey, type VerifyKey } from './key.ts';
import { importRsaKey, RSA_ALGS } from './rsa.ts';
import { assertRefused, makeRsaSigner, makeSigner, signRsa } from './signer.test-support.ts';

const SUBJECT = { what: 'The assertion', refusal: 'UNAUTHENTICATED' } as const;
const OPTIONS = { typ: [undefined, 'JWT'], algs: [...ALGS, ...RSA_ALGS], maxLength: 8_192 };
const rsa = makeRsaSigner();
const RS256 = importRsaKey(rsa.jwk);
const PS256 = importRsaKey({ ...rsa.jwk, alg: 'PS256' });
const NOT_RSA = /not a public key for RS256 or PS256/;

test('[token.bound] the RS256 example of RFC 7515 A.2 verifies', () => {
  const n =
    'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs' +
    'D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV' +
    'MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ';
  const jws =
    'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ' +
    '.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1d' +
    'nZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwus' +
    'C-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw';
  const key = importRsaKey({ kty: 'RSA', n, e: 'AQAB' });
  assertSigned(splitJws(jws, 1_000), key, SUBJECT);
  const other = `${jws.slice(0, -6)}AAAAAA`;
  assertRefused(() => assertSigned(splitJws(other, 1_000), key, SUBJECT), 'UNAUTHENTICATED', /does not verify/);
});

test('[token.bound] all four algorithms verify, also what jose signs', async () => {
  const [es256, ed25519] = [makeSigner('ES256'), makeSigner('Ed25519')];
  const signed: readonly (readonly [string, VerifyKey])[] = [
    [es256.jws({ typ: 'JWT' }, { sub: 'a' }), importKey(es256.jwk)],
    [ed25519.jws({ typ: 'JWT', alg: 'EdDSA' }, { sub: 'a' }), importKey(ed25519.jwk)],
    [rsa.jws({ alg: 'RS256' }, { sub: 'a' }), RS256],
    [rsa.jws({ alg: 'PS256' }, { sub: 'a' }), PS256],
    [await new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey), RS256],
    [await new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'PS256' }).sign(rsa.privateKey), PS256],
  ];
  for (const [jws, key] of signed)
    assert.deepEqual({ ...verifyJws(jws, { ...OPTIONS, keys: key }).claims }, { sub: 'a' });
});

test('[token.bound] an RSA key is for one algorithm: the other padding, a hash of a key and none are refused', () => {
  const wrong = /names an algorithm that is not the one of its key|uses an algorithm that is not taken here/;
  for (const alg of ['RS256', 'PS256', 'RS384', 'none', 'HS256']) {
    const input = jwsSigningInput({ alg }, { sub: 'a' });
    const data = encodeUtf8(input);
    const signature = alg === 'HS256' ? createHmac('sha256', rsa.jwk.n).update(data).digest() : sign(alg, data);
    for (const key of [RS256, PS256].filter(({ algs }) => !algs.includes(alg)))
      assertRefused(() => verifyJws(joinJws(input, signature), { ...OPTIONS, keys: key }), 'UNAUTHENTICATED', wrong);
  }
});

function sign(alg: string, data: Uint8Array): Uint8Array {
  return signRsa(rsa.privateKey, alg, data);
}

test('[token.bound] a signature padded the other way under the right name is refused', () => {
  for (const [name, padded, key] of [
    ['RS256', 'PS256', RS256],
    ['PS256', 'RS256', PS256],
  ] as const) {
    const input = jwsSigningInput({ alg: name }, { sub: 'a' });
    const jws = joinJws(input, sign(padded, encodeUtf8(input)));
    assertRefused(() => verifyJws(jws, { ...OPTIONS, keys: key }), 'UNAUTHENTICATED', /does not verify/);
  }
});

test('[token.bound] a PS256 salt of another length is refused (RFC 7518 §3.5)', () => {
  const input = jwsSigningInput({ alg: 'PS256' }, { sub: 'a' });
  for (const salt of [0, 20, 64]) {
    const jws = joinJws(input, signRsa(rsa.privateKey, 'PS256', encodeUtf8(input), salt));
    assertRefused(() => verifyJws(jws, { ...OPTIONS, keys: PS256 }), 'UNAUTHENTICATED', /does not verify/);
  }
});

test('[token.bound] a signature of another length than the modulus is not looked at', () => {
  const jws = rsa.jws({ alg: 'RS256' }, { sub: 'a' });
  const { signingInput, signature } = splitJws(jws, 8_192);
  for (const other of [signature.subarray(1), Buffer.concat([Buffer.of(0), signature]), signature.subarray(0, 64)])
    assertRefused(
      () => verifyJws(joinJws(signingInput, other), { ...OPTIONS, keys: RS256 }),
      'UNAUTHENTICATED',
      /does not verify/,
    );
});

test('[token.bound] RSA keys of fewer than 2048 bits or more than 4096 are refused', () => {
  for (const bits of [1_024, 2_040])
    assertRefused(() => importRsaKey(makeRsaSigner(bits).jwk), 'INVALID_REQUEST', NOT_RSA);
  const large = encodeBase64url(Buffer.alloc(513, 0xff));
  assertRefused(() => importRsaKey({ kty: 'RSA', n: large, e: 'AQAB' }), 'INVALID_REQUEST', NOT_RSA);
});

test('[token.bound] an RSA key with a strange exponent or modulus is refused', () => {
  const { n } = rsa.jwk;
  const octets = Buffer.from(n, 'base64url');
  for (const wrong of [
    { e: 'Aw' },
    { e: 'AQ' },
    { e: 'AAEAAQ' },
    { e: 65_537 },
    { n: encodeBase64url(Buffer.concat([Buffer.of(0), octets])) },
    { n: 5 },
    { n: 'AQ' },
    { use: 'enc' },
    { key_ops: ['encrypt'] },
    { alg: 'RS512' },
    { alg: 'RSA-OAEP' },
  ])
    assert.throws(() => importRsaKey({ ...rsa.jwk, ...wrong }), { code: 'INVALID_REQUEST' }, JSON.stringify(wrong));
  assertRefused(() => importRsaKey({ ...rsa.jwk, n: `${n}==` }), 'INVALID_REQUEST', /base64url/);
});

test('[token.bound] RSA stays outside: no token, proof or client of ours may use it', () => {
  assertRefused(() => importKey(rsa.jwk), 'INVALID_REQUEST', /must be of type EC P-256/);
  const proof = rsa.jws({ alg: 'RS256', typ: 'JWT', jwk: rsa.jwk } as never, {});
  assertRefused(
    () => verifyEmbeddedJws(proof, { typ: 'JWT', maxLength: 8_192 }),
    'UNAUTHENTICATED',
    /uses an algorithm that is not taken here/,
  );
  assertRefused(
    () => verifyJws(proof, { typ: 'JWT', maxLength: 8_192, keys: makeSigner().jwk }),
    'UNAUTHENTICATED',
    /uses an algorithm that is not taken here/,
  );
});

test('[token.bound] another type, a crit and a second spelling are refused', () => {
  for (const [header, sentence] of [
    [{ typ: 'at+jwt' }, /another type/],
    [{ typ: 'jwt' }, /another type/],
    [{ typ: 'JWT', crit: ['exp'], exp: 1 }, /crit/],
  ] as const)
    assertRefused(
      () => verifyJws(rsa.jws({ alg: 'RS256', ...header }, {}), { ...OPTIONS, keys: RS256 }),
      'UNAUTHENTICATED',
      sentence,
    );
  const jws = rsa.jws({ alg: 'RS256' }, { sub: 'a' });
  assertRefused(() => verifyJws(`${jws}=`, { ...OPTIONS, keys: RS256 }), 'UNAUTHENTICATED', /not well-formed/);
});

test('a published set gives its usable keys by id, and is refused whole where it holds a private one or an id twice', () => {
  const { jwk } = makeSigner();
  const set = {
    keys: [
      { ...rsa.jwk, kid: 'rsa' },
      { ...jwk, kid: 'ec' },
      { ...jwk },
      { ...makeRsaSigner(1_024).jwk, kid: 'weak' },
      { kty: 'EC', crv: 'P-521', x: 'AA', y: 'AA', kid: 'other' },
    ],
  };
  assert.deepEqual([...readKeySet(set, true).keys()], ['rsa', 'ec']);
  const twice = { keys: [set.keys[0], { ...set.keys[1], kid: 'rsa' }] };
  const secret = { keys: [{ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'private' }] };
  for (const wrong of [twice, secret, {}, { keys: {} }, []])
    assertRefused(() => readKeySet(wrong, true), 'INVALID_REQUEST', /not well-formed/);
});
