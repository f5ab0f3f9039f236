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
  [{ requireDpop: false }, '"requireDpop" must be true: there is no Bearer exception in this version.'],
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

test('all contradictions are said at once', () => {
  const wrong = { ...CONFIG, enabled: false, requireDpop: false, dpopLeeway: 1, resource: 'http://mcp.example/mcp' };
  assert.deepEqual(sentences(wrong), [
    '"enabled" must be true: an unprotected server does not call protect().',
    '"requireDpop" must be true: there is no Bearer exception in this version.',
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
  assert.deepEqual([server.clientId, toolScopes.size], ['server', 0]);
  assert.deepEqual(settings, {
    resource: 'https://mcp.example/mcp',
    issuer: 'https://auth.example',
    executor: 'https://executor.example',
    requiredScopes: ['mcp:use'],
    connections: {},
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
  const jkt = checkConfig({ ...CONFIG, server: { clientId: 'x', key: privateKey } }).server.jkt;
  assert.equal(checkConfig({ ...CONFIG, server: { clientId: 'x', key: jwk } }).server.jkt, jkt);
});
