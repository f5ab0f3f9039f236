/** How much one owner may have stored, and what is not kept: a tenant fills its own room, never everybody's. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { LIMITS } from '@dauth/protocol';
import {
  addClient,
  addServer,
  askToken,
  call,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';
import { connect, seal, submission } from '../sealed.test-support.ts';

/** Rows of an owner as they would be after `count` requests, written at once. */
function fillConnections(world: World, owner: string, count: number): string[] {
  const { connections } = world.store;
  const times = { created_at: START, updated_at: START, last_used_at: null, deleted_at: null };
  return world.store.transaction(() =>
    Array.from({ length: count }, (_, n) => {
      const handle = seal(world, owner, world.operator.key).handle;
      const row = { handle, owner, org: 'default', name: `n${n}`, status: 'active', ver: 1, ...times } as const;
      connections.add(row, {
        handle,
        ver: 1,
        envelope: 'e',
        seal_proof: 's',
        endorsements: [],
        trusted: [],
        reseal: null,
      });
      return handle;
    }),
  );
}

function fillGrants(world: World, owner: string, count: number, expires_at: number | null = null): void {
  world.store.transaction(() => {
    for (let n = 0; n < count; n++) {
      const grant = {
        id: randomUUID(),
        kind: 'runner',
        owner,
        org: 'default',
        client_id: `c${n}`,
        resource: MCP,
        scopes: null,
        details: null,
      } as const;
      world.store.grants.add({ ...grant, expires_at, created_at: START });
    }
  });
}

const store = (world: World, by: Party, name: string): Promise<Response> =>
  call(world, by, 'POST', '/connections', submission(seal(world, by.id, by.key, { connection: name })));

test('an owner has at most 1,000 connections; a deleted one makes room, a revoked one does not', async () => {
  const world = await makeWorld();
  const [client, other] = [await addClient(world), await addClient(world)];
  const [first, second] = fillConnections(world, client.id, LIMITS.connectionsPerOwner - 1);
  assert.equal((await store(world, client, 'last')).status, 201);
  const full = /^An owner has at most 1000 connections; remove some first\.$/;
  await assertProblem(await store(world, client, 'over'), 409, 'CONFLICT', full);
  world.store.transaction(() => world.store.connections.setStatus(first as never, 'revoked', 1, START));
  await assertProblem(await store(world, client, 'over'), 409, 'CONFLICT', full);
  assert.equal((await store(world, other, 'mine')).status, 201);
  world.store.transaction(() => world.store.connections.bury(second as never, 1, START));
  assert.equal((await store(world, client, 'over')).status, 201);
});

test('a credential carried inline counts like any other', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  fillConnections(world, client.id, LIMITS.connectionsPerOwner);
  const sealed = seal(world, client.id, client.key);
  const details = JSON.stringify([{ type: 'dauth_credential', ...submission(sealed) }]);
  const answer = await askToken(world, client, { resource: MCP, authorization_details: details });
  await assertOAuth(answer, 400, 'invalid_authorization_details', /^An owner has at most 1000 connections/);
  assert.equal(world.store.connections.find(sealed.handle), undefined);
});

test('an owner gives at most 1,000 grants; those that ended are dropped and make room', async () => {
  const world = await makeWorld();
  await addServer(world);
  const [owner, runner, other] = [await addClient(world), await addClient(world), await addClient(world)];
  const give = (by: Party) => call(world, by, 'POST', '/grants', { client_id: runner.id, resource: MCP });
  fillGrants(world, owner.id, LIMITS.grantsPerOwner - 10);
  fillGrants(world, owner.id, 10, START + 50);
  const full = /^An owner gives at most 1000 grants; revoke some first\.$/;
  await assertProblem(await give(owner), 409, 'CONFLICT', full);
  assert.equal((await give(other)).status, 201);
  world.clock.now = START + 50;
  assert.equal((await give(owner)).status, 201);
  const kept = world.store.grants.list({ sub: owner.id, org: 'default' }, 0);
  assert.equal(kept.filter(({ kind }) => kind === 'runner').length, LIMITS.grantsPerOwner - 9);
});

test('the same grant given again is the same row; another end is another grant', async () => {
  const world = await makeWorld();
  await addServer(world);
  const [owner, runner] = [await addClient(world), await addClient(world)];
  const give = (members: object = {}) =>
    call(world, owner, 'POST', '/grants', { client_id: runner.id, resource: MCP, ...members });
  const first = await give();
  assert.equal(first.status, 201);
  const grant = (await first.json()) as { id: string };
  const again = await give();
  assert.equal(again.status, 200);
  assert.deepEqual(await again.json(), grant);
  assert.equal((await give({ expires_in: 60 })).status, 201);
  assert.equal((await give({ expires_in: 60 })).status, 200);
  assert.equal((await call(world, owner, 'DELETE', `/grants/${grant.id}`)).status, 204);
  const fresh = await give();
  assert.equal(fresh.status, 201);
  assert.notEqual(((await fresh.json()) as { id: string }).id, grant.id);
});

test('a superseded version of a credential is not kept', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  for (const ver of [2, 3]) {
    const next = seal(world, client.id, client.key, { handle: sealed.handle, ver });
    const answer = await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, submission(next));
    assert.equal(answer.status, 200, await answer.text());
    assert.equal(world.store.connections.envelope(sealed.handle, ver)?.envelope, next.envelope);
    assert.equal(world.store.connections.envelope(sealed.handle, ver - 1), undefined);
  }
});
