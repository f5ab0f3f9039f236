/**
 * Revocation (RFC 7009): what was given back opens nothing any more, wherever it is shown; and whoever asks about a token
 * that is not theirs learns nothing, because every such answer is the same empty 200.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  callWith,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';
import { ask, introspect } from './asking.test-support.ts';
import { addApp, getTokens, makeFlow, post, refreshForm, type Answer, type Flow } from './consent.test-support.ts';

const ASSERTION = 'Clients authenticate with private_key_jwt (client_assertion).';

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

/** Asserts the one answer there is. */
async function assertSilent(answer: Response): Promise<void> {
  assert.deepEqual([answer.status, await answer.text()], [200, '']);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('content-type'), null);
}

function exchange({ world, server, client, token }: Scene): Promise<Response> {
  const subject_dpop = dpop(client.key, { htm: 'POST', htu: MCP, iat: world.clock.now, token });
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token';
  const subject = { subject_token: token, subject_token_type, subject_dpop };
  return askToken(world, server, { grant_type: EXCHANGE, resource: EXECUTOR, ...subject });
}

const revokedOf = ({ world }: Scene): readonly unknown[] =>
  world.store.changes.since(0, 100, 100_000).flatMap((change) => (change.kind === 'revoked' ? [change.id] : []));

test('[revoke.fast] a token given back is refused at the exchange, inactive, and told to executors at once', async () => {
  const all = await scene();
  assert.equal((await exchange(all)).status, 200);
  await assertSilent(await ask(all.world, all.client, '/revoke', { token: all.token }));
  await assertOAuth(await exchange(all), 400, 'invalid_request', 'This access was revoked.');
  assert.deepEqual(await introspect(all.world, all.server, all.token), { active: false });
  assert.deepEqual(revokedOf(all), [claimsOf(all.token).jti]);
  const [noted] = all.world.store.audit.operations(1);
  const { jti } = claimsOf(all.token);
  assert.deepEqual(noted, {
    time: START,
    actor: all.client.id,
    asOperator: false,
    action: 'token.revoke',
    subject: jti,
  });
});

test("[revoke.fast] a token for the authority's own API that was given back opens nothing there", async () => {
  const { world, client } = await scene();
  const { access_token } = await getToken(world, client, { resource: ISSUER, scope: 'dauth:connections.read' });
  const look = () => callWith(world, client.key, access_token, 'GET', '/connections');
  assert.equal((await look()).status, 200);
  await assertSilent(await ask(world, client, '/revoke', { token: access_token, token_type_hint: 'access_token' }));
  await assertProblem(await look(), 401, 'UNAUTHENTICATED', 'This access was revoked.');
});

test('a server gives back its dispatch token', async () => {
  const all = await scene();
  const { access_token: token } = (await (await exchange(all)).json()) as { access_token: string };
  await assertSilent(await ask(all.world, all.client, '/revoke', { token }));
  assert.deepEqual(revokedOf(all), []);
  await assertSilent(await ask(all.world, all.server, '/revoke', { token }));
  assert.deepEqual(revokedOf(all), [claimsOf(token).jti]);
});

test('[token.bound] unknown, foreign, ended and made up: one empty answer, and nothing is revoked', async () => {
  const all = await scene();
  const { world, client, server, token } = all;
  const other = await addClient(world);
  const forged = makeSigner().jws({ typ: 'at+jwt', kid: world.key.kid }, claimsOf(token));
  // Another client's, the server's it is for, made up, of another type, and no token at all.
  await assertSilent(await ask(world, other, '/revoke', { token }));
  await assertSilent(await ask(world, server, '/revoke', { token }));
  await assertSilent(await ask(world, client, '/revoke', { token: forged }));
  const ticket = world.ring.sign('dauth-try+jwt', claimsOf(token));
  await assertSilent(await ask(world, client, '/revoke', { token: ticket }));
  const foreign = world.ring.sign('at+jwt', { ...claimsOf(token), iss: 'https://other.example' });
  await assertSilent(await ask(world, client, '/revoke', { token: foreign }));
  for (const nothing of ['x', 'a.b.c', '🔑', 'x'.repeat(40_000)])
    await assertSilent(await ask(world, client, '/revoke', { token: nothing }));
  world.clock.now = START + 300 + 305;
  await assertSilent(await ask(world, client, '/revoke', { token }));
  assert.deepEqual(revokedOf(all), []);
});

test('[revoke.fast] a token that just ended is revoked all the same, while a long call of it may go on', async () => {
  const all = await scene();
  all.world.clock.now = START + 300 + 304;
  await assertSilent(await ask(all.world, all.client, '/revoke', { token: all.token }));
  assert.deepEqual(revokedOf(all), [claimsOf(all.token).jti]);
});

test('revoking twice is answered twice and done once', async () => {
  const all = await scene();
  await assertSilent(await ask(all.world, all.client, '/revoke', { token: all.token }));
  await assertSilent(await ask(all.world, all.client, '/revoke', { token: all.token }));
  assert.equal(revokedOf(all).length, 1);
  const actions = all.world.store.audit.operations(10).map(({ action }) => action);
  assert.equal(actions.filter((action) => action === 'token.revoke').length, 1);
});

test('[token.bound] who does not prove a client revokes nothing', async () => {
  const all = await scene();
  const { world, client, token } = all;
  const stranger = { id: client.id, key: makeSigner() };
  const refused = 'The client assertion does not prove a registered client.';
  await assertOAuth(await ask(world, stranger, '/revoke', { token }), 401, 'invalid_client', refused);
  const nobody = { client_assertion: undefined, client_assertion_type: undefined };
  await assertOAuth(await ask(world, client, '/revoke', { token, ...nobody }), 401, 'invalid_client', ASSERTION);
  const named = { ...nobody, client_id: client.id };
  await assertOAuth(await ask(world, client, '/revoke', { token, ...named }), 401, 'invalid_client', ASSERTION);
  assert.deepEqual(revokedOf(all), []);
});

