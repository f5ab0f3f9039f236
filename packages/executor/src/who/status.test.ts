/** The status stream: whatever is late, missing or not the authority's word makes the executor refuse, at once. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { ConnectionHandle, StatusChange } from '@dauth/protocol';
import { JwksCache } from '@dauth/verify';
import { FakeAuthority, type LineFeed } from '../support/fake-authority.test-support.ts';
import { freshHandle, makeSigner } from '../support/signer.test-support.ts';
import { Status } from './status.ts';
import { until } from '../support/until.test-support.ts';
import type { Standing } from './view.ts';

const START = 5_000_000;
const HANDLE: ConnectionHandle = freshHandle(START);
const STANDING: Standing = {
  handle: HANDLE,
  ver: 1,
  tokens: ['token-1', 'subject-1'],
  grant: 'grant-1',
  clients: ['server-client', 'client-1'],
  server: 'https://mcp.example/mcp',
  owner: 'alice',
  org: 'default',
};
const STALE = {
  code: 'ENCLAVE_UNAVAILABLE',
  publicMessage: 'The executor has no fresh view of revocations. Nothing was sent; try again shortly.',
};
const revoked = { kind: 'connection', handle: HANDLE, status: 'revoked', ver: 1 } as const;

let clock: { ms: number };
let authority: FakeAuthority;
let status: Status;
let announced: StatusChange[];
let logged: string[];
let seen: {
  revision: number;
  regressed: boolean;
  raise: (n: number) => Promise<void>;
  markRegressed: () => Promise<void>;
};

beforeEach(() => {
  clock = { ms: START };
  announced = [];
  logged = [];
  authority = new FakeAuthority({
    issuer: 'https://auth.example',
    resource: 'https://executor.example',
    nowMs: () => clock.ms,
  });
  // Every message of these tests is written by hand.
  authority.isSilent = true;
  seen = {
    revision: 0,
    regressed: false,
    raise: async (n) => void (seen.revision = Math.max(seen.revision, n)),
    markRegressed: async () => void (seen.regressed = true),
  };
  status = new Status({
    authority,
    jwks: new JwksCache({ url: 'https://auth.example/jwks', fetch: authority.fetch, now: () => clock.ms }),
    issuer: 'https://auth.example',
    resource: 'https://executor.example',
    freshnessMs: 750,
    monotonic: () => clock.ms,
    seen,
    log: (event) => void logged.push(event),
    onChange: (changes) => void announced.push(...changes),
  });
});
afterEach(async () => {
  await authority.close();
  await status.stop();
});

/** The stream after `opened` others. */
async function stream(opened = 0): Promise<LineFeed> {
  status.start();
  await until('another stream is open', () => authority.streams.length > opened);
  return authority.streams[opened]!;
}

/** A stream with a first message that made the view fresh. */
async function freshStream(): Promise<LineFeed> {
  const first = await stream();
  authority.write(first, {});
  await until('the view is fresh', () => status.isFresh);
  return first;
}

test('[revoke.fast] a view counts for 750 ms after the signature of its last message and no longer', async () => {
  await freshStream();
  clock.ms += 750;
  status.assertFresh();
  clock.ms += 1;
  assert.throws(() => status.assertFresh(), STALE);
});

test('[revoke.fast] what was held back on its way counts from its signature, not from its arrival', async () => {
  const first = await freshStream();
  clock.ms += 700;
  authority.write(first, { at_ms: 100, changes: [{ ...revoked, handle: freshHandle(1), revision: 1 }], revision: 1 });
  await until('the message was read', () => announced.length === 1);
  status.assertFresh();
  clock.ms = START + 851;
  assert.throws(() => status.assertFresh(), STALE);
});

test('[revoke.fast] a message that is older than the bound when it comes still tightens, and makes nothing fresh', async () => {
  const first = await freshStream();
  clock.ms += 2_000;
  authority.write(first, { at_ms: 200, changes: [{ ...revoked, revision: 1 }], revision: 1 });
  await until('the message was read', () => announced.length === 1);
  assert.equal(status.isFresh, false);
  assert.throws(() => status.view.assertStands(STANDING), { code: 'CONNECTION_REVOKED' });
  authority.write(first, { revision: 1 });
  await until('a timely message makes it fresh again', () => status.isFresh);
});

test('[revoke.fast] a stream that is held back from its first octet on is given up, and a new one is asked for', async () => {
  const held = await stream();
  clock.ms += 501;
  authority.write(held, { at_ms: 0 });
  const next = await stream(1);
  assert.equal(status.isFresh, false);
  authority.write(next, {});
  await until('the view is fresh', () => status.isFresh);
});

test('[revoke.fast] an authority whose clock runs ahead is not believed', async () => {
  const first = await freshStream();
  authority.write(first, { at_ms: 751 });
  await stream(1);
  assert.equal(status.isFresh, false);
});

test('[revoke.fast] a stream is opened anew before two clocks can drift apart, without a refusal in between', async () => {
  const first = await freshStream();
  clock.ms += 300_001;
  authority.write(first, {});
  const next = await stream(1);
  assert.deepEqual([status.isFresh, logged], [true, []]);
  authority.write(next, {});
});

