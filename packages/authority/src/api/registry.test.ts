/**
 * Clients, servers, grants and revocations: the operator's to give, and each owner's own to give away. Each refusal by its
 * exact sentence, and nothing registered after it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePair, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  callWith,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';

async function scene(): Promise<{ world: World; client: Party; server: Party }> {
  const world = await makeWorld();
  return { world, server: await addServer(world), client: await addClient(world) };
}

const operate = (world: World, method: string, path: string, body?: unknown) =>
  call(world, world.operator, method, path, body);

const grant = (world: World, by: Party, members: object): Promise<Response> =>
  call(world, by, 'POST', '/grants', { resource: MCP, ...members });

/** What is registered, as the operator sees it, and the number of the latest change. */
async function registered(world: World): Promise<{ clients: number; servers: number; revision: number }> {
  const count = async (path: string) =>
    (await given<{ items: unknown[] }>(await operate(world, 'GET', path), 200)).items.length;
  const { changes } = world.store;
  return { clients: await count('/clients'), servers: await count('/servers'), revision: changes.revision() };
}

async function given<T>(response: Response, status = 201): Promise<T> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as T;
}

const ADMIN_ONLY: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['POST', '/clients', { name: 'x', jwk: makeSigner().jwk, scopes: ['dauth:admin'] }],
  ['GET', '/clients'],
  ['POST', '/servers', { resource: 'https://new.example/mcp', jwk: makeSigner().jwk }],
  ['GET', '/servers'],
  ['POST', '/revocations', { what: 'org', id: 'default' }],
  ['GET', '/audit'],
];
for (const [method, path, body] of ADMIN_ONLY) {
  test(`[token.bound] ${method} ${path} is the operator's alone`, async () => {
    const { world, client } = await scene();
    const before = await registered(world);
    await assertProblem(
      await call(world, client, method, path, body),
      403,
      'FORBIDDEN',
      'The token lacks the scope dauth:admin.',
    );
    assert.deepEqual(await registered(world), before);
    assert.ok((await operate(world, method, path, body)).status < 300);
  });
}

test("the operator's own token without dauth:admin registers nobody", async () => {
  const { world } = await scene();
  const body = { name: 'x', jwk: makeSigner().jwk };
  await assertProblem(
    await call(world, world.operator, 'POST', '/clients', body, 'dauth:grants.write'),
    403,
    'FORBIDDEN',
    'The token lacks the scope dauth:admin.',
  );
});

test('a client is registered with its public key, and what is not said has its narrow default', async () => {
  const { world } = await scene();
  const key = makeSigner('Ed25519');
  const client = await given<Record<string, unknown>>(
    await operate(world, 'POST', '/clients', { name: 'an agent', jwk: { ...key.jwk, kid: 'ignored', use: 'sig' } }),
  );
  assert.deepEqual(
    { ...client, client_id: '' },
    {
      ...{ client_id: '', name: 'an agent', jwk: key.jwk, jkt: key.jkt, grants: ['client_credentials'] },
      ...{ owner: null, org: 'default', scopes: null, created_at: START, source: 'operator' },
      ...{ auth: 'private_key_jwt', redirect_uris: [], dpop_bound_access_tokens: true, dpop_nonces: false },
    },
  );
  const { items } = await given<{ items: { client_id: string }[] }>(await operate(world, 'GET', '/clients'), 200);
  assert.deepEqual(
    items.find(({ client_id }) => client_id === client.client_id),
    client,
  );
});

