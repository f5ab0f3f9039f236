/** `AuthorizationConfig`: each contradiction has its sentence, and all of them are said at once. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { checkConfig } from './config.ts';
import { CONFIG, pair, publicJwk } from './gate.test-support.ts';

const URI =
  'A resource must be an absolute https URI in its plain form: a lowercase host, no default port, no dot segments, no userinfo, no fragment.';
const PLAIN_HTTP = 'Plain http is only for a loopback address.';
const WRITTEN = 'It is written without escapes or a query, which other readers would write in another way.';
const ORIGIN = 'It is an origin, without a path or a trailing slash.';
const RESOURCE_IS = '"resource" must be this server\'s registered URI.';
const ISSUER_IS = '"authorizationServers" must name exactly one issuer.';
const EXECUTOR_IS = '"executor" must be the URL of the executor.';
const SCOPES_ARE = '"requiredScopes" must be a list of scopes.';
const TOOLS_ARE = '"tools" must map each tool to { requiredScopes }.';
const WISHES_ARE = '"connections" must map each name to { purpose, origins, inject }.';
const SERVER_IS = '"server" must be { clientId, key } with a private EC P-256 key.';
const PATH_IS = '"metadataPath" must be an absolute path without dot segments, doubled slashes, escapes or a query.';
const LEEWAY_IS = '"dpopLeeway" must be a whole number of seconds from 5 to 300.';
const DPOP_IS = '"requireDpop" must be true or false.';
const ASKS_IS = '"introspection" must be true or false.';
const CLAIMS_ARE = '"requiredClaims" must be a list of names of claims.';
const LIFE_IS = '"maxTokenLifetime" must be a whole number of seconds from 30 to 86400.';
const LIFE_IS_SHORT =
  '"maxTokenLifetime" is at most 300 for the tokens of a DAuth authority, and where tokens may be bound to no key.';
const TTL_IS = '"cacheTtl" must be a whole number of seconds from 10 to 900.';
const MODE_IS = '"scopeEnforcement" must be "challenge" or "filter".';
const wish = {
  purpose: 'Read',
  origins: ['https://api.example'],
  inject: [{ in: 'header', name: 'x', value: '{token}' }],
};

const WRONG: readonly (readonly [change: object, sentence: string])[] = [
  [{ failOpen: false }, '"failOpen" does not exist: a request that cannot be checked is refused.'],
  [{ resourceUri: 'x' }, '"resourceUri" is not a member of AuthorizationConfig.'],
  [{ enabled: false }, '"enabled" must be true: an unprotected server does not call protect().'],
  [{ enabled: null }, '"enabled" must be true: an unprotected server does not call protect().'],
  ...[null, 0, 'false'].map((requireDpop) => [{ requireDpop }, DPOP_IS] as const),
  ...[null, 1].map((introspection) => [{ introspection }, ASKS_IS] as const),
  ...[null, 'grant_id', [''], ['a b'], [1], ['x'.repeat(129)]].map(
    (requiredClaims) => [{ requiredClaims }, CLAIMS_ARE] as const,
  ),
  ...[null, '300', 29, 86_401, 60.5].map((maxTokenLifetime) => [{ maxTokenLifetime }, LIFE_IS] as const),
  [{ maxTokenLifetime: 301 }, LIFE_IS_SHORT],
  ...[undefined, null, 1, '', '/mcp', 'ftp://mcp.example/', 'https://u@mcp.example/mcp', 'https://mcp.example/#x'].map(
    (resource) => [{ resource }, `${RESOURCE_IS} ${URI}`] as const,
  ),
  [{ resource: 'http://mcp.example/mcp' }, `${RESOURCE_IS} ${PLAIN_HTTP}`],
  ...['https://[/mcp', 'https://MCP.example/mcp', 'https://mcp.example:443/mcp'].map(
    (resource) => [{ resource }, `${RESOURCE_IS} ${URI}`] as const,
  ),
  ...['/a"b', '/a/../b', '//a'].map(
    (path) => [{ resource: `https://mcp.example${path}` }, `${RESOURCE_IS} ${URI}`] as const,
  ),
  ...['/a%2fb', '/a?b=c'].map(
    (path) => [{ resource: `https://mcp.example${path}` }, `${RESOURCE_IS} ${WRITTEN}`] as const,
  ),
  ...[undefined, [], 'https://auth.example', ['https://a.example', 'https://b.example']].map(
    (authorizationServers) => [{ authorizationServers }, ISSUER_IS] as const,
  ),
  [{ authorizationServers: ['https://auth.example/'] }, `${ISSUER_IS} ${ORIGIN}`],
  [{ authorizationServers: ['http://auth.example'] }, `${ISSUER_IS} ${PLAIN_HTTP}`],
  [{ executor: undefined }, `${EXECUTOR_IS} ${URI}`],
  [{ executor: 'https://executor.example/x' }, `${EXECUTOR_IS} ${ORIGIN}`],
  ...[null, 'mcp:use', [1], [''], ['a b'], ['a"b'], ['x'.repeat(129)]].map(
    (requiredScopes) => [{ requiredScopes }, SCOPES_ARE] as const,
  ),
  ...[null, [], { x: null }, { x: {} }, { x: ['a'] }, { x: { requiredScopes: [], other: 1 } }].map(
    (tools) => [{ tools }, TOOLS_ARE] as const,
  ),
  ...[null, [], { github: null }, { github: { ...wish, purpose: 1 } }, { github: { ...wish, origins: [] } }].map(
    (connections) => [{ connections }, WISHES_ARE] as const,
  ),
  [{ connections: { github: { ...wish, token: 'x' } } }, WISHES_ARE],
  ...[undefined, null, {}, { clientId: '', key: CONFIG.server.key }, { clientId: 'x' }].map(
    (server) => [{ server }, SERVER_IS] as const,
  ),
  [{ server: { clientId: 'x', key: publicJwk(pair().publicKey) } }, SERVER_IS],
  [{ server: { clientId: 'x', key: pair().publicKey } }, SERVER_IS],
  [{ server: { clientId: 'x', key: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey } }, SERVER_IS],
  [{ server: { clientId: 'x', key: generateKeyPairSync('ed25519').privateKey } }, SERVER_IS],
  ...[
    null,
    '',
    '/',
    'x',
    '/a/../b',
    '/a/./b',
    '/.',
    '//evil.example/x',
    '/a//b',
    '/%2e%2e/b',
    '/a?b',
    '/a#b',
    '/a"b',
  ].map((metadataPath) => [{ metadataPath }, PATH_IS] as const),
  ...[null, '60', 4, 301, 5.5, Number.NaN].map((dpopLeeway) => [{ dpopLeeway }, LEEWAY_IS] as const),
  ...[null, 9, 901].map((cacheTtl) => [{ cacheTtl }, TTL_IS] as const),
  ...[null, 'off'].map((scopeEnforcement) => [{ scopeEnforcement }, MODE_IS] as const),
];

/** The sentences a configuration is refused with. */
function sentences(config: unknown): readonly string[] {
  try {
    checkConfig(config);
    return [];
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    const [first, ...rest] = error.message.split('\n- ');
    assert.equal(first, 'This AuthorizationConfig cannot be used:');
    return rest;
  }
}

