/**
 * Signing keys over time: the next is known before it signs, the one before verifies until its last token ended, and what
 * was acknowledged is on disk. The clock is the test's; files are real ones, looked at as another user of the machine would.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { JwksCache, verifyAccessTokenWith, verifyJws } from '@dauth/verify';
import { tendKeys } from './api/keys.ts';
import type { Authority } from './context.ts';
import { loadKeyRing } from './keys.ts';
import { dpop } from './signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  callWith,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from './world.test-support.ts';
import { asExecutor } from './executor/executor.test-support.ts';
import { assertProblem } from './refused.test-support.ts';

const JWKS = '/.well-known/jwks.json';
const AHEAD = 660;
const DAY = 86_400;
/** What an old key is kept for after it signed its last: a token, and the window of a call made with it. */
const KEEP = 300 + 300 + 10;
const directory = mkdtempSync(join(tmpdir(), 'dauth-keys-'));
after(() => rmSync(directory, { recursive: true }));
let files = 0;
const newFile = (): string => join(directory, String(++files), 'signing.jwk');

const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;

async function publishedKids({ app }: World): Promise<string[]> {
  const { keys } = (await (await app.request(JWKS)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

async function rotate(world: World): Promise<{ kid: string; signs_from: number }> {
  const answer = await call(world, world.operator, 'POST', '/keys/rotate');
  const text = await answer.text();
  assert.equal(answer.status, 201, text);
  return JSON.parse(text) as { kid: string; signs_from: number };
}

function exchange(world: World, client: Party, server: Party, token: string): Promise<Response> {
  const subject_dpop = dpop(client.key, { htm: 'POST', htu: MCP, iat: world.clock.now, token });
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token';
  const subject = { subject_token: token, subject_token_type, subject_dpop };
  return askToken(world, server, { grant_type: EXCHANGE, resource: EXECUTOR, ...subject });
}

test('a rotation is no gap: published, then signing, then the old one gone, and every token works to its end', async () => {
  const world = await makeWorld();
  const [server, client] = [await addServer(world), await addClient(world)];
  const old = world.key.kid;
  const { kid, signs_from } = await rotate(world);
  assert.equal(signs_from, START + AHEAD);
  // Published, and not yet signing.
  assert.deepEqual(await publishedKids(world), [old, kid]);
  world.clock.now = signs_from - 1;
  const before = (await getToken(world, client, { resource: MCP })).access_token;
  const own = (await getToken(world, client, { resource: ISSUER, scope: 'dauth:connections.read' })).access_token;
  assert.equal(kidOf(before), old);
  // Signing; what the old one signed is taken as before.
  world.clock.now = signs_from;
  assert.equal(kidOf((await getToken(world, client, { resource: MCP })).access_token), kid);
  assert.equal((await exchange(world, client, server, before)).status, 200);
  assert.equal((await callWith(world, client.key, own, 'GET', '/connections')).status, 200);
  assert.deepEqual(await publishedKids(world), [old, kid]);
  // A call of the token's last second may be exchanged until its window ends.
  world.clock.now = signs_from + 298;
  const subject_dpop = dpop(client.key, { htm: 'POST', htu: MCP, iat: world.clock.now, token: before });
  const form = {
    subject_token: before,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_dpop,
  };
  const act = () => askToken(world, server, { grant_type: EXCHANGE, resource: EXECUTOR, ...form });
  assert.equal((await act()).status, 200);
  world.clock.now = signs_from + 597;
  assert.equal((await act()).status, 200);
  world.clock.now = signs_from + KEEP - 1;
  assert.deepEqual(await publishedKids(world), [old, kid]);
  world.clock.now = signs_from + KEEP;
  assert.deepEqual(await publishedKids(world), [kid]);
  assert.equal((await exchange(world, client, server, before)).status, 400);
});

test('a verifier that keeps the key set as long as it is told never meets a key it does not know', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const fetched: number[] = [];
  const fetch = (url: string) => {
    fetched.push(world.clock.now);
    return Promise.resolve(world.app.request(url.slice(ISSUER.length)));
  };
  const keep = 300_000;
  const now = () => world.clock.now * 1_000;
  const jwks = new JwksCache({ ...{ url: `${ISSUER}${JWKS}`, fetch, now }, maxAgeMs: keep });
  const verify = async () => {
    const { access_token } = await getToken(world, client, { resource: MCP });
    await verifyAccessTokenWith(jwks, access_token, { issuer: ISSUER, audience: MCP, now: world.clock.now });
  };
  await verify();
  const { signs_from } = await rotate(world);
  for (world.clock.now = START; world.clock.now < signs_from + KEEP + 60; world.clock.now += 30) await verify();
  // By age alone: an unknown key would have been one fetch more.
  for (const [index, at] of fetched.entries()) assert.ok(index === 0 || at - fetched[index - 1]! > 300);
});

test('[revoke.fast] the status stream goes on across a rotation, each message by a published key', async () => {
  const world = await makeWorld();
  const { signs_from, kid } = await rotate(world);
  const seen: string[] = [];
  for (const at of [signs_from - 1, signs_from]) {
    world.clock.now = at;
    const answer = await asExecutor(world, 'GET', '/executor/status?since=0');
    const reader = answer.body!.getReader();
    const line = Buffer.from((await reader.read()).value!)
      .toString()
      .trim();
    await reader.cancel();
    verifyJws(line, { typ: 'dauth-status+jwt', maxLength: 262_144, keys: world.ring.find });
    seen.push(kidOf(line));
  }
  assert.deepEqual(seen, [world.key.kid, kid]);
});

test('asked twice, it is one rotation; when that one signs, the next can be asked for', async () => {
  const world = await makeWorld();
  const first = await rotate(world);
  const again = await call(world, world.operator, 'POST', '/keys/rotate');
  assert.deepEqual([again.status, await again.json()], [200, first]);
  assert.equal(world.store.audit.operations(9).filter(({ action }) => action === 'keys.rotate').length, 1);
  const [noted] = world.store.audit.operations(1);
  assert.deepEqual(noted, {
    time: START,
    actor: 'operator',
    asOperator: true,
    action: 'keys.rotate',
    subject: first.kid,
  });
  world.clock.now = first.signs_from;
  assert.notEqual((await rotate(world)).kid, first.kid);
});

test('[token.bound] only the operator rotates', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const answer = await call(world, client, 'POST', '/keys/rotate');
  await assertProblem(answer, 403, 'FORBIDDEN', 'The token lacks the scope dauth:admin.');
  assert.deepEqual(await publishedKids(world), [world.key.kid]);
});

test('a key set may be kept no longer than a key is published ahead', async () => {
  const kept = async (config: object) =>
    (await (await makeWorld({ config })).app.request(JWKS)).headers.get('cache-control');
  assert.equal(await kept({}), 'public, max-age=300');
  assert.equal(await kept({ keys: { publishAhead: 60 } }), 'public, max-age=60');
});

const asAuthority = (world: World): Authority =>
  ({
    key: world.ring,
    store: world.store,
    now: () => world.clock.now,
    log: (event: never) => world.events.push(event),
  }) as never;

test('a key that is old enough is replaced by itself, once, with its note; at 0 days never', async () => {
  const world = await makeWorld({ config: { keys: { rotateAfter: 30 } } });
  world.clock.now = START - 1_000 + 30 * DAY - 1;
  tendKeys(asAuthority(world));
  assert.equal(world.ring.published().length, 1);
  world.clock.now += 1;
  tendKeys(asAuthority(world));
  tendKeys(asAuthority(world));
  assert.equal(world.ring.published().length, 2);
  const notes = world.store.audit.operations(9);
  assert.deepEqual([notes.length, notes[0]!.actor, notes[0]!.action], [1, 'authority', 'keys.rotate']);
  const never = await makeWorld({ config: { keys: { rotateAfter: 0 } } });
  never.clock.now = START + 4_000 * DAY;
  tendKeys(asAuthority(never));
  assert.equal(never.ring.published().length, 1);
});

function open(path: string, clock: { now: number }): ReturnType<typeof loadKeyRing> {
  return loadKeyRing(path, { now: () => clock.now, publishAhead: AHEAD, rotateAfter: 90 });
}
const privateHalves = (path: string): number => readFileSync(path, 'utf8').split('"d":').length - 1;
const nobody = (): void => undefined;

test('[crash.safe] a rotation is on disk when it is answered: after a restart the same keys do the same', () => {
  const [path, clock] = [newFile(), { now: START }];
  const ring = open(path, clock);
  const [first] = ring.published();
  const { kid, from } = ring.rotate(nobody);
  const again = open(path, clock);
  assert.deepEqual(again.published(), ring.published());
  assert.equal(kidOf(again.sign('x', {})), first!.kid);
  clock.now = from;
  assert.equal(kidOf(open(path, clock).sign('x', {})), kid);
});

test('[crash.safe] a rotation that could not be written or noted did not happen', () => {
  const [path, clock] = [newFile(), { now: START }];
  const ring = open(path, clock);
  const before = [ring.published(), readFileSync(path, 'utf8')];
  const fail = () => {
    throw new Error('no room');
  };
  assert.throws(() => ring.rotate(fail), /no room/);
  assert.deepEqual([ring.published(), readFileSync(path, 'utf8')], before);
});

test('a private half goes from the disk when it has signed its last, and the public one when nobody needs it', () => {
  const [path, clock] = [newFile(), { now: START }];
  const ring = open(path, clock);
  const token = ring.sign('x', {});
  const { kid, from } = ring.rotate(nobody);
  ring.tidy();
  assert.equal(privateHalves(path), 2);
  clock.now = from + 5;
  ring.tidy();
  assert.equal(privateHalves(path), 1);
  // The old one still verifies, and the new one signs, also after a restart.
  const again = open(path, clock);
  verifyJws(token, { typ: 'x', maxLength: 1_000, keys: again.find });
  assert.equal(kidOf(again.sign('x', {})), kid);
  clock.now = from + KEEP;
  again.tidy();
  assert.deepEqual(open(path, clock).published(), [{ kid, jwk: again.published()[0]!.jwk }]);
  // A clock set back before the key's time: it signs all the same.
  clock.now = START;
  assert.equal(kidOf(again.sign('x', {})), kid);
});

test("[token.bound] the file is its owner's alone, before and after a rotation, and nothing is left beside it", () => {
  const [path, clock] = [newFile(), { now: START }];
  let ring: ReturnType<typeof open> | undefined;
  assert.doesNotThrow(() => (ring = open(path, clock)));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  ring!.rotate(nobody);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(path, '..')), ['signing.jwk']);
  chmodSync(path, 0o640);
  assert.throws(
    () => open(path, clock),
    /can be reached by other users of this machine\. Take their rights away \(chmod 600\)/,
  );
});

