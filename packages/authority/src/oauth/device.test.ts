/** The device flow: a code on a device, a person elsewhere, and what each of them may do with what the other has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Browser, assertRefusalPage, signedIn } from '../people/browser.test-support.ts';
import { makeSigner } from '../signer.test-support.ts';
import { claimsOf, ISSUER, MCP, revoke, START } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import {
  addApp,
  addConnection,
  answer,
  boxes,
  good,
  makeFlow,
  post,
  refreshForm,
  type App,
  type Flow,
  type Parameters,
} from './consent.test-support.ts';
import { DEVICE_CODE } from './device.ts';

const GRANTS = [DEVICE_CODE, 'refresh_token'];
const NO_DEVICE = 'No device waits with this code. Look at it again, or start again there.';

interface Codes {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

const makeDevice = () => makeFlow({ grants: GRANTS, redirect_uris: [] });

function start(flow: Pick<Flow, 'world' | 'app'>, change: Parameters = {}): Promise<Codes> {
  return good<Codes>(post(flow, '/device_authorization', wants(change)));
}

function wants(change: Parameters = {}): URLSearchParams {
  const all = { resource: MCP, scope: 'mcp:read', ...change };
  return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function poll(flow: Pick<Flow, 'world' | 'app'>, { device_code }: Codes, key?: App['key']): Promise<Response> {
  const form = new URLSearchParams({ grant_type: DEVICE_CODE, device_code });
  return post(flow, '/token', form, key === undefined ? {} : { key });
}

/** A person types the code. */
async function type(flow: Pick<Flow, 'browser'>, user_code: string): Promise<Response> {
  await flow.browser.go('/device');
  return flow.browser.submit('/device', { user_code });
}

async function allow(flow: Flow, codes: Codes, change: Parameters = {}): Promise<void> {
  assert.equal((await type(flow, codes.user_code)).status, 200, flow.browser.text);
  const response = await answer(flow, change);
  assert.equal(response.status, 303, flow.browser.text);
  assert.equal(response.headers.get('location'), '/device/answered');
}

test('a device gets codes, asks and waits, and has tokens by its key once a person said yes', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  assert.match(codes.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  assert.match(codes.device_code, /^[\w-]{43}$/);
  const { device_code: _, user_code, ...rest } = codes;
  assert.deepEqual(rest, {
    ...{ verification_uri: `${ISSUER}/device`, expires_in: 600, interval: 5 },
    verification_uri_complete: `${ISSUER}/device?user_code=${user_code}`,
  });
  await assertOAuth(await poll(flow, codes), 400, 'authorization_pending', 'No person has answered yet. Ask again.');
  await allow(flow, codes);
  await flow.browser.go('/device/answered');
  assert.match(flow.browser.text, /The device has your answer\. Go back to it/);
  const token = await good(poll(flow, codes));
  const { sub, scope, aud, client_id, cnf } = claimsOf(token.access_token);
  assert.deepEqual(
    { sub, scope, aud, client_id, cnf },
    { sub: 'ada', scope: 'mcp:read', aud: MCP, client_id: flow.app.id, cnf: { jkt: flow.app.key.jkt } },
  );
  assert.equal((await good(post(flow, '/token', refreshForm(token.refresh_token)))).scope, 'mcp:read');
});

test('the page says which app, from where and when, warns, and lets the person choose as for any app', async () => {
  const flow = await makeDevice();
  const sealed = addConnection(flow.world);
  const wish = JSON.stringify([{ type: 'dauth_connection', identifier: sealed.handle }]);
  const codes = await start(flow, { authorization_details: wish });
  await type(flow, codes.user_code);
  const { text } = flow.browser;
  assert.match(text, /<bdi>an app<\/bdi>/);
  assert.match(text, /the device that asked from the address <code>unknown<\/code> at 2027-01-15 08:00 UTC/);
  assert.match(text, /role="alert">Whoever holds that device gets what you allow\./);
  assert.deepEqual(boxes(flow), { 'scope.0': true, 'detail.0': true });
  await answer(flow);
  const token = await good(poll(flow, codes));
  assert.deepEqual(
    token.authorization_details.map(({ identifier }) => identifier),
    [sealed.handle],
  );
});

test('a person who says no is heard, once', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  await type(flow, codes.user_code);
  await answer(flow, { decision: 'deny' });
  await assertOAuth(await poll(flow, codes), 400, 'access_denied', 'The person said no.');
  assert.equal(flow.world.store.grants.list({ sub: 'ada', org: 'default' }, START).length, 0);
  await type(flow, codes.user_code);
  assert.match(flow.browser.text, new RegExp(NO_DEVICE));
});