const PRIVATE = makePair('P-256').privateKey.export({ format: 'jwk' });
const AGREEMENT = makePair('X25519').publicKey.export({ format: 'jwk' });
const KEYS: readonly (readonly [what: string, jwk: unknown, said: string])[] = [
  ['a private key', PRIVATE, 'A key holds private members; send the public half only.'],
  [
    'a public key with a symmetric member',
    { ...makeSigner().jwk, k: 'AAAA' },
    'A key holds private members; send the public half only.',
  ],
  ['a key for agreement', AGREEMENT, 'A key is not a public key for ES256 or Ed25519 signatures.'],
  ['an RSA key', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }, 'A key must be of type EC P-256, OKP Ed25519 or OKP X25519.'],
  [
    'a point that is on no curve',
    { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) },
    'A key is not a point of its curve.',
  ],
  ['text', 'key', 'A key must be a JWK object.'],
];
for (const [what, jwk, said] of KEYS) {
  test(`[authority.blind] ${what} registers neither a client nor a server, and is nowhere afterwards`, async () => {
    const { world } = await scene();
    const before = await registered(world);
    for (const [path, body] of [
      ['/clients', { name: 'x', jwk }],
      ['/servers', { resource: 'https://new.example/mcp', jwk }],
    ] as const)
      await assertProblem(await operate(world, 'POST', path, body), 400, 'INVALID_REQUEST', said);
    assert.deepEqual(await registered(world), before);
    assert.ok(!JSON.stringify(world.events).includes(String(PRIVATE.d)));
  });
}

const GRANT_TYPES =
  'A client may use the grant types authorization_code, refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:device_code, urn:ietf:params:oauth:grant-type:jwt-bearer.';

test('a registration with a member nobody knows, a grant type that is not its, or a bad scope is refused', async () => {
  const { world } = await scene();
  const right = { name: 'x', jwk: makeSigner().jwk };
  for (const [members, said] of [
    [{ client_secret: 'x' }, 'A client has a member that is not defined for it.'],
    [{ name: '' }, '"name" must be a non-empty string.'],
    [{ grants: [EXCHANGE] }, GRANT_TYPES],
    [{ grants: ['password'] }, GRANT_TYPES],
    [{ grants: [] }, '"grants" must not be empty.'],
    [{ scopes: ['a b'] }, 'A scope is 1 to 128 visible characters without quotes.'],
    [{ scopes: ['a"'] }, 'A scope is 1 to 128 visible characters without quotes.'],
    [{ owner: 'a\u0000' }, '"owner" has a control character.'],
  ] as const)
    await assertProblem(
      await operate(world, 'POST', '/clients', { ...right, ...members }),
      400,
      'INVALID_REQUEST',
      said,
    );
});

test('[token.bound] a resource belongs to exactly one server', async () => {
  const { world, server } = await scene();
  const before = await registered(world);
  const body = { resource: MCP, jwk: makeSigner().jwk };
  const said = 'That resource belongs to a registered server already.';
  await assertProblem(await operate(world, 'POST', '/servers', body), 409, 'CONFLICT', said);
  await assertProblem(await operate(world, 'POST', '/servers', { ...body, org: 'elsewhere' }), 409, 'CONFLICT', said);
  // The client that would have been the server's is not left behind either.
  assert.deepEqual(await registered(world), before);
  assert.equal(world.store.registry.server(MCP)?.client_id, server.id);
});

test("[token.bound] the authority's own name and the executor's are no resource of a server", async () => {
  const { world } = await scene();
  for (const resource of [ISSUER, EXECUTOR])
    await assertProblem(
      await operate(world, 'POST', '/servers', { resource, jwk: makeSigner().jwk }),
      409,
      'CONFLICT',
      'That resource is a part of this installation.',
    );
});

test('a resource that is no URI of a server is refused', async () => {
  const { world } = await scene();
  for (const resource of ['ftp://mcp.example', 'https://mcp.example/a#b', 'https://u@mcp.example', 'mcp', 7])
    await assertProblem(
      await operate(world, 'POST', '/servers', { resource, jwk: makeSigner().jwk }),
      400,
      'INVALID_REQUEST',
      'A resource must be an absolute https URI in its plain form: a lowercase host, no default port, no dot segments, no userinfo, no fragment.',
    );
});

test('[token.bound] a server over plain http is registered only on a loopback address', async () => {
  const { world } = await scene();
  const add = (resource: string) => operate(world, 'POST', '/servers', { resource, jwk: makeSigner().jwk });
  for (const resource of ['http://mcp.example/mcp', 'http://127.0.0.1.mcp.example/mcp'])
    await assertProblem(await add(resource), 400, 'INVALID_REQUEST', 'Plain http is only for a loopback address.');
  assert.equal((await add('http://127.0.0.1:3000/mcp')).status, 201);
});

