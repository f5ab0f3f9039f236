import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import {
  DAuthError,
  decodeBase64url,
  encodeUtf8,
  parseEnvelope,
  type BodyCondition,
  type SuiteAlg,
} from '@dauth/protocol';
import * as hpke from 'hpke';
import { compactVerify, importJWK } from 'jose';
import { fetchExecutor, MemorySeqStore, type VerifiedExecutor } from './directory.ts';
import { generateKey, sha256 } from './key.ts';
import { seal, type SealPolicy } from './seal.ts';
import { makeExecutor, NOW, type Executor } from './signer.test-support.ts';

const POLICY: SealPolicy = {
  ...{ issuer: 'https://auth.example', owner: 'ada', connection: 'github', servers: ['https://mcp.example/mcp'] },
  allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
  inject: [{ in: 'header', name: 'Authorization', value: 'Bearer {token}' }],
  expiresAt: 4_000_000_000,
};

async function setUp(alg?: SuiteAlg): Promise<{ world: Executor; executor: VerifiedExecutor }> {
  const world = await makeExecutor(alg);
  const directory = await world.sign();
  const options = { url: 'https://executor.example', identities: [world.identity.jkt], now: () => NOW };
  const fetch = async () => new Response(directory);
  return { world, executor: await fetchExecutor({ ...options, seqStore: new MemorySeqStore(), fetch }) };
}

test('[seal.bound] an HPKE implementation that is not ours opens the envelope, over its exact header', async () => {
  const { world, executor } = await setUp();
  const token = Buffer.from('ghp_secret');
  const key = await generateKey();
  const { envelope, handle, ver, seal_proof } = await seal({ executor, key, fields: { token }, policy: POLICY });
  const [header, enc, iv, ciphertext, tag] = envelope.split('.') as [string, string, string, string, string];
  assert.deepEqual([iv, tag], ['', ''], 'HPKE has neither in JWE');
  const foreign = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });
  const opened = await foreign.open(
    { recipientKey: world.openingPrivate, enc: decodeBase64url(enc) },
    decodeBase64url(ciphertext),
    encodeUtf8(header),
  );
  const octets = Buffer.from(opened);
  assert.equal(octets.length % 64, 0, 'padded, so that its length says little');
  // Name length, name, value length (two octets), value; then zeros.
  assert.equal(octets.toString('latin1').replace(/\0+$/, ''), '\x05token\0\x0aghp_secret');
  const { dauth } = parseEnvelope(envelope).header;
  assert.equal(dauth.handle, handle);
  assert.deepEqual(dauth.inject, [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }]);
  const proof = await compactVerify(seal_proof, await importJWK({ ...key.jwk }, 'ES256'));
  const claims = JSON.parse(Buffer.from(proof.payload).toString()) as object;
  assert.deepEqual(claims, { handle, ver, sha256: await sha256(envelope) });
  const other = encodeUtf8(`${header.slice(0, -2)}${header.endsWith('A') ? 'BB' : 'AA'}`);
  await assert.rejects(
    foreign.open({ recipientKey: world.openingPrivate, enc: decodeBase64url(enc) }, decodeBase64url(ciphertext), other),
    'another policy does not open',
  );
});

type Open = (key: CryptoKey, enc: Uint8Array, ciphertext: Uint8Array, aad: Uint8Array) => Promise<Uint8Array>;
const byCore =
  (suite: CipherSuite): Open =>
  async (recipientKey, enc, ciphertext, aad) =>
    new Uint8Array(await suite.open({ recipientKey, enc }, ciphertext, aad));
/** `@hpke/core` has no ChaCha20-Poly1305: there the other direction of the library that sealed has to do. */
const byHpke: Open = (key, enc, ciphertext, aad) =>
  new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_ChaCha20Poly1305).Open(
    key,
    enc,
    ciphertext,
    { aad },
  );
/** Node has it in WebCrypto since 24.7. */
const hasChaCha20 = () =>
  crypto.subtle.generateKey('ChaCha20-Poly1305', false, ['encrypt']).then(
    () => true,
    () => false,
  );
const unsupported = (error: unknown) =>
  error instanceof DAuthError &&
  error.code === 'ENCLAVE_UNAVAILABLE' &&
  error.publicMessage ===
    "The executor's key needs an algorithm that this runtime does not have, so nothing was sealed or sent. Use a newer one.";
