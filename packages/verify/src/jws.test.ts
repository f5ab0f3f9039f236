/** Compact JWS verification: published examples, every refusal by name, jose as the other opinion. */
import assert from 'node:assert/strict';
import { createHmac, sign } from 'node:crypto';
import { test } from 'node:test';
import { encodeBase64url, encodeUtf8, joinJws, jwsSigningInput, splitJws } from '@dauth/protocol';
import fc from 'fast-check';
import { CompactSign, generateKeyPair, exportJWK } from 'jose';
import { assertSigned, readUnverifiedJws, verifyEmbeddedJws, verifyJws } from './jws.ts';
import { importKey } from './key.ts';
import { assertRefused, makeSigner, signRaw } from './signer.test-support.ts';

const SUBJECT = { what: 'The token', refusal: 'UNAUTHENTICATED' } as const;
const OPTIONS = { typ: 'example+jwt', maxLength: 8_192 };
const es256 = makeSigner('ES256');
const ed25519 = makeSigner('Ed25519');

function b64(text: string): string {
  return encodeBase64url(encodeUtf8(text));
}

test('[token.bound] the ES256 example of RFC 7515 A.3 verifies', () => {
  const jws =
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ' +
    '.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q';
  const key = importKey({
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  });
  assertSigned(splitJws(jws, 1_000), key, SUBJECT);
});

test('[token.bound] the Ed25519 example of RFC 8037 A.4 verifies, and its key has the thumbprint of A.3', () => {
  const jws =
    'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc' +
    '.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg';
  const key = importKey({ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' });
  assertSigned(splitJws(jws, 1_000), key, SUBJECT);
  assert.equal(key.jkt, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

test('[token.bound] a JWS by a trusted key gives its header, claims and key', () => {
  const verified = verifyJws(es256.jws({ typ: OPTIONS.typ, kid: 'one' }, { iss: 'me' }), {
    ...OPTIONS,
    keys: es256.jwk,
  });
  assert.deepEqual({ ...verified.claims }, { iss: 'me' });
  assert.equal(verified.header.kid, 'one');
  assert.equal(verified.jkt, es256.jkt);
});

test('[token.bound] what a JWS says of itself can be read before its key is found, and is given out only where that key signed it', () => {
  const { typ, maxLength } = OPTIONS;
  const read = readUnverifiedJws(es256.jws({ typ }, { iss: 'me' }), { typ, maxLength });
  assert.equal(read.unverified.iss, 'me');
  const { claims, jkt } = read.verify(es256.jwk);
  assert.equal(claims, read.unverified);
  assert.equal(jkt, es256.jkt);
  assert.throws(() => read.verify(makeSigner().jwk), { code: 'UNAUTHENTICATED', message: /does not verify/ });
  assert.throws(() => read.verify(() => undefined), { code: 'UNAUTHENTICATED', message: /not known here/ });
  assert.throws(() => readUnverifiedJws(es256.jws({ typ: 'JWT' }, {}), { typ, maxLength }), { message: /type/ });
});

test('[token.bound] Ed25519 may be spelled Ed25519 or EdDSA', () => {
  for (const alg of ['Ed25519', 'EdDSA']) {
    const jws = ed25519.jws({ typ: OPTIONS.typ, alg }, { iss: 'me' });
    assert.equal(verifyJws(jws, { ...OPTIONS, keys: ed25519.jwk }).jkt, ed25519.jkt);
  }
});

test('[token.bound] the resolver is asked with the header’s kid and alg, and what it does not know is refused', () => {
  const jws = es256.jws({ typ: OPTIONS.typ, kid: 'one' }, {});
  const asked: unknown[] = [];
  const keys = (kid: string | undefined, alg: string) => {
    asked.push([kid, alg]);
    return kid === 'one' ? es256.jwk : undefined;
  };
  verifyJws(jws, { ...OPTIONS, keys });
  assert.deepEqual(asked, [['one', 'ES256']]);
  const other = es256.jws({ typ: OPTIONS.typ, kid: 'two' }, {});
  assertRefused(
    () => verifyJws(other, { ...OPTIONS, keys }),
    'UNAUTHENTICATED',
    /signed by a key that is not known here/,
  );
});

test('[token.bound] a kid that is no string is refused', () => {
  const jws = es256.jws({ typ: OPTIONS.typ, kid: 7 }, {});
  assertRefused(
    () => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }),
    'UNAUTHENTICATED',
    /key id \(kid\) that is no string/,
  );
});

test('[token.bound] alg none is refused, with and without a signature', () => {
  const input = jwsSigningInput({ typ: OPTIONS.typ, alg: 'none' }, {});
  assertRefused(() => verifyJws(`${input}.`, { ...OPTIONS, keys: es256.jwk }), 'UNAUTHENTICATED', /not a compact JWS/);
  const jws = es256.jws({ typ: OPTIONS.typ, alg: 'none' }, {});
  assertRefused(
    () => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }),
    'UNAUTHENTICATED',
    /algorithm that is not taken here/,
  );
});

test('[token.bound] HS256 over the public key is refused', () => {
  const input = jwsSigningInput({ typ: OPTIONS.typ, alg: 'HS256' }, {});
  const mac = createHmac('sha256', JSON.stringify(es256.jwk)).update(input).digest();
  assertRefused(
    () => verifyJws(joinJws(input, mac), { ...OPTIONS, keys: es256.jwk }),
    'UNAUTHENTICATED',
    /algorithm that is not taken here/,
  );
});

test('[token.bound] the algorithm is the key’s: a header that names the other one is refused', () => {
  const jws = ed25519.jws({ typ: OPTIONS.typ, alg: 'ES256' }, {});
  assertRefused(
    () => verifyJws(jws, { ...OPTIONS, keys: ed25519.jwk }),
    'UNAUTHENTICATED',
    /algorithm that is not the one of its key/,
  );
});

test('[token.bound] the caller may take fewer algorithms than the key', () => {
  const jws = ed25519.jws({ typ: OPTIONS.typ }, {});
  assertRefused(
    () => verifyJws(jws, { ...OPTIONS, keys: ed25519.jwk, algs: ['ES256'] }),
    'UNAUTHENTICATED',
    /algorithm that is not taken here/,
  );
});

test('[token.bound] another typ is refused, also in another case, with a media type prefix, or absent', () => {
  for (const typ of ['at+jwt', 'EXAMPLE+JWT', 'application/example+jwt', undefined]) {
    const jws = es256.jws(typ === undefined ? {} : { typ }, {});
    assertRefused(() => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }), 'UNAUTHENTICATED', /another type \(typ\)/);
  }
});

