/** Connections side by side on one origin: what one credential opened or was answered is never there for another. */
import assert from 'node:assert/strict';
import type { TLSSocket } from 'node:tls';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Origin } from '@dauth/protocol';
import { callAndRead, HANDLE, upstreamFor, type ReadAnswer } from '../support/calls.test-support.ts';
import { serveHttps, TestCa, type Identity, type TestServer } from '../support/upstreams.test-support.ts';
import type { Upstream } from './upstream.ts';

interface Seen {
  readonly socket: number;
  readonly credential: string;
  readonly isSessionReused: boolean;
  readonly headers: readonly string[];
}

const ADA = { handle: HANDLE, ver: 1 };
const BOB = { handle: HANDLE.replace(/.$/, 'c') as typeof HANDLE, ver: 1 };
/** The same connection after its owner rotated the credential. */
const ADA_ROTATED = { handle: HANDLE, ver: 2 };

let ca: TestCa;
let identity: Identity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
});

/** Answers everybody with who they are, in words that any cache would keep. */
function serve(seen: Seen[]): Promise<TestServer> {
  return serveHttps(identity, (request, response) => {
    const credential = request.headers.authorization!;
    const { remotePort: socket = 0 } = request.socket;
    const isSessionReused = (request.socket as TLSSocket).isSessionReused();
    seen.push({ socket, credential, isSessionReused, headers: Object.keys(request.headers) });
    const kept = { 'cache-control': 'public, max-age=3600', etag: '"1"', 'last-modified': new Date(0).toUTCString() };
    response
      .writeHead(200, { ...kept, 'content-type': 'text/plain' })
      .end(`account ${credential.slice(7, 10)}, answer ${seen.length}`);
  });
}

/** Milliseconds after an answer in which the HTTP client has its socket ready for whatever comes next. */
const READY_MS = 30;

async function call(upstream: Upstream, origin: Origin, connection: typeof ADA, name: string): Promise<ReadAnswer> {
  const fields = { token: `${name}-secret-value` };
  const answer = await callAndRead(upstream, origin, { connection, target: '/me', fields });
  await sleep(READY_MS);
  return answer;
}

/** Whether no socket carried both. */
function areApart(seen: readonly Seen[], one: string, other: string): boolean {
  const sockets = socketsOf(seen, other);
  return ![...socketsOf(seen, one)].some((socket) => sockets.has(socket));
}

/** The sockets that carried a credential. */
function socketsOf(seen: readonly Seen[], name: string): ReadonlySet<number> {
  return new Set(
    seen.filter(({ credential }) => credential === `Bearer ${name}-secret-value`).map(({ socket }) => socket),
  );
}

test('[dispatch.bound] connections on one origin share no socket and no TLS session; one of its own is used again', async () => {
  const seen: Seen[] = [];
  await using server = await serve(seen);
  const upstream = upstreamFor(ca.pem);
  for (const [connection, name] of [
    [ADA, 'ada'],
    [BOB, 'bob'],
    [ADA, 'ada'],
    [BOB, 'bob'],
    [ADA, 'ada'],
  ] as const)
    await call(upstream, server.origin, connection, name);
  await upstream.close();
  assert.deepEqual([socketsOf(seen, 'ada').size, socketsOf(seen, 'bob').size], [1, 1]);
  assert.equal(areApart(seen, 'ada', 'bob'), true);
  assert.equal(
    seen.some(({ isSessionReused }) => isSessionReused),
    false,
  );
});

test('[dispatch.bound] a rotated credential does not go out on a socket of the one before', async () => {
  const seen: Seen[] = [];
  await using server = await serve(seen);
  const upstream = upstreamFor(ca.pem);
  await call(upstream, server.origin, ADA, 'old');
  await call(upstream, server.origin, ADA_ROTATED, 'new');
  await upstream.close();
  assert.equal(seen.length, 2);
  assert.equal(areApart(seen, 'old', 'new'), true);
});

test('[dispatch.bound] what is for one origin of a connection is not sent to another one', async () => {
  const [first, second]: [Seen[], Seen[]] = [[], []];
  await using one = await serve(first);
  await using two = await serve(second);
  const upstream = upstreamFor(ca.pem);
  for (const { origin } of [one, two, one]) await call(upstream, origin, ADA, 'ada');
  await upstream.close();
  assert.deepEqual([first.length, second.length], [2, 1]);
});

test('[dispatch.bound] many connections at once on one origin each keep to sockets of their own', async () => {
  const seen: Seen[] = [];
  await using server = await serve(seen);
  const upstream = upstreamFor(ca.pem);
  const names = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'ada' : 'bob'));
  await Promise.all(names.map((name) => call(upstream, server.origin, name === 'ada' ? ADA : BOB, name)));
  await upstream.close();
  assert.equal(seen.length, names.length);
  assert.equal(areApart(seen, 'ada', 'bob'), true);
});

test('[dispatch.bound] no answer is kept: each call of each connection is asked and answered by the upstream', async () => {
  const seen: Seen[] = [];
  await using server = await serve(seen);
  const upstream = upstreamFor(ca.pem);
  const answers: string[] = [];
  for (const [connection, name] of [
    [ADA, 'ada'],
    [BOB, 'bob'],
    [ADA, 'ada'],
  ] as const)
    answers.push((await call(upstream, server.origin, connection, name)).body.toString());
  await upstream.close();
  assert.deepEqual(answers, ['account ada, answer 1', 'account bob, answer 2', 'account ada, answer 3']);
  assert.equal(
    seen.some(({ headers }) => headers.some((name) => name.startsWith('if-'))),
    false,
  );
});
