/** WebSockets through the streaming door: a real client, a real server over TLS, and what neither must get. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionHandle } from '@dauth/protocol';
import type { WebSocket } from 'ws';
import { OPCODE, writeFrame } from '../frames/frame.ts';
import { upstreamFor } from '../support/calls.test-support.ts';
import { assertRefused, type Refusal } from '../support/refused.test-support.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { MCP, SECRET, World } from '../support/room.test-support.ts';
import { detail } from '../support/statements.test-support.ts';
import { dpop } from '../support/signer.test-support.ts';
import { TestCa, type Identity, type TestServer } from '../support/upstreams.test-support.ts';
import {
  CallerSocket,
  openSocket,
  serveHandshakes,
  serveWebSockets,
  switching,
  type Opening,
  type Refused,
} from '../support/web-sockets.test-support.ts';

const STARS = '*'.repeat(SECRET.length);

let ca: TestCa;
let identity: Identity;
let server: TestServer;
let world: World;
let handle: ConnectionHandle;
let seen: { readonly headers: Record<string, unknown>; readonly url: string }[] = [];
let talk: (socket: WebSocket) => void = () => undefined;

before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  server = await serveWebSockets(
    identity,
    (socket, request) => {
      seen.push({ headers: request.headers, url: request.url ?? '' });
      socket.on('message', (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
      talk(socket);
    },
    {
      verifyClient: ({ req }, done) => done(req.headers.authorization === `Bearer ${SECRET}`, 401, `no ${SECRET}`),
      handleProtocols: (offered) => (offered.has('v2') ? 'v2' : false),
    },
  );
  world = await World.open({ upstream: (nowMs) => upstreamFor(ca.pem, { nowMs }) });
  handle = await world.connect({ allow: [rule()] });
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function rule(more: object = { websocket: true }): object {
  return { origin: server.origin, methods: ['GET'], paths: ['/repos/**'], ...more };
}

async function opened(opening: Partial<Opening> = {}, of = handle): Promise<CallerSocket> {
  const got = await openSocket(world, of, { origin: server.origin, ...opening });
  assert.ok(got instanceof CallerSocket, `refused: ${(got as Refused).text}`);
  return got;
}

async function refused(opening: Partial<Opening> = {}, of = handle): Promise<Refused> {
  const got = await openSocket(world, of, { origin: server.origin, ...opening });
  assert.ok(!(got instanceof CallerSocket));
  return got;
}

test('messages go both ways, and the handshake of the upstream is our own', async () => {
  seen = [];
  const caller = await opened({ target: '/repos/socket?room=1', protocols: ['v1', 'v2'] });
  assert.equal(caller.socket.protocol, 'v2');
  assert.equal(caller.socket.extensions, '');
  caller.socket.send('grüße');
  assert.deepEqual((await caller.message(0)).text, 'grüße');
  caller.socket.send(Buffer.from([0, 255, 1]));
  assert.deepEqual(await caller.message(1), { text: null, octets: Buffer.from([0, 255, 1]) });
  const [{ headers, url }] = seen as [(typeof seen)[0]];
  assert.equal(url, '/repos/socket?room=1');
  assert.equal(headers.authorization, `Bearer ${SECRET}`);
  assert.equal(headers['sec-websocket-extensions'], undefined);
  assert.equal(headers['sec-websocket-protocol'], 'v1, v2');
  caller.socket.close(4000, 'done');
  assert.deepEqual(await caller.closed, { code: 4000, reason: 'done' });
});

test('[response.clean] a credential is starred out of text, fragments, other encodings and the reason of a close', async () => {
  talk = (socket) => {
    socket.send(`a ${SECRET} b`);
    socket.send(Buffer.from(`\0${Buffer.from(SECRET).toString('hex')}\0`));
    for (let at = -1; at <= SECRET.length; at++)
      socket.send(SECRET[at] ?? '|', { fin: at === SECRET.length, binary: false });
    socket.close(4001, `was ${SECRET}`);
  };
  const caller = await opened();
  assert.deepEqual(await caller.closed, { code: 4001, reason: `was ${STARS}` });
  talk = () => undefined;
  assert.deepEqual(
    caller.received.map(({ octets }) => octets.toString('latin1')),
    [`a ${STARS} b`, `\0${'*'.repeat(SECRET.length * 2)}\0`, `|${STARS}|`],
  );
});

test('an upstream that refuses the handshake is heard as any other answer, scanned', async () => {
  const inject = [{ in: 'header', name: 'authorization', value: 'Basic {token}' }];
  const got = await refused({}, await world.connect({ allow: [rule()], inject }));
  assert.deepEqual([got.status, got.headers['dauth-upstream'], got.text], [401, '1', `no ${STARS}`]);
});

const SLOTS: readonly (readonly [name: string, slot: object, find: RegExp])[] = [
  ['a header', { in: 'header', name: 'x-key', value: 'k {token}' }, new RegExp(`"x-key":"k ${SECRET}"`)],
  ['a query', { in: 'query', name: 'key', value: '{token}' }, new RegExp(`/repos/socket\\?a=1&key=${SECRET}`)],
  ['a cookie', { in: 'cookie', name: 'sid', value: '{token}' }, new RegExp(`"cookie":"sid=${SECRET}"`)],
  ['a path', { in: 'path', segment: 1, value: '{token}' }, new RegExp(`/repos/${SECRET}/socket\\?a=1`)],
  [
    'a password',
    { in: 'basic', user: 'bob', pass: '{token}' },
    new RegExp(Buffer.from(`bob:${SECRET}`).toString('base64')),
  ],
  [
    'a signature',
    {
      ...{ scheme: 'hmac', hash: 'sha256', key: '{token}', key_encoding: 'raw', encoding: 'hex' },
      sign: '{@method}{@target}',
      put: [{ in: 'header', name: 'x-sign', value: '{@signature}' }],
    },
    new RegExp(`"x-sign":"${createHmac('sha256', SECRET).update('GET/repos/socket?a=1').digest('hex')}"`),
  ],
];
for (const [name, slot, find] of SLOTS) {
  test(`[dispatch.bound] a handshake carries the credential in its slot, and its echo is starred out: ${name}`, async () => {
    await using own = await serveWebSockets(identity, (socket, { url, headers }) => {
      const said = JSON.stringify({ url, ...headers });
      socket.send(said);
      socket.send(Buffer.from(said));
      arrived = said;
    });
    let arrived = '';
    const of = await world.connect({ allow: [{ ...rule(), origin: own.origin }], inject: [slot] });
    const caller = await opened({ origin: own.origin, target: '/repos/socket?a=1' }, of);
    const [text, octets] = [await caller.message(0), await caller.message(1)];
    assert.match(arrived, find);
    for (const { octets: got } of [text, octets]) {
      assert.equal(got.length, arrived.length);
      assert.doesNotMatch(got.toString('latin1'), find);
      assert.match(got.toString('latin1'), /\*{20}/);
    }
    caller.socket.close();
    await caller.closed;
  });
}

test('[response.clean] a credential short enough to be guessed opens no WebSocket', async () => {
  await using short = await World.open({
    fields: { token: 'short-12' },
    upstream: (nowMs) => upstreamFor(ca.pem, { nowMs }),
  });
  const of = await short.connect({ allow: [rule()] });
  const before = seen.length;
  const got = await openSocket(short, of, { origin: server.origin });
  assert.ok(!(got instanceof CallerSocket));
  assert.deepEqual([got.status, got.json.code, seen.length], [403, 'POLICY_DENIED', before]);
  assert.match(String(got.json.detail), /too short for a WebSocket/);
});

test('[seal.bound] no WebSocket where the sealed rule does not say so, nor by its token, nor past its slots', async () => {
  const denied = async (says: RegExp, of: ConnectionHandle, opening: Partial<Opening> = {}): Promise<void> => {
    const before = [world.opened, seen.length];
    const got = await refused(opening, of);
    assert.deepEqual([got.status, got.json.code, world.opened, seen.length], [403, 'POLICY_DENIED', ...before]);
    assert.match(String(got.json.detail), says);
  };
  await denied(/policy sealed with the credential does not allow/, await world.connect({ allow: [rule({})] }));
  await denied(/policy sealed with the credential does not allow/, handle, { target: '/elsewhere' });
  const details = [detail(handle, { locations: [server.origin], actions: ['GET /user'] })];
  await denied(/token does not allow/, handle, { token: world.token(handle, { authorization_details: details }) });
  await denied(/Method overrides/, handle, { target: '/repos/x?_method=POST' });
  const query = await world.connect({ allow: [rule()], inject: [{ in: 'query', name: 'key', value: '{token}' }] });
  await denied(/names a slot/, query, { target: '/repos/x?key=mine' });
  const narrow = await world.connect({ allow: [rule({ websocket: true, query: ['room'] })] });
  await denied(/policy sealed with the credential does not allow/, narrow, { target: '/repos/x?other=1' });
});

type Headers = Readonly<Record<string, string | undefined>>;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const GOOD = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13', 'sec-websocket-key': KEY };
const SHAPES: readonly (readonly [name: string, headers: Headers, says: RegExp, method?: string])[] = [
  ['another protocol', { ...GOOD, upgrade: 'h2c' }, /cannot be upgraded/],
  ['several protocols', { ...GOOD, upgrade: 'websocket, h2c' }, /cannot be upgraded/],
  ['no connection header that says so', { ...GOOD, connection: 'keep-alive' }, /cannot be upgraded/],
  ['a POST', GOOD, /opened by a GET/, 'POST'],
  ['a body', { ...GOOD, 'content-length': '3' }, /without a body/],
  ['chunks', { ...GOOD, 'transfer-encoding': 'chunked' }, /without a body/],
  ['an old version', { ...GOOD, 'sec-websocket-version': '8' }, /version 13/],
  ['two versions', { ...GOOD, 'Sec-WebSocket-Version': '8' }, /stands twice/],
  ['two keys', { ...GOOD, 'Sec-WebSocket-Key': KEY }, /stands twice/],
  ['two upgrades', { ...GOOD, Upgrade: 'websocket' }, /stands twice/],
  ['a short key', { ...GOOD, 'sec-websocket-key': 'dGhlIHNhbXBsZQ==' }, /key of 16 octets/],
  [
    'a key that is spelled in a second way',
    { ...GOOD, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZR==' },
    /key of 16 octets/,
  ],
  ['no key', { ...GOOD, 'sec-websocket-key': undefined }, /key of 16 octets/],
  ['a subprotocol that is no token', { ...GOOD, 'sec-websocket-protocol': 'a b' }, /HTTP token/],
  ['a subprotocol twice', { ...GOOD, 'sec-websocket-protocol': 'a, a' }, /twice/],
  [
    'many subprotocols',
    { ...GOOD, 'sec-websocket-protocol': Array.from({ length: 17 }, (_, i) => `p${i}`).join() },
    /more than 16/,
  ],
];
for (const [name, headers, says, method = 'GET'] of SHAPES) {
  test(`[dispatch.bound] a handshake that is not one in every reading is refused: ${name}`, async () => {
    const path = `/connections/${handle}/repos/socket`;
    const [, authorization, , dpop] = world.headers(method, path, world.token(handle));
    await assertRefused(world, () => raw(method, path, { ...headers, authorization, dpop }), {
      code: 'INVALID_REQUEST',
      step: 1,
      says,
    });
  });
}

test('a refused handshake says which version it should have had, and ends the connection', async () => {
  const got = await raw('GET', '/livez', { ...GOOD, 'sec-websocket-version': '8' });
  assert.deepEqual([got.status, got.headers['sec-websocket-version'], got.headers.connection], [400, '13', 'close']);
});

for (const path of ['/dispatch', '/try', '/livez', '/.well-known/dauth-executor']) {
  test(`[dispatch.bound] no other address is upgraded: ${path}`, async () => {
    const refusal: Refusal = { code: 'INVALID_REQUEST', step: 1, says: /cannot be upgraded/ };
    await assertRefused(world, () => raw('GET', path, GOOD), refusal);
  });
}

test('[token.bound] a handshake without a proof, and one whose proof was used, are refused', async () => {
  const path = `/connections/${handle}/repos/socket`;
  await assertRefused(world, () => raw('GET', path, GOOD), { code: 'UNAUTHENTICATED', step: 2 });
  const [, authorization, , dpop] = world.headers('GET', path, world.token(handle));
  const again = (): Promise<Reply> => raw('GET', path, { ...GOOD, authorization, dpop });
  assert.equal((await again()).status, 403);
  await assertRefused(world, again, { code: 'REPLAY_DETECTED', step: 2 });
});

function raw(method: string, path: string, headers: Headers): Promise<Reply> {
  const lines = Object.entries({ host: 'x', ...headers }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`],
  );
  // What keeps its connection is told to end it, so that its answer has an end.
  const end = headers.connection === 'Upgrade' ? '' : 'connection: close\r\n';
  return world.sendRaw(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${end}\r\n`);
}

/** How it ended, once it did; far later than it has to, it is said to be open. */
async function endOf(caller: CallerSocket): Promise<object> {
  const late = new AbortController();
  const isOpen = sleep(30_000, { is: 'still open' }, { signal: late.signal }).catch(() => ({}));
  return Promise.race([caller.closed, isOpen]).finally(() => {
    late.abort();
    caller.socket.terminate();
  });
}