test('[token.bound] any crit is refused, known extension or not', () => {
  for (const header of [{ crit: ['b64'], b64: false }, { crit: ['exp'], exp: 1 }, { crit: [] }]) {
    const jws = es256.jws({ typ: OPTIONS.typ, ...header }, {});
    assertRefused(() => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }), 'UNAUTHENTICATED', /critical header members/);
  }
});

test('[token.bound] a signature by another key is refused', () => {
  const jws = makeSigner().jws({ typ: OPTIONS.typ }, {});
  assertRefused(
    () => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }),
    'UNAUTHENTICATED',
    /signature that does not verify/,
  );
});

test('[token.bound] a DER signature is refused: ES256 is R and S, 64 octets (RFC 7518 §3.4)', () => {
  const input = jwsSigningInput({ typ: OPTIONS.typ, alg: 'ES256' }, {});
  const der = sign('sha256', encodeUtf8(input), { key: es256.privateKey, dsaEncoding: 'der' });
  assertRefused(
    () => verifyJws(joinJws(input, der), { ...OPTIONS, keys: es256.jwk }),
    'UNAUTHENTICATED',
    /signature that does not verify/,
  );
});

test('[token.bound] size is compared before anything else', () => {
  const jws = es256.jws({ typ: OPTIONS.typ }, { pad: 'x'.repeat(200) });
  assertRefused(
    () => verifyJws(jws, { ...OPTIONS, maxLength: jws.length - 1, keys: es256.jwk }),
    'UNAUTHENTICATED',
    /larger than allowed/,
  );
  assert.equal(verifyJws(jws, { ...OPTIONS, maxLength: jws.length, keys: es256.jwk }).jkt, es256.jkt);
});

test('[token.bound] duplicate members are refused in header and claims, whichever comes last', () => {
  const signed = (header: string, claims: string): string => {
    const input = `${b64(header)}.${b64(claims)}`;
    return joinJws(input, signRaw('ES256', es256.privateKey, encodeUtf8(input)));
  };
  for (const jws of [
    signed(`{"typ":"x","alg":"ES256","typ":"${OPTIONS.typ}"}`, '{}'),
    signed(`{"typ":"${OPTIONS.typ}","alg":"ES256"}`, '{"sub":"a","sub":"b"}'),
    signed(`{"typ":"${OPTIONS.typ}","alg":"ES256"}`, '{"cnf":{"jkt":"a","jk\\u0074":"b"}}'),
  ]) {
    assertRefused(
      () => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }),
      'UNAUTHENTICATED',
      /duplicate or forbidden member/,
    );
  }
});

test('[token.bound] claims that are no object are refused', () => {
  for (const payload of ['[]', '"a"', '1', 'null', '', '{} ,']) {
    const input = `${b64(JSON.stringify({ typ: OPTIONS.typ, alg: 'ES256' }))}.${b64(payload)}`;
    const jws = joinJws(input, signRaw('ES256', es256.privateKey, encodeUtf8(input)));
    assertRefused(() => verifyJws(jws, { ...OPTIONS, keys: es256.jwk }), 'UNAUTHENTICATED', /not well-formed/);
  }
});