test('the one key that an earlier version wrote goes on signing, and is replaced at once', () => {
  const [path, clock] = [newFile(), { now: START }];
  open(path, clock);
  const { keys } = JSON.parse(readFileSync(path, 'utf8')) as { keys: { from?: number }[] };
  delete keys[0]!.from;
  writeFileSync(path, JSON.stringify(keys[0]), { mode: 0o600 });
  const ring = open(path, clock);
  assert.equal(ring.isDue(), true);
  const [{ kid, jwk }] = ring.published() as [{ kid: string; jwk: never }];
  assert.equal(verifyJws(ring.sign('x', {}), { typ: 'x', maxLength: 1_000, keys: jwk }).jkt, kid);
});

test('a file that holds anything else ends the start with a sentence that repeats nothing of it', () => {
  const [path, clock] = [newFile(), { now: START }];
  open(path, clock);
  const whole = JSON.parse(readFileSync(path, 'utf8')) as { keys: Record<string, unknown>[] };
  const [key] = whole.keys;
  const { d, ...half } = key!;
  assert.ok(d);
  for (const text of [
    ...['', 'secret', '[]', 'null', '{}', '{"keys":[]}', '{"keys":{}}', '{"keys":[7]}'],
    JSON.stringify({ keys: [half] }),
    JSON.stringify({ keys: [{ ...key, from: 'x' }] }),
    JSON.stringify({ keys: [{ ...key, crv: 'P-384' }] }),
    JSON.stringify({ keys: [{ ...key, d: 'AAAA' }] }),
    JSON.stringify({ keys: [key, key] }),
    JSON.stringify({
      keys: [
        { ...half, from: 1 },
        { ...half, from: 2 },
      ],
    }),
  ]) {
    writeFileSync(path, text, { mode: 0o600 });
    assert.throws(
      () => open(path, clock),
      (error: Error) => error.message === `${path} does not hold EC P-256 private keys. Restore it from your backup.`,
      text,
    );
  }
});