test('[revoke.fast] an open WebSocket ends when its connection is revoked, at both ends, and is audited', async () => {
  const of = await world.connect({ allow: [rule()] });
  let upstreamEnd: Promise<unknown> = Promise.resolve();
  talk = (socket) => {
    upstreamEnd = once(socket, 'close');
  };
  const caller = await opened({}, of);
  talk = () => undefined;
  caller.socket.send('hi');
  await caller.message(0);
  await world.change({ kind: 'connection', handle: of, status: 'revoked', ver: 1 });
  assert.deepEqual(await endOf(caller), { code: 1008, reason: 'CONNECTION_REVOKED' });
  await upstreamEnd;
  const intent = await world.recorded(({ kind, handle: named }) => kind === 'intent' && named === of);
  assert.deepEqual([intent.method, intent.path, intent.websocket], ['GET', '/repos/socket', true]);
  const outcome = await world.recorded(({ kind, intent: of }) => kind === 'outcome' && of === intent.seq);
  assert.deepEqual([outcome.code, outcome.status, outcome.bytes], ['CONNECTION_REVOKED', 101, 2]);
});

test('[token.bound] a WebSocket ends with the window of the call it belongs to', async () => {
  const iat = world.now - 299;
  const token = world.token(handle, {
    authorization_details: [detail(handle, { locations: [server.origin] })],
    'ddls:subject_dpop': dpop(world.client, { htm: 'POST', htu: MCP, iat, token: 'access' }),
  });
  const caller = await opened({ token });
  assert.deepEqual(await endOf(caller), { code: 1001, reason: 'The call window ended.' });
});

