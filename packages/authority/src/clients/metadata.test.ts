/**
 * What an operator may register a client with: public ones, redirect URIs, grants, the marks. Each refusal by its exact
 * sentence, beside the same registration that is taken; nothing is registered after a refusal.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSigner } from '../signer.test-support.ts';
import { addClient, askToken, call, EXCHANGE, ISSUER, makeWorld, revoke, type World } from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';

const CODE = 'authorization_code';
const OWN = 'client_credentials';
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const CALLBACK = 'https://app.example/callback';
const PUBLIC = { name: 'an app', auth: 'none', redirect_uris: [CALLBACK] };

/** Clients that every authority registers itself. */
const BUILT_IN = ['dauth-cli', 'operator'];
const add = (world: World, body: object) => call(world, world.operator, 'POST', '/clients', body);

async function added(world: World, body: object): Promise<Record<string, unknown>> {
  const response = await add(world, body);
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return JSON.parse(text) as Record<string, unknown>;
}

test('a public client is registered without a key, and its code flow needs nothing said', async () => {
  const world = await makeWorld();
  const client = await added(world, PUBLIC);
  const { auth, jwk, jkt, grants, redirect_uris, dpop_bound_access_tokens, dpop_nonces, source } = client;
  assert.deepEqual([auth, jwk, jkt, grants, redirect_uris], ['none', null, null, [CODE], [CALLBACK]]);
  assert.deepEqual([dpop_bound_access_tokens, dpop_nonces, source], [true, false, 'operator']);
  assert.deepEqual(world.store.registry.client(String(client.client_id)), client);
});

test('a registration says that proofs need nonces, or that tokens need no key, and is answered so', async () => {
  const world = await makeWorld();
  const client = await added(world, { ...PUBLIC, dpop_nonces: true, dpop_bound_access_tokens: false });
  assert.deepEqual([client.dpop_nonces, client.dpop_bound_access_tokens], [true, false]);
  assert.deepEqual(world.store.registry.client(String(client.client_id)), client);
});

const TAKEN: readonly string[] = [
  'https://app.example',
  'https://app.example/',
  'https://app.example:8443/a?b=c%20d',
  'http://127.0.0.1/callback',
  'http://127.0.0.1:3000/callback',
  'http://localhost:3000/callback',
  'http://[::1]:3000/callback',
  'com.example.app:/callback',
  'com.example.app://callback',
];
for (const uri of TAKEN) {
  test(`${uri} is a redirect URI`, async () => {
    const world = await makeWorld();
    assert.deepEqual((await added(world, { ...PUBLIC, redirect_uris: [uri] })).redirect_uris, [uri]);
  });
}

const NOT_ABSOLUTE = 'A redirect URI must be an absolute URI.';
const NOT_PLAIN =
  'A redirect URI must be in its plain form: lowercase scheme and host, no default port, no dot segments.';
const NOT_SAFE =
  'A redirect URI is https, or http on a loopback address, or has a scheme that is a domain in reverse (com.example.app:/).';
const REFUSED: readonly (readonly [uri: unknown, said: string])[] = [
  [7, 'A redirect URI must be a non-empty string.'],
  ['', 'A redirect URI must be a non-empty string.'],
  ['/callback', NOT_ABSOLUTE],
  ['app.example/callback', NOT_ABSOLUTE],
  [`https://app.example/${'a'.repeat(493)}`, 'A redirect URI is longer than 512 characters.'],
  ['https://app.example/a#b', 'A redirect URI has no fragment.'],
  ['https://app.example/a#', 'A redirect URI has no fragment.'],
  ['https://app.example/*', 'A redirect URI is compared as it stands; there are no wildcards.'],
  ['https://*.app.example/', 'A redirect URI is compared as it stands; there are no wildcards.'],
  ['https://app.example@evil.example/', 'A redirect URI has no user name or password.'],
  ['https://:x@evil.example/', 'A redirect URI has no user name or password.'],
  ['com.example.app://evil@callback/', 'A redirect URI has no user name or password.'],
  ['http://app.example/callback', NOT_SAFE],
  ['http://localhost.evil.example/callback', NOT_SAFE],
  ['http://10.0.0.1/callback', NOT_SAFE],
  ['javascript:alert(1)', NOT_SAFE],
  ['data:text/html,x', NOT_SAFE],
  ['vbscript:x', NOT_SAFE],
  ['file:///etc/passwd', NOT_SAFE],
  ['blob:https://app.example/1', NOT_SAFE],
  ['ftp://app.example/', NOT_SAFE],
  ['myapp:/callback', NOT_SAFE],
  ['cursor://callback', NOT_SAFE],
  ['https:/app.example/callback', NOT_PLAIN],
  ['https:\\\\app.example\\callback', NOT_PLAIN],
  ['https://app.example\\@evil.example/', NOT_PLAIN],
  ['HTTPS://app.example/callback', NOT_PLAIN],
  ['https://App.example/callback', NOT_PLAIN],
  ['https://app.example:443/callback', NOT_PLAIN],
  ['https://app.example/a/../b', NOT_PLAIN],
  ['https://app.example/a b', NOT_PLAIN],
  ['https://äpp.example/', NOT_PLAIN],
  ['com.example.app:/ä', NOT_PLAIN],
  ['http://127.1/callback', NOT_PLAIN],
];
for (const [uri, said] of REFUSED) {
  test(`[token.bound] ${String(uri).slice(0, 60)} is no redirect URI`, async () => {
    const world = await makeWorld();
    await assertProblem(await add(world, { ...PUBLIC, redirect_uris: [uri] }), 400, 'INVALID_REQUEST', said);
    assert.equal(world.store.registry.clients().length, BUILT_IN.length);
  });
}

