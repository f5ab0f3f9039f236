/**
 * Connections over HTTP: who may see and move which, by which scope, once per proof. Each refusal by its exact sentence;
 * another owner's connection looks like one that does not exist.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Revocable } from '@dauth/protocol';
import { dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  call,
  callWith,
  claimsOf,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';
import { asExecutor } from '../executor/executor.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { connect, reseal, seal, submission, type Sealed } from '../sealed.test-support.ts';

const UNKNOWN = 'ddls:conn:01900000-0000-7000-8000-000000000000';
const NOT_FOUND = 'There is no such connection among those you may see.';
const [READ, WRITE] = ['dauth:connections.read', 'dauth:connections.write'];

interface Scene {
  readonly world: World;
  readonly client: Party;
  readonly sealed: Sealed;
}

async function scene(): Promise<Scene> {
  const world = await makeWorld();
  return { world, ...(await connect(world)) };
}

/** Every request about one connection. */
const REQUESTS: readonly (readonly [method: string, path: string, scope: string, withBody?: true])[] = [
  ['GET', '', READ],
  ['POST', '/suspend', WRITE],
  ['POST', '/resume', WRITE],
  ['POST', '/revoke', WRITE],
  ['POST', '/rotate', WRITE, true],
  ['DELETE', '', WRITE],
];

function move({ world, client, sealed }: Scene, verb: string, by = client): Promise<Response> {
  return call(world, by, 'POST', `/connections/${sealed.handle}/${verb}`);
}

async function statusOf(response: Response): Promise<unknown> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return (JSON.parse(text) as { status: unknown }).status;
}

test('whoever stores or rotates is told which servers of the envelope nobody registered in their organisation', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const [here, theirs, nowhere] = ['https://here.example/mcp', 'https://theirs.example/mcp', 'https://no.example/mcp'];
  await addServer(world, here);
  await addServer(world, theirs, { org: 'another' });
  const servers = [here, theirs, nowhere];
  const sealed = seal(world, client.id, client.key, { servers });
  const said = async (path: string, what: Sealed) => {
    const answer = await call(world, client, 'POST', path, submission(what));
    return ((await answer.json()) as { unknown_servers?: string[] }).unknown_servers;
  };
  assert.deepEqual(await said('/connections', sealed), [theirs, nowhere]);
  await addServer(world, nowhere);
  assert.deepEqual(await said('/connections', sealed), [theirs]);
  const { handle } = sealed;
  const next = seal(world, client.id, client.key, { servers: [here, nowhere], handle, ver: 2 });
  assert.equal(await said(`/connections/${handle}/rotate`, next), undefined);
});

test('[authority.blind] a connection is shown by what was sealed about it; read alone, with the envelope its owner checks', async () => {
  const { world, client, sealed } = await scene();
  const answer = await call(world, client, 'GET', `/connections/${sealed.handle}`);
  const { envelope, seal_proof: proof, ...row } = (await answer.json()) as Record<string, unknown>;
  const { allow, inject, servers, exp } = sealed.policy;
  assert.deepEqual([envelope, proof], [sealed.envelope, sealed.seal_proof]);
  assert.deepEqual(row, {
    ...{ handle: sealed.handle, owner: client.id, org: 'default', name: 'github', status: 'active', ver: 1 },
    ...{ kid: world.kid, servers, allow, inject: JSON.parse(JSON.stringify(inject)) as unknown },
    ...{ created_at: START, updated_at: START, last_used_at: null, expires_at: exp },
  });
  const list = await call(world, client, 'GET', '/connections');
  assert.deepEqual(await list.json(), { items: [row], next: null });
});

test('[token.bound] a list shows the connections of its caller, the operator those of all', async () => {
  const { world, client, sealed } = await scene();
  const other = await connect(world);
  const stranger = await addClient(world, { org: 'elsewhere', owner: client.id });
  const listed = async (party: Party) => {
    const { items } = (await (await call(world, party, 'GET', '/connections')).json()) as { items: Sealed[] };
    return items.map(({ handle }) => handle).sort();
  };
  assert.deepEqual(await listed(client), [sealed.handle]);
  assert.deepEqual(await listed(stranger), []);
  assert.deepEqual(await listed(world.operator), [sealed.handle, other.sealed.handle].sort());
});

test('a connection is suspended and resumed, and revoked for good; each again is no change', async () => {
  const all = await scene();
  const { connections, changes } = all.world.store;
  for (const [verb, status] of [
    ['suspend', 'suspended'],
    ['resume', 'active'],
    ['suspend', 'suspended'],
    ['revoke', 'revoked'],
  ] as const) {
    assert.equal(await statusOf(await move(all, verb)), status);
    const revision = changes.revision();
    assert.equal(await statusOf(await move(all, verb)), status);
    assert.equal(changes.revision(), revision);
  }
  assert.equal(connections.find(all.sealed.handle)?.status, 'revoked');
});