for (const [index, [change, sentence]] of WRONG.entries()) {
  const member = Object.keys(change)[0]!;
  test(`[token.bound] a contradiction has a sentence of its own: ${member} (${index})`, () => {
    assert.deepEqual(sentences({ ...CONFIG, ...change }), [sentence]);
  });
}

test('[token.bound] the executor is another party than the authority: a token for one is none for the other', () => {
  const sentence = '"executor" and the authorization server must be different parties.';
  assert.deepEqual(sentences({ ...CONFIG, executor: 'https://auth.example' }), [sentence]);
});

/** Somebody else's authorization server, as docs/own-authorization-server.md configures it. */
const OWN = { resource: CONFIG.resource, authorizationServers: ['https://login.example/realms/a'], requiredClaims: [] };
const goesWithDauth = (name: string) =>
  `"${name}" goes with a DAuth authority, whose tokens have "grant_id" and "ddls:org": leave it out, or require both.`;

const WRONG_WITH_OWN: readonly (readonly [change: object, ...sentences: string[]])[] = [
  [{ executor: CONFIG.executor }, goesWithDauth('executor')],
  [{ connections: { github: wish } }, goesWithDauth('connections')],
  [{ connections: {} }, goesWithDauth('connections')],
  [{ requiredClaims: ['ddls:org'], executor: CONFIG.executor }, goesWithDauth('executor')],
  [
    { introspection: true },
    '"introspection" asks the authorization server in this server\'s own name: give its "server".',
  ],
  [{ requireDpop: false, maxTokenLifetime: 301 }, LIFE_IS_SHORT],
  [{ server: { clientId: 'x' } }, SERVER_IS],
  [{ authorizationServers: ['https://login.example/?a=b'] }, `${ISSUER_IS} It has no query.`],
  [{ authorizationServers: ['http://login.example/a'] }, `${ISSUER_IS} ${PLAIN_HTTP}`],
  [{ requiredClaims: undefined }, `${ISSUER_IS} ${ORIGIN}`, `${EXECUTOR_IS} ${URI}`, SERVER_IS],
  [{ requiredClaims: ['grant_id', 'ddls:org', 'x'] }, `${ISSUER_IS} ${ORIGIN}`, `${EXECUTOR_IS} ${URI}`, SERVER_IS],
];
for (const [index, [change, ...expected]] of WRONG_WITH_OWN.entries()) {
  const member = Object.keys(change).join(' and ');
  test(`[token.bound] another authority: a contradiction has a sentence of its own: ${member} (${index})`, () => {
    assert.deepEqual(sentences({ ...OWN, ...change }), expected);
  });
}

