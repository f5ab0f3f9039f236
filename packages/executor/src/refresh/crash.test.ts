/** What an executor finds after `kill -9` at each step of an exchange: started anew on the files as they were at that moment. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { DAuthError, type ConnectionHandle } from '@dauth/protocol';
import type { StoredEnvelope } from '../who/authority.ts';
import type { Sent } from '../support/recording.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { bearer } from '../support/tokens.test-support.ts';
import { until } from '../support/until.test-support.ts';
import { deferred } from '../wire/deferred.ts';

const SCHEME = {
  ...{ scheme: 'oauth2', endpoint: 'https://login.example/oauth/token', client_id: 'me' },
  ...{ refresh_token: '{refresh_token}' },
};
const FIELDS = { refresh_token: 'rt-0123456789-0' };

/** The files, and what the authority had, when it was killed. */
interface Image {
  readonly data: string;
  readonly stored: StoredEnvelope;
}
type Moment =
  'before the request' | 'after the answer' | 'while it was written' | 'before it was stored' | 'after it was stored';

/** An upstream that takes each refresh token once. */
class Rotating {
  current = 0;
  readonly shown: string[] = [];

  answer = (sent: Sent) => {
    if (sent.asks === undefined) return {};
    const [token = ''] = /rt-\d+-\d+/.exec(sent.opened) ?? [];
    this.shown.push(token);
    if (token !== `rt-0123456789-${this.current}`) {
      return { status: 400, body: Readable.from([Buffer.from('{"error":"invalid_grant"}')]) };
    }
    this.current++;
    const next = { refresh_token: `rt-0123456789-${this.current}` };
    return { body: Readable.from([Buffer.from(bearer(`at-0123456789-${this.current}`, next))]) };
  };
}

let root: string;
let handle: ConnectionHandle;
let changes: World['authority']['changes'];
const images = new Map<Moment, Image>();
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'dauth-crash-'));
  await using world = await World.open({ fields: FIELDS });
  handle = await world.connect({ inject: [SCHEME] });
  const take = (moment: Moment): void => {
    const data = join(root, moment);
    copyPrivate(world.data, data);
    images.set(moment, { data, stored: world.authority.stored.get(handle)! });
  };
  const upstream = new Rotating();
  world.answer = (sent) => {
    if (sent.asks !== undefined) take('before the request');
    const answer = upstream.answer(sent);
    take(sent.asks === undefined ? 'after it was stored' : 'after the answer');
    return answer;
  };
  world.authority.onStore = () => {
    take('before it was stored');
    take('while it was written');
  };
  const reply = await world.dispatch(handle);
  assert.equal(reply.json.success, true, reply.text);
  changes = world.authority.changes;
  const torn = fileOf(images.get('while it was written')!);
  truncateSync(torn, 900);
});
after(() => rmSync(root, { recursive: true }));

function fileOf({ data }: Image): string {
  const [name] = readdirSync(join(data, 'reseals'));
  return join(data, 'reseals', name!);
}

/** Node 24 gives copies of directories the rights of new ones, and an executor takes none that others can reach. */
function copyPrivate(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const name of ['.', ...(readdirSync(to, { recursive: true }) as string[])]) {
    const path = join(to, name);
    if (statSync(path).isDirectory()) chmodSync(path, 0o700);
  }
}

/** Starts on an image and dispatches once. @param current how far the upstream's refresh tokens had come */
async function startOn(
  moment: Moment,
  current: number,
  prepare: (world: World['authority']) => void = () => undefined,
) {
  const { data: image, stored } = images.get(moment)!;
  const data = mkdtempSync(join(root, 'run-'));
  copyPrivate(image, data);
  const world = await World.open({
    ...{ data, fields: FIELDS },
    prepare: (authority) => {
      authority.stored.set(handle, stored);
      authority.changes.push(...changes.filter(({ revision }) => revision <= stored.revision));
      prepare(authority);
    },
  });
  const upstream = new Rotating();
  upstream.current = current;
  world.answer = upstream.answer;
  return { world, upstream, left: () => readdirSync(join(data, 'reseals')) };
}

