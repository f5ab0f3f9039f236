/** The whole way of apps that no operator registered: from the page a person sees to tokens, and to where that ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addApp,
  authorize,
  CALLBACK,
  getTokens,
  makeFlow,
  parameters,
  post,
  refreshForm,
  type Flow,
} from '../oauth/consent.test-support.ts';
import { DEVICE_CODE } from '../oauth/device.ts';
import { Browser } from '../people/browser.test-support.ts';
import { makeSigner } from '../signer.test-support.ts';
import { claimsOf, ISSUER, MCP, START } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { web, type Web } from './web.test-support.ts';

const ID = 'https://desktop.example/client.json';
const GRANTS = ['authorization_code', 'refresh_token'];
const DOCUMENT = { client_id: ID, client_name: 'A desktop app', redirect_uris: [CALLBACK], grant_types: GRANTS };

async function scene(): Promise<Flow & { readonly outside: Web }> {
  const outside = web({ [ID]: { body: DOCUMENT } });
  const flow = await makeFlow({}, {}, outside.dial);
  return { ...flow, app: { id: ID, key: makeSigner(), authKey: null }, outside };
}

test('an app with a document gets tokens for the person who said yes to the host it stands on', async () => {
  const flow = await scene();
  assert.match(await (await authorize(flow)).text(), /published by <code>desktop\.example<\/code>/);
  const { access_token, token_type } = await getTokens(flow);
  const { client_id, sub, cnf } = claimsOf(access_token);
  assert.deepEqual([token_type, client_id, sub, cnf], ['DPoP', ID, 'ada', { jkt: flow.app.key.jkt }]);
});

test('[token.bound] an app whose document is gone refreshes while the copy lives, and asks nobody any more after it', async () => {
  const flow = await scene();
  const { refresh_token } = await getTokens(flow);
  flow.outside.pages.delete(ID);
  const again = await post(flow, '/token', refreshForm(refresh_token));
  const second = (await again.json()) as { refresh_token: string };
  assert.equal(again.status, 200, 'control');
  flow.world.clock.now += 60;
  const form = refreshForm(second.refresh_token);
  await assertOAuth(await post(flow, '/token', form), 401, 'invalid_client');
  await assertOAuth(await post(flow, '/par', parameters(flow)), 401, 'invalid_client');
  const page = await authorize(flow);
  assert.equal(page.status, 400);
  assert.match(await page.text(), /The app that sent you here is not registered at this authority\./);
});

test('[token.bound] a redirect URI that a document no longer names is sent nothing', async () => {
  const flow = await scene();
  assert.equal((await authorize(flow)).status, 200, 'control');
  flow.outside.pages.set(ID, { body: { ...DOCUMENT, redirect_uris: ['https://desktop.example/other'] } });
  flow.world.clock.now += 60;
  const page = await authorize(flow);
  assert.equal(page.status, 400);
  assert.equal(page.headers.get('location'), null);
});

test('a client that registered itself is kept for what a person let in, and for nothing that anybody can do in its name', async () => {
  const flow = await makeFlow({ source: 'dynamic', grants: [...GRANTS, DEVICE_CODE] });
  const { registry } = flow.world.store;
  const isKept = (days: number): boolean => {
    flow.world.store.transaction(() => registry.dropUnused(START + days * 86_400));
    return registry.client(flow.app.id) !== undefined;
  };
  const kept = { ...flow, app: addApp(flow.world, { source: 'dynamic' }) };
  await getTokens(kept);
  assert.equal((await post(flow, '/par', parameters(flow))).status, 201);
  const device = new URLSearchParams({ resource: MCP });
  assert.equal((await post(flow, '/device_authorization', device)).status, 200);
  assert.equal((await post(flow, '/revoke', new URLSearchParams({ token: 'x' }))).status, 200);
  assert.equal(isKept(1), false);
  assert.notEqual(registry.client(kept.app.id), undefined, 'control');
});

test('a refusal leads to an app that nobody vouches for by a link only, whoever comes', async () => {
  const flow = await scene();
  const stranger = { ...flow, browser: new Browser(flow.world) };
  const cases: readonly (readonly [Flow, Record<string, string>, string])[] = [
    [stranger, { scope: 'mcp:other' }, 'invalid_scope'],
    [stranger, { prompt: 'none' }, 'login_required'],
    [flow, { prompt: 'none' }, 'consent_required'],
  ];
  for (const [who, change, error] of cases) {
    const page = await authorize(who, change);
    const text = await page.text();
    assert.equal(page.status, 400, text);
    for (const header of ['location', 'refresh']) assert.equal(page.headers.get(header), null, error);
    const link = /<a href="([^"]+)">to <code>https:\/\/app\.example\/callback<\/code>/.exec(text)?.[1];
    const told = new URL(link!.replaceAll('&amp;', '&')).searchParams;
    assert.deepEqual([told.get('error'), told.get('state'), told.get('iss')], [error, 'xyz', ISSUER]);
  }
  const registered = await makeFlow();
  assert.equal((await authorize(registered, { scope: 'mcp:other' })).status, 303, 'control');
});

test('an app that registered itself gets tokens for the person who said yes', async () => {
  const flow = await makeFlow({}, { clients: { registration: 'open' } });
  const body = JSON.stringify({ client_name: 'An app', redirect_uris: [CALLBACK], grant_types: GRANTS });
  const headers = { 'content-type': 'application/json' };
  const registered = await flow.world.app.request('/register', { method: 'POST', headers, body });
  const { client_id: id } = (await registered.json()) as { client_id: string };
  const own = { ...flow, app: { id, key: makeSigner(), authKey: null } };
  assert.equal(claimsOf((await getTokens(own)).access_token).client_id, id);
});
