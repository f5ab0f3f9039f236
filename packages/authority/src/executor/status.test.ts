/**
 * The status stream: signed for one executor and one request, numbered, every change once under a rising revision, a
 * heartbeat while nothing happens, and an end where a reader does not read or the store fails.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { parseStatus, type StatusMessage } from '@dauth/protocol';
import { verifyJws } from '@dauth/verify';
import { call, EXECUTOR, ISSUER, makeWorld, revoke, START, type World } from '../world.test-support.ts';
import { asExecutor } from './executor.test-support.ts';
import { connect } from '../sealed.test-support.ts';

interface Stream {
  /** The next message; waits for it. */
  next(): Promise<StatusMessage>;
  /** What ends the stream. */
  end(): Promise<{ done: boolean } | Error>;
}

/** Opens a stream whose heartbeat is the test's to beat: `t.mock.timers.tick(250)`. */
async function open(t: TestContext, world: World, since = 0, sid = 'the-request'): Promise<Stream> {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const answer = await asExecutor(world, 'GET', `/executor/status?since=${since}`, undefined, { claims: { jti: sid } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('x-accel-buffering'), 'no');
  const reader = answer.body!.getReader();
  t.after(() => reader.cancel().catch(() => undefined));
  return {
    async next() {
      const { value } = await reader.read();
      const line = Buffer.from(value!).toString();
      assert.match(line, /^[^\n]+\n$/);
      const options = { typ: 'dauth-status+jwt', maxLength: 262_144, keys: world.key.jwk };
      return parseStatus(verifyJws(line.trimEnd(), options).claims);
    },
    async end() {
      for (;;) {
        try {
          const { done } = await reader.read();
          if (done) return { done };
        } catch (error) {
          return error as Error;
        }
      }
    },
  };
}

test('[revoke.fast] the first message is signed for this executor and this request, and says all since then', async (t) => {
  const world = await makeWorld();
  const { sealed } = await connect(world);
  const stream = await open(t, world);
  const { at_ms: at, ...said } = await stream.next();
  assert.ok(at >= 0 && at < 60_000, 'milliseconds since the request was taken');
  assert.deepEqual(said, {
    ...{ iss: ISSUER, aud: EXECUTOR, sid: 'the-request', n: 0, revision: 1, iat: START },
    changes: [{ kind: 'connection', revision: 1, handle: sealed.handle, status: 'active', ver: 1 }],
  });
});

test('[revoke.fast] while nothing happens there is a heartbeat every 250 milliseconds, numbered without a gap', async (t) => {
  const world = await makeWorld();
  await connect(world);
  const stream = await open(t, world, 1);
  for (let n = 0; n < 5; n++) {
    const { revision, changes, n: number } = await stream.next();
    assert.deepEqual([number, revision, changes], [n, 1, []]);
    t.mock.timers.tick(249);
    t.mock.timers.tick(1);
  }
});

test('[revoke.fast] a change is told at once, without waiting for a heartbeat, each under the next revision', async (t) => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const stream = await open(t, world, 1);
  await stream.next();
  assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/suspend`)).status, 200);
  revoke(world, 'client', client.id);
  const told = [];
  for (let revision = 1; revision < 3;) {
    const message = await stream.next();
    told.push(...message.changes);
    revision = message.revision;
  }
  assert.deepEqual(told, [
    { kind: 'connection', revision: 2, handle: sealed.handle, status: 'suspended', ver: 1 },
    { kind: 'revoked', revision: 3, what: 'client', id: client.id },
  ]);
});

test('[revoke.fast] what an executor has missed comes in order, in bounded messages, and nothing twice', async (t) => {
  const world = await makeWorld();
  for (let index = 1; index <= 1_001; index++) revoke(world, 'token', `t${index}`);
  const stream = await open(t, world, 1);
  const revisions: number[] = [];
  for (let revision = 1; revision < 1_001;) {
    const message = await stream.next();
    assert.ok(message.changes.length <= 500);
    revisions.push(...message.changes.map((change) => change.revision));
    revision = message.revision;
  }
  assert.deepEqual(
    revisions,
    Array.from({ length: 1_000 }, (_, index) => index + 2),
  );
});

test('[revoke.fast] messages stay bounded where something is skipped before each change, and none is left out', async (t) => {
  const world = await makeWorld();
  for (let index = 1; index <= 700; index++)
    for (const what of ['token', 'owner'] as const) revoke(world, what, `${what}${index}`);
  for (const at of [0, 900_000]) world.store.changes.tend(at, world.clock.now + at / 1_000);
  const stream = await open(t, world);
  const told: StatusMessage['changes'][number][] = [];
  for (let revision = 0; revision < 1_400;) {
    const message = await stream.next();
    told.push(...message.changes);
    revision = message.revision;
  }
  assert.deepEqual(
    told.map(({ kind, revision }) => [kind, revision]),
    Array.from({ length: 1_400 }, (_, index) => [index % 2 === 0 ? 'skipped' : 'revoked', index + 1]),
  );
});

test('[revoke.fast] an executor that is ahead of the store is told the lower revision', async (t) => {
  const world = await makeWorld();
  await connect(world);
  const { revision, changes } = await (await open(t, world, 99)).next();
  assert.deepEqual([revision, changes], [1, []]);
});

test('[revoke.fast] the stream of a reader that does not read is ended, so that it has to resync', async (t) => {
  const world = await makeWorld();
  const stream = await open(t, world);
  for (let beats = 0; beats < 40; beats++) t.mock.timers.tick(250);
  const end = await stream.end();
  assert.ok(end instanceof Error);
  assert.equal(end.message, 'status reader too slow');
});

test('[revoke.fast] a failing store ends the stream: silence is what makes the executor refuse', async (t) => {
  const world = await makeWorld();
  const stream = await open(t, world);
  await stream.next();
  world.store.close();
  t.mock.timers.tick(250);
  const end = await stream.end();
  assert.ok(end instanceof Error);
  assert.equal(end.message, 'status stream failed');
  assert.ok(world.events.some(({ event }) => event === 'status_failed'));
});

test('a stream ends when the authority closes', async (t) => {
  const world = await makeWorld();
  const stream = await open(t, world);
  await stream.next();
  world.closing.abort();
  assert.deepEqual(await stream.end(), { done: true });
});
