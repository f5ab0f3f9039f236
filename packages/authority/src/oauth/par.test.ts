/** Pushed authorization requests (RFC 9126): by the client itself, for one use, under the same rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefusalPage, Browser, signedIn } from '../people/browser.test-support.ts';
import { dpop, makeSigner } from '../signer.test-support.ts';
import { ISSUER, START } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import {
  addApp,
  answer,
  authorize,
  CALLBACK,
  codeForm,
  good,
  makeFlow,
  parameters,
  post,
  told,
  type Flow,
  type Parameters,
} from './consent.test-support.ts';

const USED = 'This request was used or has ended. Start again in the app.';

interface Pushed {
  readonly request_uri: string;
  readonly expires_in: number;
}

async function push(flow: Flow, change: Parameters = {}): Promise<string> {
  return (await good<Pushed>(post(flow, '/par', parameters(flow, change)), 201)).request_uri;
}

function open(flow: Flow, request_uri: string, client_id = flow.app.id): Promise<Response> {
  return flow.browser.go(`/authorize?${new URLSearchParams({ client_id, request_uri }).toString()}`);
}

test('[token.bound] a pushed request is one name for a browser to carry, and its key is the one of the code', async () => {
  for (const auth of ['none', 'private_key_jwt'] as const) {
    const flow = await makeFlow({ auth });
    const response = await post(flow, '/par', parameters(flow));
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const pushed = await good<Pushed>(response, 201);
    assert.deepEqual(Object.keys(pushed), ['request_uri', 'expires_in']);
    assert.match(pushed.request_uri, /^urn:ietf:params:oauth:request_uri:[\w-]{43}$/);
    assert.equal(pushed.expires_in, 60);
    assert.equal((await open(flow, pushed.request_uri)).status, 200);
    const { code, state } = told(await answer(flow));
    assert.equal(state, 'xyz');
    await assertOAuth(
      await post(flow, '/token', codeForm(code!), { key: makeSigner() }),
      400,
      'invalid_grant',
      'The code is bound to another DPoP key than the one that this request proves.',
    );
    await good(post(flow, '/token', codeForm(code!)));
  }
});

test('a pushed request is used once, by its own client, within 60 seconds', async () => {
  const flow = await makeFlow();
  const other = { ...flow, app: addApp(flow.world) };
  const request_uri = await push(flow);
  await assertRefusalPage(await open(flow, request_uri, other.app.id), 400, USED);
  assert.equal((await open(flow, request_uri)).status, 200, "another client's try leaves it");
  await assertRefusalPage(await open(flow, request_uri), 400, USED);
  const late = [await push(flow), await push(flow)] as const;
  flow.world.clock.now += 59;
  assert.equal((await open(flow, late[0])).status, 200);
  flow.world.clock.now += 1;
  await assertRefusalPage(await open(flow, late[1]), 400, USED);
  await assertRefusalPage(await open(flow, 'urn:ietf:params:oauth:request_uri:x'), 400, USED);
});

test('what stands in the address beside a pushed request has no effect', async () => {
  const flow = await makeFlow();
  const request_uri = await push(flow, { prompt: 'consent' });
  await authorize(flow, { request_uri, scope: 'mcp:write', state: 'other', redirect_uri: 'https://evil.example' });
  const { code, state } = told(await answer(flow));
  assert.equal(state, 'xyz');
  assert.equal((await good(post(flow, '/token', codeForm(code!)))).scope, 'mcp:read');
});

test('who signs in for a pushed request comes back to it, with all the time a sign-in takes', async () => {
  const flow = await makeFlow();
  const request_uri = await push(flow);
  const out = new Browser(flow.world);
  const response = await open({ ...flow, browser: out }, request_uri);
  const next = new URL(response.headers.get('location')!, ISSUER).searchParams.get('next')!;
  assert.match(next, /^\/authorize\?client_id=/);
  await assertRefusalPage(await open(flow, request_uri), 400, USED);
  flow.world.clock.now += 599;
  const back = { ...flow, browser: signedIn(flow.world) };
  assert.equal((await back.browser.go(next)).status, 200);
  assert.equal(told(await answer(back)).state, 'xyz');
});

test('the key of a pushed request is said once: by proof or by name, never two', async () => {
  const flow = await makeFlow();
  const other = makeSigner();
  await assertOAuth(
    await post(flow, '/par', parameters(flow, { dpop_jkt: other.jkt })),
    400,
    'invalid_request',
    '"dpop_jkt" and the DPoP proof name different keys.',
  );
  await push(flow, { dpop_jkt: flow.app.key.jkt });
  const named = parameters(flow, { dpop_jkt: other.jkt });
  const { request_uri } = await good<Pushed>(post(flow, '/par', named, { proof: null }), 201);
  await open(flow, request_uri);
  const { code } = told(await answer(flow));
  await assertOAuth(await post(flow, '/token', codeForm(code!)), 400, 'invalid_grant');
  await good(post(flow, '/token', codeForm(code!), { key: other }));
});

test('a proof is taken once, and for this endpoint only', async () => {
  const flow = await makeFlow();
  const proofFor = (path: string) => dpop(flow.app.key, { htm: 'POST', htu: `${ISSUER}${path}`, iat: START });
  await assertOAuth(
    await post(flow, '/par', parameters(flow), { proof: proofFor('/token') }),
    400,
    'invalid_dpop_proof',
  );
  const proof = proofFor('/par');
  await good(post(flow, '/par', parameters(flow), { proof }), 201);
  await assertOAuth(
    await post(flow, '/par', parameters(flow), { proof }),
    400,
    'invalid_dpop_proof',
    'This DPoP proof was used before. Sign a fresh one.',
  );
});

test('a client that does not prove itself pushes nothing', async () => {
  const flow = await makeFlow({ auth: 'private_key_jwt' });
  const unproven = { ...flow, app: { ...flow.app, authKey: null } };
  await assertOAuth(await post(unproven, '/par', parameters(flow)), 401, 'invalid_client');
  const wrong = { ...flow, app: { ...flow.app, authKey: makeSigner() } };
  await assertOAuth(await post(wrong, '/par', parameters(flow)), 401, 'invalid_client');
  await push(flow);
});

for (const [what, change, error] of [
  ['a redirect URI of elsewhere', { redirect_uri: 'https://evil.example/' }, 'invalid_request'],
  ['a request URI', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'request_uri_not_supported'],
  ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
  ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
  ['PKCE in the clear', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['a scope nobody offers', { scope: 'mcp:other' }, 'invalid_scope'],
  ['a server nobody registered', { resource: 'https://nobody.example/mcp' }, 'invalid_target'],
] as const)
  test(`${what} is refused when it is pushed`, async () => {
    const flow = await makeFlow();
    await assertOAuth(await post(flow, '/par', parameters(flow, change)), 400, error);
  });

test('a pushed request is not refused for its way: only POST, only as a form', async () => {
  const { world } = await makeFlow();
  assert.equal((await world.app.request('/par')).status, 405);
  const headers = { 'content-type': 'application/json' };
  const response = await world.app.request('/par', { method: 'POST', headers, body: '{}' });
  await assertOAuth(
    response,
    400,
    'invalid_request',
    'Send the authorization request as application/x-www-form-urlencoded.',
  );
});

test('one client cannot keep all the room: 256 requests wait, and others push on', async () => {
  const flow = await makeFlow();
  const { store, clock } = flow.world;
  const other = { ...flow, app: addApp(flow.world) };
  for (let index = 0; index < 256; index++) assert.ok(store.asks.push(`hash-${index}`, flow.app.id, {}, START + 60, 1));
  const full = await post(flow, '/par', parameters(flow));
  assert.equal(full.headers.get('retry-after'), '1');
  await assertOAuth(full, 503, 'temporarily_unavailable', 'Too many requests of this client wait for a browser.');
  await push(other);
  clock.now += 60;
  await push(flow);
});

test('what anybody can send leaves half of the room to clients of the operator that prove themselves', async () => {
  const flow = await makeFlow({ auth: 'private_key_jwt' });
  const { store } = flow.world;
  const long = `${parameters(flow).toString()}&x=${'y'.repeat(5_000)}`;
  const stranger = (): Promise<Response> => new Browser(flow.world).go(`/authorize?${long}`);
  for (let index = 0; index < 127; index++)
    assert.ok(store.asks.push(`hash-${index}`, flow.app.id, {}, START + 60, 0.5));
  assert.match((await stranger()).headers.get('location')!, /^\/sign-in\?next=/);
  assert.equal(told(await stranger()).error, 'temporarily_unavailable');
  await push(flow);
  for (let index = 0; index < 2_000; index++)
    store.asks.push(`other-${index}`, `other ${index % 20}`, {}, START + 60, 0.5);
  const own = { ...flow, app: addApp(flow.world, { source: 'document', auth: 'private_key_jwt' }) };
  for (const app of [own, { ...flow, app: addApp(flow.world) }])
    await assertOAuth(await post(app, '/par', parameters(app)), 503, 'temporarily_unavailable');
  await push(flow);
});

test('a redirect URI that was unregistered after the push is not redirected to', async () => {
  const flow = await makeFlow();
  const request_uri = await push(flow);
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, redirect_uris: [`${CALLBACK}2`] });
  await assertRefusalPage(await open(flow, request_uri), 400, 'The app is not registered any more as it was.');
});

test('a scope that was withdrawn after the push is refused', async () => {
  const flow = await makeFlow();
  const request_uri = await push(flow);
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, scopes: [] });
  assert.equal(told(await open(flow, request_uri)).error, 'invalid_scope');
});
