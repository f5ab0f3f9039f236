/** What somebody without any credential of ours can do: get a plain refusal, and learn nothing about who else is here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertion, makeSigner } from '../signer.test-support.ts';
import { addServer, askToken, ISSUER, makeWorld, MCP } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';

test('an assertion whose issuer is no string is refused like any other, and is no defect of ours', async () => {
  const world = await makeWorld();
  const stranger = { id: 'nobody', key: makeSigner() };
  for (const iss of [{}, { toString: 'operator' }, [], ['operator'], 7, null, true, undefined]) {
    const claims = { iss, sub: 'operator', aud: ISSUER, exp: world.clock.now + 60 };
    const answer = await askToken(world, stranger, {
      resource: MCP,
      client_assertion: assertion(stranger.key, claims),
    });
    await assertOAuth(answer, 401, 'invalid_client', /^The client assertion does not prove a registered client\.$/);
  }
  assert.ok(world.events.every(({ event }) => event !== 'refused'));
});

test('the public metadata names no server of any organisation', async () => {
  const world = await makeWorld();
  await addServer(world);
  const answer = await world.app.request('/.well-known/oauth-authorization-server');
  assert.equal(answer.status, 200);
  const text = await answer.text();
  assert.ok(!text.includes(MCP) && !text.includes('protected_resources'), text);
});
