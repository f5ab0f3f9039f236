/** Authorization codes: what the token request has to repeat and prove, once, and what comes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyAccessToken } from '@dauth/verify';
import { makeSigner } from '../signer.test-support.ts';
import { signedIn } from '../people/browser.test-support.ts';
import { addServer, claimsOf, ISSUER, MCP, revoke, START } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { allow, seal } from '../sealed.test-support.ts';
import {
  addApp,
  addConnection,
  authorize,
  CALLBACK,
  codeForm,
  getCode,
  getTokens,
  good,
  makeFlow,
  post,
  refreshForm,
  told,
  VERIFIER,
  type Flow,
} from './consent.test-support.ts';

const WRONG_CODE = 'The authorization code is not valid. Start again at the authorization endpoint.';

test('[token.bound] a code becomes a token for the person, one server, one key, and what was ticked', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  const code = await getCode(flow, {}, { 'detail.0': 'on' });
  const response = await post(flow, '/token', codeForm(code));
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const answer = await good(response);
  assert.deepEqual(Object.keys(answer).sort(), [
    ...['access_token', 'authorization_details', 'expires_in', 'refresh_token', 'refresh_token_timeout', 'scope'],
    'token_type',
  ]);
  assert.equal(answer.token_type, 'DPoP');
  assert.equal(answer.scope, 'mcp:read');
  const { key } = flow.world;
  const claims = verifyAccessToken(answer.access_token, { issuer: ISSUER, audience: MCP, keys: key.jwk, now: START });
  assert.equal(claims.sub, 'ada');
  assert.equal(claims.client_id, flow.app.id);
  assert.equal(claims.cnf.jkt, flow.app.key.jkt);
  assert.deepEqual(claims.scope, ['mcp:read']);
  assert.deepEqual(claims.details, [
    {
      ...{ type: 'dauth_connection', identifier: handle, name: 'github', locations: ['https://api.github.com'] },
      actions: ['GET /repos/**', 'GET /user', 'POST /repos/**', 'POST /user'],
    },
  ]);
  assert.equal(claims.raw.name, undefined);
  assert.equal(claims.raw.email, undefined);
});

test('[token.bound] a code works once; its second use ends everything that came of it', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  const { refresh_token, access_token } = await good(post(flow, '/token', codeForm(code)));
  await assertOAuth(
    await post(flow, '/token', codeForm(code)),
    400,
    'invalid_grant',
    'This authorization code was used before; the access it gave was ended.',
  );
  const { grant_id } = claimsOf(access_token) as { grant_id: string };
  assert.ok(flow.world.store.changes.isRevoked('grant', grant_id));
  await assertOAuth(await post(flow, '/token', refreshForm(refresh_token)), 400, 'invalid_grant');
  const { store } = flow.world;
  const noted = () => store.audit.operations(10).filter(({ action }) => action === 'grant.reuse').length;
  assert.equal(noted(), 1);
  await assertOAuth(await post(flow, '/token', codeForm(code)), 400, 'invalid_grant');
  assert.equal(noted(), 1, 'a copy that is shown on and on fills no log');
});

test('[token.bound] a code ends after 60 seconds, and the access with it never began', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  flow.world.clock.now += 59;
  const late = await getCode(flow, { prompt: 'consent' });
  flow.world.clock.now += 1;
  await assertOAuth(await post(flow, '/token', codeForm(code)), 400, 'invalid_grant', WRONG_CODE);
  await good(post(flow, '/token', codeForm(late)));
});

test('[token.bound] another client cannot use a code, and does not use it up', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  const other: Flow = { ...flow, app: addApp(flow.world) };
  await assertOAuth(await post(other, '/token', codeForm(code)), 400, 'invalid_grant', WRONG_CODE);
  await good(post(flow, '/token', codeForm(code)));
  await assertOAuth(await post(other, '/token', codeForm(code)), 400, 'invalid_grant', WRONG_CODE);
  const grants = flow.world.store.grants.list(null, START).filter(({ kind }) => kind === 'consent');
  assert.equal(grants.length, 1, 'what another client shows ends nothing');
});

test('the example of RFC 7636 appendix B is redeemed', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow, { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' });
  const code_verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  assert.equal((await good(post(flow, '/token', codeForm(code, { code_verifier })))).token_type, 'DPoP');
});

test('[token.bound] a code without its verifier is worth nothing', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  for (const code_verifier of [
    'b'.repeat(43),
    'a'.repeat(42),
    'a'.repeat(129),
    `${'a'.repeat(42)}!`,
    VERIFIER.slice(1),
  ])
    await assertOAuth(
      await post(flow, '/token', codeForm(code, { code_verifier })),
      400,
      'invalid_grant',
      'The "code_verifier" does not belong to the "code_challenge" of the authorization request.',
    );
  await assertOAuth(
    await post(flow, '/token', codeForm(code, { code_verifier: undefined })),
    400,
    'invalid_request',
    'The token request needs the parameter "code_verifier".',
  );
  await good(post(flow, '/token', codeForm(code)));
});

test('a code goes with the redirect URI of its request, octet for octet', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  for (const redirect_uri of [undefined, `${CALLBACK}/`, 'https://app.example/other'])
    await assertOAuth(
      await post(flow, '/token', codeForm(code, { redirect_uri })),
      400,
      'invalid_grant',
      /^The redirect URI is not the one of the authorization request/,
    );
  await good(post(flow, '/token', codeForm(code)));
  // Where the request did not name it, the token request need not either (RFC 6749 §4.1.3).
  const unnamed = await getCode(flow, { redirect_uri: undefined, prompt: 'consent' });
  await good(post(flow, '/token', codeForm(unnamed, { redirect_uri: undefined })));
});

test('[token.bound] a code that names a key works for that key alone (RFC 9449 §10)', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow, { dpop_jkt: flow.app.key.jkt });
  await assertOAuth(
    await post(flow, '/token', codeForm(code), { key: makeSigner() }),
    400,
    'invalid_grant',
    'The code is bound to another DPoP key than the one that this request proves.',
  );
  await good(post(flow, '/token', codeForm(code)));
});

test('a token request may repeat the resource, and name no other', async () => {
  const flow = await makeFlow();
  const elsewhere = 'https://other.example/mcp';
  await addServer(flow.world, elsewhere);
  const code = await getCode(flow);
  await assertOAuth(
    await post(flow, '/token', codeForm(code, { resource: elsewhere })),
    400,
    'invalid_target',
    'The resource is not the one that was consented to.',
  );
  await good(post(flow, '/token', codeForm(code, { resource: MCP })));
});

test('[token.bound] a token request may ask for less than was consented to, never for more', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  const other = addConnection(flow.world, { connection: 'other' });
  const ticks = { 'detail.0': 'on' };
  const given = await getCode(flow, { scope: 'mcp:read mcp:write' }, ticks);
  const named = flow.world.store.connections.find(handle)?.name;
  assert.equal(named, 'github');
  const whole = await good(post(flow, '/token', codeForm(given)));
  const [detail] = whole.authorization_details as { identifier: string; locations: string[] }[];
  const mine = detail!.identifier;
  const notMine = mine === handle ? other.handle : handle;
  const ask = async (change: Record<string, string>) =>
    post(flow, '/token', codeForm(await getCode(flow, { scope: 'mcp:read mcp:write', prompt: 'consent' }), change));
  const details = (...all: object[]) => JSON.stringify(all.map((each) => ({ type: 'dauth_connection', ...each })));
  const at = { identifier: mine, locations: ['https://api.github.com'] };

  const less = await good(
    ask({ scope: 'mcp:read', authorization_details: details({ ...at, actions: ['GET /repos/a/*'] }) }),
  );
  assert.equal(less.scope, 'mcp:read');
  assert.deepEqual(
    (less.authorization_details as { actions: string[] }[]).map(({ actions }) => actions),
    [['GET /repos/a/*']],
  );
  assert.deepEqual((await good(ask({ authorization_details: details({ identifier: mine }) }))).authorization_details, [
    detail,
  ]);
  await assertOAuth(await ask({ scope: 'mcp:read profile' }), 400, 'invalid_scope', /^A scope was not consented to/);
  const beyond: readonly [string, RegExp][] = [
    [details({ identifier: notMine }), /^An authorization detail names a connection that this client cannot use/],
    [details({ ...at, actions: ['DELETE /repos/**'] }), /exceeds what was consented to/],
    [details({ ...at, locations: ['https://evil.example'], actions: ['GET /user'] }), /exceeds what was consented to/],
  ];
  for (const [authorization_details, sentence] of beyond)
    await assertOAuth(await ask({ authorization_details }), 400, 'invalid_authorization_details', sentence);
});

test('name and email are in the token where the person let the server know, as they are now', async () => {
  const flow = await makeFlow();
  const both = await getTokens(flow, { scope: 'mcp:read profile email' });
  assert.equal(both.scope, 'mcp:read profile email');
  const { name, email } = claimsOf(both.access_token);
  assert.deepEqual({ name, email }, { name: 'Ada Lovelace', email: 'ada@example.org' });
  const one = await good(post(flow, '/token', refreshForm(both.refresh_token, { scope: 'profile' })));
  assert.equal(claimsOf(one.access_token).name, 'Ada Lovelace');
  assert.equal(claimsOf(one.access_token).email, undefined);
  const unticked = await getTokens(
    { ...flow, app: addApp(flow.world) },
    { scope: 'profile' },
    { 'scope.0': undefined },
  );
  assert.equal(claimsOf(unticked.access_token).name, undefined);
});

for (const [change, what] of [
  ['suspended', (flow: Flow, handle: string) => setStatus(flow, handle, 'suspended')],
  ['revoked', (flow: Flow, handle: string) => setStatus(flow, handle, 'revoked')],
  ['ended', (flow: Flow) => void (flow.world.clock.now += 50)],
] as const)
  test(`[token.bound] a connection that was ${change} after the yes is not in the token`, async () => {
    const flow = await makeFlow();
    const { handle } = addConnection(flow.world, { exp: START + 50 });
    const code = await getCode(flow, {}, { 'detail.0': 'on' });
    what(flow, handle);
    const answer = await good(post(flow, '/token', codeForm(code)));
    assert.deepEqual(answer.authorization_details, []);
  });

function setStatus({ world }: Flow, handle: string, status: 'suspended' | 'revoked'): void {
  const { store, clock } = world;
  store.transaction(() => store.connections.setStatus(handle as never, status, 1, clock.now));
}

test('[token.bound] of a connection that was sealed again for less, only that is in the token', async () => {
  const flow = await makeFlow();
  const sealed = addConnection(flow.world);
  const code = await getCode(flow, {}, { 'detail.0': 'on' });
  const { store, clock } = flow.world;
  const fewer = { ver: 2, allow: [allow('https://api.github.com', ['GET'], ['/user'])], handle: sealed.handle };
  const { envelope, seal_proof, handle } = seal(flow.world, 'ada', makeSigner(), fewer);
  const next = { handle, ver: 2, envelope, seal_proof, endorsements: [], trusted: [], reseal: null };
  assert.ok(store.transaction(() => store.connections.rotate(next, clock.now)));
  const { authorization_details } = await good(post(flow, '/token', codeForm(code)));
  assert.deepEqual(
    (authorization_details as { actions: string[] }[]).map(({ actions }) => actions),
    [['GET /user']],
  );
});

for (const what of ['grant', 'client', 'server', 'owner', 'org'] as const)
  test(`[revoke.fast] a code of a revoked ${what} gives nothing`, async () => {
    const flow = await makeFlow();
    const code = await getCode(flow);
    const [grant] = flow.world.store.grants.list(null, START).filter(({ kind }) => kind === 'consent');
    const ids = { grant: grant!.id, client: flow.app.id, server: MCP, owner: 'ada', org: 'default' };
    revoke(flow.world, what, ids[what]);
    const status = what === 'client' ? 401 : 400;
    const error = what === 'client' ? 'invalid_client' : 'invalid_grant';
    await assertOAuth(await post(flow, '/token', codeForm(code)), status, error);
  });

test('a client that lost the grant type cannot use its code', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, grants: ['refresh_token'] });
  await assertOAuth(await post(flow, '/token', codeForm(code)), 400, 'unauthorized_client');
});

test('a client that is not registered for refresh tokens gets none', async () => {
  const flow = await makeFlow({ grants: ['authorization_code'] });
  assert.equal('refresh_token' in (await getTokens(flow)), false);
});

test('a code is stored by its hash alone', async () => {
  const flow = await makeFlow();
  const code = await getCode(flow);
  assert.match(code, /^[\w-]{43}$/);
  assert.equal(flow.world.store.codes.find(code), undefined);
});

test('[token.bound] a client that an operator marked gets a token without a key, of connections that allow it', async () => {
  const flow = await makeFlow({ dpop_bound_access_tokens: false });
  addConnection(flow.world, { connection: 'closed' });
  const open = addConnection(flow.world, { connection: 'open', bearer: true });
  const page = await authorize(flow);
  const text = await page.text();
  assert.ok(text.includes('<strong>Bearer</strong>') && text.includes('<bdi>open</bdi>'), text);
  assert.ok(!text.includes('<bdi>closed</bdi>'), text);
  const code = await getCode(flow, {}, { 'detail.0': 'on' });
  const answer = await good(post(flow, '/token', codeForm(code), { proof: null }));
  assert.equal(answer.token_type, 'Bearer');
  assert.deepEqual((answer.authorization_details as { identifier: string }[])[0]?.identifier, open.handle);
  assert.equal(claimsOf(answer.access_token).cnf, undefined);
});

test('two people of one app have grants of their own', async () => {
  const flow = await makeFlow();
  await getTokens(flow);
  const bob = { ...flow, browser: signedIn(flow.world, { sub: 'bob', login: 'bob', name: 'Bob', email: null }) };
  const { access_token } = await getTokens(bob, { scope: 'mcp:read email profile' });
  assert.equal(claimsOf(access_token).sub, 'bob');
  assert.equal(claimsOf(access_token).email, undefined);
  assert.equal(told(await authorize(bob, { prompt: 'none' })).error, undefined);
});
