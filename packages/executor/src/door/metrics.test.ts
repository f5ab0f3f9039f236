/** What the private listener says: counts under labels of ours, health, the document; nothing that names anybody. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metrics } from './metrics.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { MCP, RESOURCE, SECRET, World } from '../support/room.test-support.ts';
import { ORIGIN } from '../support/statements.test-support.ts';
import { freshHandle } from '../support/signer.test-support.ts';

let world: World;
before(async () => {
  world = await openReady();
});
after(() => world[Symbol.asyncDispose]());

/** A node with a private listener and its first view of revocations. */
async function openReady(): Promise<World> {
  const own = await World.open({ config: { metrics: { host: '127.0.0.1', port: 0 } } });
  for (let tries = 0; tries < 1_000; tries++) {
    if ((await own.send('GET', '/readyz', [], undefined, own.metricsPort)).status === 200) return own;
    await sleep(5);
  }
  throw new Error('The node never became ready.');
}

const ask = (method: string, path: string): Promise<Reply> =>
  world.send(method, path, [], undefined, world.metricsPort);

const HEAD = { seq: 7, hash: 'h' };
const GAUGES = { openCalls: 2, seq: 7, isWritable: true, level: 'software', version: '0.1.0' } as const;
const journal = { intent: async () => ({ head: HEAD, outcome: async () => undefined }) };
const quiet = { count: () => undefined, record: () => undefined };

test('the whole exposition of a known state', async () => {
  const metrics = new Metrics();
  const refusals = metrics.watchRefusals(quiet);
  for (const outcome of [
    { code: 'ok', bytes: 19 },
    { code: 'DOWNSTREAM_TIMEOUT' },
    { code: 'ok', bytes: 100 },
    { code: 'ABORTED', bytes: 5 },
  ]) {
    const intent = await metrics.watchJournal(journal).intent({});
    assert.equal(intent.head, HEAD);
    await intent.outcome(outcome);
  }
  refusals.count('UNAUTHENTICATED');
  refusals.record('POLICY_DENIED', { owner: 'alice' });
  refusals.count('UNAUTHENTICATED');
  assert.equal(
    metrics.render({ ...GAUGES, statusAgeMs: 250.4 }),
    `# HELP dauth_executor_dispatches_total Dispatches that reached the journal, by how they ended.
# TYPE dauth_executor_dispatches_total counter
dauth_executor_dispatches_total{code="ABORTED"} 1
dauth_executor_dispatches_total{code="DOWNSTREAM_TIMEOUT"} 1
dauth_executor_dispatches_total{code="ok"} 2
# HELP dauth_executor_refusals_total Requests refused before anything was opened, by code.
# TYPE dauth_executor_refusals_total counter
dauth_executor_refusals_total{code="POLICY_DENIED"} 1
dauth_executor_refusals_total{code="UNAUTHENTICATED"} 2
# HELP dauth_executor_relayed_bytes_total Octets of answers that went back to callers.
# TYPE dauth_executor_relayed_bytes_total counter
dauth_executor_relayed_bytes_total 124
# HELP dauth_executor_open_calls Calls to upstreams that are under way.
# TYPE dauth_executor_open_calls gauge
dauth_executor_open_calls 2
# HELP dauth_executor_status_age_ms Age of the view of revocations in milliseconds; +Inf without one.
# TYPE dauth_executor_status_age_ms gauge
dauth_executor_status_age_ms 250
# HELP dauth_executor_journal_seq Sequence number of the last durable record.
# TYPE dauth_executor_journal_seq gauge
dauth_executor_journal_seq 7
# HELP dauth_executor_journal_writable Whether the journal takes records: 1, or 0 until a restart.
# TYPE dauth_executor_journal_writable gauge
dauth_executor_journal_writable 1
# HELP dauth_executor_info Isolation level and version.
# TYPE dauth_executor_info gauge
dauth_executor_info{level="software",version="0.1.0"} 1
`,
  );
});

test('a node without a view of revocations or with a broken journal says so', () => {
  const text = new Metrics().render({ ...GAUGES, statusAgeMs: undefined, isWritable: false });
  assert.match(text, /^dauth_executor_status_age_ms \+Inf$/m);
  assert.match(text, /^dauth_executor_journal_writable 0$/m);
});

