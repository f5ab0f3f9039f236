/** The doors under bad manners: resets, stalls, garbage and floods by nobody known cost the known nothing. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Duplex, PassThrough, Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { TYP, type ConnectionHandle } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Reply } from '../support/door-caller.test-support.ts';
import { ISSUER, RESOURCE, World } from '../support/room.test-support.ts';
import { makeServer } from './server.ts';
import { Shares } from '../who/shares.ts';
import { until } from '../support/until.test-support.ts';
import { readJson } from './upload.ts';
import type { UpstreamOutcome } from '../wire/call.ts';

let world: World;
let handle: ConnectionHandle;
before(async () => {
  world = await World.open({ config: { limits: { concurrency: 8 } } });
  handle = await world.connect();
});
after(() => world[Symbol.asyncDispose]());

const asJson = ['Content-Type', 'application/json'];
const FULL = { code: 'RATE_LIMITED', publicMessage: 'Too many dispatches are under way. Try again shortly.' };

/** A connection of its own, and all that came back on it. */
async function dial(octets: string): Promise<{ socket: Socket; got: () => string }> {
  const socket = connect(world.port, '127.0.0.1');
  let text = '';
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  await once(socket, 'connect');
  socket.write(octets, 'latin1');
  return { socket, got: () => text };
}

test('a tunnel whose caller resets it at once does not end the process', async () => {
  const quiet = { limits: { totalMs: 1 }, refusals: { count: () => undefined }, log: () => undefined };
  const server = makeServer(quiet, () => undefined);
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  server.emit('connect', {} as IncomingMessage, socket, Buffer.alloc(0));
  assert.equal(socket.listenerCount('error') > 0, true, 'a reset would be nobody’s and end the process');
  socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  await new Promise((closed) => socket.once('close', closed));
  for (let tries = 0; tries < 20; tries++) {
    const { socket: own } = await dial('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n');
    own.resetAndDestroy();
  }
  assert.equal((await world.send('GET', '/livez', [])).status, 200);
});

test('nobody unknown has a body read: the answer comes although the body never does', async () => {
  const head =
    'POST /dispatch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{';
  const { got } = await dial(head);
  await until('the request is refused', () => got().includes('UNAUTHENTICATED'));
  assert.match(got(), /^HTTP\/1\.1 401 /);
});

test('a body that is announced larger than allowed is refused before anybody is asked who they are', async () => {
  const head =
    'POST /dispatch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4194305\r\n\r\n{';
  const { got } = await dial(head);
  await until('the request is refused', () => got().includes('PAYLOAD_TOO_LARGE'));
  assert.match(got(), /^HTTP\/1\.1 413 /);
});

test('a proof is used up by a request whose body turns out to be malformed', async () => {
  const headers = [...world.headers('POST', '/dispatch', world.token(handle)), ...asJson];
  const first = await world.send('POST', '/dispatch', headers, '{');
  assert.deepEqual([first.status, first.headers['dauth-error']], [400, 'INVALID_REQUEST']);
  const again = await world.send('POST', '/dispatch', headers, '{}');
  assert.deepEqual([again.status, again.headers['dauth-error']], [401, 'REPLAY_DETECTED']);
});

test('callers that are not known hold no place among the dispatches', async () => {
  const token = 'Authorization: DPoP x\r\nDPoP: x\r\n';
  const slow = 'POST /dispatch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n';
  const sockets = await Promise.all(Array.from({ length: 9 }, () => dial(`${slow}${token}\r\n{`)));
  assert.equal((await world.dispatch(handle)).json.success, true);
  for (const { socket } of sockets) socket.destroy();
});

