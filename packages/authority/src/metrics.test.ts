/** What `/metrics` says: counts under labels of ours, and nothing that names anybody. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createAuthority } from './app.ts';
import { parseConfig } from './config.ts';
import { Metrics, metricsApp } from './metrics.ts';
import {
  addServer,
  askToken,
  assertProblem,
  connect,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  type World,
} from './world.test-support.ts';

function configure(world: World, members: object = {}): ReturnType<typeof parseConfig> {
  return parseConfig({
    ...{ issuer: ISSUER, listen: { host: '127.0.0.1', port: 4180 }, database: 'sqlite:unused.db' },
    ...{ operator: { jwk: world.operator.key.jwk }, executor: { resource: EXECUTOR, identity: world.identity.jkt } },
    ...members,
  });
}

test('requests, tokens, refusals and connections are counted, without a name of anybody', async () => {
  const bare = await makeWorld();
  const metrics = new Metrics();
  const app = createAuthority({
    ...{ config: configure(bare), key: bare.key, store: bare.store, now: () => bare.clock.now, newId: randomUUID },
    ...{ fetch: () => Promise.resolve(bare.executor.directory()), closing: bare.closing.signal },
    ...{ log: metrics.watch((event) => void bare.events.push(event)), answered: metrics.answered.bind(metrics) },
  });
  const world = { ...bare, app };
  await addServer(world);
  const { client, sealed } = await connect(world);
  await getToken(world, client, { resource: MCP });
  assert.equal((await askToken(world, client, { resource: 'https://nowhere.example' })).status, 400);
  assert.equal((await app.request(`/connections/${sealed.handle}`)).status, 401);
  assert.equal((await app.request('/no/such/place')).status, 404);
  const text = metrics.render(world.store);
  const value = (line: string): string | undefined =>
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length + 1);
  assert.equal(value('dauth_authority_requests_total{route="/connections",status="201"}'), '1');
  assert.equal(value('dauth_authority_requests_total{route="/connections/:handle",status="401"}'), '1');
  assert.equal(value('dauth_authority_requests_total{route="/token",status="400"}'), '1');
  // One for each of the three calls to the API, one for the server.
  assert.equal(value('dauth_authority_tokens_total{grant_type="client_credentials"}'), '4');
  assert.equal(value('dauth_authority_refusals_total{code="invalid_target"}'), '1');
  assert.equal(value('dauth_authority_refusals_total{code="UNAUTHENTICATED"}'), '1');
  assert.equal(value('dauth_authority_connections{status="active"}'), '1');
  for (const name of [client.id, sealed.handle, MCP, 'github', 'no/such', 'default'])
    assert.ok(!text.includes(name), name);
  assert.ok(text.endsWith('\n'));
});

test('metrics are served on their own address only', async () => {
  const world = await makeWorld();
  await assertProblem(await world.app.request('/metrics'), 404, 'NOT_FOUND');
  const edge = { log: () => undefined, newId: randomUUID, issuer: 'http://127.0.0.1' };
  const app = metricsApp(new Metrics(), world.store, edge);
  const answer = await app.request('/metrics');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(
    await answer.text(),
    /^# HELP dauth_authority_requests_total .+\n# TYPE dauth_authority_requests_total counter$/m,
  );
  await assertProblem(await app.request('/connections'), 404, 'NOT_FOUND');
});

test('metrics are off by default, and refused on the port of the callers', async () => {
  const world = await makeWorld();
  assert.equal(configure(world).metrics, undefined);
  const metrics = { host: '127.0.0.1', port: 4182 };
  assert.deepEqual(configure(world, { metrics }).metrics, metrics);
  assert.throws(
    () => configure(world, { metrics: { ...metrics, port: 4180 } }),
    /"metrics" must have a port of its own/,
  );
});