test("another authority's configuration is short, and its issuer may have a path and a last slash", () => {
  const settings = checkConfig(OWN);
  assert.deepEqual(
    [settings.isDauth, settings.executor, settings.server, settings.requiredClaims],
    [false, undefined, undefined, []],
  );
  assert.equal(settings.issuer, 'https://login.example/realms/a');
  const issuer = 'https://tenant.example/';
  assert.equal(checkConfig({ ...OWN, authorizationServers: [issuer] }).issuer, issuer);
  assert.equal(checkConfig({ ...OWN, maxTokenLifetime: 86_400 }).maxTokenLifetime, 86_400);
});

/** Every member with a value that is not its default, and where it shows. */
const SHOWS: readonly (readonly [change: object, shown: object])[] = [
  [{ enabled: true }, {}],
  [{ requireDpop: false }, { requireDpop: false }],
  [{ introspection: true }, { introspection: true }],
  [{ maxTokenLifetime: 60 }, { maxTokenLifetime: 60 }],
  [{ requiredClaims: ['grant_id', 'ddls:org', 'amr'] }, { requiredClaims: ['grant_id', 'ddls:org', 'amr'] }],
  [{ dpopLeeway: 30 }, { dpopLeeway: 30 }],
  [{ cacheTtl: 10 }, { cacheTtl: 10 }],
  [{ scopeEnforcement: 'filter' }, { scopeEnforcement: 'filter' }],
  [{ requiredScopes: ['a', 'b', 'a'] }, { requiredScopes: ['a', 'b'] }],
  [{ tools: { x: { requiredScopes: ['a'] } } }, { toolScopes: new Map([['x', ['a']]]) }],
  [{ connections: { github: wish } }, { connections: { github: wish } }],
  [{ metadataPath: '/meta' }, { metadataPath: '/meta', metadataUrl: 'https://mcp.example/meta' }],
];
for (const [index, [change, shown]] of SHOWS.entries()) {
  test(`what was given is what is used: ${Object.keys(change)[0]} (${index})`, () => {
    const settings = checkConfig({ ...CONFIG, ...change });
    assert.deepEqual(settings, { ...checkConfig(CONFIG), ...shown, server: settings.server });
  });
}

