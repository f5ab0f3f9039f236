/** How long a call may be acted on: its own window, opened while its token lived, and never past its grant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dpop } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { seal, submission } from '../sealed.test-support.ts';

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

interface Scene {
  readonly world: World;
  readonly server: Party;
  readonly client: Party;
  readonly token: string;
}

async function scene(): Promise<Scene> {
  const world = await makeWorld();
  const [server, client] = [await addServer(world), await addClient(world)];
  const { access_token } = await getToken(world, client, { resource: MCP });
  return { world, server, client, token: access_token };
}

function exchange({ world, server, token }: Scene, subject_dpop: string): Promise<Response> {
  const subject = { subject_token: token, subject_token_type: ACCESS_TOKEN_TYPE, subject_dpop };
  return askToken(world, server, { grant_type: EXCHANGE, resource: EXECUTOR, ...subject });
}

const callAt = ({ client, token }: Scene, iat: number): string =>
  dpop(client.key, { htm: 'POST', htu: MCP, iat, token });

async function endOf(response: Response): Promise<number> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return Number(claimsOf((JSON.parse(text) as { access_token: string }).access_token).exp);
}

test('a call that began while its token lived goes on until its window ends, and no longer', async () => {
  const here = await scene();
  const { clock } = here.world;
  const proof = callAt(here, START + 250);
  clock.now = START + 250;
  assert.equal(await endOf(await exchange(here, proof)), START + 370);
  clock.now = START + 500;
  assert.equal(await endOf(await exchange(here, proof)), START + 550);
  clock.now = START + 550;
  await assertOAuth(await exchange(here, proof), 400, 'invalid_request', /window of this call has ended/);
});

test('[token.bound] a proof dated back does not give an ended token another window', async () => {
  const here = await scene();
  here.world.clock.now = START + 306;
  const answer = await exchange(here, callAt(here, START + 250));
  await assertOAuth(answer, 400, 'invalid_request', /^The access token has expired\.$/);
  here.world.clock.now = START + 304;
  assert.equal((await exchange(here, callAt(here, START + 250))).status, 200);
});

test('[revoke.fast] a long call ends with a revocation, also after its token ended', async () => {
  const here = await scene();
  const { clock, store } = here.world;
  const proof = callAt(here, START + 250);
  clock.now = START + 250;
  assert.equal((await exchange(here, proof)).status, 200);
  clock.now = START + 400;
  store.transaction(() => store.changes.revoke('token', String(claimsOf(here.token).jti), clock.now));
  await assertOAuth(await exchange(here, proof), 400, 'invalid_request', /^This access was revoked\.$/);
});

test("[token.bound] a dispatch token does not outlive the owner's grant, nor is one given after it", async () => {
  const { world, server, client: owner } = await scene();
  const runner = await addClient(world);
  const give = { client_id: runner.id, resource: MCP, expires_in: 310 };
  assert.equal((await call(world, owner, 'POST', '/grants', give)).status, 201);
  const sealed = seal(world, owner.id, owner.key, { pin: { jkt: [runner.key.jkt] } });
  const authorization_details = JSON.stringify([{ type: 'dauth_credential', ...submission(sealed) }]);
  const { access_token: token } = await getToken(world, runner, { resource: MCP, authorization_details });
  const here = { world, server, client: runner, token };
  const proof = callAt(here, START + 250);
  world.clock.now = START + 250;
  assert.equal(await endOf(await exchange(here, proof)), START + 310);
  world.clock.now = START + 310;
  await assertOAuth(await exchange(here, proof), 400, 'invalid_request', /^The grant of this access has ended\.$/);
  world.store.transaction(() => world.store.grants.dropEnded(owner.id, 'default', world.clock.now));
  await assertOAuth(await exchange(here, proof), 400, 'invalid_request', /^The grant of this access has ended\.$/);
});
