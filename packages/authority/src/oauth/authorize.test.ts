/** What is refused of an authorization request, and where that is said: on a page of ours, or to the app. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from '@dauth/verify';
import { assertRefusalPage, Browser, signedIn } from '../people/browser.test-support.ts';
import { addServer, ISSUER, makeWorld, MCP, revoke } from '../world.test-support.ts';
import { seal } from '../sealed.test-support.ts';
import { makeSigner } from '../signer.test-support.ts';
import {
  addApp,
  addConnection,
  answer,
  authorize,
  boxes,
  CALLBACK,
  CHALLENGE,
  getCode,
  getTokens,
  makeFlow,
  parameters,
  told,
  type Flow,
  type Parameters,
} from './consent.test-support.ts';

const NOT_REGISTERED = 'The app that sent you here is not registered at this authority.';
const NOT_THERE = 'The redirect URI is not one that this client registered, octet for octet.';

test('an app that is not registered, or was revoked, is answered on a page of ours and never redirected to', async () => {
  const flow = await makeFlow();
  await assertRefusalPage(await authorize(flow, { client_id: 'nobody' }), 400, NOT_REGISTERED);
  await assertRefusalPage(
    await authorize(flow, { client_id: undefined }),
    400,
    'The authorization request needs the parameter &quot;client_id&quot;.',
  );
  revoke(flow.world, 'client', flow.app.id);
  await assertRefusalPage(await authorize(flow), 400, NOT_REGISTERED);
});

test('a client without a browser’s way back is as unknown here as one that never was', async () => {
  const flow = await makeFlow();
  const machine = addApp(flow.world, { redirect_uris: [], grants: ['client_credentials'] }).id;
  for (const client_id of ['operator', machine, 'nobody'])
    for (const redirect_uri of [CALLBACK, undefined])
      await assertRefusalPage(await authorize(flow, { client_id, redirect_uri }), 400, NOT_REGISTERED);
});

const ELSEWHERE = [
  'https://evil.example/callback',
  `${CALLBACK}/`,
  `${CALLBACK}?x=1`,
  `${CALLBACK}#x`,
  'https://app.example:443/callback',
  'https://APP.example/callback',
  'https://app.example/%63allback',
  'https://app.example@evil.example/callback',
  'http://app.example/callback',
  'https://app.example/../callback',
];
test('a redirect URI is one that was registered, octet for octet; any other is a page of ours', async () => {
  const flow = await makeFlow();
  for (const redirect_uri of ELSEWHERE)
    await assertRefusalPage(await authorize(flow, { redirect_uri }), 400, NOT_THERE);
  const two = { ...flow, app: addApp(flow.world, { redirect_uris: [CALLBACK, `${CALLBACK}2`] }) };
  await assertRefusalPage(await authorize(two, { redirect_uri: undefined }), 400, NOT_THERE);
});

test('on a loopback address the port may be another, and nothing else (RFC 8252 §7.3)', async () => {
  const flow = await makeFlow({
    redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]:7000/cb?a=1', 'http://localhost:3000', CALLBACK],
  });
  const good = ['http://127.0.0.1:51004/cb', 'http://127.0.0.1/cb', 'http://[::1]:1/cb?a=1', 'http://localhost:65535'];
  for (const redirect_uri of good) assert.equal((await authorize(flow, { redirect_uri })).status, 200, redirect_uri);
  const bad = [
    ...['http://127.0.0.1:51004/cb2', 'http://127.0.0.2:51004/cb', 'http://localhost:51004/cb', 'http://localhost/'],
    ...['http://127.0.0.1:0/cb', 'http://127.0.0.1:65536/cb', 'http://127.0.0.1:080000/cb', 'http://[::1]:1/cb'],
    ...['https://127.0.0.1:51004/cb', 'http://127.0.0.1:80@evil.example/cb', 'https://app.example:8443/callback'],
    ...['http://127.0.0.1:/cb', 'http://localhost:3000:4000', 'http://localhost:3000\n'],
  ];
  for (const redirect_uri of bad) await assertRefusalPage(await authorize(flow, { redirect_uri }), 400, NOT_THERE);
});

const VERBATIM = 'a b&c=d"<>%20+\'';
const REFUSED: readonly (readonly [what: string, Parameters, error: string, description: string])[] = [
  ...(
    [
      [
        'no response type',
        { response_type: undefined },
        "The authorization request needs the parameter 'response_type'.",
      ],
      ['another response mode', { response_mode: 'fragment' }, "The only response mode is 'query'."],
      [
        'no challenge',
        { code_challenge: undefined },
        "The authorization request needs the parameter 'code_challenge'.",
      ],
    ] as const
  ).map(([what, change, description]) => [what, change, 'invalid_request', description] as const),
  ['an implicit token', { response_type: 'token' }, 'unsupported_response_type', "The only response type is 'code'."],
  ['a hybrid', { response_type: 'code token' }, 'unsupported_response_type', "The only response type is 'code'."],
  ...(['plain', undefined, 's256', 'S512'] as const).map(
    (code_challenge_method) =>
      [
        `the PKCE method ${code_challenge_method}`,
        { code_challenge_method },
        'invalid_request',
        "PKCE needs 'code_challenge_method=S256'; without it the method would be 'plain'.",
      ] as const,
  ),
  ...['x', `${CHALLENGE}=`, `${CHALLENGE}A`, CHALLENGE.slice(1), `${CHALLENGE.slice(1)}+`].map(
    (code_challenge) =>
      [
        `the challenge ${code_challenge}`,
        { code_challenge },
        'invalid_request',
        "A 'code_challenge' of S256 has 43 characters of base64url.",
      ] as const,
  ),
  ...['https://nobody.example/mcp', `${MCP}/`, 'mcp'].map(
    (resource) =>
      [
        `the resource ${resource}`,
        { resource },
        'invalid_target',
        "The resource is not a registered MCP server. Register it with 'dauth servers add'.",
      ] as const,
  ),
  ...['mcp:other', 'mcp:read  mcp:write', 'openid', 'dauth:admin'].map(
    (scope) =>
      [
        `the scope ${scope}`,
        { scope },
        'invalid_scope',
        'A scope is not offered by this resource, or not to this client.',
      ] as const,
  ),
  [
    'a request object',
    { request: 'e30.e30.' },
    'request_not_supported',
    'Send the parameters themselves, or push them.',
  ],
  [
    'a request URI of elsewhere',
    { request_uri: 'https://app.example/request' },
    'request_uri_not_supported',
    "The only 'request_uri' taken here is one that /par gave.",
  ],
  [
    'a key that is none',
    { dpop_jkt: 'x' },
    'invalid_request',
    "'dpop_jkt' is the SHA-256 thumbprint of a key, 43 characters of base64url.",
  ],
  [
    'a prompt that is none',
    { prompt: 'create' },
    'invalid_request',
    "'prompt' is made of none, login, consent, select_account.",
  ],
  ['a prompt that contradicts itself', { prompt: 'none login' }, 'invalid_request', "'prompt=none' stands alone."],
  ['an age that is none', { max_age: '-1' }, 'invalid_request', "'max_age' is a whole number of seconds."],
  [
    'a sealed credential',
    {
      authorization_details: JSON.stringify([{ type: 'dauth_credential', envelope: 'x', seal_proof: 'y' }]),
    },
    'invalid_authorization_details',
    'A sealed credential is carried in a token request only.',
  ],
  [
    'a detail of another type',
    { authorization_details: '[{"type":"payment"}]' },
    'invalid_authorization_details',
    'An authorization detail has a type that is not known here.',
  ],
];
for (const [what, change, error, description] of REFUSED)
  test(`${what} is refused to the app, with its state and our issuer`, async () => {
    const flow = await makeFlow();
    const response = await authorize(flow, { state: VERBATIM, ...change });
    assert.deepEqual(told(response), { error, error_description: description, state: VERBATIM, iss: ISSUER });
    const signedOut = { ...flow, browser: new Browser(flow.world) };
    assert.equal(told(await authorize(signedOut, change)).error, error, 'no sign-in for what is refused anyway');
  });

test('a state that is no state is refused without being repeated', async () => {
  const flow = await makeFlow();
  for (const state of ['x'.repeat(2_049), 'a\nb', 'ü'])
    assert.deepEqual(told(await authorize(flow, { state })), {
      error: 'invalid_request',
      error_description: "'state' has at most 2048 printable ASCII characters.",
      iss: ISSUER,
    });
  const state = 'x'.repeat(2_048);
  assert.equal((await authorize(flow, { state })).status, 200);
  assert.equal(told(await answer(flow)).state, state);
});

test('a parameter given twice is refused on a page of ours, whichever it is', async () => {
  const flow = await makeFlow();
  for (const extra of ['scope=mcp%3Aread', 'unknown=1&unknown=2', 'redirect_uri=https%3A%2F%2Fevil.example'])
    await assertRefusalPage(
      await flow.browser.go(`/authorize?${parameters(flow).toString()}&${extra}`),
      400,
      'A parameter of the authorization request is given twice.',
    );
  await assertRefusalPage(
    await flow.browser.go(`/authorize?${parameters(flow).toString()}&x=%zz`),
    400,
    'The form of the authorization request is not well-formed.',
  );
});

test('unknown parameters are ignored (RFC 6749 §3.1)', async () => {
  const flow = await makeFlow();
  assert.equal((await authorize(flow, { nonce: 'n', ui_locales: 'de', 'scope.0': 'on' })).status, 200);
});

test('a redirect URI that has a query keeps it', async () => {
  const callback = `${CALLBACK}?tenant=a%20b`;
  const flow = await makeFlow({ redirect_uris: [callback] });
  const response = await authorize(flow, { redirect_uri: callback, scope: 'mcp:other' });
  assert.ok(response.headers.get('location')!.startsWith(`${callback}&error=invalid_scope&`));
});

test('an app that is not registered for codes is told so', async () => {
  const flow = await makeFlow({ grants: ['refresh_token'] });
  assert.equal(told(await authorize(flow)).error, 'unauthorized_client');
});

test('a client gets the scopes of its registration and no others', async () => {
  const flow = await makeFlow({ scopes: ['mcp:read'] });
  assert.equal(told(await authorize(flow, { scope: 'mcp:write' })).error, 'invalid_scope');
  assert.equal(told(await authorize(flow, { scope: 'profile' })).error, 'invalid_scope');
  assert.equal((await authorize(flow, { scope: undefined })).status, 200);
  assert.deepEqual(boxes(flow), { 'scope.0': false });
  assert.ok(flow.browser.text.includes('<code>mcp:read</code>'));
});

test('the resource may be left out where only one can be meant, and a revoked server is none', async () => {
  const flow = await makeFlow();
  const { access_token } = await getTokens(flow, { resource: undefined });
  assert.ok(access_token.length > 0);
  await addServer(flow.world, 'https://other.example/mcp');
  const description = "Name the MCP server: 'resource' may be left out only where there is one.";
  const both = told(await authorize(flow, { resource: undefined }));
  assert.deepEqual([both.error, both.error_description], ['invalid_target', description]);
  revoke(flow.world, 'server', MCP);
  assert.equal(told(await authorize(flow)).error, 'invalid_target');
  assert.equal((await authorize(flow, { resource: undefined })).status, 200);
});

test('a server of another organisation does not exist for this app', async () => {
  const flow = await makeFlow();
  await addServer(flow.world, 'https://theirs.example/mcp', { org: 'theirs' });
  const said = told(await authorize(flow, { resource: 'https://theirs.example/mcp' }));
  assert.match(said.error_description!, /^The resource is not a registered MCP server/);
  assert.equal((await authorize(flow, { resource: undefined })).status, 200);
});

test('[token.bound] tokens for the authority itself are for clients that an operator registered, without dauth:admin', async () => {
  const flow = await makeFlow();
  const scope = 'dauth:connections.read';
  assert.equal(told(await authorize(flow, { resource: ISSUER, scope: 'dauth:admin' })).error, 'invalid_scope');
  assert.equal((await authorize(flow, { resource: ISSUER, scope })).status, 200);
  assert.ok(flow.browser.text.includes('See your connections, without their credentials'));
  const wish = JSON.stringify([{ type: 'dauth_connection', identifier: seal(flow.world, 'ada', makeSigner()).handle }]);
  const named = told(await authorize(flow, { resource: ISSUER, scope, authorization_details: wish }));
  assert.equal(named.error, 'invalid_authorization_details');
  for (const [source, client_id] of [
    ['dynamic', 'registered-itself'],
    ['document', 'https://app.example/document.json'],
  ] as const) {
    const own = { ...flow, app: addApp(flow.world, { source, client_id }) };
    const sentence = 'Only a client that an operator registered gets tokens for the authority.';
    await assertRefusalPage(await authorize(own, { resource: ISSUER, scope }), 400, sentence);
    assert.equal((await authorize(own)).status, 200);
  }
  const named2 = { ...flow, app: addApp(flow.world, { scopes: ['dauth:admin'] }) };
  assert.equal(told(await authorize(named2, { resource: ISSUER, scope: 'dauth:admin' })).error, 'invalid_scope');
});

test('who is not signed in signs in first, and comes back to the same request', async () => {
  const flow = await makeFlow();
  const out = { ...flow, browser: new Browser(flow.world) };
  const response = await authorize(out);
  assert.equal(response.status, 303);
  const next = new URL(response.headers.get('location')!, ISSUER).searchParams.get('next');
  assert.equal(next, `/authorize?${parameters(flow).toString()}`);
  const odd = await out.browser.go(`/authorize?${parameters(flow).toString()}&x=\\`);
  const way = new URL(odd.headers.get('location')!, ISSUER).searchParams.get('next');
  assert.equal(way, `/authorize?${parameters(flow).toString()}&x=%5C`);
  assert.equal((await flow.browser.go(next)).status, 200);
  assert.deepEqual(told(await authorize(out, { prompt: 'none' })), {
    ...{ error: 'login_required', error_description: 'The person has to sign in first.', state: 'xyz', iss: ISSUER },
  });
});

test('a request too long for the way back is kept, for its one use', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  const actions = Array.from({ length: 200 }, (_, index) => `GET /repos/${String(index).padStart(20, 'x')}`);
  const details = [{ type: 'dauth_connection', identifier: handle, locations: ['https://api.github.com'], actions }];
  const change = { authorization_details: JSON.stringify(details) };
  const response = await authorize({ ...flow, browser: new Browser(flow.world) }, change);
  const next = new URL(response.headers.get('location')!, ISSUER).searchParams.get('next')!;
  assert.match(
    next,
    /^\/authorize\?client_id=[\w-]+&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A[\w-]{43}$/,
  );
  flow.world.clock.now += 599;
  flow.browser.cookies.clear();
  for (const [name, value] of signedIn(flow.world).cookies) flow.browser.cookies.set(name, value);
  assert.equal((await flow.browser.go(next)).status, 200);
  assert.ok(flow.browser.text.includes(actions[199]!));
  assert.equal((await flow.browser.go(next)).status, 400);
});

test('a sign-in that is older than the app wants is done again', async () => {
  const flow = await makeFlow();
  flow.world.clock.now += 60;
  const isAsked = async (change: Parameters) => {
    const browser = new Browser(flow.world);
    for (const [name, value] of flow.browser.cookies) browser.cookies.set(name, value);
    const response = await authorize({ ...flow, browser }, change);
    return response.status === 200 ? 'consent' : new URL(response.headers.get('location')!, ISSUER).pathname;
  };
  for (const change of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '0' }, { max_age: '60' }])
    assert.equal(await isAsked(change), 'consent', JSON.stringify(change));
  flow.world.clock.now += 1;
  assert.equal(await isAsked({ max_age: '61' }), 'consent');
  assert.equal(told(await authorize(flow, { prompt: 'none', max_age: '60' })).error, 'login_required');
  assert.equal(await isAsked({ prompt: 'login consent' }), '/sign-in');
  assert.equal((await authorize(flow)).status, 303, 'what is to be done again is over');
});

test('a person of another organisation than the app is not asked', async () => {
  const flow = await makeFlow();
  const theirs = { ...flow, browser: signedIn(flow.world, { sub: 'eve', login: 'eve', org: 'theirs' }) };
  const { error, error_description } = told(await authorize(theirs));
  assert.equal(error, 'access_denied');
  assert.equal(error_description, 'The person belongs to another organisation than this app.');
});

test('what was said before is not asked again of an app that nobody can pass itself off as', async () => {
  const flow = await makeFlow();
  await getCode(flow);
  assert.match(told(await authorize(flow)).code!, /^[\w-]{43}$/);
  assert.match(told(await authorize(flow, { prompt: 'none' })).code!, /^[\w-]{43}$/);
  assert.equal((await authorize(flow, { prompt: 'consent' })).status, 200);
  assert.equal((await authorize(flow, { scope: 'mcp:read mcp:write' })).status, 200, 'a scope more');
  assert.equal(told(await authorize(flow, { scope: 'mcp:write', prompt: 'none' })).error, 'consent_required');
  assert.equal((await authorize({ ...flow, app: addApp(flow.world) })).status, 200, 'another app');
  addConnection(flow.world);
  assert.equal((await authorize(flow)).status, 200, 'a connection that was not there');
  const [grant] = flow.world.store.grants.list(null, flow.world.clock.now).filter(({ kind }) => kind === 'consent');
  revoke(flow.world, 'grant', grant!.id);
  assert.equal(told(await authorize(flow, { prompt: 'none' })).error, 'consent_required');
});

const LOCAL_TLS = ['localhost', 'app.localhost', '127.1.2.3', '[::1]:4000'].map((host) => `https://${host}/cb`);
test('an app on the own computer is asked about every time, unless it has a key of its own', async () => {
  const redirect_uri = 'http://127.0.0.1:4000/cb';
  const flow = await makeFlow({
    redirect_uris: ['http://127.0.0.1/cb', 'com.example.app:/cb', ...LOCAL_TLS],
  });
  for (const uri of [redirect_uri, 'com.example.app:/cb', ...LOCAL_TLS]) {
    await getCode(flow, { redirect_uri: uri });
    assert.equal((await authorize(flow, { redirect_uri: uri })).status, 200, uri);
    const none = told(await authorize(flow, { redirect_uri: uri, prompt: 'none' }), uri);
    assert.equal(none.error, 'consent_required');
  }
  const change = { auth: 'private_key_jwt', redirect_uris: ['http://127.0.0.1/cb'] } as const;
  const proven: Flow = { ...flow, app: addApp(flow.world, change) };
  await getCode(proven, { redirect_uri });
  assert.match(told(await authorize(proven, { redirect_uri }), redirect_uri).code!, /^[\w-]{43}$/);
});

test('an answer without asking says exactly what the request asks for', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  await getCode(flow, { scope: 'mcp:read mcp:write' }, { 'detail.0': 'on' });
  const wish = [
    { type: 'dauth_connection', identifier: handle, locations: ['https://api.github.com'], actions: ['GET /user'] },
  ];
  const change = { scope: 'mcp:write', authorization_details: JSON.stringify(wish) };
  const { code } = told(await authorize(flow, change));
  const stored = flow.world.store.codes.find<{ scopes: string[]; details: { actions: string[] }[] }>(
    sha256Base64url(code!),
  );
  assert.deepEqual(stored?.terms.scopes, ['mcp:write']);
  assert.deepEqual(
    stored.terms.details.map(({ actions }) => actions),
    [['GET /user']],
  );
});

test('an owner who may not be any more is not asked and gets no code', async () => {
  const flow = await makeFlow();
  await getCode(flow);
  revoke(flow.world, 'owner', 'ada');
  assert.equal((await authorize(flow)).status, 303);
  assert.equal(told(await authorize(flow, { prompt: 'none' })).error, 'login_required');
});

test('the authorization endpoint takes GET only', async () => {
  const world = await makeWorld();
  const response = await world.app.request('/authorize', { method: 'POST' });
  assert.equal(response.status, 405);
  assert.equal(response.headers.get('allow'), 'GET');
});
