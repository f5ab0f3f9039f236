import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { DAuthError, TYP } from '@dauth/protocol';
import { assertVerified, fetchExecutor, MemorySeqStore, type VerifiedExecutor } from './directory.ts';
import { generateKey } from './key.ts';
import { breakSignature, makeExecutor, NOW, replaceHeader, type Executor } from './signer.test-support.ts';

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
const refused = (sentence: string) => (error: unknown) => {
  assert.ok(error instanceof DAuthError);
  assert.equal(error.code, 'UNTRUSTED_EXECUTOR');
  assert.equal(error.publicMessage, sentence);
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

const KIND = 'What was given is not a key directory.';
const ALGORITHM = 'The key directory is signed with an algorithm that is not known here.';
const invalid = (sentence: string) => `The key directory is not valid. ${sentence}`;
/** The directory with one key, changed. */
const keyed = (e: Executor, over: object) => e.sign({ keys: [{ ...(e.claims.keys as object[])[0], ...over }] });
const headed = async (e: Executor, over: object) =>
  replaceHeader(await e.sign(), { typ: TYP.directory, alg: 'ES256', jwk: e.identity.jwk, ...over });

const HOSTILE: readonly (readonly [what: string, make: (e: Executor) => Promise<string>, says: string])[] = [
  ['a wrong signature', async (e) => breakSignature(await e.sign()), 'The signature of the key directory is wrong.'],
  [
    'an identity that is not pinned',
    async (e) => e.sign({}, {}, await generateKey()),
    'The key directory is signed by an identity that is not pinned.',
  ],
  ['an expired directory', (e) => e.sign({ iat: NOW - 90, exp: NOW - 1 }), 'The key directory has expired.'],
  ['a directory that ends now', (e) => e.sign({ iat: NOW - 90, exp: NOW }), 'The key directory has expired.'],
  [
    'a directory of the future',
    (e) => e.sign({ iat: NOW + 600, exp: NOW + 900 }),
    "The key directory is dated in the future; check this device's clock.",
  ],
  [
    'a directory valid for longer than a day',
    (e) => e.sign({ iat: NOW - 10, exp: NOW - 10 + 86_401 }),
    invalid('A key directory is valid for at most a day.'),
  ],
  [
    'a key whose time has not come',
    (e) => keyed(e, { nbf: NOW + 1 }),
    'The key directory has no key that is valid now.',
  ],
  ['a key whose time is over', (e) => keyed(e, { exp: NOW }), 'The key directory has no key that is valid now.'],
  ['another kind of JWS', (e) => e.sign({}, { typ: 'at+jwt' }), KIND],
  ['an unknown header member', (e) => e.sign({}, { x5u: 'https://evil.example' }), KIND],
  ['a critical header', (e) => headed(e, { crit: ['exp'], exp: 1 }), KIND],
  ['an unsigned JWS', (e) => headed(e, { alg: 'none' }), ALGORITHM],
  ['a MAC keyed with the public key', (e) => headed(e, { alg: 'HS256' }), ALGORITHM],
  ['the algorithm of another key type', (e) => headed(e, { alg: 'EdDSA' }), ALGORITHM],
  ['an algorithm that is no text', (e) => headed(e, { alg: ['ES256'] }), ALGORITHM],
  [
    'a key under the id of another',
    (e) => keyed(e, { kid: 'A'.repeat(43) }),
    'A key in the directory does not have the id it is listed under.',
  ],
  [
    'an unknown algorithm of a key',
    (e) => keyed(e, { alg: 'HPKE-99' }),
    invalid('An envelope uses an algorithm that is not known here.'),
  ],
  [
    'a private key in public',
    (e) => keyed(e, { d: 'A'.repeat(43) }),
    invalid('A key holds private members; send the public half only.'),
  ],
  ['no key', (e) => e.sign({ keys: [] }), invalid('"keys" must not be empty.')],
  ['no JWS at all', async () => '{"keys":[]}', invalid('A token or proof is not a compact JWS.')],
  ['an oversized answer', async () => 'a'.repeat(2_000_000), 'The key directory is larger than allowed.'],
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
  await assert.rejects(ask(seqStore), refused('The key directory is older than one seen before.'));
});

test('[seal.client-only] a memory of numbers never goes back, whatever order they come in', () => {
  const seqStore = new MemorySeqStore();
  const answers = [6, 5, 5, 6, 7, 6].map((seq) => seqStore.advance('a', seq));
  assert.deepEqual(answers, [true, false, false, true, true, false]);
  assert.equal(seqStore.advance('b', 5), true, 'each identity has its own');
});

test('[seal.client-only] a redirect is not followed, an error is no directory', async () => {
  answer = (response) => void response.writeHead(302, { location: `${url}/elsewhere` }).end();
  await assert.rejects(ask(), refused('The key directory could not be fetched.'));
  answer = (response) => void response.writeHead(500).end();
  await assert.rejects(ask(), refused('The key directory could not be fetched.'));
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