test('[revoke.fast] a revoked connection is not suspended, not resumed, not rotated', async () => {
  const all = await scene();
  await move(all, 'revoke');
  const said = 'The connection was revoked. Its owner has to connect again.';
  for (const verb of ['suspend', 'resume']) await assertProblem(await move(all, verb), 403, 'CONNECTION_REVOKED', said);
  assert.equal(all.world.store.connections.find(all.sealed.handle)?.status, 'revoked');
});

test('a connection that needs a new authorization is neither resumed nor suspended, but may be revoked', async () => {
  const all = await scene();
  const { store } = all.world;
  store.transaction(() => store.connections.setStatus(all.sealed.handle, 'needs_reauthorization', 1, START));
  const said = 'A connection that is needs_reauthorization cannot do this.';
  for (const verb of ['suspend', 'resume']) await assertProblem(await move(all, verb), 409, 'CONFLICT', said);
  assert.equal(await statusOf(await move(all, 'revoke')), 'revoked');
});

test('[revoke.fast] a deleted connection leaves a tombstone without ciphertext, and the executor hears of it', async () => {
  const { world, client, sealed } = await scene();
  const before = world.store.changes.revision();
  const path = `/connections/${sealed.handle}`;
  const answer = await call(world, client, 'DELETE', path);
  assert.deepEqual([answer.status, await answer.text()], [204, '']);
  assert.deepEqual(world.store.changes.since(before, 9, 9_999), [
    { kind: 'connection', revision: before + 1, handle: sealed.handle, status: 'revoked', ver: 1 },
  ]);
  assert.equal(world.store.connections.envelope(sealed.handle, 1), undefined);
  await assertProblem(await call(world, client, 'GET', path), 404, 'CONNECTION_NOT_FOUND', NOT_FOUND);
  await assertProblem(await call(world, client, 'DELETE', path), 404, 'CONNECTION_NOT_FOUND', NOT_FOUND);
  await assertProblem(
    await asExecutor(world, 'GET', `/executor/envelopes/${sealed.handle}`),
    404,
    'CONNECTION_NOT_FOUND',
  );
});

for (const [method, path, scope, withBody] of REQUESTS) {
  const what = `${method} /connections/{handle}${path}`;

  test(`[token.bound] ${what} of another owner is like one of a connection that does not exist`, async () => {
    const { world, client, sealed } = await scene();
    const body = withBody && submission(reseal(world, sealed, client.key));
    const before = world.store.changes.revision();
    const parties = [await addClient(world), await addClient(world, { owner: client.id, org: 'elsewhere' })];
    for (const party of parties) {
      const bodies = [];
      for (const handle of [sealed.handle, UNKNOWN]) {
        const answer = await call(world, party, method, `/connections/${handle}${path}`, body);
        await assertProblem(answer.clone(), 404, 'CONNECTION_NOT_FOUND', NOT_FOUND);
        bodies.push(((await answer.json()) as { detail: string }).detail);
      }
      assert.equal(bodies[0], bodies[1]);
    }
    assert.equal(world.store.changes.revision(), before);
  });

  test(`[token.bound] ${what} needs the scope ${scope}`, async () => {
    const { world, client, sealed } = await scene();
    const body = withBody && submission(reseal(world, sealed, client.key));
    const other = scope === READ ? WRITE : READ;
    const answer = await call(world, client, method, `/connections/${sealed.handle}${path}`, body, other);
    await assertProblem(answer, 403, 'FORBIDDEN', `The token lacks the scope ${scope}.`);
    const given = await call(world, client, method, `/connections/${sealed.handle}${path}`, body, scope);
    assert.ok(given.status < 300);
  });

  test(`${what} refuses what is no handle`, async () => {
    const { world, client, sealed } = await scene();
    const body = withBody && submission(reseal(world, sealed, client.key));
    for (const bad of ['github', UNKNOWN.toUpperCase(), `${UNKNOWN}%00`, UNKNOWN.replace('-7', '-4')])
      await assertProblem(
        await call(world, client, method, `/connections/${bad}${path}`, body),
        400,
        'INVALID_REQUEST',
      );
  });
}