test('one owner, and one server key, hold a quarter of the places, and leave them when they end', () => {
  const shares = new Shares(8);
  const by = (sub: string, jkt: string, org = 'default') =>
    shares.enter({ claims: { org, sub, cnf: { jkt } } } as unknown as Parameters<Shares['enter']>[0]);
  const [first] = [by('mallory', 'a'), by('mallory', 'b')];
  assert.throws(() => by('mallory', 'c'), FULL);
  by('mallory', 'c', 'other org');
  by('alice', 'a');
  assert.throws(() => by('bob', 'a'), FULL);
  by('bob', 'd');
  first![Symbol.dispose]();
  by('mallory', 'a');
  for (const name of ['e', 'f', 'h']) by(name, name);
  assert.throws(() => by('g', 'g'), FULL);
});

test('an owner with open calls keeps no other one out, at either door', async () => {
  const other = await world.connect({ owner: 'mallory' });
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  world.answer = async () => released.then(() => ({}));
  const asMallory = (): string => world.token(other, { sub: 'mallory' });
  const open = [world.dispatch(other, {}, asMallory()), world.stream(other, '/user', { token: asMallory() })];
  const sent = world.sent.length;
  try {
    await until('both calls are open', () => world.sent.length === sent + 2);
    const more: Reply[] = [];
    for (const reply of [world.dispatch(other, {}, asMallory()), world.stream(other, '/user', { token: asMallory() })])
      void reply.then((answered) => more.push(answered));
    await until('two more are answered while both are open', () => more.length === 2);
    for (const { headers } of more) assert.equal(headers['dauth-error'], 'RATE_LIMITED');
  } finally {
    release();
    world.answer = () => ({});
  }
  for (const reply of await Promise.all(open)) assert.equal(reply.status, 200);
  assert.equal((await world.dispatch(other, {}, asMallory())).json.success, true);
});

const anything = (): void => undefined;

test('a body that stalls ends in time, and one whose sender leaves is no defect of ours', async () => {
  await assert.rejects(readJson(new PassThrough(), 10, anything, 1), {
    code: 'BAD_REQUEST',
    publicMessage: 'The body did not arrive in time.',
  });
  const [authorization, token, name, proof] = world.headers('POST', '/dispatch', world.token(handle));
  const own = `${authorization}: ${token}\r\n${name}: ${proof}\r\nExpect: 100-continue\r\n`;
  const { socket, got } = await dial(
    `POST /dispatch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n${own}\r\n{`,
  );
  await until('the body is wanted', () => got().startsWith('HTTP/1.1 100'));
  socket.destroy();
  const counted = await world.recorded(({ kind, counts }) => kind === 'refusals' && Object(counts).BAD_REQUEST > 0);
  assert.equal(Object(counted.counts).INTERNAL, undefined);
  assert.equal(
    world.logged.some(({ event }) => event === 'internal'),
    false,
  );
});

test('a body that is no strict UTF-8, or starts with a mark, is refused', async () => {
  for (const octets of [[0xff], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]]) {
    await assert.rejects(readJson(Readable.from([Buffer.from(octets)]), 10, anything), {
      code: 'INVALID_REQUEST',
      publicMessage: 'The body is not well-formed UTF-8.',
    });
  }
  await assert.rejects(readJson(Readable.from([Buffer.from('\ufeff{}')]), 10, anything), { code: 'INVALID_REQUEST' });
  assert.equal(await readJson(Readable.from([Buffer.from('"ä"')]), 10, anything), 'ä');
});

test('[response.clean] garbage on a connection whose answer is under way ends it; nothing is written into the answer', async () => {
  const path = `/connections/${handle}/user`;
  const [authorization, token, name, proof] = world.headers('GET', path, world.token(handle));
  world.answer = () => ({ headers: [['content-type', 'text/plain']], body: endless('part one') });
  try {
    const { socket, got } = await dial(
      `GET ${path} HTTP/1.1\r\nHost: x\r\n${authorization}: ${token}\r\n${name}: ${proof}\r\n\r\n`,
    );
    await until('the answer has begun', () => got().includes('part one'));
    socket.write('GARBAGE\r\n\r\n');
    await once(socket, 'close');
    assert.equal(got().match(/HTTP\/1\.1/g)?.length, 1, got());
    assert.equal(got().endsWith('part one\r\n'), true, got());
  } finally {
    world.answer = () => ({});
  }
});

