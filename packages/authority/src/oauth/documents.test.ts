/**
 * The public documents: every member is tried, not only read. What is announced works, what is not announced does not, and
 * no document holds anything private. And the edge in front of them: methods, headers, one shape of error.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { sha256Base64url, verifyAccessToken } from '@dauth/verify';
import { dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  callWith,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  type World,
} from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';

const METADATA = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const JWKS = '/.well-known/jwks.json';

async function document<T>(world: World, path: string): Promise<T> {
  const answer = await world.app.request(path);
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers.get('content-type')), /^application\/json/);
  return (await answer.json()) as T;
}

test('the metadata says what this authority does, member by member', async () => {
  const world = await makeWorld();
  const metadata = await document<Record<string, unknown>>(world, METADATA);
  delete metadata.protected_resources;
  const algs = ['ES256', 'Ed25519', 'EdDSA'];
  assert.deepEqual(metadata, {
    ...{ issuer: ISSUER, token_endpoint: `${ISSUER}/token`, jwks_uri: `${ISSUER}${JWKS}` },
    ...{ revocation_endpoint: `${ISSUER}/revoke`, introspection_endpoint: `${ISSUER}/introspect` },
    authorization_endpoint: `${ISSUER}/authorize`,
    device_authorization_endpoint: `${ISSUER}/device_authorization`,
    pushed_authorization_request_endpoint: `${ISSUER}/par`,
    require_pushed_authorization_requests: false,
    scopes_supported: [
      ...['dauth:connections.read', 'dauth:connections.write', 'dauth:grants.write', 'dauth:admin'],
      ...['profile', 'email', 'offline_access'],
    ],
    ...{ response_types_supported: ['code'], response_modes_supported: ['query'] },
    client_id_metadata_document_supported: true,
    ...{ code_challenge_methods_supported: ['S256'], authorization_response_iss_parameter_supported: true },
    grant_types_supported: [
      ...['client_credentials', 'authorization_code', 'refresh_token'],
      ...['urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ],
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
    ...{ token_endpoint_auth_signing_alg_values_supported: algs, dpop_signing_alg_values_supported: algs },
    revocation_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
    introspection_endpoint_auth_methods_supported: ['private_key_jwt'],
    revocation_endpoint_auth_signing_alg_values_supported: algs,
    introspection_endpoint_auth_signing_alg_values_supported: algs,
    dpop_bound_access_tokens_required: true,
    authorization_details_types_supported: ['dauth_connection', 'dauth_credential'],
  });
});

test('both well-known addresses give the same metadata, to be kept equally long', async () => {
  const world = await makeWorld();
  const other = await world.app.request(OPENID);
  assert.deepEqual(await other.json(), await document(world, METADATA));
  assert.equal(other.headers.get('cache-control'), 'public, max-age=300');
});

test('every announced scope of the API can be had, by the operator at least, and no other', async () => {
  const world = await makeWorld();
  const { scopes_supported } = await document<{ scopes_supported: string[] }>(world, METADATA);
  const scope = scopes_supported.filter((each) => each.startsWith('dauth:')).join(' ');
  assert.equal((await getToken(world, world.operator, { resource: ISSUER, scope })).scope, scope);
  await assertOAuth(
    await askToken(world, world.operator, { resource: ISSUER, scope: 'dauth:other' }),
    400,
    'invalid_scope',
    'A scope is not offered by this resource, or not to this client.',
  );
});

test('every announced grant type is known at the token endpoint', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const { grant_types_supported } = await document<{ grant_types_supported: string[] }>(world, METADATA);
  for (const grant_type of grant_types_supported) {
    const answer = await askToken(world, client, { grant_type, resource: MCP });
    assert.notEqual(((await answer.json()) as { error?: string }).error, 'unsupported_grant_type');
  }
});

test('every announced algorithm authenticates a client and proves its key', async () => {
  const world = await makeWorld();
  await addServer(world);
  const { dpop_signing_alg_values_supported: algs } = await document<Record<string, string[]>>(world, METADATA);
  for (const alg of algs!) {
    const key = makeSigner(alg === 'ES256' ? 'ES256' : 'Ed25519');
    const client = await addClient(world, {}, key);
    const claims = { iss: client.id, sub: client.id, aud: ISSUER, exp: START + 60, jti: randomUUID() };
    const proof = { htm: 'POST', htu: `${ISSUER}/token`, iat: START, jti: randomUUID() };
    const answer = await askToken(
      world,
      client,
      { resource: MCP, client_assertion: key.jws({ typ: 'JWT', alg }, claims) },
      { dpop: key.jws({ typ: 'dpop+jwt', alg, jwk: key.jwk }, proof) },
    );
    assert.equal(answer.status, 200, alg);
  }
});

test('a token is never given without DPoP, as the metadata says', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const { token_type, access_token } = await getToken(world, client, { resource: MCP });
  assert.equal(token_type, 'DPoP');
  const claims = verifyAccessToken(access_token, { issuer: ISSUER, audience: MCP, now: START, keys: world.key.jwk });
  assert.equal(claims.cnf.jkt, client.key.jkt);
});

test('[authority.blind] the key set holds the public half of the signing key, and nothing else', async () => {
  const world = await makeWorld();
  const { keys } = await document<{ keys: Record<string, unknown>[] }>(world, JWKS);
  assert.equal(keys.length, 1);
  assert.deepEqual(keys[0], { ...world.key.jwk, kid: world.key.kid, alg: 'ES256', use: 'sig' });
  assert.deepEqual(Object.keys(keys[0]!).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  const { x, y } = world.key.jwk as { x: string; y: string };
  assert.equal(world.key.kid, sha256Base64url(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));
});

test('documents that change seldom may be kept for a while, everything else not at all', async () => {
  const world = await makeWorld();
  const kept = async (path: string) => (await world.app.request(path)).headers.get('cache-control');
  assert.equal(await kept(METADATA), 'public, max-age=300');
  assert.equal(await kept(JWKS), 'public, max-age=300');
  for (const path of ['/connections', '/livez', '/version', '/nothing']) assert.equal(await kept(path), 'no-store');
});

interface OpenApi {
  readonly paths: Record<string, Record<string, { security: readonly Partial<Record<string, readonly string[]>>[] }>>;
}

/** Where a client proves itself in the form. */
const FORMS = ['/token', '/par', '/device_authorization', '/revoke', '/introspect'];

