/** Sessions through the real door: who may open one, what is written down, what ends it, and who may stop what it does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { createDatabases } from './postgres/databases.ts';
import { message, uint32 } from './postgres/messages.ts';
import { row, serveDatabase, done, type Database } from './support/database.test-support.ts';
import { assertRefused } from './support/refused.test-support.ts';
import type { Reply } from './support/door-caller.test-support.ts';
import { SECRET, World } from './support/room.test-support.ts';
import { detail } from './support/statements.test-support.ts';
import { framesOf, startup } from './support/session.test-support.ts';
import { until } from './support/until.test-support.ts';
import { TestCa } from './support/upstreams.test-support.ts';
import { trustStore } from './wire/dial.ts';

const ORIGIN = 'postgres://db.example';
const INJECT = [{ scheme: 'postgres', user: 'app', password: '{token}' }];
const ALLOW = [{ origin: ORIGIN, methods: ['READ', 'WRITE'], paths: ['/shop', '/stock'] }];
const ACTIONS = ['READ /shop', 'WRITE /shop', 'READ /stock'];

let world: World;
let database: Database;
let handle: ConnectionHandle;
before(async () => {
  const ca = await TestCa.create();
  database = await serveDatabase(await ca.issue([{ type: 'dns', value: 'localhost' }]), { passwords: [SECRET] });
  const real = createDatabases({ trust: () => trustStore([ca.pem]) });
  world = await World.open({
    databases: {
      open: (request) => {
        const { port } = database;
        return real.open({ ...request, address: { ...request.address, host: 'localhost', port, ips: ['127.0.0.1'] } });
      },
    },
  });
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  handle = await world.connect({ allow: ALLOW, inject: INJECT });
  database.script = { passwords: [SECRET] };
  database.said = [];
  database.started.length = database.cancelled.length = 0;
});

const tokenFor = (actions: readonly string[] = ACTIONS, changes: object = {}, of = handle): string =>
  world.token(of, { authorization_details: [detail(of, { locations: [ORIGIN], actions })], ...changes });

interface Session {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  readonly receipt: string;
  octets(): Buffer;
  isOver(): 'ended' | 'reset' | undefined;
}

/** Opens a session over the door, or fails with its answer. */
async function open(path = `/sessions/${handle}/READ/shop`, first = startup(), token = tokenFor()): Promise<Session> {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port: world.port, method: 'POST', path, agent: false },
    headers: ['Host', 'executor.example', 'Transfer-Encoding', 'chunked', ...world.headers('POST', path, token)],
  });
  request.on('error', () => undefined);
  request.write(first);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let octets = Buffer.alloc(0);
  let over: 'ended' | 'reset' | undefined;
  response.on('data', (piece: Buffer) => (octets = Buffer.concat([octets, piece])));
  response.on('end', () => (over = 'ended')).on('error', () => (over = 'reset'));
  return {
    ...{ request, response, octets: () => octets, isOver: () => over },
    receipt: String(response.headers['dauth-receipt']),
  };
}

/** One that is refused before anybody says anything. */
function ask(path: string, token = tokenFor(), headers: readonly string[] = []): Promise<Reply> {
  const all = [...world.headers('POST', path, token), ...headers];
  return world.send('POST', path, all, startup().toString('latin1'));
}

const intentOf = (receipt: string) =>
  world.recorded((line) => line.kind === 'intent' && `${line.seq}` === receipt.split('.')[1]);
const outcomeOf = (receipt: string) =>
  world.recorded((line) => line.kind === 'outcome' && `${line.intent}` === receipt.split('.')[1]);

test('[audit.complete] a session is written down before it begins, and how it ended; the password never is', async () => {
  const session = await open();
  assert.deepEqual([session.response.statusCode, session.response.headers['dauth-upstream']], [200, '1']);
  await until('the driver is let in', () => framesOf(session.octets()).some(([type]) => type === 'Z'));
  const intent = await intentOf(session.receipt);
  assert.deepEqual([intent.method, intent.origin, intent.path, intent.session], ['READ', ORIGIN, '/shop', 'open']);
  assert.equal(database.started[0]!.user, 'app');
  session.request.end(message('X'));
  await until('the answer ended', () => session.isOver() === 'ended');
  const outcome = await outcomeOf(session.receipt);
  assert.equal(outcome.code, 'ok');
  assert.equal(JSON.stringify(world.journal()).includes(SECRET), false);
});

