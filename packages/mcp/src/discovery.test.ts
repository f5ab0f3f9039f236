/** Where an authorization server is looked for, what of it is believed, and how long its last word counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationConfig } from './config.ts';
import { both, fetchOver, jwksAnswer, makeGate, makeToken, NOW, post, RESOURCE, said } from './gate.test-support.ts';
import { caller } from './session.ts';

const ISSUER = 'https://login.example/realms/a';
const RFC8414 = 'https://login.example/.well-known/oauth-authorization-server/realms/a';
const INSERTED = 'https://login.example/.well-known/openid-configuration/realms/a';
const APPENDED = 'https://login.example/realms/a/.well-known/openid-configuration';
const KEYS = 'https://keys.example/jwks?of=a';
const METADATA = { issuer: ISSUER, jwks_uri: KEYS };
const OWN: AuthorizationConfig = { resource: RESOURCE, authorizationServers: [ISSUER], requiredClaims: [] };
const UNREACHABLE = 'The authority could not be reached. Try again shortly.';
const NO_ANSWER = 'The authority gave no usable answer. Try again shortly.';
const NOWHERE = 'The authorization server has no metadata where RFC 8414 and OpenID discovery look for it.';
const UNUSABLE = 'The authority describes itself in a way that cannot be used.';

type Answer = () => Response | Promise<Response>;
const none: Answer = () => new Response('<html>Not found</html>', { status: 404 });
const says =
  (metadata: object): Answer =>
  () =>
    Response.json(metadata);

/** Claims of an issuer that never heard of DAuth. */
const plainClaims = (iss = ISSUER) => ({
  ...{ iss, grant_id: undefined, 'ddls:org': undefined, 'ddls:connections': undefined },
  authorization_details: undefined,
});

/** A server that takes the tokens of an issuer whose addresses answer so; anything else is not there. */
function makeServer(answers: Record<string, Answer>, config: AuthorizationConfig = OWN) {
  const asked: string[] = [];
  let ms = 0;
  const fetch = fetchOver((url) => {
    asked.push(url);
    return url === KEYS ? (answers[KEYS] ?? jwksAnswer)() : (answers[url] ?? none)();
  });
  const who = {
    fetch: async (_: Request, o?: { authInfo?: object }) => Response.json(caller({ authInfo: o?.authInfo })),
  };
  const gate = makeGate(config, who, { fetch, monotonic: () => ms, now: () => NOW });
  const [iss] = config.authorizationServers;
  return {
    asked,
    answers,
    at: (moment: number) => void (ms = moment),
    call: (claims: object = {}) => gate.fetch(post(both(makeToken({ ...plainClaims(iss), ...claims })))),
  };
}

test("[token.bound] another authority's token gets in (control): its claims are there, org and grant are not", async () => {
  const { call } = makeServer({ [RFC8414]: says(METADATA) });
  const answer = await call({ 'ddls:org': 'forged', grant_id: 'forged' });
  assert.equal(answer.status, 200, await answer.clone().text());
  const { claims, ...known } = (await answer.json()) as { claims: { iss: string } };
  assert.deepEqual(known, { subject: 'ada', clientId: 'laptop', bound: true, scopes: ['mcp:use'], connections: [] });
  assert.equal(claims.iss, ISSUER);
});

for (const [where, urls] of [
  ['RFC 8414 says', [RFC8414]],
  ['OpenID discovery says, between host and path', [RFC8414, INSERTED]],
  ['OpenID discovery says, behind the path', [RFC8414, INSERTED, APPENDED]],
] as const) {
  test(`metadata is found where ${where}`, async () => {
    const { asked, call } = makeServer({ [urls.at(-1)!]: says(METADATA) });
    assert.equal((await call()).status, 200);
    assert.deepEqual(asked, [...urls, KEYS]);
  });
}

for (const [issuer, first, second] of [
  ['https://login.example', '', ''],
  ['https://login.example/', '', ''],
  ['https://login.example/a/', '/a', '/a'],
] as const) {
  test(`the last slash of ${issuer} is its own, and not that of its metadata`, async () => {
    const inserted = `https://login.example/.well-known/openid-configuration${second}`;
    const { asked, call } = makeServer(
      { [inserted]: says({ ...METADATA, issuer }) },
      { ...OWN, authorizationServers: [issuer] },
    );
    assert.equal((await call()).status, 200);
    assert.deepEqual(asked, [`https://login.example/.well-known/oauth-authorization-server${first}`, inserted, KEYS]);
  });
}