/** Routes that are for no program with a token: documents, health, pages. */
const ELSEWHERE =
  /^\/(?:\.well-known\/.*|openapi\.json|livez|readyz|version|style\.css|authorize|consent|sign-.*|first-run|device|device\/.*|account|account\/.*)$/;

test('the OpenAPI document lists every route that asks who somebody is, and no other', async () => {
  const world = await makeWorld();
  const { paths } = await document<OpenApi>(world, '/openapi.json');
  const listed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const served = world.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !ELSEWHERE.test(path))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  assert.deepEqual(listed.sort(), [...new Set(served)].sort());
});

test('[token.bound] every operation of the OpenAPI document needs the scope that is written there', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const { paths } = await document<OpenApi>(world, '/openapi.json');
  const { access_token } = await getToken(world, client, { resource: ISSUER });
  for (const [path, methods] of Object.entries(paths))
    for (const [name, { security }] of Object.entries(methods)) {
      const { dpop } = security[0] ?? {};
      // Not a token's: at the token endpoint and at /par a client proves itself, at the executor's endpoints the executor.
      if (dpop === undefined) {
        assert.deepEqual([path, security], [path, FORMS.includes(path) ? [] : [{ executorProof: [] }]]);
        continue;
      }
      const [scope] = dpop;
      const target = path.replace('{handle}', 'ddls:conn:01900000-0000-7000-8000-000000000000').replace('{id}', 'x');
      const method = name.toUpperCase();
      const body = method === 'POST' ? {} : undefined;
      const answer = await callWith(world, client.key, access_token, method, target, body);
      if (scope === undefined) assert.equal(answer.status, 200, `${method} ${path}`);
      else await assertProblem(answer, 403, 'FORBIDDEN', `The token lacks the scope ${scope}.`);
      assert.equal((await world.app.request(target, { method })).status, 401, `${method} ${path}`);
    }
});