const OPENERS: readonly (readonly [alg: SuiteAlg, open: Open])[] = [
  ['HPKE-0', byCore(new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() }))],
  ['HPKE-4', byHpke],
  ['HPKE-7', byCore(new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() }))],
];
for (const [alg, open] of OPENERS) {
  test(`[seal.bound] an envelope sealed to a key of ${alg} opens with that suite, and only over its own header`, async () => {
    const { world, executor } = await setUp(alg);
    const token = Buffer.from('ghp_secret');
    const sealing = seal({ executor, key: await generateKey(), fields: { token }, policy: POLICY });
    if (alg === 'HPKE-4' && !(await hasChaCha20())) {
      await assert.rejects(sealing, unsupported);
      assert.deepEqual([...token], Array<number>(10).fill(0));
      return;
    }
    const { envelope } = await sealing;
    const [header, enc, , ciphertext] = envelope.split('.') as [string, string, string, string];
    assert.equal(parseEnvelope(envelope).header.alg, alg);
    const [encOctets, sealed] = [decodeBase64url(enc), decodeBase64url(ciphertext)];
    const octets = Buffer.from(await open(world.openingPrivate, encOctets, sealed, encodeUtf8(header)));
    assert.equal(octets.toString('latin1').replace(/\0+$/, ''), '\x05token\0\x0aghp_secret');
    await assert.rejects(open(world.openingPrivate, encOctets, sealed, encodeUtf8(`${header}A`)));
  });
}

test('[seal.client-only] the octets that were given are zero afterwards, sealed or refused', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const [sealed, refused, unverified] = [Buffer.from('one value'), Buffer.from('two value'), Buffer.from('six value')];
  await seal({ executor, key, fields: { token: sealed }, policy: POLICY });
  const past = { ...POLICY, expiresAt: 1 };
  await assert.rejects(seal({ executor, key, fields: { token: refused }, policy: past }), /expiry lies in the past/);
  await assert.rejects(
    seal({ executor: { ...executor }, key, fields: { token: unverified }, policy: POLICY }),
    /was not verified/,
  );
  for (const octets of [sealed, refused, unverified]) assert.ok(octets.every((octet) => octet === 0));
});

test('the same credential sealed twice has another handle and another ciphertext', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const once = async () => seal({ executor, key, fields: { token: Buffer.from('the same') }, policy: POLICY });
  const [first, second] = [await once(), await once()];
  assert.notEqual(first.handle, second.handle);
  assert.notEqual(first.envelope.split('.')[3], second.envelope.split('.')[3]);
});

test('[seal.bound] a credential that signs is sealed with its whole scheme, and with exactly the fields it names', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const scheme = {
    scheme: 'aws_sigv4',
    access_key: 'AKID',
    secret_key: '{secret}',
    region: 'auto',
    service: 's3',
  } as const;
  const sealing = (fields: Record<string, Uint8Array>, inject: SealPolicy['inject']) =>
    seal({ executor, key, fields, policy: { ...POLICY, inject } });
  const { envelope } = await sealing({ secret: Buffer.from('a secret key') }, [scheme]);
  const { inject } = parseEnvelope(envelope).header.dauth;
  assert.deepEqual(inject, [{ ...scheme, place: 'header', content_sha256: true }]);
  await assert.rejects(sealing({ token: Buffer.from('a secret key') }, [scheme]), /names the field "secret"/);
  const unknown = [{ ...scheme, scheme: 'aws_sigv2' }] as never;
  await assert.rejects(sealing({ secret: Buffer.from('a secret key') }, unknown), /A scheme is/);
});

test('a template that names a field nobody gave is refused before anything is sealed', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const policy = { ...POLICY, inject: [{ in: 'header', name: 'x-key', value: '{other}' } as const] };
  await assert.rejects(
    seal({ executor, key, fields: { token: Buffer.from('x') }, policy }),
    (error: unknown) =>
      error instanceof DAuthError &&
      error.code === 'INVALID_REQUEST' &&
      error.publicMessage === 'The inject template names the field "other", which the credential does not have.',
  );
});

test('a credential for a body is sealed as it is asked for, and for methods that have a body only', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const sealWith = (inject: SealPolicy['inject'], method: string) => {
    const allow = [{ origin: 'https://api.example', methods: [method], paths: ['/session'] }];
    const fields = { token: Buffer.from('a longer value') };
    return seal({ executor, key, fields, policy: { ...POLICY, allow, inject } });
  };
  for (const slot of [
    { in: 'body', pointer: '/auth/token', value: '{token}' },
    { in: 'body', field: 'client_secret', value: '{token}' },
  ] as const) {
    const { envelope } = await sealWith([slot], 'POST');
    assert.deepEqual(parseEnvelope(envelope).header.dauth.inject, [slot]);
    await assert.rejects(sealWith([slot], 'GET'), /methods that have one only: not GET, not HEAD/);
  }
});

