/** Clients that register themselves: only where that is open, only so often, and with what a stranger may have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertion, dpop, makePair, makeSigner } from '../signer.test-support.ts';
import { call, ISSUER, makeWorld, START, type World } from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';

const OPEN = { config: { clients: { registration: 'open' } } };
const CALLBACK = 'https://app.example/callback';
const WANTED = { client_name: 'An app', redirect_uris: [CALLBACK] };
const DAY = 86_400;

function register(world: World, body: unknown, address = '192.0.2.1'): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json' };
  const incoming = { rawHeaders: Object.entries(headers).flat(), socket: { remoteAddress: address } };
  return Promise.resolve(world.app.request('/register', { method: 'POST', headers, body: text }, { incoming }));
}

async function registered(response: Promise<Response>): Promise<Record<string, unknown> & { client_id: string }> {
  const text = await (await response).text();
  assert.equal((await response).status, 201, text);
  return JSON.parse(text) as Record<string, unknown> & { client_id: string };
}

test('where registration is off there is no such endpoint, and nobody is told of one', async () => {
  const world = await makeWorld();
  await assertProblem(await register(world, WANTED), 404, 'NOT_FOUND');
  const answer = await world.app.request('/.well-known/oauth-authorization-server');
  assert.equal(((await answer.json()) as { registration_endpoint?: string }).registration_endpoint, undefined);
});

test('a public client registers, and is told what it got', async () => {
  const world = await makeWorld(OPEN);
  const answer = await world.app.request('/.well-known/oauth-authorization-server');
  assert.equal(
    ((await answer.json()) as { registration_endpoint?: string }).registration_endpoint,
    `${ISSUER}/register`,
  );
  const paths = ((await (await world.app.request('/openapi.json')).json()) as { paths: object }).paths;
  assert.ok('/register' in paths);
  const client = await registered(register(world, WANTED));
  assert.deepEqual(client, {
    ...{ client_id: client.client_id, client_id_issued_at: START, client_name: 'An app', redirect_uris: [CALLBACK] },
    ...{ grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'none' },
    ...{ application_type: 'web', dpop_bound_access_tokens: true },
  });
  assert.equal(world.store.registry.client(client.client_id)?.source, 'dynamic');
});

test('a registration gets less than it asks for where it asks for what strangers do not have', async () => {
  const world = await makeWorld(OPEN);
  const grant_types = ['authorization_code', 'refresh_token', 'client_credentials', 'password'];
  const more = { scope: 'dauth:admin', owner: 'ada', org: 'other', software_id: 'x', client_secret: 'mine' };
  const client = await registered(register(world, { ...WANTED, ...more, grant_types }));
  assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token']);
  assert.equal(client.client_secret, undefined);
  const { owner, org, scopes, grants } = world.store.registry.client(client.client_id)!;
  assert.deepEqual([owner, org, scopes, grants], [null, 'default', null, ['authorization_code', 'refresh_token']]);
});

test('a client that registers a key authenticates with it', async () => {
  const world = await makeWorld(OPEN);
  const key = makeSigner();
  const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.jwk] } };
  const client = await registered(register(world, { ...WANTED, ...keyed }));
  assert.deepEqual([client.token_endpoint_auth_method, client.jwks], ['private_key_jwt', { keys: [key.jwk] }]);
  const { client_id: id } = client;
  const body = new URLSearchParams({
    ...{ grant_type: 'client_credentials', resource: ISSUER },
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion(key, { iss: id, sub: id, aud: ISSUER, iat: START, exp: START + 60 }),
  });
  const headers = { dpop: dpop(key, { htm: 'POST', htu: `${ISSUER}/token`, iat: START }) };
  const answer = await world.app.request('/token', { method: 'POST', headers, body });
  await assertOAuth(answer, 400, 'unauthorized_client', 'The client is not registered for this grant type.');
});

const NATIVE = ['http://127.0.0.1/callback', 'http://localhost:3000/callback', 'com.example.app:/callback'];
for (const uri of NATIVE) {
  test(`an app on a device registers ${uri}, and a web application does not`, async () => {
    const world = await makeWorld(OPEN);
    const wanted = { redirect_uris: [uri] };
    for (const more of [{}, { application_type: 'native' }])
      assert.equal((await registered(register(world, { ...wanted, ...more }))).application_type, 'native');
    const said = 'A client of the application type "web" has https redirect URIs; an app on a device is "native".';
    await assertRefused(world, { ...wanted, application_type: 'web' }, 'invalid_redirect_uri', said);
  });
}

async function assertRefused(world: World, body: unknown, error: string, said: string): Promise<void> {
  const before = world.store.registry.countClients('dynamic');
  await assertOAuth(await register(world, body), 400, error, said);
  assert.equal(world.store.registry.countClients('dynamic'), before);
}

const NO_SECRETS = 'Clients authenticate with private_key_jwt, or are public (none). There are no shared secrets.';
const KEYED = { ...WANTED, token_endpoint_auth_method: 'private_key_jwt' };
const ONE_KEY = '"jwks" must hold exactly one key for signatures.';
const PRIVATE = makePair('P-256').privateKey.export({ format: 'jwk' });
const REFUSED: readonly (readonly [what: string, body: unknown, error: string, said: string])[] = [
  ['no object', [], 'invalid_client_metadata', 'A registration must be an object.'],
  ['no JSON', '{', 'invalid_client_metadata', 'A JSON document is not well-formed.'],
  [
    'nowhere to be sent back to',
    {},
    'invalid_redirect_uri',
    'Redirect URIs and the grant type authorization_code go together.',
  ],
  [
    'a fragment in a redirect URI',
    { redirect_uris: [`${CALLBACK}#a`] },
    'invalid_redirect_uri',
    'A redirect URI has no fragment.',
  ],
  [
    'a redirect URI that a browser would run',
    { redirect_uris: ['javascript:alert(1)'] },
    'invalid_redirect_uri',
    'A redirect URI is https, or http on a loopback address, or has a scheme that is a domain in reverse (com.example.app:/).',
  ],
  [
    'redirect URIs that are text',
    { redirect_uris: CALLBACK },
    'invalid_redirect_uri',
    '"redirect_uris" must be an array.',
  ],
  [
    'a shared secret',
    { ...WANTED, token_endpoint_auth_method: 'client_secret_basic' },
    'invalid_client_metadata',
    NO_SECRETS,
  ],
  [
    'keys by reference',
    { ...KEYED, jwks_uri: 'https://app.example/keys' },
    'invalid_client_metadata',
    'Keys are registered by value ("jwks").',
  ],
  [
    'no key',
    KEYED,
    'invalid_client_metadata',
    '"private_key_jwt" goes with one key in "jwks", and "none" goes without.',
  ],
  ['two keys', { ...KEYED, jwks: { keys: [makeSigner().jwk, makeSigner().jwk] } }, 'invalid_client_metadata', ONE_KEY],
  [
    'a private key',
    { ...KEYED, jwks: { keys: [PRIVATE] } },
    'invalid_client_metadata',
    'A key holds private members; send the public half only.',
  ],
  [
    'tokens without a key',
    { ...WANTED, dpop_bound_access_tokens: false },
    'invalid_client_metadata',
    'Tokens are bound to a key (DPoP); only an operator can exempt a client from that.',
  ],
  [
    'another application type',
    { ...WANTED, application_type: 'tv' },
    'invalid_client_metadata',
    '"application_type" must be "web" or "native".',
  ],
  [
    'only grants of its own',
    { ...WANTED, grant_types: ['client_credentials'] },
    'invalid_client_metadata',
    '"grant_types" needs authorization_code.',
  ],
  [
    'a name of no letters',
    { ...WANTED, client_name: '' },
    'invalid_client_metadata',
    '"client_name" must be a non-empty string.',
  ],
];
for (const [what, body, error, said] of REFUSED) {
  test(`[token.bound] a registration with ${what} is refused`, async () => {
    await assertRefused(await makeWorld(OPEN), body, error, said);
  });
}

test('a registration is JSON, and no larger than 16 KiB', async () => {
  const world = await makeWorld(OPEN);
  await assertProblem(await register(world, { x: 'x'.repeat(16_384) }), 413, 'PAYLOAD_TOO_LARGE');
  const form = await world.app.request('/register', { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
  await assertProblem(form, 415, 'UNSUPPORTED_MEDIA_TYPE');
});

const TOO_MANY = 'Too many clients register in this minute. Wait, then try again.';

test('[token.bound] one address registers ten clients a minute, of IPv6 one network, and others go on meanwhile', async () => {
  const world = await makeWorld(OPEN);
  for (const at of [
    (n: number) => `192.0.2.${n < 0 ? 9 : 1}`,
    (n: number) => `2001:db8:0:${n < 0 ? 2 : 1}::${n + 2}`,
  ]) {
    for (let n = 0; n < 10; n++) await registered(register(world, WANTED, at(n)));
    await assertProblem(await register(world, WANTED, at(10)), 429, 'RATE_LIMITED', TOO_MANY);
    await registered(register(world, WANTED, at(-1)));
  }
  world.clock.now = START + 60;
  await registered(register(world, WANTED));
});

test('[token.bound] all addresses together register sixty clients a minute', async () => {
  const world = await makeWorld(OPEN);
  for (let n = 0; n < 60; n++) await registered(register(world, WANTED, `192.0.2.${n}`));
  await assertProblem(await register(world, WANTED, '198.51.100.1'), 429, 'RATE_LIMITED', TOO_MANY);
});

test('[token.bound] ten thousand clients register here, and the next when some have ended', async () => {
  const world = await makeWorld(OPEN);
  const { client_id } = await registered(register(world, WANTED));
  const client = world.store.registry.client(client_id)!;
  const put = (n: number) => world.store.registry.putClient({ ...client, client_id: `c${n}` });
  world.store.transaction(() => Array.from({ length: 9_999 }, (_, n) => n).forEach(put));
  const said = 'No more clients can register here for now.';
  await assertProblem(await register(world, WANTED), 429, 'RATE_LIMITED', said);
  world.clock.now = START + DAY;
  await registered(register(world, WANTED));
});

test('[token.bound] one address has five hundred clients that wait for their first use, and others register meanwhile', async () => {
  const world = await makeWorld(OPEN);
  const { registry } = world.store;
  const { client_id } = await registered(register(world, WANTED));
  const client = registry.client(client_id)!;
  world.store.transaction(() => {
    for (let n = 0; n < 499; n++) registry.putClient({ ...client, client_id: `c${n}` }, '192.0.2.1');
  });
  const said = 'Too many clients from this address wait for their first use.';
  await assertProblem(await register(world, WANTED), 429, 'RATE_LIMITED', said);
  await registered(register(world, WANTED, '192.0.2.2'));
  registry.touchClient('c7', START + 1);
  await registered(register(world, WANTED));
  await assertProblem(await register(world, WANTED), 429, 'RATE_LIMITED', said);
  world.clock.now = START + DAY;
  await registered(register(world, WANTED));
});

test('a client that is never used ends after a day, one that was used after ninety more, an operator’s never', async () => {
  const world = await makeWorld(OPEN);
  const { registry } = world.store;
  const [used, unused] = [await registered(register(world, WANTED)), await registered(register(world, WANTED))];
  const operators = registry.countClients('operator');
  registry.touchClient(used.client_id, START + 10);
  const at = (now: number): readonly boolean[] => {
    registry.dropUnused(now);
    return [used, unused].map(({ client_id }) => registry.client(client_id) !== undefined);
  };
  assert.deepEqual(at(START + DAY - 1), [true, true]);
  assert.deepEqual(at(START + DAY), [true, false]);
  assert.deepEqual(at(START + 90 * DAY + 9), [true, false]);
  assert.deepEqual(at(START + 90 * DAY + 10), [false, false]);
  registry.touchClient('operator', START);
  assert.equal(registry.countClients('operator'), operators);
});

test('an operator who changes a client forgets nothing of its use', async () => {
  const world = await makeWorld(OPEN);
  const { registry } = world.store;
  const { client_id } = await registered(register(world, WANTED));
  registry.touchClient(client_id, START);
  assert.equal((await call(world, world.operator, 'POST', `/clients/${client_id}/bind`)).status, 200);
  registry.dropUnused(START + DAY);
  assert.notEqual(registry.client(client_id), undefined);
});
