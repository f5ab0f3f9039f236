/**
 * The log of changes stays bounded: what has no effect any more is dropped after fifteen minutes of a clock that never goes
 * back, what still has one never, and whoever follows is told what was skipped.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusChange } from '@dauth/protocol';
import { addClient, call, makeWorld, revoke, type World } from '../world.test-support.ts';
import { connect } from '../sealed.test-support.ts';
import { tendChanges } from '../executor/status.ts';

const KEEP = 900_000;
const all = ({ store }: World, since = 0): StatusChange[] => store.changes.since(since, 1_000, 1_000_000);
const skipped = (revision: number) => ({ kind: 'skipped', revision }) as const;
/** Two looks, as far apart as anything is kept. */
function tend({ store, clock }: World): void {
  store.changes.tend(0, clock.now);
  clock.now += KEEP / 1_000;
  store.changes.tend(KEEP, clock.now);
}

/** Revisions 1 to 6: two connections, a token, a grant, the second connection again, and a client. */
async function lived(): Promise<{ world: World; first: string; handle: string; id: string }> {
  const world = await makeWorld();
  const first = (await connect(world)).sealed.handle;
  const { client, sealed } = await connect(world);
  revoke(world, 'token', 'token-1');
  revoke(world, 'grant', 'grant-1');
  assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/suspend`)).status, 200);
  const other = await addClient(world);
  revoke(world, 'client', other.id);
  return { world, first, handle: sealed.handle, id: other.id };
}

test('[revoke.fast] only what has no effect any more is dropped, and what is skipped is told', async () => {
  const { world, first, handle, id } = await lived();
  tend(world);
  const untouched = { kind: 'connection', revision: 1, handle: first, status: 'active', ver: 1 };
  const suspended = { kind: 'connection', revision: 5, handle, status: 'suspended', ver: 1 };
  const client = { kind: 'revoked', revision: 6, what: 'client', id };
  assert.deepEqual(all(world), [untouched, skipped(4), suspended, client]);
  assert.deepEqual(all(world, 3), [skipped(4), suspended, client]);
  assert.deepEqual(all(world, 4), [suspended, client]);
  assert.deepEqual(all(world, 6), []);
  const { changes } = world.store;
  assert.deepEqual([changes.isRevoked('token', 'token-1'), changes.isRevoked('grant', 'grant-1')], [false, false]);
  assert.ok(changes.isRevoked('client', id));
});

test('[revoke.fast] nothing is dropped before fifteen minutes, of whatever clock the machine shows', async () => {
  const { world } = await lived();
  const before = all(world);
  const look = (at: number): void => world.store.changes.tend(at, world.clock.now);
  look(5_000);
  world.clock.now += 1_000_000;
  look(5_000 + KEEP - 1);
  assert.deepEqual(all(world), before);
  revoke(world, 'token', 'token-2');
  revoke(world, 'owner', 'somebody');
  look(5_000 + KEEP);
  assert.ok(world.store.changes.isRevoked('token', 'token-2'), 'what came since the last look has its own time');
  assert.ok(all(world).some(({ kind, revision }) => kind === 'revoked' && revision === 7));
  assert.deepEqual(
    all(world).map(({ revision }) => revision),
    [1, 4, 5, 6, 7, 8],
  );
});

test('[revoke.fast] the highest revision stays, whatever it says: below it everything would be an older backup', async () => {
  const world = await makeWorld();
  revoke(world, 'token', 'token-1');
  revoke(world, 'token', 'token-2');
  tend(world);
  assert.equal(world.store.changes.revision(), 2);
  assert.deepEqual(all(world), [skipped(1), { kind: 'revoked', revision: 2, what: 'token', id: 'token-2' }]);
});

test('[revoke.fast] a grant that is there stays revoked, however long ago that was', async () => {
  const world = await makeWorld();
  const { client } = await connect(world);
  const [grant] = world.store.grants.list({ sub: client.id, org: 'default' }, world.clock.now);
  revoke(world, 'grant', grant!.id);
  revoke(world, 'token', 'token-1');
  tend(world);
  assert.ok(world.store.changes.isRevoked('grant', grant!.id));
});

test('of a connection that changes all the time one change is kept', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  for (let i = 0; i < 20; i++)
    for (const verb of ['suspend', 'resume'])
      assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/${verb}`)).status, 200);
  tend(world);
  assert.deepEqual(
    all(world).map(({ kind, revision }) => [kind, revision]),
    [
      ['skipped', 40],
      ['connection', 41],
    ],
  );
});

test('a store that is not free leaves everything as it is, and the authority goes on', async () => {
  const { world } = await lived();
  const events: string[] = [];
  const log = ({ event }: { event: string }) => void events.push(event);
  world.store.close();
  tendChanges({ store: world.store, log, now: () => world.clock.now }, 0);
  assert.deepEqual(events, ['changes.failed']);
});