test('[dispatch.bound] what neither policy nor token allows opens no session', async () => {
  const refusals: readonly (readonly [path: string, actions: readonly string[], says: RegExp])[] = [
    ['READ/other', ['READ /other', ...ACTIONS], /policy sealed/],
    ['WRITE/stock', ACTIONS, /token does not/],
    ['WRITE/shop', ['READ /shop'], /token does not/],
    ['READ/shop', ['WRITE /shop'], /token does not/],
  ];
  for (const [path, actions, says] of refusals)
    await assertRefused(world, () => ask(`/sessions/${handle}/${path}`, tokenFor(actions)), {
      ...{ code: 'POLICY_DENIED', says, step: 4 },
    });
  const sealedToRead = await world.connect({ allow: [{ ...ALLOW[0], methods: ['READ'] }], inject: INJECT });
  await assertRefused(world, () => ask(`/sessions/${sealedToRead}/WRITE/shop`, tokenFor(ACTIONS, {}, sealedToRead)), {
    ...{ code: 'POLICY_DENIED', says: /policy sealed/, step: 4 },
  });
  assert.equal(database.started.length, 0);
});

test('[dispatch.bound] a database takes no requests, and an API no sessions', async () => {
  const toDatabase = 'The connection goes to a database, which takes no requests; open a session.';
  await assertRefused(
    world,
    () => world.dispatch(handle, { method: 'READ', path: '/shop', origin: ORIGIN }, tokenFor()),
    {
      ...{ code: 'POLICY_DENIED', says: toDatabase, step: 4 },
    },
  );
  const api = await world.connect({});
  await assertRefused(world, () => ask(`/sessions/${api}/READ/shop`, world.token(api)), {
    ...{ code: 'POLICY_DENIED', says: 'The connection goes to no database; send requests over it.', step: 4 },
  });
});

for (const [what, path] of [
  ['a method that there is not', 'ADMIN/shop'],
  ['no database', 'READ/'],
  ['two databases', 'READ/shop/stock'],
  ['a pattern', 'READ/*'],
  ['an encoded name', 'READ/sh%6Fp'],
  ['a query', 'READ/shop?options=x'],
] as const)
  test(`[dispatch.bound] a session with ${what} is no session`, () =>
    assertRefused(world, () => ask(`/sessions/${handle}/${path}`), { code: 'INVALID_REQUEST', step: 1 }));

test('[token.bound] a session needs a proof for its own address', async () => {
  const path = `/sessions/${handle}/WRITE/shop`;
  const headers = world.headers('POST', `/sessions/${handle}/READ/shop`, tokenFor());
  await assertRefused(world, () => world.send('POST', path, headers, 'x'), { code: 'UNAUTHENTICATED', step: 2 });
  await assertRefused(world, () => world.send('POST', path, [], 'x'), { code: 'UNAUTHENTICATED', step: 2 });
});

for (const [what, first, code] of [
  ['options for the server', startup({ user: 'x', options: '-c default_transaction_read_only=off' }), 'POLICY_DENIED'],
  ['a stream of a replica', startup({ user: 'x', replication: 'database' }), 'POLICY_DENIED'],
  ['another database', startup({ user: 'x', database: 'stock' }), 'POLICY_DENIED'],
  ['another encoding', startup({ user: 'x', client_encoding: 'SJIS' }), 'POLICY_DENIED'],
  [
    'one parameter twice',
    Buffer.concat([uint32(23), uint32(196_608), Buffer.from('user\0a\0user\0b\0\0').subarray(0, 15)]),
    'INVALID_REQUEST',
  ],
  ['a wish for TLS', Buffer.concat([uint32(8), uint32(80_877_103)]), 'INVALID_REQUEST'],
  ['version 2', Buffer.concat([uint32(9), uint32(0x0002_0000), Buffer.of(0)]), 'INVALID_REQUEST'],
  ['a packet of 10 MB', uint32(10_000_000), 'INVALID_REQUEST'],
] as const)
  test(`[dispatch.bound] a driver that begins with ${what} is refused, and nothing is opened`, async () => {
    const path = `/sessions/${handle}/READ/shop`;
    const send = () => world.send('POST', path, world.headers('POST', path, tokenFor()), first.toString('latin1'));
    await assertRefused(world, send, { code, step: 4 });
    assert.equal(database.started.length, 0);
  });

test('[revoke.fast] a connection that is revoked resets its sessions', async () => {
  const session = await open();
  await until('the driver is let in', () => session.octets().length > 0);
  await world.change({ kind: 'connection', handle, status: 'revoked', ver: 1 });
  await until('the session is reset', () => session.isOver() === 'reset');
  assert.equal((await outcomeOf(session.receipt)).code, 'CONNECTION_REVOKED');
});