test('a device that asks too soon is slowed down, five seconds more each time', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  const { clock } = flow.world;
  await assertOAuth(await poll(flow, codes), 400, 'authorization_pending');
  clock.now += 4;
  await assertOAuth(await poll(flow, codes), 400, 'slow_down', 'Asked too soon: wait 10 seconds from now on.');
  clock.now += 9;
  await assertOAuth(await poll(flow, codes), 400, 'slow_down', 'Asked too soon: wait 15 seconds from now on.');
  clock.now += 15;
  await assertOAuth(await poll(flow, codes), 400, 'authorization_pending');
});

test('codes end after ten minutes, answered or not', async () => {
  const flow = await makeDevice();
  const [answered, waiting] = [await start(flow), await start(flow)];
  await allow(flow, answered);
  flow.world.clock.now += 599;
  await assertOAuth(await poll(flow, waiting), 400, 'authorization_pending');
  flow.world.clock.now += 1;
  for (const codes of [answered, waiting])
    await assertOAuth(await poll(flow, codes), 400, 'expired_token', 'The device code has ended. Ask for a new one.');
  assert.equal((await type(flow, waiting.user_code)).status, 403);
});

test('[token.bound] a device code works with the key that asked first, and for its client only', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  await allow(flow, codes);
  const otherKey = 'The device code is bound to another DPoP key than this request proves.';
  await assertOAuth(await poll(flow, codes, makeSigner()), 400, 'invalid_grant', otherKey);
  const other = addApp(flow.world, { grants: GRANTS });
  const none = 'The device code is not valid. Ask for a new one.';
  await assertOAuth(await poll({ ...flow, app: other }, codes), 400, 'invalid_grant', none);
  await assertOAuth(await poll(flow, { ...codes, device_code: codes.user_code }), 400, 'invalid_grant', none);
  await good(poll(flow, codes));
});

test('[revoke.fast] a device code that comes twice ends what it gave', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  await allow(flow, codes);
  const { refresh_token } = await good(poll(flow, codes));
  const ended = 'This device code was used before; the access it gave was ended.';
  await assertOAuth(await poll(flow, codes), 400, 'invalid_grant', ended);
  assert.equal((await post(flow, '/token', refreshForm(refresh_token))).status, 400);
});

test('[revoke.fast] what was revoked meanwhile gives no token', async () => {
  for (const [what, id] of [
    ['owner', 'ada'],
    ['org', 'default'],
    ['server', MCP],
  ] as const) {
    const flow = await makeDevice();
    const codes = await start(flow);
    await allow(flow, codes);
    revoke(flow.world, what, id);
    await assertOAuth(await poll(flow, codes), 400, 'invalid_grant', 'This access was revoked.');
  }
});

test('a link fills the code in and does nothing else; a person who is signed out comes back to it', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  const link = codes.verification_uri_complete.slice(ISSUER.length);
  await flow.browser.go(link);
  assert.match(flow.browser.text, new RegExp(`name="user_code"[^>]* value="${codes.user_code}"`));
  assert.ok(!flow.browser.text.includes('an app'));
  const out = await new Browser(flow.world).go(link);
  assert.equal(out.headers.get('location'), `/sign-in?next=${encodeURIComponent(link)}`);
  await flow.browser.go(`/device?user_code=${encodeURIComponent('"><script>')}`);
  assert.ok(!flow.browser.text.includes('<script>') && !/name="user_code"[^>]* value=/.test(flow.browser.text));
});

test('a code may be typed in small letters, with spaces or without its dash', async () => {
  const flow = await makeDevice();
  const { user_code } = await start(flow);
  for (const typed of [user_code.toLowerCase(), user_code.replace('-', ''), ` ${user_code.replace('-', ' ')} `])
    assert.equal((await type(flow, typed)).status, 200, typed);
});

test('ten wrong codes stop one person for ten minutes, and nobody else', async () => {
  const flow = await makeDevice();
  const { user_code } = await start(flow);
  for (let count = 0; count < 10; count++) {
    assert.equal((await type(flow, count % 2 === 0 ? 'BBBB-BBBB' : 'x')).status, 403);
    assert.match(flow.browser.text, new RegExp(`id="user_code-wrong" role="alert">${NO_DEVICE}`));
  }
  const stopped = await type(flow, user_code);
  assert.equal(stopped.headers.get('retry-after'), '600');
  await assertRefusalPage(stopped, 429, 'Too many tries did not work. Wait 10 minutes and try again.');
  const other = signedIn(flow.world, { sub: 'bob', login: 'bob' });
  assert.equal((await type({ browser: other }, user_code)).status, 200);
});

test("another organisation's device is no different from none", async () => {
  const flow = await makeDevice();
  const { user_code } = await start(flow);
  const other = signedIn(flow.world, { sub: 'eve', login: 'eve', org: 'other' });
  assert.equal((await type({ browser: other }, user_code)).status, 403);
  assert.match(other.text, new RegExp(NO_DEVICE));
});

