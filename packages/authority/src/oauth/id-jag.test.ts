/** Enterprise-managed authorization: an ID-JAG becomes a token for its user, its client, its server and its key, once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyAccessToken } from '@dauth/verify';
import { assertion, dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  claimsOf,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  tokenForm,
  type TokenBody,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { carried, seal, submission, wish } from '../sealed.test-support.ts';
import { IDP, JWT_BEARER, makeFederation, REFUSED, type Federation } from './issuers.test-support.ts';

async function granted(answer: Response): Promise<TokenBody> {
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as TokenBody;
}

/** Refused like every other assertion; the reason stands in the log, and nowhere a value. */
async function assertRefused(made: Federation, answer: Response, reason: string): Promise<void> {
  await assertOAuth(answer, 400, 'invalid_grant', REFUSED);
  const event = made.world.events.findLast((each) => each.event === 'assertion_refused');
  assert.equal(event?.reason, reason);
  assert.deepEqual(Object.keys(event ?? {}), ['event', 'reason', 'request_id']);
}

test('[token.bound] an ID-JAG gives a token for its user at its server, bound to the key that asks', async () => {
  const made = await makeFederation();
  const body = await granted(await made.askIdJag());
  assert.deepEqual([body.token_type, body.expires_in, body.scope], ['DPoP', 300, 'mcp:read mcp:write']);
  assert.ok(!('refresh_token' in body));
  const options = { issuer: ISSUER, audience: MCP, keys: made.world.key.jwk, now: START };
  const claims = verifyAccessToken(body.access_token, options);
  assert.deepEqual(
    [claims.sub, claims.client_id, claims.org, claims.cnf.jkt],
    ['acme:ada', made.client.id, 'default', made.client.key.jkt],
  );
});

test('[token.bound] without a trusted issuer the grant type does not exist', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world, { grants: ['client_credentials', JWT_BEARER] });
  await assertOAuth(
    await askToken(world, client, { grant_type: JWT_BEARER, assertion: 'a.b.c' }),
    400,
    'unsupported_grant_type',
    'This authority grants client_credentials, authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:device_code and urn:ietf:params:oauth:grant-type:token-exchange.',
  );
});

test('the metadata names the grant type and the profile where an issuer is trusted, and only then', async () => {
  const { world } = await makeFederation();
  const metadata = async (of: typeof world): Promise<Record<string, unknown>> =>
    (await (await of.app.request('/.well-known/oauth-authorization-server')).json()) as Record<string, unknown>;
  const trusting = await metadata(world);
  assert.ok((trusting.grant_types_supported as string[]).includes(JWT_BEARER));
  assert.deepEqual(trusting.authorization_grant_profiles_supported, ['urn:ietf:params:oauth:grant-profile:id-jag']);
  const plain = await metadata(await makeWorld());
  assert.ok(!(plain.grant_types_supported as string[]).includes(JWT_BEARER));
  assert.ok(!('authorization_grant_profiles_supported' in plain));
});