test('[token.bound] encodings other than canonical base64url are refused although jose takes some of them', () => {
  const jws = es256.jws({ typ: OPTIONS.typ }, { a: 1 });
  const [header, payload, signature] = jws.split('.') as [string, string, string];
  const flip = signature.slice(0, -1) + String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1);
  for (const spelled of [
    `${header}.${payload}.${signature}=`,
    `${header}.${payload}.${signature}==`,
    `${header} .${payload}.${signature}`,
    `${header}.${payload}.${signature}\n`,
    `\t${jws}`,
    `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}+`,
    `${header}.${payload}.${flip}`,
    `${jws}.`,
    `${jws}.${signature}`,
    `.${payload}.${signature}`,
  ]) {
    assertRefused(() => verifyJws(spelled, { ...OPTIONS, keys: es256.jwk }), 'UNAUTHENTICATED', /^The token /);
  }
});

test('[token.bound] the refusal’s code and subject are the caller’s', () => {
  const options = { ...OPTIONS, keys: es256.jwk, what: 'The ticket', refusal: 'FORBIDDEN' } as const;
  assertRefused(() => verifyJws('x', options), 'FORBIDDEN', /^The ticket /);
});

test('[token.bound] an embedded key verifies its own JWS and is named by thumbprint', () => {
  const jws = es256.proof(OPTIONS.typ, { a: 1 });
  assert.equal(verifyEmbeddedJws(jws, OPTIONS).jkt, es256.jkt);
  const other = es256.proof(OPTIONS.typ, { a: 1 }, { jwk: ed25519.jwk });
  assertRefused(() => verifyEmbeddedJws(other, OPTIONS), 'UNAUTHENTICATED', /not the one of its key/);
  const third = es256.proof(OPTIONS.typ, { a: 1 }, { jwk: makeSigner().jwk });
  assertRefused(() => verifyEmbeddedJws(third, OPTIONS), 'UNAUTHENTICATED', /signature that does not verify/);
});

test('[token.bound] a private embedded key is refused', () => {
  const jwk = es256.privateKey.export({ format: 'jwk' });
  assertRefused(
    () => verifyEmbeddedJws(es256.proof(OPTIONS.typ, {}, { jwk }), OPTIONS),
    'UNAUTHENTICATED',
    /private members/,
  );
});

test('[token.bound] an embedded JWS without a usable key is refused', () => {
  for (const jwk of [undefined, null, 'key', [], {}, { kty: 'RSA', n: 'AQAB', e: 'AQAB' }, { kty: 'oct' }]) {
    assertRefused(
      () => verifyEmbeddedJws(es256.proof(OPTIONS.typ, {}, { jwk }), OPTIONS),
      'UNAUTHENTICATED',
      /A key must be/,
    );
  }
});

test('[token.bound] an embedded JWS takes no header member the caller did not name', () => {
  const jws = es256.proof(OPTIONS.typ, {}, { kid: 'one' });
  assert.equal(verifyEmbeddedJws(jws, { ...OPTIONS, allowedHeader: ['kid'] }).jkt, es256.jkt);
  assertRefused(
    () => verifyEmbeddedJws(jws, { ...OPTIONS, allowedHeader: [] }),
    'UNAUTHENTICATED',
    /header member that is not defined/,
  );
});

for (const alg of ['ES256', 'Ed25519', 'EdDSA']) {
  test(`[token.bound] what jose signs with ${alg} verifies, and any change of one character is refused`, async () => {
    const pair = await generateKeyPair(alg, { extractable: true });
    const jwk = importKey(await exportJWK(pair.publicKey));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.integer(), fc.string(), fc.boolean()), {
          noNullPrototype: true,
        }),
        fc.nat(),
        fc.integer({ min: 1, max: 63 }),
        async (claims, at, shift) => {
          const jws = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
            .setProtectedHeader({ alg, typ: OPTIONS.typ })
            .sign(pair.privateKey);
          assert.deepEqual({ ...verifyJws(jws, { ...OPTIONS, keys: jwk }).claims }, claims);
          const mutated = mutate(jws, at, shift);
          assertRefused(() => verifyJws(mutated, { ...OPTIONS, keys: jwk }), 'UNAUTHENTICATED', /^The token /);
        },
      ),
      { numRuns: 40 },
    );
  });
}

/** The text with one character replaced by another of the alphabet of compact JWS. */
function mutate(text: string, at: number, shift: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
  const index = at % text.length;
  const replaced = alphabet[(alphabet.indexOf(text[index]!) + shift) % alphabet.length]!;
  return text.slice(0, index) + replaced + text.slice(index + 1);
}
