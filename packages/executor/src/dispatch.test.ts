/** Both dispatch forms through the real door: what is allowed goes out as it came, and everything else reaches nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseDirectory } from '@dauth/protocol';
import { thumbprint, verifyEmbeddedJws } from '@dauth/verify';
import { MCP, RESOURCE, SECRET, World } from './support/room.test-support.ts';
import { ORIGIN } from './support/statements.test-support.ts';

let world: World;
before(async () => {
  world = await World.open();
});
after(() => world[Symbol.asyncDispose]());

test('[dispatch.bound] a buffered dispatch goes out as it was asked and its answer comes back with a receipt', async () => {
  const handle = await world.connect();
  const reply = await world.dispatch(handle, {
    method: 'POST',
    path: '/repos/a/b?x=%2F&y',
    body: { title: 'hi' },
    headers: { 'X-Trace': 't', Cookie: 'c=1', 'X-Forwarded-For': '1.2.3.4' },
    origin: ORIGIN,
    timeout_ms: 5_000,
  });
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.json, {
    success: true,
    response: { status: 200, headers: { 'content-type': 'application/json' }, body: { login: 'octocat' } },
  });
  assert.equal(reply.headers['dauth-upstream'], '1');
  const sent = world.sent.at(-1)!;
  assert.deepEqual(
    { method: sent.method, target: sent.target, origin: sent.address.origin, body: sent.body, headers: sent.headers },
    {
      method: 'POST',
      target: '/repos/a/b?x=%2F&y',
      origin: ORIGIN,
      body: '{"title":"hi"}',
      headers: [
        ['x-trace', 't'],
        ['content-type', 'application/json'],
      ],
    },
  );
  assert.deepEqual([sent.connection.handle, sent.connection.ver, sent.timeoutMs], [handle, 1, 5_000]);
  assert.match(sent.opened, new RegExp(SECRET));
  const [identity, seq, hash] = reply.headers['dauth-receipt']!.split('.');
  assert.equal(identity, world.room.identity);
  assert.match(hash!, /^[A-Za-z0-9_-]{43}$/);
  const intent = world.journal().find((line) => line.seq === Number(seq))!;
  assert.deepEqual(
    [intent.kind, intent.handle, intent.method, intent.origin, intent.path, intent.owner, intent.server],
    ['intent', handle, 'POST', ORIGIN, '/repos/a/b', 'alice', MCP],
  );
  assert.equal(JSON.stringify(world.journal()).includes(SECRET), false);
});

test('[dispatch.bound] a streaming dispatch goes out octet for octet, without the caller’s own credentials', async () => {
  const handle = await world.connect();
  const reply = await world.stream(handle, '/repos/a/b?q=1&q=2', {
    method: 'POST',
    headers: ['DAuth-Origin', ORIGIN, 'X-Trace', 't', 'Cookie', 'c=1', 'Connection', 'close, X-Hop', 'X-Hop', '1'],
    body: 'raw body',
  });
  assert.equal(reply.status, 200);
  assert.equal(reply.text, '{"login":"octocat"}');
  assert.equal(reply.headers['dauth-upstream'], '1');
  assert.equal(reply.headers['dauth-receipt']?.split('.')[0], world.room.identity);
  const sent = world.sent.at(-1)!;
  assert.deepEqual(
    [sent.method, sent.target, sent.body, sent.bodyLength],
    ['POST', '/repos/a/b?q=1&q=2', 'raw body', 8],
  );
  assert.deepEqual(sent.headers, [['x-trace', 't']]);
});

test('[audit.complete] the intent is on disk before the call, the outcome after it', async () => {
  const handle = await world.connect();
  const reply = await world.dispatch(handle);
  const seq = Number(reply.headers['dauth-receipt']!.split('.')[1]);
  const { journal } = world.sent.at(-1)!;
  const atCall = journal.find((line) => line.seq === seq);
  assert.equal(atCall?.kind, 'intent');
  assert.equal(
    journal.some((line) => line.kind === 'outcome' && line.intent === seq),
    false,
  );
  const outcome = await world.recorded((line) => line.kind === 'outcome' && line.intent === seq);
  assert.deepEqual([outcome.code, outcome.status, outcome.bytes, outcome.redactions], ['ok', 200, 19, 0]);
});

test('[audit.complete] a call that fails on the way has its outcome and a receipt, and says no more than its code', async () => {
  const handle = await world.connect();
  world.answer = () => {
    throw new Error(`connect ECONNREFUSED ${SECRET}`);
  };
  try {
    const reply = await world.stream(handle);
    assert.equal(reply.status, 500);
    assert.equal(reply.headers['dauth-error'], 'INTERNAL');
    assert.equal(reply.text.includes(SECRET), false);
    const seq = Number(reply.headers['dauth-receipt']!.split('.')[1]);
    assert.equal((await world.recorded((line) => line.intent === seq)).code, 'INTERNAL');
  } finally {
    world.answer = () => ({});
  }
});

test('an upstream’s own failure is an answer, not an error', async () => {
  const handle = await world.connect();
  world.answer = () => ({ status: 503 });
  try {
    const reply = await world.dispatch(handle);
    assert.equal(reply.json.success, true);
    assert.equal((reply.json.response as { status: number }).status, 503);
  } finally {
    world.answer = () => ({});
  }
});

test('[seal.client-only] the key directory is signed by the identity and shows public members only', async () => {
  const reply = await world.send('GET', '/.well-known/dauth-executor', []);
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'application/jose');
  const { claims, jwk } = verifyEmbeddedJws(reply.text, { typ: 'dauth-executor+jws', maxLength: 65_536 });
  assert.equal(thumbprint(jwk), world.room.identity);
  const directory = parseDirectory(claims);
  assert.deepEqual(
    [directory.iss, directory.resource, directory.seq, directory.evidence.level, directory.iat, directory.exp],
    [RESOURCE, RESOURCE, 1, 'software', world.now, world.now + 86_400],
  );
  assert.deepEqual(
    directory.keys.map((key) => [key.kid, key.alg]),
    [[world.keys.opening.kid, 'HPKE-3']],
  );
  assert.equal(/"d":/.test(Buffer.from(reply.text.split('.')[1]!, 'base64url').toString()), false);
});

test('every answer has a request id, and addresses that are not there say so', async () => {
  const nothing = await world.send('GET', '/nothing', []);
  assert.deepEqual([nothing.status, nothing.headers['dauth-error']], [404, 'NOT_FOUND']);
  assert.equal(nothing.json.request_id, nothing.headers['dauth-request-id']);
  const get = await world.send('GET', '/dispatch', []);
  assert.deepEqual([get.status, get.headers['dauth-error'], get.headers.allow], [405, 'METHOD_NOT_ALLOWED', 'POST']);
  const ready = await world.send('GET', '/readyz', []);
  assert.deepEqual([ready.status, ready.json.status], [200, 'ready']);
});