for (const [what, value, sentence] of [
  ['shorter than an answer could be searched for', 'seven77', /has fewer than 8 octets; leave what is shorter/],
  ['longer than that', 'x'.repeat(4_097), /has more than 4096 octets/],
  ['ending in a space', 'a secret ', /begins or ends with a space/],
  ['beginning with one', ' a secret', /begins or ends with a space/],
] as const) {
  test(`a value ${what} is refused here, and not at its first call`, async () => {
    const { executor } = await setUp();
    const key = await generateKey();
    const fields = { token: Buffer.from(value) };
    await assert.rejects(seal({ executor, key, fields, policy: POLICY }), sentence);
  });
}

test('[seal.bound] a rule is sealed with the query names it lists, and with none where it says none', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const sealing = (query: readonly string[]) => {
    const policy = { ...POLICY, allow: [{ ...POLICY.allow[0]!, query }] };
    return seal({ executor, key, fields: { token: Buffer.from('a longer value') }, policy });
  };
  for (const query of [[], ['q', 'page']])
    assert.deepEqual(parseEnvelope((await sealing(query)).envelope).header.dauth.allow[0]?.query, query);
  for (const query of [['a b'], ['q', 'q'], ['%71'], ['']])
    await assert.rejects(sealing(query), (error) => error instanceof DAuthError && error.code === 'INVALID_REQUEST');
});

test('[seal.bound] a rule is sealed with its conditions on the body, and with none that is no condition', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const sealing = (body: object[]) => {
    const policy = { ...POLICY, allow: [{ ...POLICY.allow[0]!, body: body as BodyCondition[] }] };
    return seal({ executor, key, fields: { token: Buffer.from('a longer value') }, policy });
  };
  const body = [
    { pointer: '/a', equals: null },
    { pointer: '/b', one_of: [1, 'x'] },
  ];
  assert.deepEqual(parseEnvelope((await sealing(body)).envelope).header.dauth.allow[0]?.body, body);
  for (const wrong of [[], [{ pointer: '/a' }], [{ pointer: 'a', equals: 1 }], [{ pointer: '/a', equals: undefined }]])
    await assert.rejects(sealing(wrong), (error) => error instanceof DAuthError && error.code === 'INVALID_REQUEST');
});

test('[seal.bound] nothing is sealed for a server over plain http, but on this machine itself', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const sealFor = (server: string) =>
    seal({ executor, key, fields: { token: Buffer.from('a longer value') }, policy: { ...POLICY, servers: [server] } });
  for (const server of ['http://mcp.example/mcp', 'http://localhost.evil.example/mcp'])
    await assert.rejects(
      sealFor(server),
      (error: unknown) =>
        error instanceof DAuthError &&
        error.code === 'INVALID_REQUEST' &&
        error.publicMessage === 'Plain http is only for a loopback address.',
    );
  const { envelope } = await sealFor('http://127.0.0.1:3000/mcp');
  assert.deepEqual(parseEnvelope(envelope).header.dauth.servers, ['http://127.0.0.1:3000/mcp']);
});

test('[seal.bound] a credential to be exchanged is sealed with its endpoint, and for no target that is the endpoint', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const endpoint = 'https://login.example/oauth/token';
  const inject = [{ scheme: 'client_credentials', endpoint, client_id: 'me', client_secret: '{secret}' }] as const;
  const fields = () => ({ secret: Buffer.from('a longer value') });
  const { envelope } = await seal({ executor, key, fields: fields(), policy: { ...POLICY, inject } });
  assert.deepEqual(parseEnvelope(envelope).header.dauth.inject, [{ ...inject[0], auth: 'client_secret_basic' }]);
  const allow = [{ origin: 'https://login.example', methods: ['GET'], paths: ['/**'] }];
  await assert.rejects(
    seal({ executor, key, fields: fields(), policy: { ...POLICY, inject, allow } }),
    /includes the token endpoint/,
  );
});

test('[response.clean] a policy that names a known token endpoint is not sealed', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const allow = [{ origin: 'https://github.com', methods: ['POST'], paths: ['/login/oauth/access_token'] }];
  await assert.rejects(
    seal({ executor, key, fields: { token: Buffer.from('a longer value') }, policy: { ...POLICY, allow } }),
    (error: unknown) =>
      error instanceof DAuthError &&
      error.code === 'INVALID_REQUEST' &&
      error.publicMessage ===
        '"allow" names a known token endpoint (a path that ends with access_token), where nothing is ever sent: its answer is a credential.',
  );
});