const WRONG_CLAIMS: Readonly<Record<string, readonly [reason: string, claims: object]>> = {
  'by an issuer that is not trusted': ['issuer', { iss: 'https://other.example' }],
  'by an issuer spelled with a slash more': ['issuer', { iss: `${IDP}/` }],
  'without an issuer': ['issuer', { iss: undefined }],
  'with an issuer that is no string': ['issuer', { iss: [IDP] }],
  'for another audience': ['aud', { aud: 'https://other.example' }],
  'for our token endpoint': ['aud', { aud: `${ISSUER}/token` }],
  'for two audiences': ['aud', { aud: [ISSUER, 'https://other.example'] }],
  'without an audience': ['aud', { aud: undefined }],
  'that has ended': ['time', { iat: START - 300, exp: START }],
  'without an end': ['time', { exp: undefined }],
  'with an end in fractions': ['time', { exp: START + 0.5 }],
  'without a beginning': ['time', { iat: undefined }],
  'signed in the future': ['time', { iat: START + 6 }],
  'that ends before it begins': ['time', { iat: START + 5, exp: START + 5 }],
  'that lives longer than 300 seconds': ['time', { exp: START + 301 }],
  'that is not valid yet': ['time', { nbf: START + 6 }],
  'without a subject': ['sub', { sub: undefined }],
  'with an empty subject': ['sub', { sub: '' }],
  'with a subject that is no string': ['sub', { sub: 7 }],
  'with a control in its subject': ['sub', { sub: 'ada\n' }],
  'with a subject too long to be an owner': ['sub', { sub: 'a'.repeat(252) }],
  'for another client': ['client', { client_id: 'somebody' }],
  'without a client': ['client', { client_id: undefined }],
  'without an id': ['jti', { jti: undefined }],
  'with an empty id': ['jti', { jti: '' }],
  'with an endless id': ['jti', { jti: 'x'.repeat(257) }],
  'bound to another key': ['cnf', { cnf: { jkt: makeSigner().jkt } }],
  'bound to a certificate': ['cnf', { cnf: { 'x5t#S256': 'a' } }],
  'bound to nothing in particular': ['cnf', { cnf: {} }],
  'with details of another kind': ['details', { authorization_details: [{ type: 'payment' }] }],
};
for (const [what, [reason, claims]] of Object.entries(WRONG_CLAIMS)) {
  test(`[token.bound] an ID-JAG ${what} is refused`, async () => {
    const made = await makeFederation();
    await assertRefused(made, await made.askIdJag(claims), reason);
    await granted(await made.askIdJag());
  });
}

test('[token.bound] an ID-JAG of another type, key, algorithm or form is refused', async () => {
  const made = await makeFederation();
  const stranger = makeSigner();
  const claims = { iss: IDP, sub: 'ada', aud: ISSUER, exp: START + 60, iat: START, jti: 'x', resource: MCP };
  const forged = stranger.jws({ typ: 'oauth-id-jag+jwt', kid: 'one' }, { ...claims, client_id: made.client.id });
  const good = made.idJag();
  for (const [reason, form, header] of [
    ['signature', { assertion: forged }, {}],
    ['signature', { assertion: `${good.slice(0, -4)}AAAA` }, {}],
    ['key', {}, { kid: undefined }],
    ['key', {}, { kid: 'two' }],
    ['key', {}, { kid: 7 }],
    ['key', {}, { alg: 'none' }],
    ['key', {}, { alg: 'HS256' }],
    ['signature', {}, { alg: 'RS256' }],
    ['signature', {}, { crit: ['exp'] }],
    ['form', { assertion: 'not.a.jwt' }, {}],
    ['form', { assertion: `${good}.` }, {}],
    ['form', { assertion: 'x'.repeat(40_000) }, {}],
  ] as const)
    await assertRefused(made, await made.askIdJag({}, form, header), reason);
  // A key in the header decides nothing.
  const own = stranger.jws({ typ: 'oauth-id-jag+jwt', kid: 'one', jwk: stranger.jwk }, claims);
  await assertRefused(made, await made.askIdJag({}, { assertion: own }), 'signature');
});

test("[token.bound] an identity provider's ID token is no ID-JAG, whatever it says", async () => {
  const made = await makeFederation();
  // Alone, as a workload's would be: beside a client's own proof it is refused for that.
  const alone = { client_assertion: undefined, client_assertion_type: undefined };
  for (const typ of [undefined, 'JWT', 'at+jwt', 'OAUTH-ID-JAG+JWT'])
    await assertOAuth(await made.askIdJag({}, alone, { typ }), 400, 'invalid_grant', REFUSED);
});

