/**
 * Clients whose id is the URL of a document: believed for what it says, no longer than it lives, and looked for no oftener
 * than strangers may make us look. Beside each refusal stands the same document that is taken.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authority } from '../context.ts';
import { assertion, dpop, makePair, makeSigner } from '../signer.test-support.ts';
import type { Client } from '../store/registry.ts';
import { call, ISSUER, makeWorld, revoke, START, type World } from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { resolveClient } from './document.ts';
import { web, type Page, type Web } from './web.test-support.ts';

const ID = 'https://app.example/oauth/client.json';
const CALLBACK = 'https://app.example/callback';
const DOCUMENT = { client_id: ID, client_name: 'An app', redirect_uris: [CALLBACK] };
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

async function scene(
  document: unknown = DOCUMENT,
  config: object = {},
): Promise<{
  world: World;
  outside: Web;
  readonly find: (id?: string, address?: string) => Promise<Client | undefined>;
}> {
  const outside = web({ [ID]: { body: document } });
  const world = await makeWorld({ dial: outside.dial, config });
  return { world, outside, find: (id = ID, address = '192.0.2.1') => resolveClient(asAuthority(world), id, address) };
}

function asAuthority(world: World): Authority {
  const { config, store, outside, clock, events } = world;
  const parts = { config, store, outside, now: () => clock.now, log: (event: never) => void events.push(event) };
  return parts as Partial<Authority> as Authority;
}

test('a document is a public client of its own, asked for once while it is fresh', async () => {
  const { world, outside, find } = await scene();
  const client = await find();
  assert.deepEqual(client, {
    ...{ client_id: ID, name: 'An app', auth: 'none', jwk: null, jkt: null, grants: ['authorization_code'] },
    ...{ redirect_uris: [CALLBACK], owner: null, org: 'default', scopes: null, source: 'document' },
    ...{ dpop_bound_access_tokens: true, dpop_nonces: false, created_at: START },
  });
  assert.deepEqual(await find(), client);
  assert.deepEqual(outside.asked, [ID]);
  assert.deepEqual(world.store.registry.client(ID), client);
});

test('a name that a document does not give is the host it stands on', async () => {
  const { find } = await scene({ client_id: ID, redirect_uris: [CALLBACK] });
  assert.equal((await find())?.name, 'app.example');
});

test('what a document says beyond what is known here is left out, and so are grants that nobody says yes to', async () => {
  const grant_types = ['authorization_code', 'refresh_token', 'client_credentials', 'implicit'];
  const more = { logo_uri: 'https://app.example/x.png', scope: 'dauth:admin', owner: 'ada', org: 'other', grant_types };
  const { find } = await scene({ ...DOCUMENT, ...more });
  const client = await find();
  assert.ok(client, 'what is left makes a client');
  const { grants, owner, org, scopes } = client;
  assert.deepEqual([grants, owner, org, scopes], [['authorization_code', 'refresh_token'], null, 'default', null]);
});

test('a document with a key makes a client that proves it', async () => {
  const key = makeSigner();
  const keyed = {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...key.jwk, kid: 'a', use: 'sig' }] },
  };
  const { world, find } = await scene({ ...DOCUMENT, ...keyed });
  const client = await find();
  assert.deepEqual([client?.auth, client?.jwk, client?.jkt], ['private_key_jwt', key.jwk, key.jkt]);
  const claims = { iss: ID, sub: ID, aud: ISSUER, iat: START, exp: START + 60 };
  const ask = (by = key): Promise<Response> => {
    const form = { grant_type: 'client_credentials', resource: ISSUER, client_assertion_type: JWT_BEARER };
    const body = new URLSearchParams({ ...form, client_assertion: assertion(by, claims) });
    const headers = { dpop: dpop(by, { htm: 'POST', htu: `${ISSUER}/token`, iat: START }) };
    return Promise.resolve(world.app.request('/token', { method: 'POST', headers, body }));
  };
  await assertOAuth(await ask(), 400, 'unauthorized_client', 'The client is not registered for this grant type.');
  await assertOAuth(await ask(makeSigner()), 401, 'invalid_client');
});

test('keys behind "jwks_uri" are fetched too, from the origin of the document', async () => {
  const key = makeSigner();
  const jwks_uri = 'https://app.example/keys.json';
  const { outside, find } = await scene({ ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks_uri });
  outside.pages.set(jwks_uri, { body: { keys: [key.jwk] } });
  assert.equal((await find())?.jkt, key.jkt);
  assert.deepEqual(outside.asked, [ID, jwks_uri]);
});

const PRIVATE = makePair('P-256').privateKey.export({ format: 'jwk' });
const KEYED = { token_endpoint_auth_method: 'private_key_jwt' };
const WRONG: readonly (readonly [what: string, document: unknown])[] = [
  ['another client_id', { ...DOCUMENT, client_id: 'https://app.example/oauth/other.json' }],
  ['no client_id', { redirect_uris: [CALLBACK] }],
  ['a client_id that only looks the same', { ...DOCUMENT, client_id: 'https://APP.example/oauth/client.json' }],
  ['no redirect URIs', { client_id: ID }],
  ['a redirect URI over plain http', { ...DOCUMENT, redirect_uris: ['http://app.example/callback'] }],
  ['a redirect URI that a browser would run', { ...DOCUMENT, redirect_uris: ['javascript:alert(1)'] }],
  ['a secret', { ...DOCUMENT, client_secret: 'x' }],
  ['an authentication by a shared secret', { ...DOCUMENT, token_endpoint_auth_method: 'client_secret_post' }],
  ['keys, and no word of how it authenticates', { ...DOCUMENT, jwks: { keys: [makeSigner().jwk] } }],
  ['keys, and being public', { ...DOCUMENT, token_endpoint_auth_method: 'none', jwks: { keys: [makeSigner().jwk] } }],
  ['no key for what it says it proves', { ...DOCUMENT, ...KEYED }],
  ['two keys', { ...DOCUMENT, ...KEYED, jwks: { keys: [makeSigner().jwk, makeSigner().jwk] } }],
  ['a private key', { ...DOCUMENT, ...KEYED, jwks: { keys: [PRIVATE] } }],
  ['keys on another origin', { ...DOCUMENT, ...KEYED, jwks_uri: 'https://keys.example/keys.json' }],
  ['keys in two places', { ...DOCUMENT, ...KEYED, jwks: { keys: [makeSigner().jwk] }, jwks_uri: `${ID}s` }],
  ['tokens without a key', { ...DOCUMENT, dpop_bound_access_tokens: false }],
  ['grants without a code', { ...DOCUMENT, grant_types: ['client_credentials'] }],
  ['a name with a control character', { ...DOCUMENT, client_name: 'a\u0007' }],
  ['a long name', { ...DOCUMENT, client_name: 'x'.repeat(129) }],
  ['more than 5 KiB', { ...DOCUMENT, tos: 'x'.repeat(5_120) }],
];
for (const [what, document] of WRONG) {
  test(`[token.bound] a document with ${what} is no client, and leaves no row`, async () => {
    const { world, outside, find } = await scene(document);
    outside.pages.set(`${ID}s`, { body: { keys: [makeSigner().jwk] } });
    outside.pages.set('https://keys.example/keys.json', { body: { keys: [makeSigner().jwk] } });
    assert.equal(await find(), undefined);
    assert.equal(world.store.registry.client(ID), undefined);
    const [event] = world.events.filter((each) => each.event === 'client_document');
    assert.equal(event?.host, 'app.example');
    assert.ok(!outside.asked.includes('https://keys.example/keys.json'));
  });
}

const PAGES: readonly (readonly [what: string, page: Page])[] = [
  ['that is not there', { body: DOCUMENT, status: 404 }],
  ['that is elsewhere', { body: DOCUMENT, status: 302 }],
  ['of another type', { body: DOCUMENT, type: 'text/html' }],
  ['that is no JSON', { body: '{' }],
  ['with a member twice', { body: `{"client_id":"${ID}","client_id":"${ID}","redirect_uris":["${CALLBACK}"]}` }],
];
for (const [what, page] of PAGES) {
  test(`a document ${what} is no client`, async () => {
    const { outside, find } = await scene();
    outside.pages.set(ID, page);
    assert.equal(await find(), undefined);
  });
}

const IDS: readonly string[] = [
  'http://app.example/client.json',
  'https://app.example',
  'https://app.example/',
  'https://app.example/client.json?a=b',
  'https://app.example/client.json?',
  'https://app.example/client.json#a',
  'https://user@app.example/client.json',
  'https://:x@app.example/client.json',
  'https://app.example:443/client.json',
  'https://APP.example/client.json',
  'https://app.example/a/../client.json',
  'https://app.example/a/%2e%2e/client.json',
  'https://app.example\\client.json',
  'https:/app.example/client.json',
  'https:app.example/client.json',
  `https://app.example/${'a'.repeat(512)}`,
];
for (const id of IDS) {
  test(`[token.bound] ${id.slice(0, 50)} is no client id, and nothing is fetched for it`, async () => {
    const { outside, find } = await scene();
    outside.pages.set(id, { body: { ...DOCUMENT, client_id: id } });
    assert.equal(await find(id), undefined);
    assert.deepEqual(outside.asked, []);
  });
}

test('[token.bound] no address inside is asked for, whatever a client id says', async () => {
  const { outside, find } = await scene();
  for (const host of ['127.0.0.1', '[::1]', 'localhost', '169.254.169.254', '10.0.0.1', '[fd00::1]', '0.0.0.0'])
    assert.equal(await find(`https://${host}/client.json`), undefined);
  assert.deepEqual(outside.asked, []);
});

test('what a document changes counts once it is fetched again, and what it keeps is not written again', async () => {
  const { world, outside, find } = await scene();
  await find();
  outside.pages.set(ID, { body: { ...DOCUMENT, redirect_uris: [`${CALLBACK}/2`] } });
  world.clock.now = START + 59;
  assert.deepEqual((await find())?.redirect_uris, [CALLBACK]);
  world.clock.now = START + 60;
  assert.deepEqual((await find())?.redirect_uris, [`${CALLBACK}/2`]);
  assert.deepEqual(world.store.registry.client(ID)?.redirect_uris, [`${CALLBACK}/2`]);
  assert.equal(world.store.registry.client(ID)?.created_at, START);
});

test('a document is kept as long as its headers say, and at most a day', async () => {
  for (const [cache, fresh, stale] of [
    ['max-age=600', 599, 600],
    ['max-age=1', 59, 60],
    ['no-store', 59, 60],
    ['max-age=9999999', 86_399, 86_400],
  ] as const) {
    const { world, outside, find } = await scene();
    outside.pages.set(ID, { body: DOCUMENT, cache });
    await find();
    for (const [after, times] of [
      [fresh, 1],
      [stale, 2],
    ] as const) {
      world.clock.now = START + after;
      await find();
      assert.equal(outside.asked.length, times, `${cache} after ${after} s`);
    }
  }
});

test('[token.bound] a document that is gone is no client any more once the copy has ended', async () => {
  const { world, outside, find } = await scene();
  await find();
  outside.pages.delete(ID);
  world.clock.now = START + 59;
  assert.equal((await find())?.client_id, ID, 'control');
  world.clock.now = START + 60;
  assert.equal(await find(), undefined);
  const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: ID, resource: ISSUER });
  const key = makeSigner();
  const headers = { dpop: dpop(key, { htm: 'POST', htu: `${ISSUER}/token`, iat: world.clock.now }) };
  const answer = await world.app.request('/token', { method: 'POST', headers, body });
  assert.ok(answer.status >= 400);
});

test('[revoke.fast] a revoked document stays revoked, whatever it says', async () => {
  const { world, find } = await scene();
  await find();
  revoke(world, 'client', ID);
  const body = () => new URLSearchParams({ grant_type: 'client_credentials', client_id: ID, resource: ISSUER });
  const headers = { dpop: dpop(makeSigner(), { htm: 'POST', htu: `${ISSUER}/token`, iat: START }) };
  await assertOAuth(
    await world.app.request('/token', { method: 'POST', headers, body: body() }),
    401,
    'invalid_client',
  );
});

test('where documents are switched off, or a host is not on the list, nothing is fetched', async () => {
  const off = await scene(DOCUMENT, { clients: { documents: false } });
  assert.equal(await off.find(), undefined);
  const elsewhere = await scene(DOCUMENT, { clients: { documentHosts: ['other.example', 'app.example:8443'] } });
  assert.equal(await elsewhere.find(), undefined);
  assert.deepEqual([off.outside.asked, elsewhere.outside.asked], [[], []]);
  const listed = await scene(DOCUMENT, { clients: { documentHosts: ['app.example'] } });
  assert.equal((await listed.find())?.client_id, ID);
  const metadata = await off.world.app.request('/.well-known/oauth-authorization-server');
  const said = (await metadata.json()) as { client_id_metadata_document_supported: boolean };
  assert.equal(said.client_id_metadata_document_supported, false);
});

test('[token.bound] strangers make us look at thirty places a minute, and known clients go on meanwhile', async () => {
  const { world, outside, find } = await scene();
  await find();
  for (let n = 0; n < 40; n++) await find(`https://h${n}.example/client.json`, `198.51.100.${n}`);
  assert.equal(outside.asked.length, 30);
  assert.equal((await find())?.client_id, ID);
  world.clock.now = START + 60;
  assert.equal((await find())?.client_id, ID);
  await find('https://h99.example/client.json');
  assert.equal(outside.asked.at(-1), 'https://h99.example/client.json');
});

test('[token.bound] one address makes us look at ten places a minute, and others go on meanwhile', async () => {
  const { world, outside, find } = await scene();
  for (let n = 0; n < 40; n++) await find(`https://h${n}.example/client.json`, '198.51.100.7');
  assert.equal(outside.asked.length, 10);
  assert.equal((await find())?.client_id, ID, 'one of another address');
  assert.equal((await find(ID, '198.51.100.7'))?.client_id, ID, 'one that is known by then');
  world.clock.now = START + 60;
  await find('https://h99.example/client.json', '198.51.100.7');
  assert.equal(outside.asked.at(-1), 'https://h99.example/client.json');
});

test('a client of an operator is found by its id as before, and nothing is fetched', async () => {
  const { world, outside, find } = await scene();
  assert.equal((await find('operator'))?.client_id, 'operator');
  assert.equal(await find('nobody'), undefined);
  assert.deepEqual(outside.asked, []);
  const listed = await call(world, world.operator, 'GET', '/clients');
  assert.equal(((await listed.json()) as { items: unknown[] }).items.length, 2, 'the operator and the command line');
});

test('a page of clients ends at an id of any length, and the next one goes on there', async () => {
  const { world, find } = await scene();
  const client = (await find())!;
  const ids = Array.from({ length: 150 }, (_, n) => `https://a.example/${'a'.repeat(480)}/${n}`);
  world.store.transaction(() => ids.forEach((id) => world.store.registry.putClient({ ...client, client_id: id })));
  const seen: string[] = [];
  let cursor = '';
  do {
    const answer = await call(world, world.operator, 'GET', `/clients${cursor}`);
    const { items, next } = (await answer.json()) as { items: { client_id: string }[]; next: string | null };
    seen.push(...items.map(({ client_id }) => client_id));
    cursor = next === null ? '' : `?cursor=${encodeURIComponent(next)}`;
  } while (cursor !== '');
  assert.deepEqual([...seen].sort(), [...ids, ID, 'operator', 'dauth-cli'].sort());
});

test('a document that was only named is forgotten after a day, a used one after 90, and past ten thousand those named first go', async () => {
  const { world, outside, find } = await scene();
  const client = (await find())!;
  const { registry } = world.store;
  registry.touchClient(ID, START);
  world.store.transaction(() => {
    for (let n = 0; n < 10_000; n++) registry.putClient({ ...client, client_id: `https://a.example/${n}` });
  });
  const other = 'https://app.example/other.json';
  outside.pages.set(other, { body: { ...DOCUMENT, client_id: other } });
  assert.equal((await find(other))?.client_id, other);
  assert.equal(registry.countClients('document'), 10_000);
  assert.notEqual(registry.client(ID), undefined, 'those that were used stay');
  const left = (days: number): number => {
    world.store.transaction(() => registry.dropUnused(START + days * 86_400));
    return registry.countClients('document');
  };
  assert.deepEqual([left(1), left(89), left(90)], [1, 1, 0]);
});