test('[revoke.fast] a gap inside a message ends freshness at once and none of its changes counts; the resync brings all', async () => {
  const first = await freshStream();
  const other = { kind: 'revoked', what: 'grant', id: 'grant-9' } as const;
  authority.changes.push({ ...revoked, revision: 1 }, { ...other, revision: 2 }, { ...other, id: 'x', revision: 3 });
  authority.write(first, { revision: 3, changes: [authority.changes[0], authority.changes[2]] });
  const next = await stream(1);
  assert.equal(status.isFresh, false);
  assert.deepEqual([announced, authority.since], [[], [0, 0]]);
  authority.write(next, { changes: authority.changes });
  await until('the view is fresh', () => status.isFresh);
  assert.deepEqual(
    announced.map(({ revision }) => revision),
    [1, 2, 3],
  );
  assert.throws(() => status.view.assertStands(STANDING), { code: 'CONNECTION_REVOKED' });
  assert.deepEqual(logged, ['status.lost']);
});

test('[revoke.fast] what the authority says it skips is no gap, and everything else is told as before', async () => {
  const first = await freshStream();
  const skipped = { kind: 'skipped', revision: 4 } as const;
  authority.changes.push(...[1, 2, 3, 4].map((revision) => ({ ...revoked, revision })), { ...revoked, revision: 5 });
  authority.write(first, { revision: 5, changes: [skipped, authority.changes[4]] });
  await until('the changes were read', () => announced.length === 2);
  assert.deepEqual([status.isFresh, announced[0], seen.revision], [true, skipped, 5]);
  assert.throws(() => status.view.assertStands(STANDING), { code: 'CONNECTION_REVOKED' });
});

const skip = (revision: number) => ({ kind: 'skipped', revision }) as const;
for (const [what, revision, changes] of [
  ['that leaves out a revision behind it', 5, [skip(3), { ...revoked, revision: 5 }]],
  ['that goes back', 1, [{ ...revoked, revision: 1 }, skip(1)]],
  ['that stays short of the revision of its message', 5, [skip(4)]],
] as const) {
  test(`[revoke.fast] a skip ${what} ends freshness at once`, async () => {
    const first = await freshStream();
    authority.write(first, { revision, changes });
    await stream(1);
    assert.equal(status.isFresh, false);
    assert.deepEqual([announced, logged], [[], ['status.lost']]);
  });
}

for (const [what, write] of [
  ['of another stream', (to) => authority.write(to, { sid: 'another' })],
  ['that is not the next one', (to) => authority.write(to, { n: 7 })],
  ['that was shown before', (to) => authority.write(to, { n: 0 })],
  ['for another executor', (to) => authority.write(to, { aud: 'https://other.example' })],
  ['by another authority', (to) => authority.write(to, { iss: 'https://other.example' })],
  ['with a higher revision and no changes', (to) => authority.write(to, { revision: 2 })],
  ['by another key', (to) => authority.write(to, {}, {}, makeSigner())],
  ['of another type', (to) => authority.write(to, {}, { typ: 'at+jwt' })],
  ['without the time of its signature', (to) => authority.write(to, { at_ms: undefined })],
  ['that is no signed message', (to) => to.push('{"revision":0}\n')],
] as readonly (readonly [what: string, write: (to: LineFeed) => void])[]) {
  test(`[revoke.fast] a message ${what} ends freshness at once`, async () => {
    write(await freshStream());
    await stream(1);
    assert.equal(status.isFresh, false);
    assert.deepEqual([announced, logged], [[], ['status.lost']]);
  });
}

test('[revoke.fast] a connection that merely ends leaves the view as fresh as it was', async () => {
  const first = await freshStream();
  first.close();
  const next = await stream(1);
  assert.equal(status.isFresh, true);
  authority.write(next, {});
  clock.ms += 751;
  assert.throws(() => status.assertFresh(), STALE);
});

test('[revoke.fast] a revision below the highest one ever seen refuses, whatever comes later', async () => {
  seen.revision = 3;
  authority.write(await stream(), { revision: 2 });
  const next = await stream(1);
  assert.deepEqual([seen.regressed, logged], [true, ['status.regressed']]);
  authority.changes.push(...[1, 2, 3].map((revision) => ({ ...revoked, revision })));
  authority.write(next, { changes: authority.changes });
  await until('the changes were read', () => announced.length === 3);
  assert.throws(() => status.assertFresh(), STALE);
});

test('[revoke.fast] a view that has not reached the highest revision ever seen is not fresh yet', async () => {
  seen.revision = 2;
  authority.changes.push(...[1, 2].map((revision) => ({ ...revoked, revision })));
  const first = await stream();
  authority.write(first, { revision: 1, changes: [authority.changes[0]] });
  await until('the first change was read', () => announced.length === 1);
  assert.equal(status.isFresh, false);
  authority.write(first, { revision: 2, changes: [authority.changes[1]] });
  await until('the view is fresh', () => status.isFresh);
});

test('[revoke.fast] whoever comes between two heartbeats waits for the next one', async () => {
  const first = await freshStream();
  clock.ms += 800;
  const waiting = status.whenFresh();
  authority.write(first, {});
  await waiting;
  status.assertFresh();
});

test('the log says that a view was lost once for each time, and nothing about the attempts of a start', async () => {
  const first = await stream();
  first.close();
  (await stream(1)).close();
  const third = await stream(2);
  assert.deepEqual(logged, []);
  authority.write(third, {});
  await until('the view is fresh', () => status.isFresh);
  third.close();
  (await stream(3)).close();
  await stream(4);
  assert.deepEqual(logged, ['status.lost']);
});

test('the log says once that there was no view at all for long', async () => {
  (await stream()).close();
  const second = await stream(1);
  clock.ms += 5_001;
  second.close();
  (await stream(2)).close();
  await stream(3);
  assert.deepEqual(logged, ['status.waiting']);
});