test('[token.bound] the client proves itself first: an ID-JAG alone gives nothing, and makes nothing be fetched', async () => {
  const made = await makeFederation();
  await assertOAuth(
    await made.askIdJag({}, { client_assertion: undefined }),
    401,
    'invalid_client',
    'Clients authenticate with private_key_jwt (client_assertion).',
  );
  const other = await addClient(made.world, { grants: ['client_credentials'] });
  await assertOAuth(await made.askIdJag({}, {}, {}, other), 400, 'unauthorized_client');
  assert.deepEqual(made.fetched, []);
});

test("[token.bound] another client's ID-JAG is refused, also with its own proof and authentication", async () => {
  const made = await makeFederation();
  const thief = await addClient(made.world, { grants: [JWT_BEARER] });
  const stolen = made.idJag();
  const answer = await askToken(made.world, thief, { grant_type: JWT_BEARER, assertion: stolen });
  await assertRefused(made, answer, 'client');
});

test('[token.bound] an ID-JAG works once, also after the authority refused what came with it', async () => {
  const made = await makeFederation();
  const once = made.idJag({ jti: 'only' });
  const ask = (form: object = {}): Promise<Response> => made.askIdJag({}, { assertion: once, ...form });
  // Refused for what was asked for: nothing of it happened, so the assertion is still good.
  await assertOAuth(await ask({ resource: 'https://other.example' }), 400, 'invalid_target');
  await assertOAuth(
    await ask({ authorization_details: JSON.stringify([wish('ddls:conn:01900000-0000-7000-8000-000000000000')]) }),
    400,
    'invalid_authorization_details',
  );
  await granted(await ask());
  await assertRefused(made, await ask(), 'used');
  // The same id again under a fresh signature is the same assertion.
  await assertRefused(made, await made.askIdJag({ jti: 'only' }), 'used');
});

test('[token.bound] of two requests with one ID-JAG at once one gets a token', async () => {
  const made = await makeFederation();
  const once = made.idJag();
  const answers = await Promise.all([1, 2, 3].map(() => made.askIdJag({}, { assertion: once })));
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 400, 400],
  );
});

test('[token.bound] an ID-JAG bound to a key works with a proof by that key', async () => {
  const made = await makeFederation();
  await granted(await made.askIdJag({ cnf: { jkt: made.client.key.jkt } }));
});

test('[token.bound] no token without a DPoP proof, not even for a client that may have some without a key', async () => {
  const made = await makeFederation();
  const { registry } = made.world.store;
  const client = registry.client(made.client.id)!;
  for (const dpop_bound_access_tokens of [true, false]) {
    made.world.store.transaction(() => registry.putClient({ ...client, dpop_bound_access_tokens }));
    const form = tokenForm(made.world, made.client, { grant_type: JWT_BEARER, assertion: made.idJag() });
    const answer = await made.world.app.request('/token', { method: 'POST', body: form });
    await assertOAuth(answer, 400, 'invalid_dpop_proof', /needs a DPoP header/);
  }
});

test('[token.bound] a client that is only named gets nothing for an ID-JAG', async () => {
  const made = await makeFederation();
  const { registry } = made.world.store;
  const client = registry.client(made.client.id)!;
  made.world.store.transaction(() => registry.putClient({ ...client, auth: 'none', jwk: null, jkt: null }));
  const form = { client_id: made.client.id, client_assertion: undefined, client_assertion_type: undefined };
  await assertOAuth(
    await made.askIdJag({}, form),
    401,
    'invalid_client',
    'Clients authenticate with private_key_jwt (client_assertion).',
  );
});

test('[token.bound] a proof and a client assertion are good once here too', async () => {
  const made = await makeFederation();
  const headers = { dpop: dpop(made.client.key, { htm: 'POST', htu: `${ISSUER}/token`, iat: START }) };
  const ask = (form: object = {}): Promise<Response> =>
    askToken(made.world, made.client, { grant_type: JWT_BEARER, assertion: made.idJag(), ...form }, headers);
  await granted(await ask());
  await assertOAuth(await ask(), 400, 'invalid_dpop_proof', /used before/);
  const claims = { iss: made.client.id, sub: made.client.id, aud: ISSUER, exp: START + 60 };
  const form = { client_assertion: assertion(made.client.key, claims) };
  await granted(await made.askIdJag({}, form));
  await assertOAuth(await made.askIdJag({}, form), 401, 'invalid_client', /used before/);
});