test('[token.bound] a server gets no tokens of its own and no way into this API', async () => {
  const { world, server } = await scene();
  for (const resource of [ISSUER, MCP])
    await assertOAuth(
      await askToken(world, server, { resource }),
      400,
      'unauthorized_client',
      'The client is not registered for this grant type.',
    );
});

test('an owner gives a grant to a runner, sees it, and takes it away', async () => {
  const { world, client } = await scene();
  const runner = await addClient(world);
  const made = await given<{ id: string }>(await grant(world, client, { client_id: runner.id, expires_in: 60 }));
  assert.deepEqual(
    { ...made, id: '' },
    {
      ...{ id: '', kind: 'runner', owner: client.id, org: 'default', client_id: runner.id, resource: MCP },
      ...{ scopes: null, details: null, expires_at: START + 60, created_at: START },
    },
  );
  const list = async (by: Party) =>
    (await given<{ items: { id: string; kind: string }[] }>(await call(world, by, 'GET', '/grants'), 200)).items
      .filter(({ kind }) => kind === 'runner')
      .map(({ id }) => id);
  assert.deepEqual(await list(client), [made.id]);
  assert.deepEqual(await list(runner), []);
  assert.deepEqual(await list(world.operator), [made.id]);
  const before = world.store.changes.revision();
  assert.equal((await call(world, client, 'DELETE', `/grants/${made.id}`)).status, 204);
  assert.deepEqual(world.store.changes.since(before, 9, 9_999), [
    { kind: 'revoked', revision: before + 1, what: 'grant', id: made.id },
  ]);
  assert.deepEqual(await list(client), []);
});

test('a grant that has expired is no longer listed', async () => {
  const { world, client } = await scene();
  const { id } = await given<{ id: string }>(await grant(world, client, { client_id: client.id, expires_in: 60 }));
  const listed = async () => (await (await call(world, client, 'GET', '/grants')).text()).includes(id);
  world.clock.now = START + 59;
  assert.equal(await listed(), true);
  world.clock.now = START + 60;
  assert.equal(await listed(), false);
});

test('[token.bound] only the operator gives a grant for somebody else, and it is noted as such', async () => {
  const { world, client } = await scene();
  const body = { client_id: client.id, owner: 'ada' };
  await assertProblem(
    await grant(world, client, body),
    403,
    'FORBIDDEN',
    'Only the operator gives a grant for somebody else.',
  );
  assert.doesNotMatch(await (await operate(world, 'GET', '/grants')).text(), /"owner":"ada"/);
  const { id } = await given<{ id: string }>(await grant(world, world.operator, body));
  assert.equal(world.store.grants.get(id)?.owner, 'ada');
  const [note] = world.store.audit.operations(1);
  assert.deepEqual([note?.action, note?.subject, note?.asOperator], ['grant.add', id, true]);
});

test("[token.bound] another owner's grant is not taken away by a stranger, and looks like none", async () => {
  const { world, client } = await scene();
  const { id } = await given<{ id: string }>(await grant(world, client, { client_id: client.id }));
  const strangers = [await addClient(world), await addClient(world, { owner: client.id, org: 'elsewhere' })];
  for (const stranger of strangers)
    for (const which of [id, 'nothing'])
      await assertProblem(
        await call(world, stranger, 'DELETE', `/grants/${which}`),
        404,
        'NOT_FOUND',
        'There is no such grant.',
      );
  assert.equal(world.store.changes.isRevoked('grant', id), false);
  assert.equal((await operate(world, 'DELETE', `/grants/${id}`)).status, 204);
  const [note] = world.store.audit.operations(1);
  assert.deepEqual([note?.action, note?.asOperator], ['grant.revoke', true]);
});

