/** Nonces of the authority (RFC 9449 §8): who needs one is told which, who has one is told when it gets old, nobody else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dpop, type ProofClaims } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { ask } from './asking.test-support.ts';
import { makeFlow, parameters } from './consent.test-support.ts';
import { makeNonces } from './nonce.ts';

const USE_NONCE = 'The DPoP proof needs the nonce of the DPoP-Nonce header. Sign it again with that.';

async function scene(): Promise<{ world: World; client: Party }> {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const { registry } = world.store;
  registry.putClient({ ...registry.client(client.id)!, dpop_nonces: true });
  return { world, client };
}

function proof(world: World, { key }: Party, claims: ProofClaims = {}): { dpop: string } {
  return { dpop: dpop(key, { htm: 'POST', htu: `${ISSUER}/token`, iat: world.clock.now, ...claims }) };
}

test('[token.bound] a client that needs a nonce is refused without one, told which, and gets its token with it', async () => {
  const { world, client } = await scene();
  const refused = await askToken(world, client, { resource: MCP });
  const nonce = refused.headers.get('dpop-nonce');
  await assertOAuth(refused, 400, 'use_dpop_nonce', USE_NONCE);
  assert.match(String(nonce), /^[A-Za-z0-9_-]{43}$/);
  const given = await askToken(world, client, { resource: MCP }, proof(world, client, { nonce }));
  assert.equal(given.status, 200, await given.text());
  assert.equal(given.headers.get('dpop-nonce'), null);
});

test('a refused proof burns neither itself nor the assertion that came with it', async () => {
  const { world, client } = await scene();
  const claims = { iss: client.id, sub: client.id, aud: ISSUER, exp: START + 60, jti: 'one' };
  const form = { resource: MCP, client_assertion: client.key.jws({ typ: 'JWT' }, claims) };
  const refused = await askToken(world, client, form, proof(world, client, { jti: 'two' }));
  const nonce = refused.headers.get('dpop-nonce');
  assert.equal((await askToken(world, client, form, proof(world, client, { jti: 'two', nonce }))).status, 200);
});

test('a nonce of the step before is taken, and the answer says the new one', async () => {
  const { world, client } = await scene();
  const nonce = world.nonces.at(START);
  world.clock.now = START + 60;
  const given = await askToken(world, client, { resource: MCP }, proof(world, client, { nonce }));
  assert.deepEqual([given.status, given.headers.get('dpop-nonce')], [200, world.nonces.at(START + 60)]);
});

test('[token.bound] an older nonce, one of another key, and what is no text are refused', async () => {
  const { world, client } = await scene();
  const [old, foreign] = [world.nonces.at(START), makeNonces(new Uint8Array(32)).at(START + 120)];
  world.clock.now = START + 120;
  for (const nonce of [old, foreign, '', 'x', 7, null, [world.nonces.at(START + 120)], undefined]) {
    const refused = await askToken(world, client, { resource: MCP }, proof(world, client, { nonce }));
    assert.equal(refused.headers.get('dpop-nonce'), world.nonces.at(START + 120));
    await assertOAuth(refused, 400, 'use_dpop_nonce', USE_NONCE);
  }
});

test('a nonce is no leave to use a proof twice', async () => {
  const { world, client } = await scene();
  const headers = proof(world, client, { nonce: world.nonces.at(START) });
  assert.equal((await askToken(world, client, { resource: MCP }, headers)).status, 200);
  const used = 'This DPoP proof was used before. Sign a fresh one.';
  await assertOAuth(await askToken(world, client, { resource: MCP }, headers), 400, 'invalid_dpop_proof', used);
});

test('[token.bound] a proof of such a client at the revocation endpoint needs one too', async () => {
  const { world, client } = await scene();
  const at = { htu: `${ISSUER}/revoke` };
  const refused = await ask(world, client, '/revoke', { token: 'x' }, proof(world, client, at));
  await assertOAuth(refused, 400, 'use_dpop_nonce', USE_NONCE);
  const nonce = world.nonces.at(START);
  const answer = await ask(world, client, '/revoke', { token: 'x' }, proof(world, client, { ...at, nonce }));
  assert.equal(answer.status, 200);
});

test('[token.bound] a pushed request whose proof lacks the nonce is refused, and taken with it', async () => {
  const flow = await makeFlow({ dpop_nonces: true });
  const { world, app } = flow;
  const push = (claims: ProofClaims) =>
    world.app.request('/par', {
      method: 'POST',
      headers: { dpop: dpop(app.key, { htm: 'POST', htu: `${ISSUER}/par`, iat: world.clock.now, ...claims }) },
      body: parameters(flow),
    });
  const refused = await push({});
  const nonce = refused.headers.get('dpop-nonce');
  await assertOAuth(refused, 400, 'use_dpop_nonce', USE_NONCE);
  assert.equal((await push({ nonce })).status, 201);
});

test('a client that needs none is told of none, and one that it sends all the same is not looked at', async () => {
  const { world } = await scene();
  const client = await addClient(world);
  for (const nonce of [undefined, 'x']) {
    const given = await askToken(world, client, { resource: MCP }, proof(world, client, { nonce }));
    assert.deepEqual([given.status, given.headers.get('dpop-nonce')], [200, null]);
  }
});