test("[token.bound] no token opens the executor's endpoints of the OpenAPI document, whatever its scope", async () => {
  const world = await makeWorld();
  const { paths } = await document<OpenApi>(world, '/openapi.json');
  const scope = 'dauth:admin';
  const { access_token } = await getToken(world, world.operator, { resource: ISSUER, scope });
  const own = Object.entries(paths).filter(([path]) => path.startsWith('/executor/'));
  assert.equal(own.length, 5);
  for (const [path, methods] of own)
    for (const name of Object.keys(methods)) {
      const target = path.replace('{handle}', 'ddls:conn:01900000-0000-7000-8000-000000000000');
      const [method, body] = name === 'post' ? ['POST', {}] : ['GET', undefined];
      const answer = await callWith(world, world.operator.key, access_token, method!, target, body);
      await assertProblem(answer, 401, 'UNAUTHENTICATED', "This endpoint is the executor's.");
    }
});

test('a method that an address does not take is refused with those it takes', async () => {
  const world = await makeWorld();
  const { handle } = { handle: 'ddls:conn:01900000-0000-7000-8000-000000000000' };
  for (const [method, path, allowed] of [
    ['GET', '/token', 'POST'],
    ['OPTIONS', '/token', 'POST'],
    ['PUT', '/connections', 'GET, POST'],
    ['OPTIONS', '/connections', 'GET, POST'],
    ['PATCH', `/connections/${handle}`, 'DELETE, GET'],
    ['GET', `/connections/${handle}/rotate`, 'POST'],
    ['POST', METADATA, 'GET'],
    ['DELETE', '/executor/status', 'GET'],
  ] as const) {
    const answer = await world.app.request(path, { method });
    assert.equal(answer.headers.get('allow'), allowed, `${method} ${path}`);
    await assertProblem(answer, 405, 'METHOD_NOT_ALLOWED', 'This address does not take that method.');
  }
  await assertProblem(
    await world.app.request('/nothing', { method: 'OPTIONS' }),
    404,
    'NOT_FOUND',
    'There is nothing here.',
  );
});

test('HEAD is GET without its body, and needs what GET needs', async () => {
  const world = await makeWorld();
  const answer = await world.app.request(METADATA, { method: 'HEAD' });
  assert.deepEqual([answer.status, await answer.text()], [200, '']);
  assert.equal((await world.app.request('/connections', { method: 'HEAD' })).status, 401);
  const client = await addClient(world);
  const { access_token: token } = await getToken(world, client, { resource: ISSUER, scope: 'dauth:connections.read' });
  const ask = (htm: string) => {
    const proof = dpop(client.key, { htm, htu: `${ISSUER}/connections`, iat: START, token });
    return world.app.request('/connections', {
      method: 'HEAD',
      headers: { authorization: `DPoP ${token}`, dpop: proof },
    });
  };
  assert.equal((await ask('GET')).status, 401);
  assert.equal((await ask('HEAD')).status, 200);
});

test('every answer has a request id and closed headers, and none lets another origin read it', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const answers = [
    await world.app.request(METADATA, { headers: { origin: 'https://evil.example' } }),
    await world.app.request('/nothing'),
    await world.app.request('/token', { method: 'POST' }),
    await call(world, client, 'GET', '/connections'),
  ];
  const ids = answers.map(({ headers }) => {
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.equal(headers.get('strict-transport-security'), 'max-age=31536000');
    assert.equal(headers.get('access-control-allow-origin'), null);
    return headers.get('dauth-request-id');
  });
  assert.equal(new Set(ids).size, answers.length);
});

test('what is not ours to say is INTERNAL: no word of the error, but its place in the log', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const { access_token } = await getToken(world, client, { resource: ISSUER, scope: 'dauth:connections.read' });
  world.store.close();
  const answer = await callWith(world, client.key, access_token, 'GET', '/connections');
  await assertProblem(
    answer,
    500,
    'INTERNAL',
    'Something went wrong on our side. Quote the request id when you report it.',
  );
  const event = world.events.findLast((each) => each.event === 'refused');
  assert.equal(event?.code, 'INTERNAL');
  assert.ok(!JSON.stringify(world.events).includes(access_token));
});
