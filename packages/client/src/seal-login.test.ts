/** Two connections sealed for each other: what each says of the other, and what is in them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { DAuthError, decodeBase64url, encodeUtf8, parseEnvelope } from '@dauth/protocol';
import { fetchExecutor, MemorySeqStore } from './directory.ts';
import { generateKey } from './key.ts';
import { sealLogin, type LoginToSeal } from './seal-login.ts';
import { seal, type SealPolicy } from './seal.ts';
import { nextPolicy } from './sealed.ts';
import { makeExecutor, NOW } from './signer.test-support.ts';

const COMMON = {
  issuer: 'https://auth.example',
  owner: 'ada',
  servers: ['https://mcp.example/mcp'],
  expiresAt: 4_000_000_000,
};
const VALUES = [{ pointer: '/auth/token', field: 'token' }];
const login: SealPolicy = {
  ...{ ...COMMON, connection: 'shop-login' },
  allow: [{ origin: 'https://api.example', methods: ['POST'], paths: ['/oauth/token'] }],
  inject: [{ in: 'body', pointer: '/pass', value: '{password}' }],
};
const session: SealPolicy = {
  ...{ ...COMMON, connection: 'shop' },
  allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/**'] }],
  inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
};

async function setUp(): Promise<{ world: Awaited<ReturnType<typeof makeExecutor>>; input: LoginToSeal }> {
  const world = await makeExecutor();
  const directory = await world.sign();
  const options = { url: 'https://executor.example', identities: [world.identity.jkt], now: () => NOW };
  const fetch = async () => new Response(directory);
  const executor = await fetchExecutor({ ...options, seqStore: new MemorySeqStore(), fetch });
  const fields = { password: Buffer.from('pw-0123456789') };
  return {
    world,
    input: { executor, key: await generateKey(), fields, login, session, values: VALUES, lifetime: 600 },
  };
}

test('[seal.bound] a login and its session name each other, and the session holds nothing yet', async () => {
  const { world, input } = await setUp();
  const sealed = await sealLogin(input);
  const [a, b] = [sealed.login, sealed.session].map(({ envelope }) => parseEnvelope(envelope).header.dauth);
  assert.deepEqual(a!.capture, { into: b!.handle, fields: VALUES });
  assert.deepEqual(b!.captured, { from: a!.handle, fields: ['token'], lifetime: 600 });
  assert.deepEqual([a!.captured, b!.capture], [undefined, undefined]);
  const [header, enc, , ciphertext] = sealed.session.envelope.split('.') as [string, string, string, string];
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });
  const opened = await suite.open(
    { recipientKey: world.openingPrivate, enc: decodeBase64url(enc) },
    decodeBase64url(ciphertext),
    encodeUtf8(header),
  );
  assert.deepEqual(Buffer.from(opened), Buffer.alloc(64));
  assert.deepEqual(input.fields.password, Buffer.alloc(13), 'zeroed');
});

test('what is sealed again keeps what it captures, and what it is captured from', async () => {
  const { input } = await setUp();
  const sealed = await sealLogin(input);
  for (const { envelope } of [sealed.login, sealed.session]) {
    const policy = parseEnvelope(envelope).header.dauth;
    const { capture, captured } = nextPolicy({ policy, jkt: '' }, { now: NOW });
    assert.deepEqual([capture, captured], [policy.capture, policy.captured]);
  }
});

test('[seal.bound] a value for a captured field is refused, and zeroed', async () => {
  const { input } = await setUp();
  const { executor, key } = input;
  const token = Buffer.from('st-0123456789');
  const captured = { from: 'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab' as never, fields: ['token'], lifetime: 1 };
  const policy = { ...session, captured };
  await assert.rejects(seal({ executor, key, fields: { token }, policy }), (error: unknown) => {
    assert.ok(error instanceof DAuthError && error.code === 'INVALID_REQUEST');
    assert.match(error.publicMessage, /is captured from the login/);
    return true;
  });
  assert.deepEqual(token, Buffer.alloc(13));
  await assert.rejects(seal({ executor, key, fields: {}, policy: session }), DAuthError);
});