test('a grant names a client and a server that are registered in this organisation', async () => {
  const { world, client } = await scene();
  const there = await addClient(world, { org: 'elsewhere' });
  await addServer(world, 'https://there.example/mcp', { org: 'elsewhere' });
  for (const members of [
    { client_id: 'nobody' },
    { client_id: there.id },
    { client_id: client.id, resource: 'https://nowhere.example/mcp' },
    { client_id: client.id, resource: 'https://there.example/mcp' },
  ])
    await assertProblem(await grant(world, client, members), 404, 'NOT_FOUND', 'There is no such client or server.');
});

test('a grant lives between a second and a year', async () => {
  const { world, client } = await scene();
  for (const expires_in of [0, -1, 31_622_401])
    await assertProblem(
      await grant(world, client, { client_id: client.id, expires_in }),
      400,
      'INVALID_REQUEST',
      '"expires_in" is out of range.',
    );
  for (const expires_in of [1.5, '60'])
    await assertProblem(
      await grant(world, client, { client_id: client.id, expires_in }),
      400,
      'INVALID_REQUEST',
      '"expires_in" must be an integer.',
    );
});

test('[token.bound] giving and seeing grants needs its scope', async () => {
  const { world, client } = await scene();
  for (const [method, path, body] of [
    ['POST', '/grants', { client_id: client.id, resource: MCP }],
    ['GET', '/grants', undefined],
    ['DELETE', '/grants/x', undefined],
  ] as const)
    await assertProblem(
      await call(world, client, method, path, body, 'dauth:connections.write'),
      403,
      'FORBIDDEN',
      'The token lacks the scope dauth:grants.write.',
    );
});

test('[revoke.fast] a grant that was taken away does not come back by asking for a token again', async () => {
  const { world, client } = await scene();
  const { access_token } = await getToken(world, client, { resource: MCP });
  const id = String(claimsOf(access_token).grant_id);
  assert.equal((await call(world, client, 'DELETE', `/grants/${id}`)).status, 204);
  for (let again = 0; again < 2; again++)
    await assertOAuth(
      await askToken(world, client, { resource: MCP }),
      400,
      'invalid_grant',
      'This access was revoked.',
    );
});

for (const what of ['token', 'grant', 'client', 'server', 'owner', 'org'] as const) {
  test(`[revoke.fast] the operator revokes a ${what}: one revision, one note, and once is enough`, async () => {
    const { world } = await scene();
    const before = world.store.changes.revision();
    const revision = before + 1;
    for (let times = 0; times < 2; times++)
      assert.deepEqual(await given(await operate(world, 'POST', '/revocations', { what, id: 'it' })), {
        ...{ what, id: 'it', revision },
      });
    assert.deepEqual(world.store.changes.since(before, 9, 9_999), [{ kind: 'revoked', revision, what, id: 'it' }]);
    const [note] = world.store.audit.operations(1);
    assert.deepEqual([note?.action, note?.subject, note?.asOperator], [`revoke.${what}`, 'it', true]);
  });
}

test('only what can be revoked is revoked', async () => {
  const { world } = await scene();
  const before = world.store.changes.revision();
  const said = '"what" must be one of token, grant, client, server, owner, org.';
  for (const what of ['connection', '', 'constructor', 7])
    await assertProblem(await operate(world, 'POST', '/revocations', { what, id: 'x' }), 400, 'INVALID_REQUEST', said);
  await assertProblem(
    await operate(world, 'POST', '/revocations', { what: 'org', id: '' }),
    400,
    'INVALID_REQUEST',
    '"id" must be a non-empty string.',
  );
  assert.equal(world.store.changes.revision(), before);
});

test('whoami says for whom the token speaks, whatever its scope', async () => {
  const { world, client } = await scene();
  const { access_token } = await getToken(world, client, { resource: ISSUER });
  const answer = await callWith(world, client.key, access_token, 'GET', '/whoami');
  assert.deepEqual(await given(answer, 200), {
    ...{ sub: client.id, org: 'default', clientId: client.id, scope: [], isAdmin: false },
  });
  assert.equal((await world.app.request('/whoami')).status, 401);
});
