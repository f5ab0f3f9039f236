/** Dispatches whose credential is exchanged for a token, through the real doors: when the token endpoint is asked, and when not. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Readable } from 'node:stream';
import type { ConnectionHandle } from '@dauth/protocol';
import { assertRefused } from './support/refused.test-support.ts';
import type { Sent } from './support/recording.test-support.ts';
import { SECRET, World } from './support/room.test-support.ts';
import { ORIGIN } from './support/statements.test-support.ts';
import { bearer } from './support/tokens.test-support.ts';

const ENDPOINT = 'https://login.example/oauth/token';
const SCHEME = { scheme: 'client_credentials', endpoint: ENDPOINT, client_id: 'me', client_secret: '{token}' };

let world: World;
let handle: ConnectionHandle;
let given = 0;
let status = 200;
before(async () => {
  world = await World.open();
  world.answer = (sent) => {
    if (sent.asks === undefined) return { status };
    return { body: Readable.from([Buffer.from(bearer(`at-0123456789-${given++}`))]) };
  };
});
beforeEach(async () => {
  handle = await world.connect({ inject: [SCHEME] });
  world.sent.length = 0;
  status = 200;
});
after(() => world[Symbol.asyncDispose]());

const asked = (): Sent[] => world.sent.filter((sent) => sent.asks !== undefined);

test('[dispatch.bound] the token endpoint is asked once everything was allowed and written down, then the API', async () => {
  const { length } = world.checked;
  const reply = await world.dispatch(handle, { timeout_ms: 5_000 });
  assert.equal(reply.json.success, true, reply.text);
  assert.deepEqual(world.checked.slice(length), [ORIGIN, 'https://login.example'], 'both addresses are checked');
  const [first, second, ...more] = world.sent;
  assert.equal(more.length, 0);
  assert.deepEqual(
    [first!.method, first!.address.origin, first!.target],
    ['POST', 'https://login.example', '/oauth/token'],
  );
  assert.deepEqual([first!.headers, first!.body, first!.injections], [[], '', []], 'nothing of the caller goes there');
  assert.deepEqual([second!.method, second!.address.origin, second!.target], ['GET', ORIGIN, '/user']);
  assert.notEqual(second!.token, undefined);
  const seq = Number(reply.headers['dauth-receipt']!.split('.')[1]);
  const intent = first!.journal.find((line) => line.seq === seq);
  assert.deepEqual([intent?.kind, intent?.token_endpoint], ['intent', ENDPOINT]);
  assert.equal(JSON.stringify(world.journal()).includes(SECRET), false);
});

test('[dispatch.bound] what is refused asks no token endpoint, and opens nothing', async () => {
  await assertRefused(world, () => world.stream(handle, '/admin'), { code: 'POLICY_DENIED', step: 4 });
  await assertRefused(world, () => world.dispatch(handle, { headers: { authorization: 'Bearer mine' } }), {
    code: 'POLICY_DENIED',
    step: 4,
  });
  assert.equal(asked().length, 0);
});

test('a token is used again until the API refuses it, and its answer goes back as it is', async () => {
  await world.dispatch(handle);
  await world.dispatch(handle);
  assert.equal(asked().length, 1);
  status = 401;
  const reply = await world.dispatch(handle);
  assert.equal((reply.json.response as { status: number }).status, 401);
  assert.deepEqual([asked().length, world.sent.length], [1, 4], 'nothing is sent twice');
  status = 200;
  await world.dispatch(handle);
  assert.equal(asked().length, 2);
});

test('[revoke.fast] a connection that was suspended in between has a new token asked for', async () => {
  await world.dispatch(handle);
  await world.change({ kind: 'connection', handle, status: 'suspended', ver: 1 });
  await assertRefused(world, () => world.dispatch(handle), { code: 'CONNECTION_SUSPENDED', step: 3 });
  await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  await world.dispatch(handle);
  assert.equal(asked().length, 2);
});

test('[revoke.fast] an owner or an organisation that is revoked ends all tokens; a grant does not', async () => {
  await world.dispatch(handle);
  await world.change({ kind: 'revoked', what: 'grant', id: 'another' });
  await world.dispatch(handle);
  assert.equal(asked().length, 1);
  const changes = [
    { kind: 'revoked', what: 'owner', id: 'another' },
    { kind: 'revoked', what: 'org', id: 'another' },
    { kind: 'skipped' },
  ] as const;
  for (const change of changes) {
    const before = asked().length;
    await world.change(change);
    await world.dispatch(handle);
    assert.equal(asked().length, before + 1, change.kind);
  }
});