test('every member has a contradiction, and one that may be left out a value that is not its default', () => {
  const named = (rows: readonly (readonly [object, ...unknown[]])[]) =>
    new Set(rows.flatMap(([change]) => Object.keys(change)));
  const members = [
    ...['authorizationServers', 'cacheTtl', 'connections', 'dpopLeeway', 'enabled', 'executor', 'introspection'],
    ...['maxTokenLifetime', 'metadataPath', 'requireDpop', 'requiredClaims', 'requiredScopes', 'resource'],
    ...['scopeEnforcement', 'server', 'tools'],
  ];
  const given = new Set([...Object.keys(CONFIG), ...named(SHOWS)]);
  assert.deepEqual([...given].sort(), members);
  const contradicted = [...named(WRONG)].filter((name) => !['failOpen', 'resourceUri'].includes(name));
  assert.deepEqual(contradicted.sort(), members);
});

test('all contradictions are said at once', () => {
  const wrong = { ...CONFIG, enabled: false, requireDpop: 'no', dpopLeeway: 1, resource: 'http://mcp.example/mcp' };
  assert.deepEqual(sentences(wrong), [
    '"enabled" must be true: an unprotected server does not call protect().',
    DPOP_IS,
    `${RESOURCE_IS} ${PLAIN_HTTP}`,
    LEEWAY_IS,
  ]);
});

for (const value of [undefined, null, 'x', []]) {
  test(`what is no object is said to be none: ${JSON.stringify(value)}`, () => {
    assert.equal(sentences(value)[0], 'An AuthorizationConfig must be an object.');
  });
}

test('what was left out has its default', () => {
  const { server, toolScopes, ...settings } = checkConfig(CONFIG);
  assert.deepEqual([server?.clientId, toolScopes.size], ['server', 0]);
  assert.deepEqual(settings, {
    resource: 'https://mcp.example/mcp',
    issuer: 'https://auth.example',
    isDauth: true,
    executor: 'https://executor.example',
    requiredScopes: ['mcp:use'],
    requiredClaims: ['grant_id', 'ddls:org'],
    connections: {},
    requireDpop: true,
    introspection: false,
    maxTokenLifetime: 300,
    dpopLeeway: 300,
    cacheTtl: 300,
    metadataPath: '/.well-known/oauth-protected-resource/mcp',
    metadataUrl: 'https://mcp.example/.well-known/oauth-protected-resource/mcp',
    scopeEnforcement: 'challenge',
  });
});

for (const [resource, metadataUrl] of [
  ['https://mcp.example', 'https://mcp.example/.well-known/oauth-protected-resource'],
  ['https://mcp.example/', 'https://mcp.example/.well-known/oauth-protected-resource'],
  ['https://mcp.example/mcp/', 'https://mcp.example/.well-known/oauth-protected-resource/mcp/'],
  ['http://127.0.0.1:3000/@a/mcp', 'http://127.0.0.1:3000/.well-known/oauth-protected-resource/@a/mcp'],
] as const) {
  test(`the metadata of ${resource} is where RFC 9728 §3.1 says`, () => {
    assert.equal(checkConfig({ ...CONFIG, resource }).metadataUrl, metadataUrl);
  });
}

test('a key is taken as a JWK or as a KeyObject', () => {
  const { privateKey } = pair();
  const jwk = privateKey.export({ format: 'jwk' });
  const jkt = checkConfig({ ...CONFIG, server: { clientId: 'x', key: privateKey } }).server?.jkt;
  assert.equal(checkConfig({ ...CONFIG, server: { clientId: 'x', key: jwk } }).server?.jkt, jkt);
});