test('a database that refuses the password is an error with a receipt, and its words do not come back', async () => {
  database.script = { passwords: ['another-password-1'] };
  const session = await open();
  assert.equal(session.response.headers['dauth-error'], 'DOWNSTREAM_AUTH_FAILURE');
  await until('the answer ended', () => session.isOver() === 'ended');
  assert.equal(session.octets().includes('Mwrong'), false);
  assert.equal((await outcomeOf(session.receipt)).code, 'DOWNSTREAM_AUTH_FAILURE');
});

/** A driver's request to stop what another connection does. */
async function cancel(pid: number, key: number, token = tokenFor(), of = handle): Promise<Session> {
  const packet = Buffer.concat([uint32(16), uint32(80_877_102), uint32(pid), uint32(key)]);
  const session = await open(`/sessions/${of}/READ/shop`, packet, token);
  await until('the answer ended', () => session.isOver() !== undefined);
  return session;
}

test('[dispatch.bound] a statement is stopped by the key of its session, over the same connection only', async () => {
  database.script = { passwords: [SECRET], answer: (sql) => (sql.includes('sleep') ? null : [row('1'), done('X')]) };
  const session = await open();
  await until('the driver is let in', () => framesOf(session.octets()).some(([type]) => type === 'Z'));
  const [, body] = framesOf(session.octets()).find(([type]) => type === 'K')!;
  const [pid, key] = [body.readUInt32BE(0), body.readUInt32BE(4)];
  session.request.write(message('Q', 'SELECT pg_sleep(1000)'));
  await until('the statement runs', () => database.said.some((said) => said.includes('sleep')));
  await cancel(pid, (key ^ 1) >>> 0);
  await cancel(pid ^ 1, key);
  await cancel(0x2a, 0x5ec2e700);
  const other = await world.connect({ allow: ALLOW, inject: INJECT });
  await cancel(pid, key, tokenFor(ACTIONS, {}, other), other);
  await cancel(pid, key, tokenFor(ACTIONS, { grant_id: 'grant-2' }));
  assert.equal(database.cancelled.length, 0, 'somebody else stopped it');
  const asked = await cancel(pid, key);
  await until('the server was asked', () => database.cancelled.length === 1);
  assert.equal(database.cancelled[0]!.toString('hex'), '0000002a5ec2e700');
  assert.equal((await intentOf(asked.receipt)).session, 'cancel');
  session.request.destroy();
});

/** A world of its own, with what an operator says; the way out is never reached. */
const ruled = (rules: object): Promise<World> =>
  World.open({ config: { rules }, databases: { open: () => assert.fail('a session was opened') } });

for (const [what, rules, says] of [
  ['the host', { deny: { hosts: ['db.example'] } }, /does not allow this destination/],
  ['the origin', { deny: { origins: [ORIGIN] } }, /does not allow this destination/],
  ['the method', { deny: { methods: ['WRITE'] } }, /does not allow this method/],
  ['the hour', { hours: [{ from: '12:00', to: '24:00' }] }, /does not allow requests at this time/],
] as const)
  test(`[dispatch.bound] an operator who denies ${what} is obeyed by sessions, before anything is opened`, async () => {
    await using own = await ruled(rules);
    const path = `/sessions/${await own.connect({ allow: ALLOW, inject: INJECT, handle })}/WRITE/shop`;
    const token = own.token(handle, {
      authorization_details: [detail(handle, { locations: [ORIGIN], actions: ACTIONS })],
    });
    const send = () => own.send('POST', path, own.headers('POST', path, token), startup().toString('latin1'));
    await assertRefused(own, send, { code: 'POLICY_DENIED', says, step: 4 });
    assert.deepEqual(own.checked, []);
  });

test('[dispatch.bound] a sealed rate holds for sessions, and their answers say how it stands', async () => {
  handle = await world.connect({ allow: ALLOW, inject: INJECT, limits: { rate: { count: 1, seconds: 60 } } });
  const session = await open();
  assert.equal(session.response.headers['ratelimit-policy'], '"dauth-rate";q=1;w=60');
  let last!: Reply;
  const again = async () => (last = await ask(`/sessions/${handle}/READ/shop`));
  await assertRefused(world, again, { code: 'RATE_LIMITED', says: /rate sealed with/, step: 4 });
  assert.equal(last.headers['retry-after'], '62');
  assert.equal(database.started.length, 1);
  session.request.destroy();
});
