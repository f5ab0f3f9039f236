/** Step 4 of a dispatch, where to: through the real doors, against token and envelope, octet for octet. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { assertRefused } from '../support/refused.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { detail, ORIGIN } from '../support/statements.test-support.ts';

const OTHER = 'https://uploads.github.com';
const DENIED = 'POLICY_DENIED';

let world: World;
let handle: ConnectionHandle;
before(async () => {
  world = await World.open();
  handle = await world.connect();
});
after(() => world[Symbol.asyncDispose]());

const TARGETS: readonly (readonly [what: string, target: string])[] = [
  ['a path that is not allowed', '/admin'],
  ['a path that an allowed one starts', '/userx'],
  ['a path below an exact one', '/user/emails'],
  ['a path in another case', '/User'],
  ['the parent of a pattern', '/repos'],
  ['an empty segment', '/repos//a'],
  ['a dot segment', '/repos/../admin'],
  ['a dot segment at the end', '/repos/a/..'],
  ['an encoded dot segment', '/repos/%2e%2e/admin'],
  ['a half encoded dot segment', '/repos/.%2E/admin'],
  ['a dot segment with a parameter', '/repos/..;x/admin'],
  ['an encoded dot segment with a parameter', '/repos/%2e%2e;/admin'],
  ['an encoded letter', '/%75ser'],
  ['an encoded slash', '/user%2F..%2Fadmin'],
];
for (const [what, target] of TARGETS) {
  test(`[dispatch.bound] step 4 refuses ${what}, at both doors`, async () => {
    await assertRefused(world, () => world.stream(handle, target), { code: DENIED, step: 4 });
    await assertRefused(world, () => world.dispatch(handle, { path: target }), { code: DENIED, step: 4 });
  });
}

test('[dispatch.bound] the buffered door refuses octets that no path has', async () => {
  for (const path of [
    '/repos/a b',
    '/repos/a\\b',
    '/repos/ä',
    '/repos/a"b',
    '/repos/%zz',
    '/repos/a#b',
    'repos/a',
    '//evil.example/user',
  ]) {
    const reply = await world.dispatch(handle, { path });
    assert.equal(['POLICY_DENIED', 'INVALID_REQUEST'].includes(reply.headers['dauth-error'] ?? ''), true, path);
    assert.equal(reply.headers['dauth-upstream'], undefined);
  }
});

test('[dispatch.bound] step 4 takes a query with listed names once each, and no other, at both doors', async () => {
  const rule = { origin: ORIGIN, methods: ['GET'], paths: ['/user'], query: ['q', 'page'] };
  const listed = await world.connect({ allow: [rule] });
  for (const target of ['/user', '/user?page=2&q=a%26sort'])
    assert.equal((await world.stream(listed, target)).headers['dauth-upstream'], '1', target);
  for (const target of ['/user?sort=up', '/user?q=1&q=2', '/user?%71=1', '/user?q=1;sort=up', '/user?Q=1', '/user?']) {
    await assertRefused(world, () => world.stream(listed, target), { code: DENIED, step: 4 });
    await assertRefused(world, () => world.dispatch(listed, { path: target }), { code: DENIED, step: 4 });
  }
});

test('[dispatch.bound] step 4 takes a JSON body that meets the conditions of a rule, and no other, at both doors', async () => {
  const body = [{ pointer: '/draft', equals: true }];
  const rule = { origin: ORIGIN, methods: ['POST'], paths: ['/repos/**'], body };
  const bound = await world.connect({ allow: [rule] });
  const [path, method, type] = ['/repos/a', 'POST', ['Content-Type', 'application/json']];
  const sent = ' {"draft": true, "n": 1.50}';
  const taken = await world.stream(bound, path, { method, headers: type, body: sent });
  assert.equal(taken.headers['dauth-upstream'], '1');
  assert.equal(world.sent.at(-1)?.body, sent);
  assert.equal((await world.dispatch(bound, { method, path, body: { draft: true } })).json.success, true);
  for (const other of ['{"draft":false}', '{}', '[{"draft":true}]', '{"draft":true,"DRAFT":false}']) {
    await assertRefused(world, () => world.stream(bound, path, { method, headers: type, body: other }), {
      code: DENIED,
      step: 4,
    });
    const asked = { method, path, body: JSON.parse(other) as object };
    await assertRefused(world, () => world.dispatch(bound, asked), { code: DENIED, step: 4 });
  }
  const form = ['Content-Type', 'application/x-www-form-urlencoded'];
  await assertRefused(world, () => world.stream(bound, path, { method, headers: form, body: sent }), {
    code: DENIED,
    step: 4,
  });
  await assertRefused(world, () => world.stream(bound, path, { method }), { code: DENIED, step: 4 });
});

test('[dispatch.bound] a body that a rule has conditions on has 1 MiB at most, announced or not', async () => {
  const rule = { origin: ORIGIN, methods: ['POST'], paths: ['/repos/**'], body: [{ pointer: '/a', equals: 1 }] };
  const bound = await world.connect({ allow: [rule] });
  const sized = (octets: number) => `{"a":1,"b":"${'x'.repeat(octets - 14)}"}`.padEnd(octets);
  const ask = (octets: number) => {
    const headers = ['Content-Type', 'application/json'];
    return world.stream(bound, '/repos/a', { method: 'POST', headers, body: sized(octets) });
  };
  assert.equal((await ask(1_048_576)).headers['dauth-upstream'], '1');
  await assertRefused(world, () => ask(1_048_577), { code: 'PAYLOAD_TOO_LARGE', step: 4 });
});

test('[dispatch.bound] a body that a rule has conditions on has 65,536 values at most, for others wait while it is read', async () => {
  const rule = { origin: ORIGIN, methods: ['POST'], paths: ['/repos/**'], body: [{ pointer: '/a', equals: 1 }] };
  const bound = await world.connect({ allow: [rule] });
  const ask = (values: number) => {
    const headers = ['Content-Type', 'application/json'];
    const body = `{"a":1,"b":[${Array<number>(values - 3)
      .fill(0)
      .join(',')}]}`;
    return world.stream(bound, '/repos/a', { method: 'POST', headers, body });
  };
  assert.equal((await ask(65_536)).headers['dauth-upstream'], '1');
  await assertRefused(world, () => ask(65_537), { code: 'INVALID_REQUEST', says: /more values than allowed/, step: 4 });
});

test('[dispatch.bound] a query that names what a condition is about is refused, whatever the body holds', async () => {
  const rule = {
    origin: ORIGIN,
    methods: ['POST'],
    paths: ['/repos/graphql'],
    body: [{ pointer: '/query', equals: '{me}' }],
  };
  const bound = await world.connect({ allow: [rule] });
  const sent = { method: 'POST', headers: ['Content-Type', 'application/json'], body: '{"query":"{me}"}' };

  assert.equal((await world.stream(bound, '/repos/graphql?trace=1', sent)).headers['dauth-upstream'], '1');
  const refusal = { code: DENIED, step: 4 } as const;
  await assertRefused(world, () => world.stream(bound, '/repos/graphql?query=mutation%7Bx%7D', sent), refusal);
});

for (const method of ['DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PURGE']) {
  test(`[dispatch.bound] step 4 refuses ${method}, which nobody allowed, at both doors`, async () => {
    await assertRefused(world, () => world.dispatch(handle, { method, path: '/user' }), { code: DENIED, step: 4 });
    if (method === 'HEAD') return;
    await assertRefused(world, () => world.stream(handle, '/user', { method }), { code: DENIED, step: 4 });
  });
}

test('[dispatch.bound] CONNECT and TRACE are refused at both doors before anybody is asked who they are', async () => {
  for (const method of ['CONNECT', 'TRACE'])
    await assertRefused(world, () => world.dispatch(handle, { method }), { code: 'INVALID_REQUEST', step: 1 });
  await assertRefused(world, () => world.stream(handle, '/user', { method: 'TRACE' }), {
    code: 'METHOD_NOT_ALLOWED',
    step: 1,
  });
});

test('[dispatch.bound] step 4 refuses a method override, in a header and in the query', async () => {
  for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])
    await assertRefused(world, () => world.stream(handle, '/user', { headers: [name, 'DELETE'] }), {
      code: DENIED,
      step: 4,
    });
  await assertRefused(world, () => world.stream(handle, '/user?_method=DELETE'), { code: DENIED, step: 4 });
});

test('[dispatch.bound] step 4 refuses an origin that the envelope or the token does not name', async () => {
  for (const origin of [OTHER, 'https://api.github.com:8443', 'https://evil.example'])
    await assertRefused(world, () => world.stream(handle, '/user', { headers: ['DAuth-Origin', origin] }), {
      code: DENIED,
      step: 4,
    });
  const wide = await world.connect({
    allow: [ORIGIN, OTHER].map((origin) => ({ origin, methods: ['GET'], paths: ['/user'] })),
  });
  const ask = (origin: string, token: string): ReturnType<World['stream']> =>
    world.stream(wide, '/user', { token, headers: ['DAuth-Origin', origin] });
  const narrow = world.token(wide);
  await assertRefused(world, () => ask(OTHER, narrow), { code: DENIED, step: 4 });
  const both = world.token(wide, {
    authorization_details: [detail(wide), detail(wide, { locations: [OTHER], actions: ['GET /user'] })],
  });
  for (const origin of [ORIGIN, OTHER]) {
    assert.equal((await ask(origin, both)).status, 200);
    assert.equal(world.sent.at(-1)!.address.origin, origin);
  }
  await assertRefused(world, () => world.stream(wide, '/user', { token: both }), {
    code: 'INVALID_REQUEST',
    says: /^The connection has several origins; name one in DAuth-Origin\.$/,
    step: 4,
  });
});

test('[token.bound] what the envelope allows and the token does not is refused, and the other way round', async () => {
  const token = world.token(handle, { authorization_details: [detail(handle, { actions: ['GET /user'] })] });
  assert.equal((await world.stream(handle, '/user', { token })).status, 200);
  const more = world.token(handle, { authorization_details: [detail(handle, { actions: ['GET /user'] })] });
  await assertRefused(world, () => world.stream(handle, '/repos/a', { token: more }), {
    code: DENIED,
    says: /^The token does not allow this request\.$/,
    step: 4,
  });
  const wide = world.token(handle, { authorization_details: [detail(handle, { actions: ['DELETE /**'] })] });
  await assertRefused(world, () => world.stream(handle, '/user', { token: wide, method: 'DELETE' }), {
    code: DENIED,
    says: /^The policy sealed with the credential does not allow this request\.$/,
    step: 4,
  });
});

test('[dispatch.bound] what is refused by name is not even resolved', async () => {
  const { length } = world.checked;
  await assertRefused(world, () => world.stream(handle, '/admin'), { code: DENIED, step: 4 });
  assert.equal(world.checked.length, length);
  await world.stream(handle);
  assert.deepEqual(world.checked.slice(length), [ORIGIN]);
});