test('[token.bound] the audience is the resource of the assertion: the request may only say the same', async () => {
  const made = await makeFederation();
  await addServer(made.world, 'https://other.example/mcp');
  assert.equal(claimsOf((await granted(await made.askIdJag({}, { resource: MCP }))).access_token).aud, MCP);
  assert.equal(claimsOf((await granted(await made.askIdJag({ resource: [MCP] }))).access_token).aud, MCP);
  await assertOAuth(
    await made.askIdJag({}, { resource: 'https://other.example/mcp' }),
    400,
    'invalid_target',
    'The resource is not the one that the assertion names.',
  );
  for (const resource of [undefined, [MCP, 'https://other.example/mcp'], [], 7])
    await assertOAuth(
      await made.askIdJag({ resource }, { resource: MCP }),
      400,
      'invalid_target',
      'The assertion names no single resource.',
    );
  for (const resource of ['https://nowhere.example', ISSUER])
    await assertOAuth(
      await made.askIdJag({ resource }),
      400,
      'invalid_target',
      'The resource is not a registered MCP server.',
    );
});

test('[token.bound] scopes are those of the request, the assertion, the server and the client together', async () => {
  const made = await makeFederation();
  const scope = async (asserted: string | undefined, asked?: string, party = made.client): Promise<string> =>
    (await granted(await made.askIdJag({ scope: asserted }, { scope: asked }, {}, party))).scope;
  assert.equal(await scope('mcp:read'), 'mcp:read');
  assert.equal(await scope('mcp:read mcp:delete dauth:admin'), 'mcp:read');
  assert.equal(await scope('mcp:read mcp:write', 'mcp:write'), 'mcp:write');
  assert.equal(await scope('mcp:read', 'mcp:read mcp:write'), 'mcp:read');
  assert.equal(await scope('mcp:read', 'mcp:write'), '');
  assert.equal(await scope(undefined, 'mcp:read'), '');
  const narrow = await addClient(made.world, { grants: [JWT_BEARER], scopes: ['mcp:write'] });
  assert.equal(await scope('mcp:read mcp:write', undefined, narrow), 'mcp:write');
});

const ADA = { name: 'Ada Lovelace', email: 'ada@acme.example' };

test('[token.bound] name and email are in the token where the ID-JAG lets the server know and the request asks by name', async () => {
  const made = await makeFederation();
  const told = async (
    asserted: string,
    asked?: string,
    claims: object = ADA,
    party = made.client,
  ): Promise<unknown[]> => {
    const { access_token, scope } = await granted(
      await made.askIdJag({ scope: asserted, ...claims }, { scope: asked }, {}, party),
    );
    const { name, email } = claimsOf(access_token);
    return [scope, name, email];
  };
  const both = 'mcp:read profile email';
  assert.deepEqual(await told(both, both), [both, ADA.name, ADA.email]);
  assert.deepEqual(await told(both, 'profile'), ['profile', ADA.name, undefined]);
  assert.deepEqual(await told(both, 'email'), ['email', undefined, ADA.email]);
  assert.deepEqual(await told('mcp:read', both), ['mcp:read', undefined, undefined]);
  assert.deepEqual(await told(both, 'mcp:read'), ['mcp:read', undefined, undefined]);
  assert.deepEqual(await told(both), ['mcp:read', undefined, undefined]);
  // What the identity provider does not know, nobody makes up.
  assert.deepEqual(await told(both, both, {}), [both, undefined, undefined]);
  const narrow = await addClient(made.world, { grants: [JWT_BEARER], scopes: ['mcp:read'] });
  assert.deepEqual(await told(both, both, ADA, narrow), ['mcp:read', undefined, undefined]);
  await addServer(made.world, 'https://named.example/mcp', { scopes: ['mcp:read', 'profile'] });
  const there = { ...ADA, resource: 'https://named.example/mcp' };
  assert.deepEqual(await told(both, undefined, there), ['mcp:read profile', undefined, undefined]);
});