test('[token.bound] an assertion revokes once', async () => {
  const { world, client, token } = await scene();
  const body = new URLSearchParams({ token });
  const first = await ask(world, client, '/revoke', { token });
  await assertSilent(first);
  const assertion = client.key.jws(
    { typ: 'JWT' },
    { iss: client.id, sub: client.id, aud: ISSUER, exp: START + 60, jti: 'one' },
  );
  body.set('client_assertion', assertion);
  body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  const send = () => world.app.request('/revoke', { method: 'POST', body });
  await assertSilent(await send());
  const used = 'This client assertion was used before. Sign a fresh one.';
  await assertOAuth(await send(), 401, 'invalid_client', used);
});

/** A person's yes, and the tokens that came of it; the app is a public client. */
async function consented(): Promise<{ flow: Flow; tokens: Answer; grant: string }> {
  const flow = await makeFlow();
  const tokens = await getTokens(flow);
  return { flow, tokens, grant: String(claimsOf(tokens.access_token).grant_id) };
}

const giveBack = (flow: Flow, form: Record<string, string>): Promise<Response> =>
  Promise.resolve(
    flow.world.app.request('/revoke', {
      method: 'POST',
      body: new URLSearchParams({ client_id: flow.app.id, ...form }),
    }),
  );

test('[revoke.fast] a refresh token given back ends its grant and all that came of it, whatever the hint says', async () => {
  for (const hint of [{}, { token_type_hint: 'refresh_token' }, { token_type_hint: 'access_token' }]) {
    const { flow, tokens, grant } = await consented();
    await assertSilent(await giveBack(flow, { token: tokens.refresh_token, ...hint }));
    assert.ok(flow.world.store.changes.isRevoked('grant', grant));
    const [noted] = flow.world.store.audit.operations(1);
    assert.deepEqual([noted?.action, noted?.subject, noted?.actor], ['grant.revoke', grant, flow.app.id]);
    const again = await post(flow, '/token', refreshForm(tokens.refresh_token), { key: flow.app.key });
    assert.equal(again.status, 400);
    assert.deepEqual(await introspect(flow.world, flow.world.operator, tokens.access_token), { active: false });
  }
});

test('[token.bound] a refresh token of another client, an ended and a made up one are the same empty answer', async () => {
  const { flow, tokens, grant } = await consented();
  const other = addApp(flow.world);
  await assertSilent(await giveBack(flow, { token: tokens.refresh_token, client_id: other.id }));
  const [family] = tokens.refresh_token.split('.');
  for (const token of [`${family}`, `${'A'.repeat(43)}.${'A'.repeat(43)}`, 'x'])
    await assertSilent(await giveBack(flow, { token }));
  flow.world.clock.now += 31 * 86_400;
  await assertSilent(await giveBack(flow, { token: tokens.refresh_token }));
  assert.equal(flow.world.store.changes.isRevoked('grant', grant), false);
});

test('a public client gives its tokens back by its id alone', async () => {
  const { world } = await scene();
  const id = 'a-public-app';
  addPublic(world, id);
  const token = world.ring.sign('at+jwt', tokenClaims(id));
  const answer = await world.app.request('/revoke', {
    method: 'POST',
    body: new URLSearchParams({ token, client_id: id }),
  });
  await assertSilent(answer);
  assert.ok(world.store.changes.isRevoked('token', 'public-1'));
});

test('a proof that comes along must be one for this request', async () => {
  const { world, client, token } = await scene();
  const proof = (htu: string) => ({ dpop: dpop(client.key, { htm: 'POST', htu, iat: START }) });
  await assertSilent(await ask(world, client, '/revoke', { token }, proof(`${ISSUER}/revoke`)));
  const wrong = await ask(world, client, '/revoke', { token }, proof(`${ISSUER}/token`));
  await assertOAuth(wrong, 400, 'invalid_dpop_proof', 'The DPoP proof is for another URL (htu).');
});

test('what is no revocation request is refused as the token endpoint refuses', async () => {
  const { world, client, token } = await scene();
  const missing = 'The token request needs the parameter "token".';
  await assertOAuth(await ask(world, client, '/revoke', {}), 400, 'invalid_request', missing);
  const hint = { token, token_type_hint: 'id_token' };
  const unknown = 'Tokens of that type are not revoked here.';
  await assertOAuth(await ask(world, client, '/revoke', hint), 400, 'unsupported_token_type', unknown);
  const json = await world.app.request('/revoke', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const form = 'Send the token request as application/x-www-form-urlencoded.';
  await assertOAuth(json, 400, 'invalid_request', form);
  const twice = await world.app.request('/revoke', { method: 'POST', body: new URLSearchParams('token=a&token=b') });
  await assertOAuth(twice, 400, 'invalid_request', 'A parameter of the token request is given twice.');
});

function tokenClaims(client_id: string): object {
  const times = { iat: START, exp: START + 300 };
  return {
    iss: ISSUER,
    sub: 'person',
    aud: MCP,
    client_id,
    jti: 'public-1',
    grant_id: 'g',
    'ddls:org': 'default',
    ...times,
  };
}

function addPublic(world: World, client: string): void {
  world.store.registry.putClient({
    ...{
      client_id: client,
      name: 'app',
      auth: 'none',
      jwk: null,
      jkt: null,
      grants: [],
      redirect_uris: [],
      owner: null,
    },
    ...{ org: 'default', scopes: null, dpop_bound_access_tokens: true, dpop_nonces: false, source: 'operator' },
    created_at: START,
  });
}