for (const [moment, current, shown, ver] of [
  ['before the request', 0, 'rt-0123456789-0', 2],
  ['before it was stored', 1, 'rt-0123456789-1', 3],
  ['after it was stored', 1, 'rt-0123456789-1', 3],
] as const)
  test(`[crash.safe] killed ${moment}, an executor goes on with the refresh token that is good`, async () => {
    const { world, upstream, left } = await startOn(moment, current);
    await using _ = world;
    const reply = await world.dispatch(handle);
    assert.equal(reply.json.success, true, reply.text);
    assert.deepEqual([upstream.shown, world.authority.stored.get(handle)!.ver], [[shown], ver]);
    assert.deepEqual([left(), world.authority.ended], [[], []]);
  });

for (const moment of ['after the answer', 'while it was written'] as const)
  test(`[crash.safe] killed ${moment}, before it was on disk, an executor says that its owner is needed`, async () => {
    const { world, upstream, left } = await startOn(moment, 1);
    await using _ = world;
    assert.deepEqual(left(), []);
    const { json } = await world.dispatch(handle);
    assert.equal((json.error as { code: string }).code, 'NEEDS_REAUTHORIZATION');
    assert.deepEqual([upstream.shown, world.authority.ended], [['rt-0123456789-0'], [{ handle, ver: 1 }]]);
  });

test('[crash.safe] while the authority is away what came is kept on disk, and stored as soon as it is back', async () => {
  const away = () => Promise.reject(new DAuthError('ENCLAVE_UNAVAILABLE'));
  const { world, upstream, left } = await startOn('before it was stored', 1, (authority) => {
    authority.onStore = away;
  });
  await using _ = world;
  const { json } = await world.dispatch(handle);
  assert.equal((json.error as { code: string }).code, 'ENCLAVE_UNAVAILABLE');
  assert.deepEqual([upstream.shown, left().length, world.sent.length], [[], 1, 0]);
  world.authority.onStore = () => undefined;
  await until('it is stored by itself', () => world.authority.stored.get(handle)!.ver === 2);
  await until('its file is gone', () => left().length === 0);
  await until('the executor has read every change', () => world.authority.streams.every(({ isRead }) => isRead));
  assert.equal((await world.dispatch(handle)).json.success, true);
  assert.deepEqual(upstream.shown, ['rt-0123456789-1']);
});

/** A node whose first try to store failed, and whose next one takes until it is let go. */
async function storingSlowly() {
  const { promise: held, resolve: release, reject: fail } = deferred<undefined>();
  let tries = 0;
  const started = await startOn('before it was stored', 1, (authority) => {
    authority.onStore = () => (++tries === 1 ? Promise.reject(new DAuthError('ENCLAVE_UNAVAILABLE')) : held);
  });
  const isStoring = () => until('it is being stored', () => tries === 2);
  return { ...started, isStoring, release: () => release(undefined), fail };
}

test('[crash.safe] a dispatch that meets the storing waits for it, and goes on with what came', async () => {
  const { world, upstream, isStoring, release, left } = await storingSlowly();
  await using _ = world;
  const replies = Promise.all([world.dispatch(handle), world.dispatch(handle)]);
  replies.catch(() => undefined);
  await isStoring();
  const begun = [world.opened, [...world.authority.fetched]];
  // Before anything can fail: a node does not stop while something is stored.
  release();
  assert.deepEqual(begun, [0, []], 'nobody has begun with the version before');
  for (const { json, text } of await replies) assert.equal(json.success, true, text);
  assert.deepEqual([upstream.shown, world.authority.stored.get(handle)!.ver, left()], [['rt-0123456789-1'], 3, []]);
});

test('[crash.safe] a dispatch waits for the storing no longer than it said, and ends with it where that fails', async () => {
  const { world, upstream, fail, left } = await storingSlowly();
  await using _ = world;
  setTimeout(() => fail(new DAuthError('ENCLAVE_UNAVAILABLE')), 500);
  const short = await world.dispatch(handle, { timeout_ms: 40 });
  assert.equal((short.json.error as { code: string }).code, 'DOWNSTREAM_TIMEOUT');
  const long = await world.dispatch(handle);
  assert.equal((long.json.error as { code: string }).code, 'ENCLAVE_UNAVAILABLE');
  assert.deepEqual([upstream.shown, world.opened, world.sent.length, left().length], [[], 0, 0, 1]);
});
