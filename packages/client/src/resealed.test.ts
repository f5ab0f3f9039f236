/** A version that the executor made: its policy is believed on the pinned executor's word and the owner's own seal, or not at all. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { DAuthError, joinEnvelope, nextHeader, parseEnvelope, TYP } from '@dauth/protocol';
import { SignJWT } from 'jose';
import { fetchExecutor, MemorySeqStore, type VerifiedExecutor } from './directory.ts';
import { generateKey, sha256, type ClientKey } from './key.ts';
import { seal, type SealedCredential, type SealPolicy } from './seal.ts';
import { nextPolicy, verifySeal, type ExpectedSeal, type StoredSeal } from './sealed.ts';
import { makeExecutor, NOW, type Executor } from './signer.test-support.ts';

const issuer = 'https://auth.example';
const POLICY: SealPolicy = {
  ...{ issuer, org: 'acme', owner: 'ada', connection: 'mail', servers: ['https://mcp.example/mcp'] },
  allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/mail'] }],
  inject: [
    {
      ...{ scheme: 'oauth2', endpoint: 'https://login.example/oauth/token', client_id: 'app' },
      refresh_token: '{refresh_token}',
    },
  ],
  expiresAt: 4_000_000_000,
};

let world: Executor;
let executor: VerifiedExecutor;
let key: ClientKey;
let sealed: SealedCredential;
before(async () => {
  world = await makeExecutor();
  const directory = await world.sign();
  executor = await fetchExecutor({
    ...{ url: 'https://executor.example', identities: [world.identity.jkt], now: () => NOW },
    ...{ seqStore: new MemorySeqStore(), fetch: async () => new Response(directory) },
  });
  key = await generateKey();
  sealed = await seal({ executor, key, fields: { refresh_token: Buffer.from('rt-0123456789') }, policy: POLICY });
});

/** The version after, as an executor makes it; `over` changes the header that it writes. */
async function resealed(by = world.identity, claims: object = {}): Promise<StoredSeal & { readonly reseal: string }> {
  const { header } = parseEnvelope(sealed.envelope);
  const envelope = joinEnvelope(nextHeader(header, header), new Uint8Array(32).fill(9), new Uint8Array(80));
  const base = { ver: 1, sha256: await sha256(sealed.envelope) };
  const stated = { handle: sealed.handle, base, from: base, to: { ver: 2, sha256: await sha256(envelope) }, ...claims };
  const reseal = await new SignJWT(stated)
    .setProtectedHeader({ typ: TYP.reseal, alg: 'ES256', jwk: { ...by.jwk } })
    .sign(by.privateKey);
  return { envelope, seal_proof: sealed.seal_proof, reseal };
}

const verify = (stored: StoredSeal, over: Partial<ExpectedSeal> = {}) =>
  verifySeal(stored, { handle: sealed.handle, issuer, sealers: [key.jkt], executor: executor.identity, ...over });
const denied = (sentence: string) => (error: unknown) => {
  assert.ok(error instanceof DAuthError, String(error));
  assert.deepEqual([error.code, error.publicMessage], ['POLICY_DENIED', sentence]);
  return true;
};

test('[seal.bound] the policy of a version that the executor made is that of the one its owner sealed', async () => {
  const verified = await verify(await resealed());
  assert.deepEqual([verified.jkt, verified.policy.ver], [key.jkt, 2]);
  assert.deepEqual(nextPolicy(verified, { now: NOW }).replaces, { handle: sealed.handle, ver: 3 });
});

test('[seal.bound] a version that somebody else made, or that nobody stated, is refused', async () => {
  const foreign = await generateKey();
  const said = 'The reseal statement is not by the pinned executor.';
  await assert.rejects(verify(await resealed(foreign)), denied(said));
  const without = { handle: sealed.handle, issuer, sealers: [key.jkt] };
  await assert.rejects(verifySeal(await resealed(), without), denied(said));
  const { reseal: _, ...bare } = await resealed();
  const other = 'The seal proof is for another handle, version or envelope.';
  await assert.rejects(verify(bare), denied(other));
  const base = { ver: 1, sha256: await sha256('another') };
  await assert.rejects(verify(await resealed(world.identity, { base, from: base })), denied(other));
});

test('[seal.bound] a statement about another envelope is refused', async () => {
  const to = { ver: 2, sha256: await sha256('another') };
  const said = 'The reseal statement is for another handle, version or envelope.';
  await assert.rejects(verify(await resealed(world.identity, { to })), denied(said));
});

test('[seal.bound] what was made of an older version than its owner sealed last is refused', async () => {
  const said = 'The envelope that was given back is older than one seen before.';
  await verify(await resealed(), { atLeast: 1 });
  await assert.rejects(verify(await resealed(), { atLeast: 2 }), denied(said));
});