test('[token.bound] listing and storing need their scopes too', async () => {
  const { world, client } = await scene();
  const body = submission(seal(world, client.id, client.key, { connection: 'next' }));
  await assertProblem(
    await call(world, client, 'GET', '/connections', undefined, WRITE),
    403,
    'FORBIDDEN',
    `The token lacks the scope ${READ}.`,
  );
  await assertProblem(
    await call(world, client, 'POST', '/connections', body, READ),
    403,
    'FORBIDDEN',
    `The token lacks the scope ${WRITE}.`,
  );
});

test('[token.bound] a proof works once; the second request with it is told so', async () => {
  const { world, client, sealed } = await scene();
  const { access_token: token } = await getToken(world, client, { resource: ISSUER, scope: READ });
  const path = `/connections/${sealed.handle}`;
  const proof = dpop(client.key, { htm: 'GET', htu: `${ISSUER}${path}`, iat: START, token });
  const ask = () => world.app.request(path, { headers: { authorization: `DPoP ${token}`, dpop: proof } });
  assert.equal((await ask()).status, 200);
  await assertProblem(
    await ask(),
    401,
    'REPLAY_DETECTED',
    'This proof or token was used before. Sign a fresh proof for each request.',
  );
  assert.equal((await callWith(world, client.key, token, 'GET', path)).status, 200);
});

test('[token.bound] of two requests with one proof at once exactly one is served', async () => {
  const { world, client } = await scene();
  const { access_token: token } = await getToken(world, client, { resource: ISSUER, scope: READ });
  const proof = dpop(client.key, { htm: 'GET', htu: `${ISSUER}/connections`, iat: START, token });
  const headers = { authorization: `DPoP ${token}`, dpop: proof };
  const answers = await Promise.all([1, 2].map(async () => world.app.request('/connections', { headers })));
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 401],
  );
});

test('[token.bound] a request without a good proof by the key of its token is refused', async () => {
  const { world, client } = await scene();
  const { access_token: token } = await getToken(world, client, { resource: ISSUER, scope: READ });
  const right = { htm: 'GET', htu: `${ISSUER}/connections`, iat: START, token };
  const ask = (headers: Record<string, string>, url = '/connections') =>
    world.app.request(url, { headers: { authorization: `DPoP ${token}`, ...headers } });
  const cases: readonly (readonly [proof: string, said: string])[] = [
    [dpop(makeSigner(), right), 'The DPoP proof is by another key than the token is bound to.'],
    [dpop(client.key, { ...right, htm: 'POST' }), 'The DPoP proof is for another method (htm).'],
    [dpop(client.key, { ...right, htu: `${ISSUER}/clients` }), 'The DPoP proof is for another URL (htu).'],
    [dpop(client.key, { ...right, htu: `${EXECUTOR}/connections` }), 'The DPoP proof is for another URL (htu).'],
    [dpop(client.key, { ...right, token: `${token}x` }), 'The DPoP proof is for another access token (ath).'],
    [
      dpop(client.key, { ...right, iat: START - 61 }),
      'The DPoP proof is too old (iat). Sign a fresh proof for each request.',
    ],
    [
      dpop(client.key, { ...right, iat: START + 6 }),
      "The DPoP proof was signed in the future (iat). Check the signer's clock.",
    ],
  ];
  for (const [proof, said] of cases) await assertProblem(await ask({ dpop: proof }), 401, 'UNAUTHENTICATED', said);
  const scheme = 'Tokens are used with the DPoP scheme and a proof.';
  const missing = 'The request has no DPoP header. Sign a proof for it.';
  await assertProblem(await ask({}), 401, 'UNAUTHENTICATED', missing);
  await assertProblem(await ask({ authorization: `Bearer ${token}` }), 401, 'UNAUTHENTICATED', scheme);
  // Host is the caller's to choose: it moves nothing.
  const evil = dpop(client.key, { ...right, htu: 'https://evil.example/connections' });
  await assertProblem(
    await ask({ dpop: evil, host: 'evil.example' }, 'https://evil.example/connections'),
    401,
    'UNAUTHENTICATED',
    'The DPoP proof is for another URL (htu).',
  );
  assert.equal((await ask({ dpop: dpop(client.key, right) }, 'https://evil.example/connections')).status, 200);
});

test('[token.bound] a token for a server, an expired one and a forged one open nothing here', async () => {
  const { world, client } = await scene();
  await addServer(world);
  const mcp = (await getToken(world, client, { resource: MCP })).access_token;
  await assertProblem(
    await callWith(world, client.key, mcp, 'GET', '/connections'),
    401,
    'UNAUTHENTICATED',
    'The access token is for another audience (aud).',
  );
  const own = (await getToken(world, client, { resource: ISSUER, scope: READ })).access_token;
  const forged = makeSigner().jws({ typ: 'at+jwt', kid: world.key.kid }, claimsOf(own));
  await assertProblem(
    await callWith(world, client.key, forged, 'GET', '/connections'),
    401,
    'UNAUTHENTICATED',
    'The access token has a signature that does not verify.',
  );
  world.clock.now = START + 306;
  await assertProblem(
    await callWith(world, client.key, own, 'GET', '/connections'),
    401,
    'UNAUTHENTICATED',
    'The access token has expired.',
  );
});