test('a slow caller holds the upstream, from the first frame on, and gets every octet', async () => {
  const [early, piece] = [Buffer.alloc(100_000, 'e'), Buffer.alloc(1_048_576, 'p')];
  const [first, next] = [early, piece].map((octets) => writeFrame('server', OPCODE.binary, true, octets));
  const pieces = 64;
  let written = 0;
  await using own = await serveHandshakes(
    identity,
    (accept) => switching(accept) + first!.toString('latin1'),
    (socket) => {
      for (let i = 0; i < pieces; i++) socket.write(next!, () => written++);
    },
  );
  const of = await world.connect({ allow: [{ ...rule(), origin: own.origin }] });
  const caller = await opened({ origin: own.origin, isPaused: true }, of);
  // Until nothing moves any more.
  for (let before = -1; before !== written; await sleep(500)) before = written;
  assert.ok(written < pieces, 'the upstream sent all of it to nobody');
  caller.socket.resume();
  assert.equal((await caller.message(pieces)).octets.length, piece.length);
  assert.deepEqual(caller.received[0]!.octets, early);
  caller.socket.terminate();
});

test('a caller that goes away ends it upstream', async () => {
  let code: Promise<unknown[]> = Promise.resolve([]);
  talk = (socket) => {
    code = once(socket, 'close');
  };
  const caller = await opened();
  talk = () => undefined;
  caller.socket.terminate();
  assert.equal((await code)[0], 1001);
});

test('a close is heard by the other end, with its code or without one, and ends both', async () => {
  let code: Promise<unknown[]> = Promise.resolve([]);
  talk = (socket) => {
    code = once(socket, 'close');
  };
  for (const [given, heard] of [
    [[], 1005],
    [[3000, 'x'], 3000],
  ] as const) {
    const caller = await opened();
    caller.socket.close(given[0], given[1]);
    assert.equal((await code)[0], heard);
    assert.equal((await caller.closed).code, heard);
  }
  talk = (socket) => socket.close(4002, 'enough');
  assert.deepEqual(await (await opened()).closed, { code: 4002, reason: 'enough' });
  talk = () => undefined;
});
