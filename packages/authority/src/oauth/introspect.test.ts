/**
 * Introspection (RFC 7662): an MCP server reads the tokens it is shown; about every other token it gets two words, and
 * they are the same for a token of somebody else, one that ended, one that was revoked, and one that never was.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Revocable } from '@dauth/protocol';
import { dpop, makeSigner } from '../signer.test-support.ts';
import {
  addServer,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { connect, wish } from '../sealed.test-support.ts';
import { ask, introspect } from './asking.test-support.ts';

const INACTIVE = { active: false };
const OTHER = 'https://other.example/mcp';

interface Scene {
  readonly world: World;
  readonly server: Party;
  readonly client: Party;
  readonly token: string;
}

async function scene(): Promise<Scene> {
  const world = await makeWorld();
  const server = await addServer(world);
  const { client, sealed } = await connect(world);
  const authorization_details = JSON.stringify([wish(sealed.handle)]);
  const { access_token } = await getToken(world, client, { resource: MCP, scope: 'mcp:read', authorization_details });
  return { world, server, client, token: access_token };
}

async function dispatchToken({ world, server, client, token }: Scene): Promise<string> {
  const subject_dpop = dpop(client.key, { htm: 'POST', htu: MCP, iat: world.clock.now, token });
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token';
  const subject = { subject_token: token, subject_token_type, subject_dpop };
  const { access_token } = await getToken(world, server, { grant_type: EXCHANGE, resource: EXECUTOR, ...subject });
  return access_token;
}

test('a server reads what a token for it says, member by member', async () => {
  const { world, server, client, token } = await scene();
  const claims = claimsOf(token);
  assert.deepEqual(await introspect(world, server, token), {
    ...{ active: true, token_type: 'DPoP', iss: ISSUER, sub: client.id, aud: MCP, client_id: client.id },
    ...{ scope: 'mcp:read', jti: claims.jti, iat: START, exp: START + 300, cnf: { jkt: client.key.jkt } },
    ...{ authorization_details: claims.authorization_details, grant_id: claims.grant_id, 'ddls:org': 'default' },
  });
});

test('[token.bound] another server, another client and a stranger learn nothing of it', async () => {
  const { world, client, token } = await scene();
  const other = await addServer(world, OTHER);
  assert.deepEqual(await introspect(world, other, token), INACTIVE);
  const only = 'Only a registered MCP server may ask, about tokens for it.';
  await assertOAuth(await ask(world, client, '/introspect', { token }), 400, 'unauthorized_client', only);
  const stranger = { id: other.id, key: makeSigner() };
  const refused = 'The client assertion does not prove a registered client.';
  await assertOAuth(await ask(world, stranger, '/introspect', { token }), 401, 'invalid_client', refused);
});

test('[token.bound] a public client cannot ask, though it were a server', async () => {
  const { world, server, token } = await scene();
  const { store } = world;
  store.registry.putClient({ ...store.registry.client(server.id)!, auth: 'none', jwk: null, jkt: null });
  const body = new URLSearchParams({ token, client_id: server.id });
  const answer = await world.app.request('/introspect', { method: 'POST', body });
  await assertOAuth(answer, 401, 'invalid_client', 'Whoever asks about tokens proves a key.');
});

test('[token.bound] made up, changed, of another type or issuer, and no token at all are all the same', async () => {
  const { world, server, token } = await scene();
  const claims = claimsOf(token);
  const { kid } = world.key;
  for (const nothing of [
    makeSigner().jws({ typ: 'at+jwt', kid }, claims),
    makeSigner().jws({ typ: 'at+jwt' }, claims),
    world.ring.sign('dauth-try+jwt', claims),
    world.ring.sign('at+jwt', { ...claims, iss: 'https://other.example' }),
    `${token.slice(0, -2)}AA`,
    ...['x', 'a.b.c', '{}', 'x'.repeat(40_000)],
  ])
    assert.deepEqual(await introspect(world, server, nothing), INACTIVE);
});

test('a token is active until the second it ends, and not in it', async () => {
  const { world, server, token } = await scene();
  world.clock.now = START + 299;
  assert.equal((await introspect(world, server, token)).active, true);
  world.clock.now = START + 300;
  assert.deepEqual(await introspect(world, server, token), INACTIVE);
});

const REVOKED: readonly (readonly [what: Revocable, id: (claims: Record<string, unknown>) => unknown])[] = [
  ['token', ({ jti }) => jti],
  ['grant', ({ grant_id }) => grant_id],
  ['client', ({ client_id }) => client_id],
  ['server', ({ aud }) => aud],
  ['owner', ({ sub }) => sub],
  ['org', () => 'default'],
];
for (const [what, id] of REVOKED)
  test(`[revoke.fast] a token whose ${what} was revoked is inactive at once`, async () => {
    const { world, server, token } = await scene();
    assert.equal((await introspect(world, server, token)).active, true);
    revoke(world, what, String(id(claimsOf(token))));
    assert.deepEqual(await introspect(world, server, token), INACTIVE);
  });

test('[revoke.fast] a dispatch token falls with the token, the client and the server it came from', async () => {
  for (const [what, id] of [
    ['token', ({ subject_jti }) => subject_jti],
    ['client', ({ subject_client_id }) => subject_client_id],
    ['server', ({ act }) => (act as { sub: string }).sub],
  ] as typeof REVOKED) {
    const all = await scene();
    const token = await dispatchToken(all);
    assert.equal((await introspect(all.world, all.world.operator, token)).active, true);
    revoke(all.world, what, String(id(claimsOf(token))));
    assert.deepEqual(await introspect(all.world, all.world.operator, token), INACTIVE, what);
  }
});

test('a token without its grant, or whose grant has ended, is inactive', async () => {
  const { world, server, token } = await scene();
  const claims = claimsOf(token);
  for (const grant_id of ['none', 'ended']) {
    if (grant_id === 'ended')
      world.store.grants.add({
        ...{ id: grant_id, kind: 'client', owner: 'x', org: 'default', client_id: 'x', resource: MCP },
        ...{ scopes: null, details: null, expires_at: START, created_at: START - 10 },
      });
    const orphan = world.ring.sign('at+jwt', { ...claims, grant_id });
    assert.deepEqual(await introspect(world, server, orphan), INACTIVE);
  }
});

test('the operator may ask about any token, a dispatch token and its own among them', async () => {
  const all = await scene();
  const { world, server, token } = all;
  assert.equal((await introspect(world, world.operator, token)).aud, MCP);
  const dispatch = await introspect(world, world.operator, await dispatchToken(all));
  assert.deepEqual([dispatch.aud, dispatch.client_id, dispatch.act], [EXECUTOR, server.id, { sub: MCP }]);
  const { access_token: own } = await getToken(world, world.operator, { resource: ISSUER, scope: 'dauth:admin' });
  revoke(world, 'org', 'default');
  // Who revoked a whole organisation can still look at it.
  assert.equal((await introspect(world, world.operator, own)).active, true);
  assert.deepEqual(await introspect(world, world.operator, token), INACTIVE);
  revoke(world, 'token', String(claimsOf(own).jti));
  assert.deepEqual(await introspect(world, world.operator, own), INACTIVE);
});

test('[token.bound] a token without a key is shown as Bearer, and only while its client may have one', async () => {
  const { world, server, client, token } = await scene();
  const { cnf, ...claims } = claimsOf(token);
  assert.ok(cnf);
  const unbound = world.ring.sign('at+jwt', claims);
  assert.deepEqual(await introspect(world, server, unbound), INACTIVE);
  const { registry } = world.store;
  registry.putClient({ ...registry.client(client.id)!, dpop_bound_access_tokens: false });
  const said = await introspect(world, server, unbound);
  assert.deepEqual([said.active, said.token_type, 'cnf' in said], [true, 'Bearer', false]);
});

test('[token.bound] an assertion asks once, and a revoked server not at all', async () => {
  const { world, server, token } = await scene();
  const claims = { iss: server.id, sub: server.id, aud: ISSUER, exp: START + 60, jti: 'one' };
  const once = { token, client_assertion: server.key.jws({ typ: 'JWT' }, claims) };
  assert.equal((await ask(world, server, '/introspect', once)).status, 200);
  const used = 'This client assertion was used before. Sign a fresh one.';
  await assertOAuth(await ask(world, server, '/introspect', once), 401, 'invalid_client', used);
  revoke(world, 'client', server.id);
  const refused = 'The client assertion does not prove a registered client.';
  await assertOAuth(await ask(world, server, '/introspect', { token }), 401, 'invalid_client', refused);
});

test('a question without a token is refused', async () => {
  const { world, server } = await scene();
  const missing = 'The token request needs the parameter "token".';
  await assertOAuth(await ask(world, server, '/introspect', {}), 400, 'invalid_request', missing);
});

test('a token is never read from the address', async () => {
  const { world, token } = await scene();
  const answer = await world.app.request(`/introspect?token=${token}`);
  assert.equal(answer.status, 405);
});