test('an outcome whose code is none of ours becomes INTERNAL, never a label', async () => {
  const metrics = new Metrics();
  const intent = await metrics.watchJournal(journal).intent({});
  await intent.outcome({ code: SECRET, bytes: SECRET });
  const text = metrics.render({ ...GAUGES, statusAgeMs: 0 });
  assert.match(text, /^dauth_executor_dispatches_total\{code="INTERNAL"\} 1$/m);
  assert.match(text, /^dauth_executor_relayed_bytes_total 0$/m);
  assert.equal(text.includes(SECRET), false);
});

test('an outcome that cannot be written down is counted all the same, and an intent that cannot is no dispatch', async () => {
  const metrics = new Metrics();
  const broken = { intent: async () => ({ head: HEAD, outcome: () => Promise.reject(new Error('disk')) }) };
  const intent = await metrics.watchJournal(broken).intent({});
  await assert.rejects(intent.outcome({ code: 'ok', bytes: 3 }), { message: 'disk' });
  const full = { intent: () => Promise.reject(new Error('full')) };
  await assert.rejects(metrics.watchJournal(full).intent({}), { message: 'full' });
  assert.match(metrics.render({ ...GAUGES, statusAgeMs: 0 }), /^dauth_executor_dispatches_total\{code="ok"\} 1$/m);
});

test('what happens at the public door is counted by code, and no secret, handle, owner, server or origin is told', async () => {
  const handle = await world.connect();
  const unknown = freshHandle(world.clock.ms);
  const reply = await world.dispatch(handle);
  assert.equal(reply.json.success, true);
  const seq = Number(reply.headers['dauth-receipt']!.split('.')[1]);
  await world.recorded((line) => line.kind === 'outcome' && line.intent === seq);
  assert.equal((await world.dispatch(unknown)).headers['dauth-error'], 'CONNECTION_NOT_FOUND');
  const token = world.token(handle);
  assert.equal((await world.send('POST', '/dispatch', ['Content-Type', 'application/json'], '{}')).status, 401);
  assert.equal((await world.send('GET', `/no/${SECRET}/${token}`, [])).status, 404);
  const answer = await ask('GET', '/metrics');
  assert.deepEqual(
    [answer.status, answer.headers['content-type'], answer.headers['cache-control']],
    [200, 'text/plain; version=0.0.4; charset=utf-8', 'no-store'],
  );
  const { text } = answer;
  const samples = text.split('\n').filter((line) => line.startsWith('dauth_'));
  assert.deepEqual(
    samples.filter((line) => !line.startsWith('dauth_executor_journal_seq')),
    [
      'dauth_executor_dispatches_total{code="ok"} 1',
      'dauth_executor_refusals_total{code="CONNECTION_NOT_FOUND"} 1',
      'dauth_executor_refusals_total{code="NOT_FOUND"} 1',
      'dauth_executor_refusals_total{code="UNAUTHENTICATED"} 1',
      'dauth_executor_relayed_bytes_total 19',
      'dauth_executor_open_calls 0',
      'dauth_executor_status_age_ms 0',
      'dauth_executor_journal_writable 1',
      'dauth_executor_info{level="software",version="0.0.0"} 1',
    ],
  );
  const [, told] = /^dauth_executor_journal_seq (\d+)$/m.exec(text) ?? [];
  // The dispatch was durable before it happened; its outcome may be in the file and not on the disk yet.
  assert.equal(Number(told) >= seq, true, told);
  for (const name of [SECRET, handle, unknown, 'alice', 'default', 'github', MCP, ORIGIN, 'client', 'grant-1', token])
    assert.equal(text.includes(name), false, name);
});

