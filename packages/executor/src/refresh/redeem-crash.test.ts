/** What an executor finds after `kill -9` at each step of a redemption: started anew on the files as they were at that moment. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import type { StoredEnvelope } from '../who/authority.ts';
import type { Sent } from '../support/recording.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { bearer } from '../support/tokens.test-support.ts';

const SCHEME = {
  ...{ scheme: 'oauth2', endpoint: 'https://login.example/oauth/token', client_id: 'me' },
  ...{ refresh_token: '{grant}', redirect_uri: 'http://127.0.0.1:7001/callback' },
};
const FIELDS = { grant: '\u0001verifier-0123456789-0123456789-0123456789-0123 code-0123456789' };

type Moment =
  'before the lease' | 'before the request' | 'after the answer' | 'before it was stored' | 'after it was stored';

/** The files, and what the authority had, when it was killed. */
interface Image {
  readonly data: string;
  readonly stored: StoredEnvelope;
  readonly leased: World['authority']['leased'];
}

/** Takes a code once (RFC 6749 §4.1.2), and gives tokens that say by what they came. */
function answer(sent: Sent, isRedeemed: { yes: boolean }) {
  if (sent.asks === undefined) return {};
  if (sent.opened.includes('code-0123456789') && isRedeemed.yes)
    return { status: 400, body: Readable.from([Buffer.from('{"error":"invalid_grant"}')]) };
  isRedeemed.yes = true;
  return { body: Readable.from([Buffer.from(bearer('at-0123456789-1', { refresh_token: 'rt-0123456789-1' }))]) };
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
    images.set(moment, { data, stored: world.authority.stored.get(handle)!, leased: [...world.authority.leased] });
  };
  const isRedeemed = { yes: false };
  const lease = world.authority.lease.bind(world.authority);
  world.authority.lease = (...asked) => {
    take('before the lease');
    return lease(...asked);
  };
  world.answer = (sent) => {
    if (sent.asks !== undefined) take('before the request');
    const answered = answer(sent, isRedeemed);
    take(sent.asks === undefined ? 'after it was stored' : 'after the answer');
    return answered;
  };
  world.authority.onStore = () => take('before it was stored');
  const reply = await world.dispatch(handle);
  assert.equal(reply.json.success, true, reply.text);
  changes = world.authority.changes;
});
after(() => rmSync(root, { recursive: true }));

/** Node 24 gives copies of directories the rights of new ones, and an executor takes none that others can reach. */
function copyPrivate(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const name of ['.', ...(readdirSync(to, { recursive: true }) as string[])]) {
    const path = join(to, name);
    if (statSync(path).isDirectory()) chmodSync(path, 0o700);
  }
}

/** Starts on an image, dispatches once, and says how often the endpoint was asked. */
async function startOn(moment: Moment, wasRedeemed: boolean) {
  const { data: image, stored, leased } = images.get(moment)!;
  const data = mkdtempSync(join(root, 'run-'));
  copyPrivate(image, data);
  await using world = await World.open({
    ...{ data, fields: FIELDS },
    prepare: (authority) => {
      authority.stored.set(handle, stored);
      authority.leased.push(...leased);
      authority.changes.push(...changes.filter(({ revision }) => revision <= stored.revision));
    },
  });
  const isRedeemed = { yes: wasRedeemed };
  world.answer = (sent) => answer(sent, isRedeemed);
  const { json, text } = await world.dispatch(handle);
  const { ver } = world.authority.stored.get(handle)!;
  const asked = world.sent.filter(({ asks }) => asks !== undefined);
  const code = (json.error as { code: string } | undefined)?.code ?? 'ok';
  return { code, text, ver, asked, ended: world.authority.ended, left: readdirSync(join(data, 'reseals')) };
}

test('[crash.safe] killed before the lease, an executor redeems the code', async () => {
  const { code, text, ver, asked, ended } = await startOn('before the lease', false);
  assert.deepEqual([code, ver, asked.length, ended], ['ok', 2, 1, []], text);
});

for (const [moment, wasRedeemed] of [
  ['before the request', false],
  ['after the answer', true],
] as const)
  test(`[crash.safe] killed ${moment}, an executor does not show the code again, and says that its owner is needed`, async () => {
    const { code, ver, asked, ended, left } = await startOn(moment, wasRedeemed);
    assert.deepEqual([code, ver, asked.length], ['NEEDS_REAUTHORIZATION', 1, 0]);
    assert.deepEqual([ended, left], [[{ handle, ver: 1 }], []]);
  });

for (const moment of ['before it was stored', 'after it was stored'] as const)
  test(`[crash.safe] killed ${moment}, an executor goes on with the refresh token that came`, async () => {
    const { code, text, asked, ended, left } = await startOn(moment, true);
    assert.deepEqual([code, asked.length, ended, left], ['ok', 1, [], []], text);
    assert.match(asked[0]!.opened, /rt-0123456789-1/);
    assert.doesNotMatch(asked[0]!.opened, /code-0123456789/);
  });