for (const [what, change, code] of [
  ['its connection is revoked', { kind: 'connection', status: 'revoked', ver: 1 }, 'CONNECTION_REVOKED'],
  ['what happened meanwhile is skipped', { kind: 'skipped' }, 'ENCLAVE_UNAVAILABLE'],
] as const) {
  test(`[revoke.fast] an answer under way is reset when ${what}`, async () => {
    const own = await world.connect();
    world.answer = ({ signal }) => {
      const body = endless('part one');
      const finished = new Promise<UpstreamOutcome>((resolve) => {
        signal?.addEventListener('abort', () => {
          body.destroy(new Error('reset'));
          resolve({ status: 200, bytes: 8, redactions: 0, error: 'ABORTED' });
        });
      });
      return { headers: [['content-type', 'text/plain']], body, finished };
    };
    try {
      const reply = world.stream(own);
      const sent = world.sent.length;
      await until('the call is open', () => world.sent.length > sent);
      const isCut = assert.rejects(reply, { code: 'ECONNRESET' });
      await world.change(change.kind === 'connection' ? { ...change, handle: own } : change);
      const { signal } = world.sent.at(-1)!;
      assert.equal(Object(signal?.reason).code, code);
      await isCut;
      assert.equal(world.resets.includes(own), change.kind === 'connection');
    } finally {
      world.answer = () => ({});
    }
  });
}

test('a node that is not ready says so, and being asked counts as no refusal', async () => {
  world.authority.isSilent = true;
  world.clock.ms += 751;
  try {
    const reply = await world.send('GET', '/readyz', []);
    assert.deepEqual([reply.status, reply.headers['dauth-error']], [503, 'ENCLAVE_UNAVAILABLE']);
  } finally {
    world.authority.isSilent = false;
  }
  await world.send('GET', '/nothing', []);
  const isCounted = ({ kind, counts }: { kind: string; counts?: unknown }): boolean =>
    kind === 'refusals' && Object(counts).NOT_FOUND > 0;
  const { counts } = await world.recorded(isCounted);
  assert.equal(Object(counts).ENCLAVE_UNAVAILABLE, undefined);
});

/** One try of a right envelope, with a ticket that may be wrong. */
function attempt(claims: object = {}, by = world.authority.signer): Promise<Reply> {
  const { envelope } = world.authority.stored.get(handle)!;
  const ticket = by.jws(
    { typ: TYP.tryTicket, kid: world.authority.kid },
    {
      iss: ISSUER,
      aud: RESOURCE,
      jti: randomUUID(),
      handle,
      ver: 1,
      sha256: sha256Base64url(envelope),
      exp: world.now + 60,
      ...claims,
    },
  );
  return world.send('POST', '/try', asJson, JSON.stringify({ envelope, ticket }));
}

test('tries are limited once their ticket is known to be the authority’s: nobody else can use them up', async () => {
  const forged = Array.from({ length: 30 }, () => attempt({ aud: 'https://other.example' }));
  for (const reply of await Promise.all(forged)) assert.equal(reply.headers['dauth-error'], 'UNAUTHENTICATED');
  const right = await Promise.all(Array.from({ length: 20 }, () => attempt()));
  for (const reply of right) assert.deepEqual([reply.status, reply.json], [200, { ok: true }]);
  const more = await attempt();
  assert.deepEqual([more.status, more.headers['dauth-error']], [429, 'RATE_LIMITED']);
  world.clock.ms += 1_000;
  assert.equal((await attempt()).status, 200);
});

/** A body that begins and does not end. */
function endless(text: string): Readable {
  const body = new PassThrough();
  body.write(text);
  return body;
}
