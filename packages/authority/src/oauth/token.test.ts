/** Who gets through the door of the token endpoint: form, client assertion, DPoP proof, replay. Each refusal by its name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyAccessToken } from '@dauth/verify';
import { assertion, dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  claimsOf,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  tokenForm,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';

const HTU = `${ISSUER}/token`;

async function scene(): Promise<{ world: World; client: Party }> {
  const world = await makeWorld();
  await addServer(world);
  return { world, client: await addClient(world) };
}

function post(world: World, body: string | URLSearchParams, headers: Record<string, string>): Promise<Response> {
  return Promise.resolve(world.app.request('/token', { method: 'POST', body, headers }));
}

test('a registered client gets a token bound to its key, for one audience, for 300 seconds', async () => {
  const { world, client } = await scene();
  const response = await askToken(world, client, { resource: MCP, scope: 'mcp:read' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('pragma'), 'no-cache');
  const body = (await response.json()) as Record<string, unknown>;
  assert.deepEqual(Object.keys(body).sort(), [
    'access_token',
    'authorization_details',
    'expires_in',
    'scope',
    'token_type',
  ]);
  assert.equal(body.token_type, 'DPoP');
  assert.equal(body.expires_in, 300);
  assert.equal(body.scope, 'mcp:read');
  assert.deepEqual(body.authorization_details, []);
  const claims = verifyAccessToken(String(body.access_token), {
    issuer: ISSUER,
    audience: MCP,
    keys: world.key.jwk,
    now: START,
  });
  assert.equal(claims.cnf.jkt, client.key.jkt);
  assert.equal(claims.sub, client.id);
  assert.equal(claims.client_id, client.id);
  assert.equal(claims.org, 'default');
  assert.equal(claims.exp - claims.iat, 300);
});

test('a client registered for an owner speaks for that owner', async () => {
  const { world } = await scene();
  const client = await addClient(world, { owner: 'ada' });
  const claims = claimsOf((await getToken(world, client, { resource: MCP })).access_token);
  assert.equal(claims.sub, 'ada');
  assert.equal(claims.client_id, client.id);
});

test('the same grant stands behind every token of a client at one resource, so that revoking it ends them all', async () => {
  const { world, client } = await scene();
  const first = claimsOf((await getToken(world, client, { resource: MCP })).access_token);
  const second = claimsOf((await getToken(world, client, { resource: MCP })).access_token);
  assert.equal(first.grant_id, second.grant_id);
  assert.notEqual(first.jti, second.jti);
});

test('a form of another content type is refused before it is read', async () => {
  const { world, client } = await scene();
  const proof = dpop(client.key, { htm: 'POST', htu: HTU, iat: START });
  const body = tokenForm(world, client, { resource: MCP }).toString();
  await assertOAuth(
    await post(world, body, { dpop: proof, 'content-type': 'application/json' }),
    400,
    'invalid_request',
    /x-www-form-urlencoded/,
  );
});

test('a form larger than the bound is refused', async () => {
  const { world, client } = await scene();
  const proof = dpop(client.key, { htm: 'POST', htu: HTU, iat: START });
  const form = tokenForm(world, client, { resource: MCP, filler: 'x'.repeat(1_048_577) });
  await assertOAuth(await post(world, form, { dpop: proof }), 400, 'invalid_request', /larger than allowed/);
});

test('a parameter given twice is refused, also one nobody knows and one that is empty', async () => {
  const { world, client } = await scene();
  for (const extra of ['&resource=https%3A%2F%2Fother.example', '&x=1&x=2', '&scope=&scope=mcp%3Aread']) {
    const body = `${tokenForm(world, client, { resource: MCP }).toString()}${extra}`;
    const proof = dpop(client.key, { htm: 'POST', htu: HTU, iat: START });
    const headers = { dpop: proof, 'content-type': 'application/x-www-form-urlencoded' };
    await assertOAuth(await post(world, body, headers), 400, 'invalid_request', /given twice/);
  }
});

test('a form with a broken escape is refused, not repaired', async () => {
  const { world, client } = await scene();
  const proof = dpop(client.key, { htm: 'POST', htu: HTU, iat: START });
  for (const extra of ['&x=%zz', '&x=%ff', '&%=1']) {
    const body = `${tokenForm(world, client, { resource: MCP }).toString()}${extra}`;
    await assertOAuth(
      await post(world, body, { dpop: proof, 'content-type': 'application/x-www-form-urlencoded' }),
      400,
      'invalid_request',
      /well-formed/,
    );
  }
});

test('a grant type that is not offered is refused by name, whoever asks', async () => {
  const { world, client } = await scene();
  for (const grant_type of ['implicit', 'password', '__proto__', 'constructor']) {
    await assertOAuth(
      await askToken(world, client, { grant_type, resource: MCP }),
      400,
      'unsupported_grant_type',
      'This authority grants client_credentials, authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:device_code and urn:ietf:params:oauth:grant-type:token-exchange.',
    );
  }
  await assertOAuth(
    await askToken(world, client, { grant_type: undefined, resource: MCP }),
    400,
    'invalid_request',
    /"grant_type"/,
  );
});

test('a client uses only the grants it is registered for', async () => {
  const { world, client } = await scene();
  const server = await addServer(world, 'https://other.example/mcp');
  await assertOAuth(
    await askToken(world, server, { resource: MCP }),
    400,
    'unauthorized_client',
    /not registered for this grant type/,
  );
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
  await assertOAuth(await askToken(world, client, { grant_type: exchange, resource: MCP }), 400, 'unauthorized_client');
});

test('no assertion, another method of authentication, and a client secret are refused', async () => {
  const { world, client } = await scene();
  for (const form of [
    { client_assertion: undefined },
    { client_assertion_type: undefined },
    { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    { client_assertion: undefined, client_assertion_type: undefined, client_secret: 'hunter2' },
  ]) {
    await assertOAuth(
      await askToken(world, client, { resource: MCP, ...form }),
      401,
      'invalid_client',
      /private_key_jwt/,
    );
  }
});

test('an assertion beside a secret, in the form or in a header, is one way too many (RFC 6749 §5.2)', async () => {
  const { world, client } = await scene();
  const wanted = { resource: MCP };
  const sentence = 'A client authenticates in one way: by its assertion alone.';
  const inForm = await askToken(world, client, { ...wanted, client_secret: 'hunter2' });
  await assertOAuth(inForm, 400, 'invalid_request', sentence);
  const inHeader = await askToken(world, client, wanted, { authorization: 'Basic YTpi' });
  assert.equal(inHeader.headers.get('www-authenticate'), null);
  await assertOAuth(inHeader, 400, 'invalid_request', sentence);
});

test('a secret in a header is refused with a challenge in its own scheme, whoever sends it (RFC 6749 §5.2)', async () => {
  const { world, client } = await scene();
  for (const client_id of [undefined, client.id, 'nobody'])
    for (const [authorization, challenge] of [
      ['Basic YTpi', 'Basic realm="clients"'],
      ['bearer a', 'Bearer realm="clients"'],
      ['DPoP a', 'DPoP realm="clients"'],
      ['canary a', 'Basic realm="clients"'],
      ['', 'Basic realm="clients"'],
    ] as const) {
      const form = { resource: MCP, client_assertion: undefined, client_assertion_type: undefined, client_id };
      const response = await askToken(world, client, form, { authorization });
      assert.equal(response.headers.get('www-authenticate'), challenge);
      await assertOAuth(response, 401, 'invalid_client', /private_key_jwt/);
    }
});

test('an assertion that is wrong in any one respect is refused, each with the same sentence', async () => {
  const { world, client } = await scene();
  const good = { iss: client.id, sub: client.id, aud: ISSUER, iat: START, exp: START + 60 };
  const stranger = makeSigner();
  const bad: readonly string[] = [
    assertion(stranger, good),
    assertion(client.key, { ...good, iss: 'nobody', sub: 'nobody' }),
    assertion(client.key, { ...good, sub: 'operator' }),
    assertion(client.key, { ...good, aud: MCP }),
    assertion(client.key, { ...good, aud: [ISSUER, MCP] }),
    assertion(client.key, { ...good, aud: `${ISSUER}/` }),
    assertion(client.key, { ...good, exp: undefined }),
    assertion(client.key, { ...good, exp: START }),
    assertion(client.key, { ...good, exp: START + 306 }),
    assertion(client.key, { ...good, exp: START + 60.5 }),
    assertion(client.key, { ...good, iat: START + 6 }),
    assertion(client.key, { ...good, nbf: START + 6 }),
    assertion(client.key, { ...good, jti: undefined }),
    assertion(client.key, { ...good, jti: 'x'.repeat(129) }),
    client.key.jws({ typ: 'at+jwt' }, { ...good, jti: 'a' }),
    client.key.jws({ typ: 'JWT', crit: ['exp'] }, { ...good, jti: 'b' }),
    client.key.jws({ typ: 'JWT', alg: 'none' }, { ...good, jti: 'c' }),
    client.key.jws({ typ: 'JWT', alg: 'HS256' }, { ...good, jti: 'd' }),
    `${assertion(client.key, good).slice(0, -4)}AAAA`,
    'not a jws',
  ];
  for (const [index, client_assertion] of bad.entries()) {
    const response = await askToken(world, client, { resource: MCP, client_assertion });
    const text = await response.text();
    assert.equal(response.status, 401, `assertion ${index}: ${text}`);
    assert.match(
      text,
      /^\{"error":"invalid_client","error_description":"The client assertion does not prove a registered client\."/,
    );
  }
  await assertOAuth(
    await askToken(world, client, { resource: MCP, client_id: 'operator' }),
    401,
    'invalid_client',
    /does not prove/,
  );
  // The token endpoint is as good an audience as the issuer, and one entry is one audience.
  for (const aud of [HTU, [ISSUER]]) {
    assert.equal(
      (await askToken(world, client, { resource: MCP, client_assertion: assertion(client.key, { ...good, aud }) }))
        .status,
      200,
    );
  }
});

test('[token.bound] a client assertion works once', async () => {
  const { world, client } = await scene();
  const client_assertion = assertion(client.key, { iss: client.id, sub: client.id, aud: ISSUER, exp: START + 60 });
  assert.equal((await askToken(world, client, { resource: MCP, client_assertion })).status, 200);
  await assertOAuth(
    await askToken(world, client, { resource: MCP, client_assertion }),
    401,
    'invalid_client',
    /used before/,
  );
});

test('[token.bound] a token request without a good DPoP proof is refused', async () => {
  const { world, client } = await scene();
  const body = () => tokenForm(world, client, { resource: MCP });
  await assertOAuth(await post(world, body(), {}), 400, 'invalid_dpop_proof', /needs a DPoP header/);
  const bad: readonly (readonly [string, RegExp])[] = [
    [dpop(client.key, { htm: 'GET', htu: HTU, iat: START }), /another method/],
    [dpop(client.key, { htm: 'POST', htu: 'https://evil.example/token', iat: START }), /another URL/],
    [dpop(client.key, { htm: 'POST', htu: HTU, iat: START - 61 }), /too old/],
    [dpop(client.key, { htm: 'POST', htu: HTU, iat: START + 6 }), /future/],
    [
      client.key.jws({ typ: 'JWT', jwk: client.key.jwk }, { htm: 'POST', htu: HTU, iat: START, jti: 'a' }),
      /another type/,
    ],
    [`${dpop(client.key, { htm: 'POST', htu: HTU, iat: START })}, x`, /exactly one|more than one/],
  ];
  for (const [proof, sentence] of bad) {
    await assertOAuth(await post(world, body(), { dpop: proof }), 400, 'invalid_dpop_proof', sentence);
  }
});

test('[token.bound] of two equal proofs at once exactly one wins', async () => {
  const { world, client } = await scene();
  const proof = dpop(client.key, { htm: 'POST', htu: HTU, iat: START });
  const forms = [tokenForm(world, client, { resource: MCP }), tokenForm(world, client, { resource: MCP })];
  const answers = await Promise.all(forms.map((form) => post(world, form, { dpop: proof })));
  assert.deepEqual(
    answers.map((answer) => answer.status).sort((a, b) => a - b),
    [200, 400],
  );
  await assertOAuth(
    answers.find((answer) => answer.status === 400)!,
    400,
    'invalid_dpop_proof',
    /used before/,
  );
});

test('a refused request burns neither its proof nor its assertion', async () => {
  const { world, client } = await scene();
  const proof = dpop(client.key, { htm: 'POST', htu: HTU, iat: START });
  const client_assertion = assertion(client.key, { iss: client.id, sub: client.id, aud: ISSUER, exp: START + 60 });
  const refused = await post(
    world,
    tokenForm(world, client, { client_assertion, resource: 'https://nowhere.example' }),
    { dpop: proof },
  );
  await assertOAuth(refused, 400, 'invalid_target');
  assert.equal(
    (await post(world, tokenForm(world, client, { client_assertion, resource: MCP }), { dpop: proof })).status,
    200,
  );
});

test('a resource that is no registered server is refused, and so is none', async () => {
  const { world, client } = await scene();
  await assertOAuth(
    await askToken(world, client, { resource: 'https://mcp.example' }),
    400,
    'invalid_target',
    /not a registered MCP server/,
  );
  await assertOAuth(await askToken(world, client, { resource: `${MCP}/` }), 400, 'invalid_target');
  await assertOAuth(await askToken(world, client, {}), 400, 'invalid_target', /"resource"/);
});

test('a server of another organisation is no server', async () => {
  const { world } = await scene();
  const stranger = await addClient(world, { org: 'elsewhere' });
  await assertOAuth(await askToken(world, stranger, { resource: MCP }), 400, 'invalid_target');
});

test("scopes are those the resource offers and the client is registered for; admin is nobody's by default", async () => {
  const { world, client } = await scene();
  const narrow = await addClient(world, { scopes: ['mcp:read'] });
  await assertOAuth(await askToken(world, client, { resource: MCP, scope: 'mcp:delete' }), 400, 'invalid_scope');
  await assertOAuth(
    await askToken(world, client, { resource: MCP, scope: 'mcp:read  mcp:write' }),
    400,
    'invalid_scope',
  );
  await assertOAuth(
    await askToken(world, client, { resource: ISSUER, scope: 'dauth:admin' }),
    400,
    'invalid_scope',
    /not to this client/,
  );
  await assertOAuth(
    await askToken(world, client, { resource: MCP, scope: 'dauth:connections.read' }),
    400,
    'invalid_scope',
  );
  await assertOAuth(await askToken(world, narrow, { resource: MCP, scope: 'mcp:write' }), 400, 'invalid_scope');
  assert.equal((await getToken(world, narrow, { resource: MCP, scope: 'mcp:read' })).scope, 'mcp:read');
  assert.equal((await getToken(world, client, { resource: MCP })).scope, '');
});

test('[revoke.fast] a revoked client, owner, server, grant or organisation gets no further token', async () => {
  for (const what of ['client', 'owner', 'server', 'grant', 'org'] as const) {
    const { world } = await scene();
    const client = await addClient(world, { owner: 'ada' });
    const grant = String(claimsOf((await getToken(world, client, { resource: MCP })).access_token).grant_id);
    const id = { client: client.id, owner: 'ada', server: MCP, grant, org: 'default' }[what];
    world.store.transaction(() => world.store.changes.revoke(what, id, START));
    const [status, code] = what === 'client' ? ([401, 'invalid_client'] as const) : ([400, 'invalid_grant'] as const);
    await assertOAuth(await askToken(world, client, { resource: MCP }), status, code);
    await assertOAuth(await askToken(world, client, { resource: MCP }), status, code);
  }
});

test('an error says a code, a sentence of ours and a request id, and never what was sent', async () => {
  const { world, client } = await scene();
  const canary = 'canary-7f3a';
  const response = await askToken(world, client, {
    resource: `https://${canary}.example`,
    scope: canary,
    [canary]: canary,
  });
  const text = await response.text();
  assert.deepEqual(Object.keys(JSON.parse(text) as object), ['error', 'error_description', 'request_id']);
  assert.ok(!text.includes(canary));
  assert.ok(!JSON.stringify(world.events).includes(canary));
});
