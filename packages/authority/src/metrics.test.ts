/** What `/metrics` says: counts under labels of ours, and nothing that names anybody. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createAuthority } from './app.ts';
import { parseConfig } from './config.ts';
import { Metrics, metricsApp } from './metrics.ts';
import { addServer, askToken, EXECUTOR, getToken, ISSUER, makeWorld, MCP, type World } from './world.test-support.ts';
import { assertProblem } from './refused.test-support.ts';
import { connect } from './sealed.test-support.ts';

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
    ...{
      config: configure(bare),
      key: bare.ring,
      nonces: bare.nonces,
      store: bare.store,
      now: () => bare.clock.now,
      newId: randomUUID,
    },
    ...{ directory: bare.directory, fetch: () => Promise.reject(new Error('not here')), closing: bare.closing.signal },
    ...{
      outside: bare.outside,
      log: metrics.watch((event) => void bare.events.push(event)),
      answered: metrics.answered.bind(metrics),
    },
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

const EDGE = { log: () => undefined, newId: randomUUID, issuer: 'http://127.0.0.1' };

test('metrics are served on their own address only', async () => {
  const world = await makeWorld();
  await assertProblem(await world.app.request('/metrics'), 404, 'NOT_FOUND');
  const app = metricsApp(new Metrics(), world, EDGE);
  const answer = await app.request('/metrics');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(
    await answer.text(),
    /^# HELP dauth_authority_requests_total .+\n# TYPE dauth_authority_requests_total counter$/m,
  );
  for (const path of ['/connections', '/token', '/openapi.json', '/.well-known/jwks.json'])
    await assertProblem(await app.request(path), 404, 'NOT_FOUND');
  for (const path of ['/metrics', '/livez', '/readyz', '/version']) {
    const refused = await app.request(path, { method: 'POST' });
    assert.equal(refused.headers.get('allow'), 'GET');
    await assertProblem(refused, 405, 'METHOD_NOT_ALLOWED', 'This address does not take that method.');
  }
});

test('health is said on both addresses, which Node runs on the private one only', async () => {
  const world = await makeWorld();
  const apps = [world.app, metricsApp(new Metrics(), world, EDGE)];
  const asked = (path: string) => Promise.all(apps.map(async (app) => app.request(path)));
  for (const path of ['/livez', '/readyz'])
    for (const answer of await asked(path)) assert.deepEqual([answer.status, await answer.text()], [200, 'ok']);
  const [open, own] = await asked('/version');
  assert.deepEqual(await open!.json(), { name: '@dauth/authority', version: '0.1.0' });
  assert.deepEqual(await own!.json(), { name: '@dauth/authority', version: '0.1.0', node: process.version });
});

test('an authority whose executor is away is alive and not ready, on both addresses', async () => {
  const world = await makeWorld();
  world.executor.directory = () => new Response(null, { status: 503 });
  for (const app of [world.app, metricsApp(new Metrics(), world, EDGE)]) {
    assert.equal((await app.request('/livez')).status, 200);
    await assertProblem(await app.request('/readyz'), 503, 'ENCLAVE_UNAVAILABLE');
  }
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