test('a device that names an app of before is told apart from it', async () => {
  const flow = await makeDevice();
  await allow(flow, await start(flow));
  await type(flow, (await start(flow, { scope: 'mcp:write' })).user_code);
  assert.match(flow.browser.text, /Given before under this name<\/legend>[^]*Nothing proves that this is the program/);
});

test('one device has one answer, whoever typed its code', async () => {
  const flow = await makeDevice();
  const codes = await start(flow);
  const other = { ...flow, browser: signedIn(flow.world, { sub: 'bob', login: 'bob' }) };
  await type(flow, codes.user_code);
  await type(other, codes.user_code);
  assert.equal((await answer(flow)).status, 303);
  const late = await answer(other);
  await assertRefusalPage(late, 400, 'The app is not registered any more as it was. Start again in the app.');
  assert.equal(claimsOf((await good(poll(flow, codes))).access_token).sub, 'ada');
});

test('the store keeps neither code', async () => {
  const flow = await makeDevice();
  const { device_code, user_code } = await start(flow);
  const { store } = flow.world;
  assert.equal(store.devices.find(device_code), undefined);
  assert.equal(store.devices.waiting(user_code), undefined);
  assert.ok(!JSON.stringify(flow.world.events).includes(device_code));
});

test('a device is refused that may not ask, asks without a key, or for what there is not', async () => {
  const flow = await makeDevice();
  const ask = (change: Parameters = {}, app = flow.app, options = {}) =>
    post({ ...flow, app }, '/device_authorization', wants(change), options);
  const app = addApp(flow.world, { grants: ['authorization_code'] });
  await assertOAuth(
    await ask({}, app),
    400,
    'unauthorized_client',
    'The client is not registered for the device flow.',
  );
  await assertOAuth(await ask({}, { ...app, id: 'nobody' }), 401, 'invalid_client');
  await assertOAuth(await ask({}, flow.app, { proof: null }), 400, 'invalid_dpop_proof');
  await assertOAuth(await ask({ scope: 'mcp:all' }), 400, 'invalid_scope');
  await assertOAuth(await ask({ resource: 'https://other.example/mcp' }), 400, 'invalid_target');
  const carried = JSON.stringify([{ type: 'dauth_credential', envelope: 'x', seal_proof: 'y' }]);
  assert.equal((await ask({ authorization_details: carried })).status, 400);
});

test('parameters that are unknown or empty are as good as left out, and none is given twice', async () => {
  const flow = await makeDevice();
  const codes = await start(flow, { resource: MCP, unheard_of: 'x', state: '', authorization_details: '' });
  const again = await post(flow, '/device_authorization', new URLSearchParams(`scope=mcp:read&scope=mcp:read`));
  const twice = 'A parameter of the authorization request is given twice.';
  await assertOAuth(again, 400, 'invalid_request', twice);
  const form = `grant_type=${DEVICE_CODE}&device_code=${codes.device_code}&device_code=${codes.device_code}`;
  await assertOAuth(await post(flow, '/token', new URLSearchParams(form)), 400, 'invalid_request');
});

const TOO_MANY = 'Too many devices of this client, or at this address, wait for a person.';

test('[token.bound] at one address at most 64 devices wait, of all clients, and others go on meanwhile', async () => {
  const flow = await makeDevice();
  const { store, clock } = flow.world;
  const row = { client_id: 'another', jkt: null, request: {}, pause: 5, expires_at: clock.now + 1 };
  // A request of the tests comes from no address.
  for (let count = 0; count < 64; count++) store.devices.add({ ...row, hash: `h${count}` }, `u${count}`, '');
  await assertOAuth(await post(flow, '/device_authorization', wants()), 503, 'temporarily_unavailable', TOO_MANY);
  assert.equal(store.devices.hasRoom(flow.app.id, '192.0.2.1'), true);
  clock.now += 1;
  await start(flow);
});

test('a client has at most 256 devices that wait', async () => {
  const flow = await makeDevice();
  const { store, clock } = flow.world;
  const row = { client_id: flow.app.id, jkt: null, request: {}, pause: 5, expires_at: clock.now + 1 };
  for (let count = 0; count < 256; count++) store.devices.add({ ...row, hash: `h${count}` }, `u${count}`, `a${count}`);
  const refused = await post(flow, '/device_authorization', wants());
  await assertOAuth(refused, 503, 'temporarily_unavailable', TOO_MANY);
  await start({ ...flow, app: addApp(flow.world, { grants: GRANTS }) });
  clock.now += 1;
  await start(flow);
});

test('the metadata names the endpoint and the grant type', async () => {
  const { world } = await makeDevice();
  const metadata = (await (await world.app.request('/.well-known/oauth-authorization-server')).json()) as {
    device_authorization_endpoint: string;
    grant_types_supported: string[];
  };
  assert.equal(metadata.device_authorization_endpoint, `${ISSUER}/device_authorization`);
  assert.ok(metadata.grant_types_supported.includes(DEVICE_CODE));
});
