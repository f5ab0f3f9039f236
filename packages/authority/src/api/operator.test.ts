/** The operator cannot take its own key away; everything else it revokes is gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addClient, call, makeWorld } from '../world.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';

test('revoking the operator is refused with what to do instead, and the operator works on', async () => {
  const world = await makeWorld();
  const revoke = (id: string) => call(world, world.operator, 'POST', '/revocations', { what: 'client', id });
  const sentence =
    /^The operator cannot be revoked, or nobody could undo a mistake: change its key in the configuration/;
  await assertProblem(await revoke('operator'), 409, 'CONFLICT', sentence);
  assert.equal(world.store.changes.isRevoked('client', 'operator'), false);
  const client = await addClient(world);
  assert.equal((await revoke(client.id)).status, 201);
});
