/** The command line as a client of every authority: a person signs in with it for the authority's own API, and with no more. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeSigner } from '../signer.test-support.ts';
import { callWith, claimsOf, ISSUER, makeWorld, MCP, revoke } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import {
  addConnection,
  answer,
  good,
  makeFlow,
  post,
  refreshForm,
  type Answer,
  type Flow,
} from './consent.test-support.ts';
import { DEVICE_CODE } from './device.ts';

const READ = 'dauth:connections.read';
const OWN = [READ, 'dauth:connections.write', 'dauth:grants.write'];

async function makeCli(): Promise<Flow> {
  const flow = await makeFlow();
  return { ...flow, app: { id: 'dauth-cli', key: makeSigner(), authKey: null } };
}

const ask = (flow: Pick<Flow, 'world' | 'app'>, change: Record<string, string> = {}) =>
  post(flow, '/device_authorization', new URLSearchParams({ resource: ISSUER, ...change }));

async function signIn(
  flow: Flow,
  change: Record<string, string> = {},
): Promise<Answer & { refresh_token_timeout: number }> {
  const { device_code, user_code } = await good<{ device_code: string; user_code: string }>(ask(flow, change));
  await flow.browser.go('/device');
  assert.equal((await flow.browser.submit('/device', { user_code })).status, 200, flow.browser.text);
  assert.match(flow.browser.text, /dauth on the command line/);
  assert.equal((await answer(flow)).status, 303, flow.browser.text);
  return good(post(flow, '/token', new URLSearchParams({ grant_type: DEVICE_CODE, device_code })));
}

test('[token.bound] a person signs in on the command line, for their own connections and grants', async () => {
  const flow = await makeCli();
  const { handle } = addConnection(flow.world);
  addConnection(flow.world, { owner: 'bob', connection: 'other' });
  const { access_token, scope } = await signIn(flow, { scope: OWN.join(' ') });
  assert.deepEqual(scope.split(' '), OWN);
  const { sub, aud, cnf } = claimsOf(access_token);
  assert.deepEqual([sub, aud, cnf], ['ada', ISSUER, { jkt: flow.app.key.jkt }]);
  const listed = await good<{ items: { handle: string }[] }>(
    callWith(flow.world, flow.app.key, access_token, 'GET', '/connections'),
  );
  assert.deepEqual(
    listed.items.map((item) => item.handle),
    [handle],
  );
  await good(callWith(flow.world, flow.app.key, access_token, 'POST', `/connections/${handle}/revoke`));
  assert.equal((await callWith(flow.world, flow.app.key, access_token, 'GET', '/clients')).status, 403);
});

test('[token.bound] the command line is never the operator, and has no token for a server unless it asks for one', async () => {
  const flow = await makeCli();
  await assertOAuth(await ask(flow, { scope: 'dauth:admin' }), 400, 'invalid_scope');
  await assertOAuth(await ask(flow, { scope: `${READ} dauth:admin` }), 400, 'invalid_scope');
  await assertOAuth(await ask(flow, { resource: MCP, scope: 'mcp:read' }), 400, 'invalid_scope');
  const own = new URLSearchParams({ grant_type: 'client_credentials', resource: ISSUER });
  await assertOAuth(await post(flow, '/token', own), 400, 'unauthorized_client');
  const { scope, refresh_token } = await signIn(flow, { scope: READ });
  assert.equal(scope, READ);
  await assertOAuth(await post(flow, '/token', refreshForm(refresh_token, { scope: OWN[1]! })), 400, 'invalid_scope');
});

test('an answer says for how long a refresh token works unused, and at most until the grant ends', async () => {
  const flow = await makeCli();
  const first = await signIn(flow);
  assert.equal(first.refresh_token_timeout, 2_592_000);
  flow.world.clock.now += 86_400;
  const second = await good<typeof first>(post(flow, '/token', refreshForm(first.refresh_token)));
  assert.equal(second.refresh_token_timeout, 2_592_000 - 86_400, 'the yes was for 30 days');
});

test('[revoke.fast] an operator who ends the command line ends it for good, also over a restart', async () => {
  const flow = await makeCli();
  const { refresh_token } = await signIn(flow);
  revoke(flow.world, 'client', 'dauth-cli');
  await assertOAuth(await ask(flow), 401, 'invalid_client');
  await assertOAuth(await post(flow, '/token', refreshForm(refresh_token)), 401, 'invalid_client');
  const dir = mkdtempSync(join(tmpdir(), 'dauth-command-line-'));
  try {
    const database = join(dir, 'authority.db');
    const before = await makeWorld({ database });
    assert.equal((await ask({ ...flow, world: before })).status, 200, 'control');
    revoke(before, 'client', 'dauth-cli');
    before.store.close();
    const again = await makeWorld({ database });
    await assertOAuth(await ask({ ...flow, world: again }), 401, 'invalid_client');
    again.store.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