const REVOKED: readonly (readonly [what: Revocable, id: (claims: Record<string, unknown>) => unknown])[] = [
  ['token', ({ jti }) => jti],
  ['grant', ({ grant_id }) => grant_id],
  ['client', ({ client_id }) => client_id],
  ['owner', ({ sub }) => sub],
  ['org', () => 'default'],
];
for (const [what, id] of REVOKED) {
  test(`[revoke.fast] after a revoked ${what} its token is refused here at once`, async () => {
    const { world } = await scene();
    const client = await addClient(world, { owner: 'ada' });
    const { access_token: token } = await getToken(world, client, { resource: ISSUER, scope: READ });
    assert.equal((await callWith(world, client.key, token, 'GET', '/connections')).status, 200);
    revoke(world, what, String(id(claimsOf(token))));
    await assertProblem(
      await callWith(world, client.key, token, 'GET', '/connections'),
      401,
      'UNAUTHENTICATED',
      'This access was revoked.',
    );
  });
}

test('the operator can look at an organisation it revoked, but not with a token it revoked', async () => {
  const { world } = await scene();
  revoke(world, 'org', 'default');
  const { access_token: token } = await getToken(world, world.operator, { resource: ISSUER, scope: 'dauth:admin' });
  assert.equal((await callWith(world, world.operator.key, token, 'GET', '/connections')).status, 200);
  revoke(world, 'token', String(claimsOf(token).jti));
  await assertProblem(
    await callWith(world, world.operator.key, token, 'GET', '/connections'),
    401,
    'UNAUTHENTICATED',
    'This access was revoked.',
  );
});

test('[audit.complete] what an owner does and what the operator does for it are noted apart', async () => {
  const all = await scene();
  const { world, client, sealed } = all;
  await move(all, 'suspend');
  await move(all, 'resume', world.operator);
  const next = reseal(world, sealed, client.key);
  assert.equal(
    (await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, submission(next))).status,
    200,
  );
  await move(all, 'revoke', world.operator);
  assert.equal((await call(world, world.operator, 'DELETE', `/connections/${sealed.handle}`)).status, 204);
  const notes = world.store.audit.operations(100).filter(({ subject }) => subject === sealed.handle);
  assert.deepEqual(
    notes.toReversed().map(({ action, actor, asOperator }) => [action, actor, asOperator]),
    [
      ['connection.create', client.id, false],
      ['connection.suspend', client.id, false],
      ['connection.resume', 'operator', true],
      ['connection.rotate', client.id, false],
      ['connection.revoke', 'operator', true],
      ['connection.delete', 'operator', true],
    ],
  );
});

test('[audit.complete] the operator stores for an owner, and that is noted as such', async () => {
  const { world } = await scene();
  const sealed = seal(world, 'ada', makeSigner());
  const answer = await call(world, world.operator, 'POST', '/connections', submission(sealed));
  assert.equal(answer.status, 201);
  assert.equal(world.store.connections.find(sealed.handle)?.owner, 'ada');
  const [note] = world.store.audit.operations(1);
  assert.deepEqual(note, {
    ...{ time: START, actor: 'operator', asOperator: true },
    ...{ action: 'connection.create', subject: sealed.handle },
  });
});

test('a body with a member nobody knows, one missing or one of another kind stores nothing', async () => {
  const { world, client } = await scene();
  const sealed = seal(world, client.id, client.key, { connection: 'next' });
  const right = submission(sealed);
  for (const [body, said] of [
    [{ ...right, secret: 'x' }, 'A sealed credential has a member that is not defined for it.'],
    [{ envelope: right.envelope }, 'A sealed credential needs the member "seal_proof".'],
    [{ ...right, try: 'yes' }, '"try" must be true or false.'],
    [{ ...right, envelope: 'x'.repeat(100_001) }, '"envelope" is longer than 100000 characters.'],
    [{ ...right, endorsements: 'x' }, '"endorsements" must be an array.'],
    [[right], 'A sealed credential must be an object.'],
  ] as const)
    await assertProblem(await call(world, client, 'POST', '/connections', body), 400, 'INVALID_REQUEST', said);
  assert.equal(world.store.connections.find(sealed.handle), undefined);
});