const NOT_BELIEVED: readonly (readonly [
  what: string,
  answers: Record<string, Answer>,
  sentence: string,
  asked: number,
])[] = [
  ['it is nowhere', {}, NOWHERE, 3],
  ...[`${ISSUER}/`, 'https://LOGIN.example/realms/a', 'https://evil.example', undefined].map(
    (issuer): (typeof NOT_BELIEVED)[number] => [
      `it names ${String(issuer)}`,
      { [RFC8414]: says({ ...METADATA, issuer }), [INSERTED]: says(METADATA) },
      'The authority describes itself as another issuer.',
      1,
    ],
  ),
  ...['http://keys.example/jwks', 'http://127.0.0.1:8080/jwks', 'jwks', undefined].map(
    (jwks_uri): (typeof NOT_BELIEVED)[number] => [
      `its keys are at ${String(jwks_uri)}`,
      { [RFC8414]: says({ ...METADATA, jwks_uri }) },
      UNUSABLE,
      1,
    ],
  ),
  ['it is a page', { [RFC8414]: () => new Response('<html>') }, UNREACHABLE, 1],
  [
    'its server fails',
    { [RFC8414]: () => Response.json({}, { status: 500 }), [INSERTED]: says(METADATA) },
    NO_ANSWER,
    1,
  ],
  ['it cannot be had', { [RFC8414]: () => Promise.reject(new TypeError('fetch failed')) }, UNREACHABLE, 1],
];
for (const [what, answers, sentence, times] of NOT_BELIEVED) {
  test(`[token.bound] another authority's metadata is not believed: ${what}`, async () => {
    const { asked, call } = makeServer(answers);
    const { status, code, detail } = await said(await call());
    assert.deepEqual([status, code, detail], [503, 'ENCLAVE_UNAVAILABLE', sentence]);
    assert.equal(asked.length, times);
  });
}

test('a server that asks less often is told so, and no other address is tried', async () => {
  const { asked, call } = makeServer({
    [RFC8414]: () => Response.json({}, { status: 429 }),
    [INSERTED]: says(METADATA),
  });
  const { status, code } = await said(await call());
  assert.deepEqual([status, code, asked.length], [429, 'RATE_LIMITED', 1]);
});

test('callers at once share one discovery', async () => {
  const { asked, call } = makeServer({ [RFC8414]: says(METADATA) });
  const answers = await Promise.all([call(), call(), call()]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.deepEqual(asked, [RFC8414, KEYS]);
});

test('metadata is read again after its time, and its last word counts for thrice that while its server is away', async () => {
  const server = makeServer({ [RFC8414]: says(METADATA) });
  const { asked, answers, at, call } = server;
  const statusAt = async (ms: number) => {
    at(ms);
    return (await call()).status;
  };
  assert.equal(await statusAt(0), 200);
  assert.equal(await statusAt(300_000), 200);
  assert.deepEqual(asked, [RFC8414, KEYS], 'fresh for cacheTtl');
  answers[RFC8414] = () => Response.json({}, { status: 503 });
  assert.equal(await statusAt(300_001), 200);
  assert.equal(await statusAt(300_900), 200);
  assert.deepEqual(asked.slice(2), [RFC8414, KEYS], 'asked again once in its cool-down');
  assert.equal(await statusAt(900_000), 200);
  assert.equal(await statusAt(900_001), 503);
  answers[RFC8414] = says(METADATA);
  assert.equal(await statusAt(906_000), 200, 'and when it is back, it is asked');
});

test('[token.bound] keys that moved are asked for where they are now', async () => {
  const { asked, answers, at, call } = makeServer({ [RFC8414]: says(METADATA) });
  assert.equal((await call()).status, 200);
  const moved = 'https://keys.example/moved';
  answers[RFC8414] = says({ ...METADATA, jwks_uri: moved });
  answers[moved] = () => Response.json({ keys: [] });
  at(300_001);
  const { status, detail } = await said(await call());
  assert.deepEqual([status, detail], [401, 'The access token is signed by a key that is not published by its issuer.']);
  assert.equal(asked.at(-1), moved);
});

test('the metadata of a server with another authority names no connections', async () => {
  const { fetch } = makeGate(OWN);
  const answer = await fetch(new Request('http://any/.well-known/oauth-protected-resource/mcp'));
  assert.deepEqual(await answer.json(), {
    resource: RESOURCE,
    authorization_servers: [ISSUER],
    bearer_methods_supported: ['header'],
    dpop_bound_access_tokens_required: true,
    dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA'],
  });
});
