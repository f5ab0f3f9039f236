/** A runner acts for an owner, with what that owner's devices sealed: it cannot plant an account of its own under the owner's name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSigner, type Signer } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  getToken,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { seal, submission, type Sealed } from '../sealed.test-support.ts';

interface Scene {
  readonly world: World;
  readonly owner: Party;
  readonly runner: Party;
}

/** A runner with the owner's live grant. */
async function scene(): Promise<Scene> {
  const world = await makeWorld();
  await addServer(world);
  const [owner, runner] = [await addClient(world), await addClient(world)];
  const grant = await call(world, owner, 'POST', '/grants', { client_id: runner.id, resource: MCP });
  assert.equal(grant.status, 201);
  return { world, owner, runner };
}

/** A credential of the owner as its header says, pinned to the runner, sealed by whomever. */
const sealBy = ({ world, owner, runner }: Scene, key: Signer, connection = 'github'): Sealed =>
  seal(world, owner.id, key, { connection, pin: { jkt: [runner.key.jkt] } });

const bring = ({ world, runner }: Scene, sealed: Sealed): Promise<Response> =>
  askToken(world, runner, {
    resource: MCP,
    authorization_details: JSON.stringify([{ type: 'dauth_credential', ...submission(sealed) }]),
  });

async function assertPlanted(here: Scene, sealed: Sealed): Promise<void> {
  const sentence = /^The credential was not sealed by a known key of its owner\. The owner's device has to be/;
  await assertOAuth(await bring(here, sealed), 400, 'invalid_authorization_details', sentence);
  assert.equal(here.world.store.connections.find(sealed.handle), undefined);
}

test('[seal.bound] a runner cannot store what it sealed itself as an owner that gave it a grant', async () => {
  const here = await scene();
  await assertPlanted(here, sealBy(here, here.runner.key));
});

test('[seal.bound] nor what it sealed with a key that nobody knows, or that of another owner', async () => {
  const here = await scene();
  await assertPlanted(here, sealBy(here, makeSigner()));
  await assertPlanted(here, sealBy(here, (await addClient(here.world)).key));
  await assertPlanted(here, sealBy(here, (await addClient(here.world, { owner: 'eve' })).key));
});

test("a runner stores what the owner's own client sealed, and the same again", async () => {
  const here = await scene();
  const sealed = sealBy(here, here.owner.key);
  assert.equal((await bring(here, sealed)).status, 200);
  assert.equal((await bring(here, sealed)).status, 200);
});

test('a runner stores what a device registered for the owner sealed, until that device is revoked', async () => {
  const here = await scene();
  const device = await addClient(here.world, { owner: here.owner.id });
  assert.equal((await bring(here, sealBy(here, device.key))).status, 200);
  here.world.store.transaction(() => here.world.store.changes.revoke('client', device.id, START));
  // Nothing the device sealed before is left to vouch for it.
  const [row] = here.world.store.connections.page({ sub: here.owner.id, org: 'default' }, '', 2);
  here.world.store.transaction(() => here.world.store.connections.bury(row!.handle, row!.ver, START));
  await assertPlanted(here, sealBy(here, device.key, 'second'));
});

test("a runner stores what a key sealed that the owner's own connections trust, until those are revoked", async () => {
  const here = await scene();
  const device = makeSigner();
  const own = seal(here.world, here.owner.id, device, { connection: 'own' });
  assert.equal((await call(here.world, here.owner, 'POST', '/connections', submission(own))).status, 201);
  assert.equal((await bring(here, sealBy(here, device))).status, 200);
  for (const { handle, ver } of here.world.store.connections.page({ sub: here.owner.id, org: 'default' }, '', 9))
    here.world.store.transaction(() => here.world.store.connections.setStatus(handle, 'revoked', ver, START));
  await assertPlanted(here, sealBy(here, device, 'second'));
});

test('an owner stores with any key of its choice: its own token is its word', async () => {
  const { world, owner } = await scene();
  const sealed = seal(world, owner.id, makeSigner());
  const details = JSON.stringify([{ type: 'dauth_credential', ...submission(sealed) }]);
  await getToken(world, owner, { resource: MCP, authorization_details: details });
});
