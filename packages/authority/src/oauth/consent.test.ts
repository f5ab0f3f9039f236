/** The consent page and its answer: what is shown, what is taken, by whom, once, and what the grant says then. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { makeHandle } from '@dauth/protocol';
import { assertRefusalPage, signedIn } from '../people/browser.test-support.ts';
import { makeSigner } from '../signer.test-support.ts';
import type { Grant } from '../store/grants.ts';
import { addServer, claimsOf, ISSUER, MCP, revoke, START, type World } from '../world.test-support.ts';
import { allow } from '../sealed.test-support.ts';
import {
  addApp,
  addConnection,
  answer,
  askOf,
  authorize,
  boxes,
  CALLBACK,
  codeForm,
  getCode,
  getTokens,
  good,
  ledTo,
  makeFlow,
  post,
  refreshForm,
  told,
  type Answer,
  type Parameters,
} from './consent.test-support.ts';

const OVER = 'This question was answered already, or has ended. Start again in the app.';
const NOT_OFFERED = 'The answer names something that was not offered. Start again in the app.';

function consents({ store, clock }: World): Grant[] {
  return store.grants.list(null, clock.now).filter(({ kind }) => kind === 'consent');
}

function wish(handle: string, members: object = {}): string {
  return JSON.stringify([{ type: 'dauth_connection', identifier: handle, ...members }]);
}

test('the page says who asks, what for, where the answer goes, and leads back there only', async () => {
  const flow = await makeFlow({ name: '<b>Evil</b> "app"' });
  addConnection(flow.world);
  const response = await authorize(flow);
  const text = await response.text();
  for (const shown of [
    ...['<bdi>&lt;b&gt;Evil&lt;/b&gt; &quot;app&quot;</bdi>', `<code>${MCP}</code>`, `<code>${CALLBACK}</code>`],
    ...['Ada Lovelace', '<code>ada</code>', 'registered by whoever runs this installation', '<code>mcp:read</code>'],
    ...['bound to a key of the app (DPoP)', '<code>https://api.github.com</code>', '<code>GET /repos/**</code>'],
    ...['value="30 days" checked', 'value="approve">Allow', 'value="deny" class="quiet">Do not allow'],
  ])
    assert.ok(text.includes(shown), shown);
  assert.ok(!text.includes('role="alert"'));
  assert.match(response.headers.get('content-security-policy')!, /form-action 'self';.*frame-ancestors 'none'/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
});

test('[token.bound] the page says what sealed rules let a query and a body be, of what is asked for and of what was given', async () => {
  const flow = await makeFlow();
  const rule = (path: string, query: readonly string[]) => ({
    ...allow('https://api.github.com', ['GET'], [path]),
    query,
  });
  const bound = allow('https://api.github.com', ['PUT'], ['/bound']);
  const body = [{ pointer: '/draft', equals: true } as const, { pointer: '/x', absent: true } as const];
  const rules = [
    { ...bound, body },
    rule('/search', ['q', 'page']),
    rule('/plain', []),
    {
      ...allow('https://api.github.com', ['POST'], ['/graphql']),
      graphql: { operations: ['query'], fields: ['viewer'] } as const,
    },
    { ...allow('https://api.github.com', ['GET'], ['/live']), websocket: true as const },
    allow('https://api.github.com', ['POST'], ['/any']),
  ];
  const { handle } = addConnection(flow.world, { allow: rules });
  const shown = [
    '; sealed for <code>GET</code> at <code>/search</code> with no other query than <code>q</code>, <code>page</code>',
    '; sealed for <code>GET</code> at <code>/plain</code> without a query',
    '; sealed for <code>GET</code> at <code>/live</code> also as a WebSocket',
    '; sealed for <code>PUT</code> at <code>/bound</code> only with a JSON body where <code>/draft</code> is one of <code>true</code>, only with a JSON body where <code>/x</code> is absent',
  ];
  shown.push(
    '; sealed for <code>POST</code> at <code>/graphql</code> only with a GraphQL <code>query</code> of the root fields <code>viewer</code>',
  );
  const page = await (await authorize(flow, { authorization_details: wish(handle) })).text();
  for (const each of shown) assert.ok(page.includes(each), each);
  assert.equal(page.includes('at <code>/any</code>'), false);
  await answer(flow, Object.fromEntries(Object.keys(boxes(flow)).map((name) => [name, 'on'])));
  const again = await (await authorize(flow, { authorization_details: wish(handle), prompt: 'consent' })).text();
  for (const each of shown) assert.ok(again.includes(each), each);
});

test('the page says which connection a login puts its answer into, and which login a captured one is from', async () => {
  const flow = await makeFlow();
  const [login, session] = [0, 1].map(() => makeHandle(START * 1_000, randomBytes(10)));
  const where = [allow('https://api.github.com', ['POST'], ['/login'])];
  const capture = { into: session!, fields: [{ pointer: '/token', field: 'token' }] };
  const captured = { from: login!, fields: ['token'], lifetime: 60 };
  addConnection(flow.world, { handle: login!, connection: 'shop-login', allow: where, capture });
  addConnection(flow.world, { handle: session!, connection: 'shop', captured });
  const text = await (await authorize(flow)).text();
  assert.ok(text.includes('; a login, whose answer becomes the credential of <bdi>shop</bdi>'), text);
  assert.ok(text.includes('; with the credential that the login <bdi>shop-login</bdi> was answered with'), text);
});

test('[token.bound] the page names no connection of somebody else, whatever a login of one’s own says it is for', async () => {
  const flow = await makeFlow();
  const [login, others] = [0, 1].map(() => makeHandle(START * 1_000, randomBytes(10)));
  const where = [allow('https://api.github.com', ['POST'], ['/login'])];
  const capture = { into: others!, fields: [{ pointer: '/token', field: 'token' }] };
  addConnection(flow.world, { handle: login!, connection: 'shop-login', allow: where, capture });
  addConnection(flow.world, { handle: others!, connection: 'somebody-elses-bank', owner: 'bob', org: 'other' });
  const text = await (await authorize(flow)).text();
  assert.ok(text.includes(`; a login, whose answer becomes the credential of <bdi>${others!}</bdi>`), text);
  assert.ok(!text.includes('somebody-elses-bank'));
});

test('an app that introduced itself, and one behind a document, are shown as that', async () => {
  const flow = await makeFlow();
  const dynamic = { ...flow, app: addApp(flow.world, { source: 'dynamic' }) };
  assert.match(await (await authorize(dynamic)).text(), /<strong>not verified<\/strong>: it registered itself/);
  const id = 'https://docs.app.example/client.json';
  const document = { ...flow, app: addApp(flow.world, { source: 'document', client_id: id }) };
  assert.match(await (await authorize(document)).text(), /published by <code>docs\.app\.example<\/code>/);
});

test('an answer that goes to the own computer comes with a warning', async () => {
  const flow = await makeFlow({ redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]/cb', 'com.example.app:/cb'] });
  for (const redirect_uri of ['http://127.0.0.1:4000/cb', 'http://[::1]:4000/cb', 'com.example.app:/cb']) {
    const response = await authorize(flow, { redirect_uri });
    assert.match(await response.text(), /role="alert">The answer goes to a program on your own computer/);
    told(await answer(flow), redirect_uri);
  }
});

test('[token.bound] what the person ticks is the grant, for as long as they said', async () => {
  const flow = await makeFlow();
  addConnection(flow.world);
  await authorize(flow, { scope: 'mcp:read mcp:write' });
  assert.deepEqual(boxes(flow), { 'scope.0': true, 'scope.1': true, 'detail.0': false });
  const response = await answer(flow, { 'scope.1': undefined, duration: '1 hour' });
  const { code, ...rest } = told(response);
  assert.deepEqual(rest, { state: 'xyz', iss: ISSUER });
  const [grant, ...others] = consents(flow.world);
  assert.equal(others.length, 0);
  const { id, ...said } = grant!;
  assert.deepEqual(said, {
    ...{ kind: 'consent', owner: 'ada', org: 'default', client_id: flow.app.id, resource: MCP },
    ...{ scopes: ['mcp:read'], details: [], expires_at: START + 3_600, created_at: START },
  });
  const tokens = await good(post(flow, '/token', codeForm(code!)));
  assert.equal(tokens.scope, 'mcp:read');
  assert.equal(claimsOf(tokens.access_token).grant_id, id);
  const [noted] = flow.world.store.audit.operations(1);
  assert.deepEqual(noted, { time: START, actor: 'ada', asOperator: false, action: 'grant.consent', subject: id });
});

test('every duration that is offered is one that can be chosen', async () => {
  for (const [duration, seconds] of [
    ['1 hour', 3_600],
    ['1 day', 86_400],
    ['30 days', 2_592_000],
    ['90 days', 7_776_000],
  ] as const) {
    const flow = await makeFlow();
    await authorize(flow);
    assert.ok(flow.browser.text.includes(`name="duration" value="${duration}"`));
    told(await answer(flow, { duration }));
    assert.equal(consents(flow.world)[0]!.expires_at, START + seconds);
  }
});

test('a yes leads on by a page, since a browser holds every redirect after a form to the policy of its page', async () => {
  const flow = await makeFlow({ redirect_uris: ['https://app.example/cb?a=1'] });
  await authorize(flow, { redirect_uri: 'https://app.example/cb?a=1' });
  const response = await answer(flow);
  const to = ledTo(response)!;
  assert.deepEqual([response.status, response.headers.get('location')], [200, null]);
  assert.match(to, /^https:\/\/app\.example\/cb\?a=1&code=[\w-]{43}&state=xyz&iss=/);
  assert.ok(flow.browser.text.includes(`<a href="${to.replaceAll('&', '&amp;')}">Go on</a>`), flow.browser.text);
});

test('a no is told to the app and leaves nothing behind', async () => {
  const flow = await makeFlow();
  await authorize(flow);
  const ask = askOf(flow);
  assert.deepEqual(told(await answer(flow, { decision: 'deny', duration: undefined })), {
    ...{ error: 'access_denied', error_description: 'The person said no.', state: 'xyz', iss: ISSUER },
  });
  assert.deepEqual(consents(flow.world), []);
  await authorize(flow);
  await assertRefusalPage(await answer(flow, { ask }), 400, OVER);
});

const UNOFFERED: readonly (readonly [what: string, Parameters, sentence?: string])[] = [
  ['a scope that is not on the page', { 'scope.1': 'on' }],
  ['a connection that is not on the page', { 'detail.1': 'on' }],
  ['a place with a leading zero', { 'scope.00': 'on' }],
  ['a place below the first', { 'scope.-1': 'on' }],
  ['a box of another kind', { 'grant.0': 'on' }],
  ['a box by its value', { 'scope.0': 'mcp:write' }],
  ['a scope by its name', { scope: 'mcp:write' }],
  ['the prototype', { ['__proto__']: 'on' }],
  ['no duration', { duration: undefined }, 'The answer has no duration that was offered. Start again in the app.'],
  [
    'another duration',
    { duration: '10 years' },
    'The answer has no duration that was offered. Start again in the app.',
  ],
  [
    'a duration of all objects',
    { duration: 'toString' },
    'The answer has no duration that was offered. Start again in the app.',
  ],
  ['neither yes nor no', { decision: undefined }, 'The answer was neither yes nor no. Start again in the app.'],
];
for (const [what, change, sentence = NOT_OFFERED] of UNOFFERED)
  test(`[token.bound] ${what} is refused, and nothing is granted`, async () => {
    const flow = await makeFlow();
    addConnection(flow.world);
    await authorize(flow);
    const ask = askOf(flow);
    const fields = { ask, decision: 'approve', duration: '1 day', ...change };
    const form = flow.browser.text;
    await assertRefusalPage(await flow.browser.submit('/consent', fields), 400, sentence);
    assert.deepEqual(consents(flow.world), []);
    flow.browser.text = form;
    told(await answer(flow));
  });

test('[token.bound] a question is answered once, by the session it was put to, within ten minutes', async () => {
  const flow = await makeFlow();
  const others = [signedIn(flow.world), signedIn(flow.world, { sub: 'bob', login: 'bob' })];
  await authorize(flow);
  const [ask, text] = [askOf(flow), flow.browser.text];
  for (const browser of others) {
    await authorize({ ...flow, browser });
    await assertRefusalPage(await answer({ ...flow, browser }, { ask }), 400, OVER);
  }
  told(await answer(flow));
  flow.browser.text = text;
  await assertRefusalPage(await answer(flow), 400, OVER);
  assert.equal(consents(flow.world).length, 1);
  for (const [seconds, status] of [
    [599, 200],
    [600, 400],
  ] as const) {
    await authorize(flow, { prompt: 'consent' });
    flow.world.clock.now += seconds;
    assert.equal((await answer(flow)).status, status);
  }
});

test('a form that another site sends, or that is not ours, is refused', async () => {
  const flow = await makeFlow();
  await authorize(flow);
  const fields = { ask: askOf(flow), decision: 'approve', duration: '1 day' };
  const text = flow.browser.text;
  const from = [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: undefined }];
  for (const headers of from) assert.equal((await flow.browser.submit('/consent', fields, headers)).status, 403);
  for (const csrf of [undefined, 'x'.repeat(43)]) {
    flow.browser.text = text;
    assert.equal((await flow.browser.submit('/consent', { ...fields, csrf })).status, 403);
  }
  assert.deepEqual(consents(flow.world), []);
  flow.browser.text = text;
  flow.browser.cookies.clear();
  await assertRefusalPage(
    await flow.browser.submit('/consent', fields),
    403,
    'You are signed out. Start again in the app.',
  );
});

test('a page that opens questions by itself pushes out old ones, and locks nobody out', async () => {
  const flow = await makeFlow();
  await authorize(flow);
  const first = flow.browser.text;
  for (let more = 1; more < 16; more++) {
    flow.world.clock.now += 1;
    await authorize(flow);
  }
  const last = flow.browser.text;
  flow.browser.text = first;
  assert.equal((await answer(flow)).status, 200, 'sixteen are open');
  await authorize(flow, { prompt: 'consent' });
  const second = flow.browser.text;
  for (let more = 0; more < 16; more++) {
    flow.world.clock.now += 1;
    await authorize(flow, { prompt: 'consent' });
  }
  for (const text of [second, last]) {
    flow.browser.text = text;
    await assertRefusalPage(await answer(flow), 400, OVER);
  }
});

test('[token.bound] only connections that could be used here are offered, and pinned ones to their key alone', async () => {
  const flow = await makeFlow();
  const { world, app } = flow;
  await addServer(world, 'https://other.example/mcp');
  addConnection(world, { connection: 'elsewhere', servers: ['https://other.example/mcp'] });
  addConnection(world, { connection: 'bobs', owner: 'bob' });
  addConnection(world, { connection: 'theirs', org: 'theirs' });
  addConnection(world, { connection: 'pinned', pin: { jkt: [app.key.jkt] } });
  addConnection(world, { connection: 'short', exp: START + 10 });
  const suspended = addConnection(world, { connection: 'suspended' });
  world.store.transaction(() => world.store.connections.setStatus(suspended.handle, 'suspended', 1, START));
  addConnection(world, { connection: 'good' });
  world.clock.now += 10;
  const shown = async (change: Parameters) => {
    const text = await (await authorize(flow, change)).text();
    return [...text.matchAll(/<strong><bdi>(\w+)<\/bdi><\/strong> at/g)].map(([, name]) => String(name)).sort();
  };
  assert.deepEqual(await shown({}), ['good']);
  assert.deepEqual(await shown({ dpop_jkt: makeSigner().jkt }), ['good']);
  assert.deepEqual(await shown({ dpop_jkt: app.key.jkt }), ['good', 'pinned']);
});

test('[token.bound] a connection that the app names is ticked, and no wider than it asked', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  addConnection(flow.world, { connection: 'other' });
  const narrow = { locations: ['https://api.github.com'], actions: ['GET /repos/a/*'] };
  await authorize(flow, { authorization_details: wish(handle, narrow) });
  assert.deepEqual(boxes(flow), { 'scope.0': true, 'detail.0': true, 'detail.1': false });
  const { code } = told(await answer(flow));
  const { authorization_details } = await good(post(flow, '/token', codeForm(code!)));
  assert.deepEqual(authorization_details, [
    { type: 'dauth_connection', identifier: handle, name: 'github', ...narrow },
  ]);
});

test('[token.bound] an app that names what it cannot have is told one thing, whatever the reason', async () => {
  const flow = await makeFlow();
  const bobs = addConnection(flow.world, { owner: 'bob' });
  for (const handle of [bobs.handle, 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a'])
    assert.deepEqual(told(await authorize(flow, { authorization_details: wish(handle) })), {
      error: 'invalid_authorization_details',
      error_description: 'An authorization detail names a connection that this client cannot use at this resource.',
      ...{ state: 'xyz', iss: ISSUER },
    });
  const own = addConnection(flow.world);
  const beyond = { locations: ['https://api.github.com'], actions: ['DELETE /user'] };
  const said = told(await authorize(flow, { authorization_details: wish(own.handle, beyond) }));
  assert.equal(said.error_description, 'An authorization detail exceeds what its owner sealed.');
});

test('more than a token can say is refused on the page, and fewer can be chosen after it', async () => {
  const flow = await makeFlow();
  for (let index = 0; index < 9; index++) addConnection(flow.world, { connection: `c${index}` });
  await authorize(flow);
  const text = flow.browser.text;
  const eight = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`detail.${index}`, 'on']));
  await assertRefusalPage(
    await answer(flow, { ...eight, 'detail.8': 'on' }),
    400,
    'That is more than one token can say: at most 8 connections and origins and 256 actions. Go back and choose fewer.',
  );
  assert.deepEqual(consents(flow.world), []);
  flow.browser.text = text;
  const { code } = told(await answer(flow, eight));
  const { authorization_details } = await good(post(flow, '/token', codeForm(code!)));
  assert.equal(authorization_details.length, 8);
});

test('what fits by number and not by length is refused on the page, not at the token endpoint', async () => {
  const flow = await makeFlow();
  const paths = Array.from({ length: 40 }, (_, index) => `/${'x'.repeat(80)}/${index}`);
  for (const connection of ['a', 'b', 'c'])
    addConnection(flow.world, { connection, allow: [allow('https://api.github.com', ['GET'], paths)] });
  await authorize(flow);
  const response = await answer(flow, { 'detail.0': 'on', 'detail.1': 'on', 'detail.2': 'on' });
  assert.equal(response.status, 400);
  assert.match(flow.browser.text, /That is more than one token can say/);
});

test('[token.bound] asking for more later widens the one grant, and not what was issued before', async () => {
  const flow = await makeFlow();
  const first = addConnection(flow.world);
  const before = await getTokens(flow, {}, { 'detail.0': 'on' });
  const second = addConnection(flow.world, { connection: 'second' });
  await authorize(flow, { scope: 'mcp:write' });
  assert.deepEqual(boxes(flow), { 'scope.0': true, 'detail.0': false });
  assert.match(
    flow.browser.text,
    /It has already, and keeps<\/legend>[^]*<code>mcp:read<\/code>[^]*<bdi>github<\/bdi>/,
  );
  const { code } = told(await answer(flow, { 'detail.0': 'on', duration: '1 day' }));
  const after = await good(post(flow, '/token', codeForm(code!)));
  assert.equal(after.scope, 'mcp:read mcp:write');
  const named = (tokens: Answer) =>
    (tokens.authorization_details as { identifier: string }[]).map((each) => each.identifier);
  assert.deepEqual(named(after), [first.handle, second.handle]);
  const [grant, ...others] = consents(flow.world);
  assert.equal(others.length, 0);
  assert.deepEqual([grant!.id, grant!.expires_at], [claimsOf(before.access_token).grant_id, START + 86_400]);
  assert.deepEqual(grant!.scopes, ['mcp:read', 'mcp:write']);
  const old = await good(post(flow, '/token', refreshForm(before.refresh_token)));
  assert.equal(old.scope, 'mcp:read');
  assert.deepEqual(named(old), [first.handle]);
  assert.equal(flow.world.store.audit.operations(1)[0]?.action, 'grant.widen');
});

test('what was given under a name that anybody can send is not called what the app has, but what it would get', async () => {
  const OTHERS =
    /Nothing proves that this is the program you let in before\. If you allow it, it gets all of this too\./;
  const redirect_uris = [CALLBACK, 'http://localhost/cb'];
  for (const [auth, redirect_uri, isAnybody] of [
    ['none', 'http://localhost:4000/cb', true],
    ['none', CALLBACK, false],
    ['private_key_jwt', 'http://localhost:4000/cb', false],
  ] as const) {
    const flow = await makeFlow({ auth, redirect_uris });
    await authorize(flow, { redirect_uri });
    told(await answer(flow), redirect_uri);
    await authorize(flow, { redirect_uri, prompt: 'consent' });
    assert.equal(OTHERS.test(flow.browser.text), isAnybody, `${auth} ${redirect_uri}`);
    assert.equal(flow.browser.text.includes('It has already, and keeps'), !isAnybody);
  }
});

test('more of a connection that was given in part is one detail with both parts', async () => {
  const flow = await makeFlow();
  const { handle } = addConnection(flow.world);
  const part = (action: string) => wish(handle, { locations: ['https://api.github.com'], actions: [action] });
  await getTokens(flow, { authorization_details: part('GET /user') });
  const both = await getTokens(flow, { authorization_details: part('POST /user') });
  assert.deepEqual(
    (both.authorization_details as { actions: string[] }[]).map(({ actions }) => actions),
    [['GET /user', 'POST /user']],
  );
});

test('[revoke.fast] what was taken away while a page was open does not come back by its yes', async () => {
  const flow = await makeFlow();
  await getCode(flow);
  await authorize(flow, { scope: 'mcp:write' });
  const text = flow.browser.text;
  revoke(flow.world, 'grant', consents(flow.world)[0]!.id);
  const changed = 'What you gave this app has changed meanwhile. Start again in the app.';
  await assertRefusalPage(await answer(flow), 400, changed);
  await getCode(flow, { scope: 'mcp:write' });
  flow.browser.text = text;
  await assertRefusalPage(await answer(flow), 400, changed);
  assert.deepEqual(
    consents(flow.world).map(({ scopes }) => scopes),
    [['mcp:write']],
  );
});

test('two pages that are open at once come to one grant', async () => {
  const flow = await makeFlow();
  await authorize(flow);
  const one = flow.browser.text;
  await authorize(flow, { scope: 'mcp:write' });
  told(await answer(flow));
  flow.browser.text = one;
  const { code } = told(await answer(flow));
  assert.deepEqual(
    consents(flow.world).map(({ scopes }) => scopes),
    [['mcp:write', 'mcp:read']],
  );
  assert.equal((await good(post(flow, '/token', codeForm(code!)))).scope, 'mcp:read', 'what its own page showed');
});

for (const what of ['client', 'server', 'org', 'owner'] as const)
  test(`[revoke.fast] a yes after its ${what} was revoked gives nothing`, async () => {
    const flow = await makeFlow();
    await authorize(flow);
    revoke(flow.world, what, { client: flow.app.id, server: MCP, org: 'default', owner: 'ada' }[what]);
    const response = await answer(flow);
    assert.equal(response.status, what === 'client' || what === 'server' ? 400 : 403);
    assert.deepEqual(consents(flow.world), []);
  });

test('a yes does not lead to a redirect URI that was unregistered while the page was open', async () => {
  const flow = await makeFlow();
  await authorize(flow);
  const { registry } = flow.world.store;
  registry.putClient({ ...registry.client(flow.app.id)!, redirect_uris: [`${CALLBACK}2`] });
  await assertRefusalPage(
    await answer(flow),
    400,
    'The app is not registered any more as it was. Start again in the app.',
  );
  assert.deepEqual(consents(flow.world), []);
});

test('a person gives a bounded number of grants; those that ended make room', async () => {
  const flow = await makeFlow();
  const { store, clock } = flow.world;
  const grant = { kind: 'consent', owner: 'ada', org: 'default', client_id: 'x', resource: MCP } as const;
  const rest = { scopes: [], details: [], expires_at: START + 10, created_at: START };
  store.transaction(() => {
    for (let index = 0; index < 1_000; index++) store.grants.add({ ...grant, ...rest, id: `grant-${index}` });
  });
  await authorize(flow);
  const text = flow.browser.text;
  await assertRefusalPage(await answer(flow), 409, 'A person gives at most 1000 grants; revoke some first.');
  clock.now += 10;
  flow.browser.text = text;
  told(await answer(flow));
  assert.equal(store.grants.get('grant-0'), undefined);
});

test('a page shows at most 32 connections; one that is named is always among them', async () => {
  const flow = await makeFlow();
  const handles = Array.from(
    { length: 40 },
    (_, index) => addConnection(flow.world, { connection: `c${index}` }).handle,
  );
  const last = handles.sort().at(-1)!;
  await authorize(flow, { authorization_details: wish(last) });
  const shown = boxes(flow);
  assert.equal(Object.keys(shown).filter((name) => name.startsWith('detail.')).length, 32);
  const { code } = told(await answer(flow));
  const { authorization_details } = await good(post(flow, '/token', codeForm(code!)));
  assert.deepEqual(
    (authorization_details as { identifier: string }[]).map(({ identifier }) => identifier),
    [last],
  );
});

test('a page with many boxes is answered as a whole', async () => {
  const flow = await makeFlow();
  const scopes = Array.from({ length: 60 }, (_, index) => `s${index}`);
  await addServer(flow.world, 'https://many.example/mcp', { scopes });
  const change = { resource: 'https://many.example/mcp', scope: scopes.join(' ') };
  const tokens = await getTokens(flow, change);
  assert.equal(tokens.scope, scopes.join(' '));
});
