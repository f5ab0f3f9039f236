import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { decodeBase64url, encodeUtf8, parseEnvelope } from '@dauth/protocol';
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

async function setUp(): Promise<{ world: Executor; executor: VerifiedExecutor }> {
  const world = await makeExecutor();
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
  assert.equal(dauth.inject[0]?.in === 'header' && dauth.inject[0].name, 'authorization');
  const proof = await compactVerify(seal_proof, await importJWK({ ...key.jwk }, 'ES256'));
  const claims = JSON.parse(Buffer.from(proof.payload).toString()) as object;
  assert.deepEqual(claims, { handle, ver, sha256: await sha256(envelope) });
  const other = encodeUtf8(`${header.slice(0, -2)}${header.endsWith('A') ? 'BB' : 'AA'}`);
  await assert.rejects(
    foreign.open({ recipientKey: world.openingPrivate, enc: decodeBase64url(enc) }, decodeBase64url(ciphertext), other),
    'another policy does not open',
  );
});

test('[seal.client-only] the octets that were given are zero afterwards, sealed or refused', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const [sealed, refused, unverified] = [Buffer.from('one'), Buffer.from('two'), Buffer.from('six')];
  await seal({ executor, key, fields: { token: sealed }, policy: POLICY });
  const past = { ...POLICY, expiresAt: 1 };
  await assert.rejects(seal({ executor, key, fields: { token: refused }, policy: past }), /expiry lies in the past/);
  await assert.rejects(
    seal({ executor: { ...executor }, key, fields: { token: unverified }, policy: POLICY }),
    /was not verified/,
  );
  for (const octets of [sealed, refused, unverified]) assert.deepEqual([...octets], [0, 0, 0]);
});

test('the same credential sealed twice has another handle and another ciphertext', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const once = async () => seal({ executor, key, fields: { token: Buffer.from('same') }, policy: POLICY });
  const [first, second] = [await once(), await once()];
  assert.notEqual(first.handle, second.handle);
  assert.notEqual(first.envelope.split('.')[3], second.envelope.split('.')[3]);
});

test('a template that names a field nobody gave is refused before anything is sealed', async () => {
  const { executor } = await setUp();
  const key = await generateKey();
  const policy = { ...POLICY, inject: [{ in: 'header', name: 'x-key', value: '{other}' } as const] };
  await assert.rejects(seal({ executor, key, fields: { token: Buffer.from('x') }, policy }));
});