const KEYED = { name: 'a service', jwk: makeSigner().jwk };
const KEY_OR_PUBLIC = 'A client has a key ("jwk"), or is public ("auth": "none") and has none.';
const CONTRADICTIONS: readonly (readonly [what: string, body: object, said: string])[] = [
  ['with a key and public', { ...PUBLIC, jwk: makeSigner().jwk }, KEY_OR_PUBLIC],
  ['with neither key nor public', { name: 'x' }, KEY_OR_PUBLIC],
  [
    'with a shared secret',
    { ...PUBLIC, auth: 'client_secret_basic' },
    'Clients authenticate with private_key_jwt, or are public (none). There are no shared secrets.',
  ],
  [
    'public and for itself',
    { ...PUBLIC, grants: [CODE, OWN] },
    'A public client has nothing of its own to show: client_credentials and jwt-bearer need a key.',
  ],
  [
    'public and by assertions',
    { ...PUBLIC, grants: [CODE, BEARER] },
    'A public client has nothing of its own to show: client_credentials and jwt-bearer need a key.',
  ],
  [
    'public and for an owner',
    { ...PUBLIC, owner: 'ada' },
    'A public client acts for the person who says yes; it has no owner.',
  ],
  [
    'for codes and with nowhere to send them',
    { ...PUBLIC, redirect_uris: [] },
    'Redirect URIs and the grant type authorization_code go together.',
  ],
  [
    'with somewhere to send codes and no codes',
    { ...KEYED, redirect_uris: [CALLBACK] },
    'Redirect URIs and the grant type authorization_code go together.',
  ],
  [
    'to refresh what it never gets',
    { ...KEYED, grants: [OWN, 'refresh_token'] },
    'refresh_token continues authorization_code or device_code; add one of them.',
  ],
  ['with a grant twice', { ...KEYED, grants: [OWN, OWN] }, '"grants" has the same entry twice.'],
  [
    'with a redirect URI twice',
    { ...PUBLIC, redirect_uris: [CALLBACK, CALLBACK] },
    '"redirect_uris" has the same entry twice.',
  ],
  [
    'with seventeen redirect URIs',
    { ...PUBLIC, redirect_uris: Array.from({ length: 17 }, (_, n) => `${CALLBACK}/${n}`) },
    '"redirect_uris" has more than 16 entries.',
  ],
  [
    'bound to a word',
    { ...PUBLIC, dpop_bound_access_tokens: 'false' },
    '"dpop_bound_access_tokens" must be true or false.',
  ],
  ['with nonces of null', { ...PUBLIC, dpop_nonces: null }, '"dpop_nonces" must be true or false.'],
];
for (const [what, body, said] of CONTRADICTIONS) {
  test(`[token.bound] a client ${what} is refused`, async () => {
    const world = await makeWorld();
    await assertProblem(await add(world, body), 400, 'INVALID_REQUEST', said);
    assert.equal(world.store.registry.clients().length, BUILT_IN.length);
  });
}

test('a grant that no client may be registered for is refused', async () => {
  const world = await makeWorld();
  for (const grant of [EXCHANGE, 'implicit', 'password', '__proto__']) {
    const response = await add(world, { ...KEYED, grants: [OWN, grant] });
    await assertProblem(response, 400, 'INVALID_REQUEST', /^A client may use the grant types authorization_code, /);
  }
  assert.equal(world.store.registry.clients().length, BUILT_IN.length);
});

test('a client that was revoked is on no list, and gets no token', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const ids = async () =>
    ((await (await call(world, world.operator, 'GET', '/clients')).json()) as { items: { client_id: string }[] }).items
      .map(({ client_id }) => client_id)
      .sort();
  assert.deepEqual(await ids(), [client.id, ...BUILT_IN].sort());
  revoke(world, 'client', client.id);
  assert.deepEqual(await ids(), BUILT_IN);
  await assertOAuth(await askToken(world, client, { resource: ISSUER }), 401, 'invalid_client');
});

test('[token.bound] where the Bearer exception is off no client is marked for it', async () => {
  const world = await makeWorld({ config: { bearerException: 'off' } });
  const body = { ...PUBLIC, dpop_bound_access_tokens: false };
  const said = 'Tokens without a key are switched off here (bearerException).';
  await assertProblem(await add(world, body), 409, 'CONFLICT', said);
  assert.equal(world.store.registry.clients().length, BUILT_IN.length);
  await added(world, PUBLIC);
});
