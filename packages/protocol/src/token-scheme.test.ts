/** Token schemes: what an envelope may say of an exchange, and that its token endpoint is never a target. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from './base64url.ts';
import { joinEnvelope, parseEnvelope } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { injectedFields, parseInjections, searchedFields, tokenSchemeOf } from './inject.ts';
import { installationRequest, type GithubApp } from './github-app.ts';
import { endpointParts } from './token-endpoint.ts';
import { encodeUtf8 } from './utf8.ts';

const CLIENT = {
  scheme: 'client_credentials',
  endpoint: 'https://login.example/oauth/token',
  client_id: '{id}',
  client_secret: '{secret}',
};

function refused(parse: () => unknown, message: RegExp): void {
  assert.throws(
    parse,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

test('a scheme is read as it stands, with what has a default', () => {
  const full = {
    ...CLIENT,
    auth: 'client_secret_post',
    scope: 'a b:c',
    audience: 'x',
    resource: ['urn:a', 'https://b'],
  };
  assert.deepEqual(parseInjections([full]), [full]);
  const [scheme] = parseInjections([CLIENT]);
  assert.deepEqual(scheme, { ...CLIENT, auth: 'client_secret_basic' });
  assert.deepEqual([...injectedFields([scheme!])], ['id', 'secret']);
  assert.deepEqual([...searchedFields([scheme!])], ['id', 'secret']);
  assert.equal(tokenSchemeOf([scheme!])?.endpoint, CLIENT.endpoint);
  assert.deepEqual(endpointParts('https://a.example:8443/t?x=1' as never), {
    origin: 'https://a.example:8443',
    path: '/t',
    target: '/t?x=1',
  });
});

const WRONG: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['an unknown scheme', { scheme: 'password' }, /A scheme is/],
  ['a member of another one', { in: 'header' }, /not defined/],
  ['no secret', { client_secret: undefined }, /proves who it is/],
  ['a secret in the open', { client_secret: 'hunter22' }, /must name a field/],
  ['an empty id', { client_id: '' }, /must not be empty/],
  ['another way to authenticate', { auth: 'none' }, /"auth" is/],
  ['null for a default', { auth: null }, /"auth" is/],
  ['a scope with two spaces', { scope: 'a  b' }, /scope tokens/],
  ['an empty scope', { scope: '' }, /non-empty/],
  ['a resource twice', { resource: ['a', 'a'] }, /twice/],
  ['no resource', { resource: [] }, /must not be empty/],
  ['an audience with a space', { audience: 'a b' }, /visible ASCII/],
  ...[
    'http://login.example/token',
    'https://login.example',
    'https://login.example/a/../token',
    'https://login.example/token#x',
    'https://user@login.example/token',
    'https://Login.example/token',
    'https://login.example:443/token',
    'https://10.0.0.1/token',
    'https://[::1]/token',
    'https://login.example/to ken',
    'https://login.example//token',
    'https://login.example/token?%zz',
    `https://login.example/${'a'.repeat(512)}`,
    7,
  ].map((endpoint) => [`the endpoint ${String(endpoint).slice(0, 40)}`, { endpoint }, /./] as const),
];
for (const [what, change, message] of WRONG) {
  test(`[seal.bound] a scheme with ${what} is refused`, () => {
    const said = Object.fromEntries(
      Object.entries({ ...CLIENT, ...change }).filter(([, value]) => value !== undefined),
    );
    refused(() => parseInjections([said]), message);
  });
}

const SIGNER = {
  scheme: 'jwt_bearer',
  endpoint: CLIENT.endpoint,
  private_key: '{private_key}',
  alg: 'RS256',
  iss: '{client_email}',
};

test('a scheme that signs is read as it stands, with what has a default, and its key is shown to nobody', () => {
  const full = { kid: 'k', sub: 'a {user}', aud: 'x', scope: 'a b', scope_in: 'parameter', lifetime: 3_600 };
  assert.deepEqual(parseInjections([{ ...SIGNER, ...full }]), [{ ...SIGNER, ...full }]);
  const parsed = parseInjections([SIGNER]);
  assert.deepEqual(parsed, [{ ...SIGNER, aud: CLIENT.endpoint, scope_in: 'claim', lifetime: 300 }]);
  assert.deepEqual([...injectedFields(parsed)].sort(), ['client_email', 'private_key']);
  assert.deepEqual([...searchedFields(parsed)], ['client_email']);
});

const WRONG_SIGNERS: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no algorithm', { alg: undefined }, /needs the member "alg"/],
  ['Ed448', { alg: 'Ed448' }, /"alg" is/],
  ['a shared key', { alg: 'HS256' }, /"alg" is/],
  ['no algorithm by name', { alg: 'none' }, /"alg" is/],
  ['a key in the open', { private_key: '-----BEGIN' }, /must name a field/],
  ['a key of two fields', { private_key: '{a}{b}' }, /one field and nothing else/],
  ['a key with text', { private_key: 'x{a}' }, /one field and nothing else/],
  ['a long life', { lifetime: 3_601 }, /out of range/],
  ['a short life', { lifetime: 59 }, /out of range/],
  ['an empty claim', { iss: '' }, /must not be empty/],
  ['a scope nowhere', { scope_in: 'header' }, /"scope_in" is/],
  ['a client secret', { client_secret: '{x}' }, /not defined/],
];
for (const [what, change, message] of WRONG_SIGNERS) {
  test(`[seal.bound] a scheme that signs with ${what} is refused`, () => {
    const said = Object.fromEntries(
      Object.entries({ ...SIGNER, ...change }).filter(([, value]) => value !== undefined),
    );
    refused(() => parseInjections([said]), message);
  });
}

const APP = {
  scheme: 'github_app',
  endpoint: 'https://ghe.example/api/v3/app/installations/42/access_tokens',
  private_key: '{private_key}',
  iss: 'Iv23liExample',
};

test('a scheme of a GitHub App is read as it stands, and its key is shown to nobody', () => {
  const full = { repositories: ['hello-world', '.github'], permissions: { contents: 'read', issues: 'write' } };
  assert.deepEqual(parseInjections([{ ...APP, ...full }]), [{ ...APP, ...full }]);
  const parsed = parseInjections([{ ...APP, iss: '{client_id}' }]);
  assert.deepEqual([...injectedFields(parsed)].sort(), ['client_id', 'private_key']);
  assert.deepEqual([...searchedFields(parsed)], ['client_id']);
  const [scheme] = parseInjections([{ ...APP, ...full }]);
  assert.deepEqual(JSON.parse(installationRequest(scheme as GithubApp)), full);
  assert.equal(installationRequest(parseInjections([APP])[0] as GithubApp), '{}');
});

const WRONG_APPS: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no id', { iss: undefined }, /needs the member "iss"/],
  ['an empty id', { iss: '' }, /must not be empty/],
  ['a key in the open', { private_key: '-----BEGIN' }, /must name a field/],
  ['a key of two fields', { private_key: '{a}{b}' }, /one field and nothing else/],
  ['an endpoint of something else', { endpoint: 'https://api.github.com/app/installations' }, /ends with/],
  ['an installation by name', { endpoint: APP.endpoint.replace('42', 'me') }, /ends with/],
  ['installation 0', { endpoint: APP.endpoint.replace('42', '0') }, /ends with/],
  ['a query', { endpoint: `${APP.endpoint}?x=1` }, /ends with/],
  ['no repository', { repositories: [] }, /must not be empty/],
  ['a repository twice', { repositories: ['a', 'A'] }, /twice/],
  ['a repository with its owner', { repositories: ['octocat/hello-world'] }, /without their owner/],
  ['nine repositories', { repositories: 'abcdefghi'.split('') }, /more than 8/],
  ['no permission', { permissions: {} }, /1 to 64/],
  ['permissions in a list', { permissions: ['contents'] }, /1 to 64/],
  ['another level', { permissions: { contents: 'all' } }, /"read", "write" or "admin"/],
  ['a permission in capitals', { permissions: { Contents: 'read' } }, /in lowercase/],
  ['an algorithm', { alg: 'ES256' }, /not defined/],
];
for (const [what, change, message] of WRONG_APPS) {
  test(`[seal.bound] a scheme of a GitHub App with ${what} is refused`, () => {
    const said = Object.fromEntries(Object.entries({ ...APP, ...change }).filter(([, value]) => value !== undefined));
    refused(() => parseInjections([said]), message);
  });
}

const EXCHANGE = {
  scheme: 'token_exchange',
  endpoint: 'https://login.example/oauth/token',
  subject_token: '{subject}',
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
};

test('a scheme of a token exchange is read as it stands, and all that it shows is searched for', () => {
  const full = {
    ...{ actor_token: '{actor}', actor_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
    ...{ client_id: 'me', client_secret: '{secret}', auth: 'client_secret_post', scope: 'a b', audience: 'x' },
    ...{ requested_token_type: 'urn:ietf:params:oauth:token-type:access_token', resource: ['https://api.example'] },
  };
  assert.deepEqual(parseInjections([{ ...EXCHANGE, ...full }]), [{ ...EXCHANGE, ...full }]);
  assert.deepEqual([...searchedFields(parseInjections([{ ...EXCHANGE, ...full }]))], ['subject', 'actor', 'secret']);
  assert.deepEqual(parseInjections([EXCHANGE]), [EXCHANGE]);
  const pub = { ...EXCHANGE, client_id: '{id}' };
  assert.deepEqual(parseInjections([pub]), [pub]);
  const [known] = parseInjections([{ ...pub, client_secret: '{secret}' }]);
  assert.deepEqual(known, { ...pub, client_secret: '{secret}', auth: 'client_secret_basic' });
});

const WRONG_EXCHANGES: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no subject', { subject_token: undefined }, /needs the member "subject_token"/],
  ['a subject in the open', { subject_token: 'eyJ' }, /must name a field/],
  ['no type', { subject_token_type: undefined }, /needs the member/],
  ['a type that is no URI', { subject_token_type: 'jwt' }, /absolute URI/],
  ['a type with a space', { subject_token_type: 'urn:a b' }, /absolute URI/],
  ['another type that is no URI', { requested_token_type: 'jwt' }, /absolute URI/],
  ['an actor without a type', { actor_token: '{actor}' }, /together, or neither/],
  ['a type without an actor', { actor_token_type: 'urn:x' }, /together, or neither/],
  ['an actor in the open', { actor_token: 'eyJ', actor_token_type: 'urn:x' }, /must name a field/],
  ['a secret without an id', { client_secret: '{secret}' }, /needs "client_id"/],
  ['a secret in the open', { client_id: 'me', client_secret: 'hunter22' }, /must name a field/],
  ['a way to authenticate without a secret', { client_id: 'me', auth: 'client_secret_post' }, /needs "client_secret"/],
  ['another way', { client_id: 'me', client_secret: '{secret}', auth: 'none' }, /"auth" is/],
  ['an empty id', { client_id: '' }, /must not be empty/],
  ['a grant type', { grant_type: 'password' }, /not defined/],
];
for (const [what, change, message] of WRONG_EXCHANGES) {
  test(`[seal.bound] a scheme of a token exchange with ${what} is refused`, () => {
    const said = Object.fromEntries(
      Object.entries({ ...EXCHANGE, ...change }).filter(([, value]) => value !== undefined),
    );
    refused(() => parseInjections([said]), message);
  });
}

test('[seal.bound] a token and another Authorization header, or another scheme, exclude each other', () => {
  for (const other of [
    { in: 'header', name: 'authorization', value: '{x}' },
    { in: 'basic', user: 'a', pass: '{x}' },
  ])
    refused(() => parseInjections([CLIENT, other]), /same entry twice/);
  for (const other of [CLIENT, SIGNER, { scheme: 'oauth1', consumer_key: 'a', consumer_secret: '{x}' }])
    refused(() => parseInjections([CLIENT, other]), /more than one scheme/);
  refused(() => parseInjections([CLIENT, { in: 'body', field: 'x', value: '{x}' }]), /nothing is filled into the body/);
  assert.equal(parseInjections([CLIENT, { in: 'header', name: 'x-key', value: '{x}' }]).length, 2);
});

function seal(origin: string, ...paths: string[]): () => unknown {
  const dauth = {
    ...{ handle: 'ddls:conn:01900000-0000-7000-8000-000000000000', ver: 1, iss: 'https://auth.example' },
    ...{ org: 'default', owner: 'ada', connection: 'api', servers: ['https://mcp.example/mcp'], inject: [CLIENT] },
    ...{ allow: [{ origin, methods: ['GET'], paths }], iat: 1, exp: 2 },
  };
  const header = { alg: 'HPKE-3', kid: 'A'.repeat(43), typ: 'dauth-credential+jwe', crit: ['dauth'], dauth };
  const segment = encodeBase64url(encodeUtf8(JSON.stringify(header)));
  return () => parseEnvelope(joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80)));
}

test('[seal.bound] an envelope that allows its own token endpoint is refused, however it is spelled', () => {
  for (const path of [
    '/oauth/token',
    '/oauth/*',
    '/**',
    '/oauth/**',
    '/*/token',
    '/oauth/token/',
    '/oauth/token/**',
    '/OAuth/Token',
    '/oauth/%74oken',
    '/%6Fauth/*',
    '/oauth/token;v=1',
  ]) {
    refused(seal('https://login.example', path), /includes the token endpoint/);
    assert.ok(seal('https://api.example', path)());
  }
  assert.ok(seal('https://login.example', '/api/**', '/oauth/tokens', '/oauth', '/oauth/token/x')());
});
