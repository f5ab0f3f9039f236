/** Refresh tokens: rotated, bound, narrowed, and gone with whatever they hang on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSigner } from '../signer.test-support.ts';
import { claimsOf, MCP, revoke, START } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import {
  addApp,
  addConnection,
  codeForm,
  getCode,
  getTokens,
  good,
  makeFlow,
  post,
  refreshForm,
  type Answer,
  type Flow,
} from './consent.test-support.ts';

const WRONG_TOKEN = 'The refresh token is not valid. Start again at the authorization endpoint.';
const REUSED = 'This refresh token was used before; the access it gave was ended.';
const DAY = 86_400;

function refresh(
  flow: Flow,
  token: string,
  change: Record<string, string> = {},
  key = flow.app.key,
): Promise<Response> {
  return post(flow, '/token', refreshForm(token, change), { key });
}

test('[token.bound] a refresh gives a new access token of the same grant, and a new refresh token', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  const first = await getTokens(flow, {}, { 'detail.0': 'on' });
  flow.world.clock.now += 300;
  const second = await good(refresh(flow, first.refresh_token));
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.deepEqual([second.scope, second.token_type, second.expires_in], ['mcp:read', 'DPoP', 300]);
  assert.deepEqual(second.authorization_details, first.authorization_details);
  assert.equal((second.authorization_details as { identifier: string }[])[0]?.identifier, handle);
  const [one, other] = [claimsOf(first.access_token), claimsOf(second.access_token)];
  assert.deepEqual([other.sub, other.aud, other.grant_id, other.cnf], ['ada', MCP, one.grant_id, one.cnf]);
  await good(refresh(flow, second.refresh_token));
});

test('[token.bound] a refresh token that was used before ends the whole grant, whoever comes second', async () => {
  const flow = await makeFlow();
  const first = await getTokens(flow);
  const second = await good(refresh(flow, first.refresh_token));
  await assertOAuth(await refresh(flow, first.refresh_token), 400, 'invalid_grant', REUSED);
  await assertOAuth(await refresh(flow, second.refresh_token), 400, 'invalid_grant', WRONG_TOKEN);
  const { grant_id } = claimsOf(first.access_token) as { grant_id: string };
  assert.ok(flow.world.store.changes.isRevoked('grant', grant_id));
  const [noted] = flow.world.store.audit.operations(1);
  assert.deepEqual([noted?.action, noted?.subject, noted?.actor], ['grant.reuse', grant_id, flow.app.id]);
});

test('[token.bound] an old copy ends the grant whatever key it is shown with', async () => {
  const flow = await makeFlow();
  const first = await getTokens(flow);
  const second = await good(refresh(flow, first.refresh_token));
  await assertOAuth(await refresh(flow, first.refresh_token, {}, makeSigner()), 400, 'invalid_grant', REUSED);
  await assertOAuth(await refresh(flow, second.refresh_token), 400, 'invalid_grant', WRONG_TOKEN);
});

test('[token.bound] of two refreshes at once one is answered, and the grant ends', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow);
  const answers = await Promise.all([refresh(flow, refresh_token), refresh(flow, refresh_token)]);
  assert.deepEqual(
    answers.map(({ status }) => status).sort((one, other) => one - other),
    [200, 400],
  );
});

test('[token.bound] a refresh token of a public client works with its key alone (RFC 9449 §5)', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow);
  await assertOAuth(
    await refresh(flow, refresh_token, {}, makeSigner()),
    400,
    'invalid_grant',
    'The refresh token is bound to another DPoP key than this request proves.',
  );
  await good(refresh(flow, refresh_token));
});

test('a client with a key of its own may change its DPoP key', async () => {
  const flow = await makeFlow({ auth: 'private_key_jwt' });
  const { refresh_token } = await getTokens(flow);
  const key = makeSigner();
  const { access_token } = await good(refresh(flow, refresh_token, {}, key));
  assert.deepEqual(claimsOf(access_token).cnf, { jkt: key.jkt });
});

test('[token.bound] another client cannot use a refresh token, and ends nothing by trying', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow);
  const other = { ...flow, app: addApp(flow.world) };
  const used = await good(refresh(flow, refresh_token));
  for (const token of [refresh_token, used.refresh_token])
    await assertOAuth(await refresh(other, token, {}, flow.app.key), 400, 'invalid_grant', WRONG_TOKEN);
  await good(refresh(flow, used.refresh_token));
});

test('what is no refresh token is refused, in whatever way it is none', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow);
  const [family] = refresh_token.split('.');
  for (const token of [
    'x',
    `${refresh_token}x`,
    `x${refresh_token}`,
    `${'A'.repeat(43)}.${'A'.repeat(43)}`,
    `${family}.`,
  ])
    await assertOAuth(await refresh(flow, token), 400, 'invalid_grant', WRONG_TOKEN);
  await good(refresh(flow, refresh_token));
});

test('[token.bound] a refresh may ask for fewer scopes, never for more, and the next may have all again', async () => {
  const flow = await makeFlow();
  const both = await getTokens(flow, { scope: 'mcp:read mcp:write' }, { 'scope.1': undefined });
  await assertOAuth(
    await refresh(flow, both.refresh_token, { scope: 'mcp:read mcp:write' }),
    400,
    'invalid_scope',
    'A scope was not consented to. Send the person to the authorization endpoint.',
  );
  const all = await getTokens(flow, { scope: 'mcp:read mcp:write' });
  const fewer = await good(refresh(flow, all.refresh_token, { scope: 'mcp:write offline_access' }));
  assert.equal(fewer.scope, 'mcp:write');
  assert.equal((await good(refresh(flow, fewer.refresh_token))).scope, 'mcp:read mcp:write');
  await assertOAuth(await refresh(flow, all.refresh_token, { resource: 'https://x.example' }), 400, 'invalid_grant');
});

test('a refresh may repeat the resource, and name no other', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow);
  await assertOAuth(await refresh(flow, refresh_token, { resource: `${MCP}/x` }), 400, 'invalid_target');
  await good(refresh(flow, refresh_token, { resource: MCP }));
});

test('[token.bound] a refresh token ends 30 days after its last use, and with its grant at the latest', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow, {}, { duration: '90 days' });
  flow.world.clock.now = START + 30 * DAY - 1;
  const used = await good(refresh(flow, refresh_token));
  flow.world.clock.now += 30 * DAY;
  await assertOAuth(await refresh(flow, used.refresh_token), 400, 'invalid_grant', WRONG_TOKEN);

  const short = await makeFlow();
  const hour = await getTokens(short, {}, { duration: '1 hour' });
  short.world.clock.now = START + 3_599;
  const last = await good(refresh(short, hour.refresh_token));
  assert.equal(last.expires_in, 1, 'an access token ends with its grant');
  short.world.clock.now = START + 3_600;
  await assertOAuth(await refresh(short, last.refresh_token), 400, 'invalid_grant', WRONG_TOKEN);
});

test('[token.bound] a grant that was made shorter ends its older refresh tokens too', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow, {}, { duration: '30 days' });
  await getTokens(flow, { prompt: 'consent' }, { duration: '1 hour' });
  flow.world.clock.now += 3_600;
  await assertOAuth(await refresh(flow, refresh_token), 400, 'invalid_grant', 'The grant of this access has ended.');
});

for (const what of ['grant', 'client', 'server', 'owner', 'org'] as const)
  test(`[revoke.fast] a refresh token of a revoked ${what} gives nothing`, async () => {
    const flow = await makeFlow();
    const { refresh_token, access_token } = await getTokens(flow);
    const { grant_id } = claimsOf(access_token) as { grant_id: string };
    revoke(flow.world, what, { grant: grant_id, client: flow.app.id, server: MCP, owner: 'ada', org: 'default' }[what]);
    const answer = await refresh(flow, refresh_token);
    if (what === 'client') await assertOAuth(answer, 401, 'invalid_client');
    else await assertOAuth(answer, 400, 'invalid_grant', 'This access was revoked.');
  });

test('a client that lost the grant type cannot refresh', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow);
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, grants: ['authorization_code'] });
  await assertOAuth(await refresh(flow, refresh_token), 400, 'unauthorized_client');
});

test('a scope that its client lost is not in the next token', async () => {
  const flow = await makeFlow();
  const { refresh_token } = await getTokens(flow, { scope: 'mcp:read mcp:write' });
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, scopes: ['mcp:write'] });
  assert.equal((await good(refresh(flow, refresh_token))).scope, 'mcp:write');
});

test('a connection that was suspended comes back with its resumption', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  const { refresh_token, authorization_details } = await getTokens(flow, {}, { 'detail.0': 'on' });
  const { store, clock } = flow.world;
  const set = (status: 'active' | 'suspended') =>
    store.transaction(() => store.connections.setStatus(handle, status, 1, clock.now));
  set('suspended');
  const without = await good(refresh(flow, refresh_token));
  assert.deepEqual(without.authorization_details, []);
  set('active');
  const again = await good(refresh(flow, without.refresh_token));
  assert.deepEqual(again.authorization_details, authorization_details);
});

test('[token.bound] a client whose mark was taken away cannot bind its old refresh token to a key', async () => {
  const flow = await makeFlow({ dpop_bound_access_tokens: false });
  const form = codeForm(await getCode(flow));
  const { refresh_token } = await good(post(flow, '/token', form, { proof: null }));
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, dpop_bound_access_tokens: true });
  await assertOAuth(await post(flow, '/token', refreshForm(refresh_token), { proof: null }), 400, 'invalid_dpop_proof');
  await assertOAuth(await refresh(flow, refresh_token), 400, 'invalid_grant', /bound to another DPoP key/);
});

test('one grant has at most 16 families; the oldest ends for a newer one', async () => {
  const flow = await makeFlow();
  const all: Answer[] = [];
  for (let index = 0; index < 17; index++) {
    flow.world.clock.now += 1;
    all.push(await getTokens(flow, { prompt: 'consent' }));
  }
  await assertOAuth(await refresh(flow, all[0]!.refresh_token), 400, 'invalid_grant', WRONG_TOKEN);
  await good(refresh(flow, all[1]!.refresh_token));
  await good(refresh(flow, all[16]!.refresh_token));
});