test('[token.bound] an address that the identity provider did not verify is told to no tool', async () => {
  const made = await makeFederation();
  const scope = 'mcp:read profile email';
  const told = async (verified: object): Promise<unknown[]> => {
    const answer = await made.askIdJag({ scope, ...ADA, ...verified }, { scope });
    const { name, email, email_verified } = claimsOf((await granted(answer)).access_token);
    return [name, email, email_verified];
  };
  assert.deepEqual(await told({ email_verified: false }), [ADA.name, undefined, undefined]);
  assert.deepEqual(await told({ email_verified: true }), [ADA.name, ADA.email, undefined]);
  assert.deepEqual(await told({}), [ADA.name, ADA.email, undefined], 'without a word the provider vouches for it');
  for (const wrong of ['false', 'true', 0, 1, null]) {
    const claims = { scope, ...ADA, email_verified: wrong };
    await assertRefused(made, await made.askIdJag(claims, { scope }), 'email_verified');
    await granted(await made.askIdJag(claims, { scope: 'mcp:read profile' }));
  }
});

for (const [claim, value] of [
  ['name', ''],
  ['name', 'a'.repeat(129)],
  ['name', 'Ada\u001b[2J'],
  ['name', ['Ada']],
  ['name', null],
  ['email', 'ada'],
  ['email', `${'a'.repeat(65)}@acme.example`],
  ['email', 'ada@acme.example\r\nX: 1'],
  ['email', { ada: 1 }],
] as const)
  test(`[token.bound] ${claim} ${JSON.stringify(value).slice(0, 30)} in an ID-JAG is refused, where it would go into the token`, async () => {
    const made = await makeFederation();
    const claims = { scope: 'mcp:read profile email', ...ADA, [claim]: value };
    await assertRefused(made, await made.askIdJag(claims, { scope: 'mcp:read profile email' }), claim);
    await granted(await made.askIdJag(claims, { scope: 'mcp:read' }));
  });

test('[token.bound] a token ends with its assertion', async () => {
  const made = await makeFederation();
  assert.equal((await granted(await made.askIdJag({ exp: START + 60 }))).expires_in, 60);
});

test('[token.bound] an assertion that ends while something is waited for gives no token any more', async () => {
  const made = await makeFederation();
  const device = await addClient(made.world, { owner: 'acme:ada' });
  const details = JSON.stringify([carried(seal(made.world, 'acme:ada', device.key))]);
  const { directory } = made.world.executor;
  made.world.executor.directory = () => {
    made.world.clock.now += 300;
    return directory();
  };
  await assertRefused(made, await made.askIdJag({}, { authorization_details: details }), 'time');
});

test('[token.bound] clients of another organisation cannot use the issuer', async () => {
  const made = await makeFederation({ idp: { org: 'acme' } });
  await assertRefused(made, await made.askIdJag(), 'client');
  await addServer(made.world, 'https://acme.example/mcp', { org: 'acme' });
  const inside = await addClient(made.world, { grants: [JWT_BEARER], org: 'acme' });
  const body = await granted(await made.askIdJag({ resource: 'https://acme.example/mcp' }, {}, {}, inside));
  assert.equal(claimsOf(body.access_token)['ddls:org'], 'acme');
  await assertOAuth(await made.askIdJag({}, {}, {}, inside), 400, 'invalid_target');
});