test('the private listener says how the node is, and takes nothing but reading', async () => {
  const said = async (path: string) => {
    const { status, json } = await ask('GET', path);
    return [status, json];
  };
  assert.deepEqual(await said('/livez'), [200, { status: 'ok' }]);
  assert.deepEqual(await said('/readyz'), [200, { status: 'ready' }]);
  assert.deepEqual(await said('/version'), [200, { name: 'dauth-executor', version: '0.0.0', node: process.version }]);
  const head = await ask('HEAD', '/metrics');
  assert.deepEqual([head.status, head.text], [200, '']);
  for (const path of ['/livez', '/readyz', '/version', '/metrics', '/openapi.json']) {
    const reply = await ask('POST', path);
    assert.deepEqual(
      [reply.status, reply.headers['dauth-error'], reply.headers.allow, reply.json.detail],
      [405, 'METHOD_NOT_ALLOWED', 'GET, HEAD', 'This address does not take that method.'],
      path,
    );
  }
  for (const path of ['/', '/dispatch', '/try', '/.well-known/dauth-executor', '/connections/x/y', '/metrics/']) {
    const reply = await ask('GET', path);
    assert.deepEqual(
      [reply.status, reply.headers['dauth-error'], reply.json.detail],
      [404, 'NOT_FOUND', 'There is nothing here.'],
      path,
    );
  }
});

test('[revoke.fast] a view that grows old shows its age, and a node that no longer serves for it says so here too', async () => {
  await using own = await openReady();
  const askOwn = (path: string) => own.send('GET', path, [], undefined, own.metricsPort);
  own.authority.isSilent = true;
  own.clock.ms += 751;
  assert.match((await askOwn('/metrics')).text, /^dauth_executor_status_age_ms 751$/m);
  const ready = await askOwn('/readyz');
  assert.deepEqual([ready.status, ready.headers['dauth-error']], [503, 'ENCLAVE_UNAVAILABLE']);
  assert.equal((await askOwn('/livez')).status, 200);
});

test('what is for the operator is not at the public door, which does not say which Node runs', async () => {
  for (const path of ['/metrics', '/openapi.json'])
    assert.deepEqual([path, (await world.send('GET', path, [])).status], [path, 404]);
  assert.deepEqual((await world.send('GET', '/version', [])).json, { name: 'dauth-executor', version: '0.0.0' });
  assert.equal((await world.send('GET', '/livez', [])).status, 200);
});

test('a mistake at the private listener is no refusal that is counted or journaled', async () => {
  const counts = async () =>
    (await ask('GET', '/metrics')).text.split('\n').filter((line) => /refusals_total\{/.test(line));
  const earlier = await counts();
  assert.equal((await ask('GET', '/nothing')).status, 404);
  assert.deepEqual(await counts(), earlier);
});

test('the OpenAPI document names the public address and every way in, with what each asks for', async () => {
  const { status, json } = await ask('GET', '/openapi.json');
  assert.deepEqual([status, json.openapi, json.servers], [200, '3.1.0', [{ url: RESOURCE }]]);
  const paths = json.paths as Record<string, Record<string, { security?: readonly object[] }>>;
  const listed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { security }]) => `${method} ${path}${security === undefined ? ' dpop' : ''}`,
    ),
  );
  assert.deepEqual(listed, [
    'post /dispatch dpop',
    ...['get', 'head', 'post', 'put', 'patch', 'delete', 'options'].map(
      (method) => `${method} /connections/{handle}/{path} dpop`,
    ),
    'post /sessions/{handle}/{method}/{database} dpop',
    'post /try',
    'post /redeem',
    'get /.well-known/dauth-executor',
    'get /livez',
    'get /readyz',
    'get /version',
  ]);
  for (const path of Object.keys(paths).filter((each) => each in DOCUMENTS))
    assert.equal((await world.send('GET', path, [])).status, 200, path);
});

const DOCUMENTS = { '/.well-known/dauth-executor': 1, '/livez': 1, '/readyz': 1, '/version': 1 };

test('the private listener ends with the node', async () => {
  const own = await World.open({ config: { metrics: { host: '127.0.0.1', port: 0 } } });
  const port = own.metricsPort;
  assert.equal((await own.send('GET', '/livez', [], undefined, port)).status, 200);
  await own[Symbol.asyncDispose]();
  await assert.rejects(own.send('GET', '/livez', [], undefined, port), { code: 'ECONNREFUSED' });
});
