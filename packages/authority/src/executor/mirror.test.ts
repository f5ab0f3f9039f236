/**
 * The mirrored key directory: octet by octet what the pinned executor signed, fresh, never an older one, and never a way to
 * make this room hammer the executor.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSigner } from '../signer.test-support.ts';
import { directoryClaims, EXECUTOR, makeWorld, START, type World } from '../world.test-support.ts';
import { showDirectory } from './executor.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { DirectoryMirror } from './mirror.ts';

const PATH = '/.well-known/dauth-executor';
const SAID = 'The executor does not show a valid key directory.';

async function shown(world: World): Promise<string> {
  const answer = await world.app.request(PATH);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/jose');
  assert.equal(answer.headers.get('cache-control'), 'public, max-age=30');
  return answer.text();
}

async function assertNone(world: World): Promise<void> {
  const answer = await world.app.request(PATH);
  assert.equal(answer.headers.get('retry-after'), '1');
  await assertProblem(answer, 503, 'ENCLAVE_UNAVAILABLE', SAID);
}

test('[seal.client-only] the directory is passed on as the executor signed it', async () => {
  const world = await makeWorld();
  const signed = await world.executor.directory().text();
  world.executor.directory = () => new Response(signed);
  assert.equal(await shown(world), signed);
});

test('it is asked for once in thirty seconds, also by many at once', async () => {
  const world = await makeWorld();
  await Promise.all([shown(world), shown(world), shown(world)]);
  world.clock.now = START + 29;
  await shown(world);
  assert.equal(world.fetched.length, 1);
  world.clock.now = START + 30;
  await shown(world);
  assert.equal(world.fetched.length, 2);
});

test('after a failure the executor is left alone for a second', async () => {
  const world = await makeWorld();
  world.executor.directory = () => new Response('', { status: 500 });
  for (let times = 0; times < 3; times++) await assertNone(world);
  assert.equal(world.fetched.length, 1);
  world.clock.now = START + 1;
  await assertNone(world);
  assert.equal(world.fetched.length, 2);
});

const stranger = makeSigner('Ed25519');
const CHANGES: readonly (readonly [what: string, change: Parameters<typeof showDirectory>[1]])[] = [
  ['by another identity', { by: stranger }],
  ['for another executor', { claims: { resource: 'https://other.example' } }],
  ['that has ended', { claims: { iat: START - 100, exp: START } }],
  ['from the future', { claims: { iat: START + 6 } }],
  ['of another type', { typ: 'dauth-checkpoint+jwt' }],
  ['without keys', { claims: { keys: [] } }],
  ['that is valid for more than a day', { claims: { exp: START + 86_391 } }],
  ['with a member nobody knows', { claims: { note: 'x' } }],
];
for (const [what, change] of CHANGES) {
  test(`[seal.client-only] a directory ${what} is not passed on`, async () => {
    const world = await makeWorld();
    showDirectory(world, change);
    await assertNone(world);
    showDirectory(world);
    world.clock.now = START + 1;
    await shown(world);
  });
}

const ANSWERS: readonly (readonly [what: string, answer: () => Response])[] = [
  ['an error', () => new Response('x', { status: 500 })],
  ['no body', () => new Response(null)],
  ['a page', () => new Response('<html>')],
  ['more than a directory', () => new Response('x'.repeat(65_537))],
  [
    'no connection',
    () => {
      throw new TypeError('fetch failed');
    },
  ],
];
for (const [what, answer] of ANSWERS) {
  test(`[seal.client-only] where the executor answers with ${what} there is no directory`, async () => {
    const world = await makeWorld();
    world.executor.directory = answer;
    await assertNone(world);
  });
}

test('[seal.client-only] an older directory does not replace a newer one; the same number may', async () => {
  const world = await makeWorld();
  showDirectory(world, { claims: { seq: 7 } });
  await shown(world);
  showDirectory(world, { claims: { seq: 6 } });
  world.clock.now = START + 30;
  await assertNone(world);
  showDirectory(world, { claims: { seq: 7, evidence: { level: 'software' } } });
  world.clock.now = START + 31;
  await shown(world);
});

test('[seal.client-only] a directory that ends is passed on no longer, even where it was just fetched', async () => {
  const world = await makeWorld();
  showDirectory(world, { claims: { exp: START + 10 } });
  await shown(world);
  world.clock.now = START + 9;
  await shown(world);
  world.clock.now = START + 10;
  await assertNone(world);
});

test('the executor is asked at its own address, and a redirect is not followed', async () => {
  const { identity, opening, kid } = await makeWorld();
  const asked: unknown[] = [];
  const fetch = (async (url: string, init?: RequestInit) => {
    asked.push([url, init?.redirect, init?.signal instanceof AbortSignal]);
    return new Response(identity.proof('dauth-executor+jws', directoryClaims(opening, kid)));
  }) as typeof globalThis.fetch;
  const mirror = new DirectoryMirror({ resource: EXECUTOR, identity: identity.jkt, fetch, now: () => START });
  assert.equal((await mirror.directory()).resource, EXECUTOR);
  assert.deepEqual(asked, [[`${EXECUTOR}${PATH}`, 'error', true]]);
});
