import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { assertVerified, fetchExecutor, MemorySeqStore, type VerifiedExecutor } from './directory.ts';
import { generateKey } from './key.ts';
import { breakSignature, makeExecutor, NOW, type Executor } from './signer.test-support.ts';

let executor: Executor;
let url: string;
let answer: (response: ServerResponse) => void;
let requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(request.url ?? '');
  answer(response);
});

before(async () => {
  executor = await makeExecutor();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const ask = (seqStore = new MemorySeqStore()): Promise<VerifiedExecutor> => {
  requests = [];
  return fetchExecutor({ url, identities: [executor.identity.jkt], seqStore, now: () => NOW });
};
const serves = (text: string) => {
  answer = (response) => void response.end(text);
};
const refused = (sentence: RegExp) => (error: unknown) => {
  assert.ok(error instanceof DAuthError);
  assert.equal(error.code, 'UNTRUSTED_EXECUTOR');
  assert.match(error.publicMessage, sentence);
  assert.deepEqual(requests, ['/.well-known/dauth-executor'], 'one question was asked and nothing else left');
  return true;
};

test('[seal.client-only] a directory signed by the pinned identity gives a key (control)', async () => {
  serves(await executor.sign());
  const verified = await ask();
  assert.equal(verified.identity, executor.identity.jkt);
  assert.equal(verified.key.alg, 'HPKE-3');
  assert.doesNotThrow(() => assertVerified(verified));
});

const HOSTILE: readonly (readonly [what: string, make: (e: Executor) => Promise<string>, says: RegExp])[] = [
  ['a wrong signature', async (e) => breakSignature(await e.sign()), /signature of the key directory is wrong/],
  ['an identity that is not pinned', async (e) => e.sign({}, {}, await generateKey()), /not pinned/],
  ['an expired directory', (e) => e.sign({ iat: NOW - 90, exp: NOW - 1 }), /expired/],
  ['a directory of the future', (e) => e.sign({ iat: NOW + 600, exp: NOW + 900 }), /dated in the future/],
  ['another kind of JWS', (e) => e.sign({}, { typ: 'at+jwt' }), /not a key directory/],
  ['an unknown critical header', (e) => e.sign({}, { x5u: 'https://evil.example' }), /not a key directory/],
  [
    'a key under the id of another',
    (e) => e.sign({ keys: [{ ...(e.claims.keys as object[])[0], kid: 'A'.repeat(43) }] }),
    /does not have the id/,
  ],
  [
    'an unknown algorithm',
    (e) => e.sign({ keys: [{ ...(e.claims.keys as object[])[0], alg: 'HPKE-99' }] }),
    /key directory/,
  ],
  [
    'a private key in public',
    (e) => e.sign({ keys: [{ ...(e.claims.keys as object[])[0], d: 'A'.repeat(43) }] }),
    /key directory is not valid/,
  ],
  ['no key in its time', (e) => e.sign({ keys: [] }), /key directory/],
  ['no JWS at all', async () => '{"keys":[]}', /key directory/],
  ['an oversized answer', async () => 'a'.repeat(2_000_000), /larger than allowed/],
];
for (const [what, make, says] of HOSTILE) {
  test(`[seal.client-only] ${what} is refused, and nothing more is asked`, async () => {
    serves(await make(executor));
    await assert.rejects(ask(), refused(says));
  });
}

test('[seal.client-only] a lower number than one seen before is refused', async () => {
  const seqStore = new MemorySeqStore();
  serves(await executor.sign({ seq: 6 }));
  await ask(seqStore);
  serves(await executor.sign({ seq: 5 }));
  await assert.rejects(ask(seqStore), refused(/older than one seen before/));
});

test('[seal.client-only] a redirect is not followed, an error is no directory', async () => {
  answer = (response) => void response.writeHead(302, { location: `${url}/elsewhere` }).end();
  await assert.rejects(ask(), refused(/could not be fetched/));
  answer = (response) => void response.writeHead(500).end();
  await assert.rejects(ask(), refused(/could not be fetched/));
});

test('[seal.client-only] without a pin nothing is even asked, and a copy of a verified value is none', async () => {
  requests = [];
  const seqStore = new MemorySeqStore();
  await assert.rejects(fetchExecutor({ url, identities: [], seqStore }), /No executor identity is pinned/);
  assert.deepEqual(requests, []);
  serves(await executor.sign());
  const verified = await ask();
  assert.throws(() => assertVerified({ ...verified }), /was not verified/);
});