test('[revoke.fast] a revoked client, owner, server, grant or organisation gets no further token', async () => {
  for (const what of ['client', 'owner', 'server', 'grant', 'org'] as const) {
    const made = await makeFederation();
    const { grant_id: grant } = claimsOf((await granted(await made.askIdJag())).access_token);
    assert.equal(claimsOf((await granted(await made.askIdJag())).access_token).grant_id, grant);
    const id = { client: made.client.id, owner: 'acme:ada', server: MCP, grant: String(grant), org: 'default' }[what];
    revoke(made.world, what, id);
    const [status, code] = what === 'client' ? ([401, 'invalid_client'] as const) : ([400, 'invalid_grant'] as const);
    for (let i = 0; i < 2; i++) await assertOAuth(await made.askIdJag(), status, code);
    if (what === 'owner' || what === 'grant') await granted(await made.askIdJag({ sub: 'grace' }));
  }
});

test("[token.bound] a user's connections can be named, nobody else's", async () => {
  const made = await makeFederation();
  const device = await addClient(made.world, { owner: 'acme:ada' });
  const sealed = seal(made.world, 'acme:ada', device.key);
  assert.equal((await call(made.world, device, 'POST', '/connections', submission(sealed))).status, 201);
  const details = JSON.stringify([wish(sealed.handle)]);
  const body = await granted(await made.askIdJag({}, { authorization_details: details }));
  assert.equal(body.authorization_details[0]!.identifier, sealed.handle);
  for (const claims of [{ sub: 'grace' }, { sub: 'ada ' }])
    await assertOAuth(
      await made.askIdJag(claims, { authorization_details: details }),
      400,
      'invalid_authorization_details',
      'An authorization detail names a connection that this client cannot use at this resource.',
    );
});

test('[token.bound] details in the assertion permit at most themselves', async () => {
  const made = await makeFederation();
  const device = await addClient(made.world, { owner: 'acme:ada' });
  const sealed = seal(made.world, 'acme:ada', device.key);
  await call(made.world, device, 'POST', '/connections', submission(sealed));
  const narrow = wish(sealed.handle, { locations: ['https://api.github.com'], actions: ['GET /user'] });
  const claims = { authorization_details: [narrow] };
  const ask = (details?: object): Promise<Response> =>
    made.askIdJag(claims, details === undefined ? {} : { authorization_details: JSON.stringify([details]) });
  const said = await granted(await ask());
  assert.deepEqual(said.authorization_details[0]!.actions, ['GET /user']);
  assert.deepEqual((await granted(await ask(narrow))).authorization_details[0]!.actions, ['GET /user']);
  const wider = wish(sealed.handle, { locations: ['https://api.github.com'], actions: ['POST /user'] });
  for (const details of [wish(sealed.handle), wider])
    await assertOAuth(
      await ask(details),
      400,
      'invalid_authorization_details',
      'The assertion does not permit these details.',
    );
  // An empty list permits no connection at all.
  await assertOAuth(
    await made.askIdJag({ authorization_details: [] }, { authorization_details: JSON.stringify([narrow]) }),
    400,
    'invalid_authorization_details',
    'The assertion does not permit these details.',
  );
});

test('[seal.bound] a credential carried with an ID-JAG needs a seal proof by a key already known for its owner', async () => {
  const made = await makeFederation();
  const first = seal(made.world, 'acme:ada', made.client.key);
  const ask = (sealed: typeof first): Promise<Response> =>
    made.askIdJag({}, { authorization_details: JSON.stringify([carried(sealed)]) });
  await assertOAuth(await ask(first), 400, 'invalid_authorization_details');
  const device = await addClient(made.world, { owner: 'acme:ada' });
  const body = await granted(await ask(seal(made.world, 'acme:ada', device.key)));
  assert.equal(body.authorization_details.length, 1);
});

test('an error repeats nothing of the assertion, and neither does the log', async () => {
  const made = await makeFederation();
  const canary = 'canary-7f3a';
  for (const claims of [
    { sub: canary, client_id: canary },
    { iss: `https://${canary}.example` },
    { resource: canary },
  ]) {
    const text = await (await made.askIdJag(claims)).text();
    assert.ok(!text.includes(canary), text);
  }
  assert.ok(!JSON.stringify(made.world.events).includes(canary));
});
