/**
 * What a token may name: connections of its owner, within what was sealed, for this server and this key; and credentials
 * that are carried inline. Each refusal by its exact sentence, and after it nothing stored and nothing used up.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnvelopePolicy } from '@dauth/protocol';
import { assertion, dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askDetails,
  askToken,
  call,
  claimsOf,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  type Party,
  type TokenBody,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { allow, carried, connect, seal, sealProof, submission, wish, type Sealed } from '../sealed.test-support.ts';

const CODE = 'invalid_authorization_details';
const NO_SUCH = 'An authorization detail names a connection that this client cannot use at this resource.';
const UNKNOWN = 'ddls:conn:01900000-0000-7000-8000-000000000000';
const OTHER_MCP = 'https://other.example/mcp';

async function scene(change: Partial<EnvelopePolicy> = {}): Promise<{ world: World; client: Party; sealed: Sealed }> {
  const world = await makeWorld();
  await addServer(world);
  return { world, ...(await connect(world, change)) };
}

/** An owner's credential pinned to a runner's key (unless changed), stored, and the owner's grant for that runner. */
async function withRunner(
  change: (runner: Party) => Partial<EnvelopePolicy> = ({ key }) => ({ pin: { jkt: [key.jkt] } }),
  members: object | undefined = {},
): Promise<{ world: World; owner: Party; runner: Party; sealed: Sealed; grant: string }> {
  const world = await makeWorld();
  await addServer(world);
  await addServer(world, OTHER_MCP);
  const runner = await addClient(world);
  const { client: owner, sealed } = await connect(world, { servers: [MCP, OTHER_MCP], ...change(runner) });
  const answer = await call(world, owner, 'POST', '/grants', { client_id: runner.id, resource: MCP, ...members });
  assert.equal(answer.status, 201);
  return { world, owner, runner, sealed, grant: ((await answer.json()) as { id: string }).id };
}

async function given(response: Response): Promise<TokenBody> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as TokenBody;
}

test('a connection that is named without more is given whole: one detail per rule that was sealed', async () => {
  const { world, client, sealed } = await scene({
    allow: [
      allow('https://api.github.com', ['GET', 'POST'], ['/user']),
      allow('https://uploads.github.com', ['PUT'], ['/a/*']),
    ],
  });
  const body = await given(await askDetails(world, client, [wish(sealed.handle)]));
  const detail = { type: 'dauth_connection', identifier: sealed.handle, name: 'github' };
  assert.deepEqual(body.authorization_details, [
    { ...detail, locations: ['https://api.github.com'], actions: ['GET /user', 'POST /user'] },
    { ...detail, locations: ['https://uploads.github.com'], actions: ['PUT /a/*'] },
  ]);
  const claims = claimsOf(body.access_token);
  assert.deepEqual(claims.authorization_details, body.authorization_details);
  assert.deepEqual(claims['ddls:connections'], { github: sealed.handle });
});

test('[token.bound] a narrower detail is given as it was asked for, a wider one is refused', async () => {
  const { world, client, sealed } = await scene();
  const asked = (locations: string, actions: readonly string[]) =>
    askDetails(world, client, [wish(sealed.handle, { locations: [locations], actions })]);
  const { authorization_details } = await given(await asked('https://api.github.com', ['GET /repos/a/*']));
  assert.deepEqual(authorization_details, [
    wish(sealed.handle, { name: 'github', locations: ['https://api.github.com'], actions: ['GET /repos/a/*'] }),
  ]);
  for (const [origin, actions] of [
    ['https://api.github.com', ['DELETE /user']],
    ['https://api.github.com', ['GET /user', 'GET /**']],
    ['https://api.github.com', ['GET /repos']],
    ['https://api.github.com:8443', ['GET /user']],
  ] as const) {
    const sentence = 'An authorization detail exceeds what its owner sealed.';
    await assertOAuth(await asked(origin, actions), 400, CODE, sentence);
  }
});

test('[seal.bound] no token for a server that the credential was not sealed for names it', async () => {
  const { world, client, sealed } = await scene();
  await addServer(world, OTHER_MCP);
  await assertOAuth(
    await askDetails(world, client, [wish(sealed.handle)], OTHER_MCP),
    400,
    CODE,
    'The credential was not sealed for this resource; its owner has to seal it for this server.',
  );
  await given(await askDetails(world, client, [wish(sealed.handle)]));
});

test('[seal.bound] a credential is named only within the time it was sealed for', async () => {
  const { world, client, sealed } = await scene({ iat: START + 10, exp: START + 100 });
  const said = 'The credential is outside the time it was sealed for.';
  const ask = () => askDetails(world, client, [wish(sealed.handle)]);
  await assertOAuth(await ask(), 400, CODE, said);
  world.clock.now = START + 5;
  await given(await ask());
  world.clock.now = START + 99;
  await given(await ask());
  world.clock.now = START + 100;
  await assertOAuth(await ask(), 400, CODE, said);
});

test('[seal.bound] a pinned credential is named only for a key in its pin', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const pins = [
    ['pinned-elsewhere', [makeSigner().jkt]],
    ['pinned-here', [makeSigner().jkt, client.key.jkt]],
  ] as const;
  for (const [connection, jkt] of pins) {
    const sealed = seal(world, client.id, client.key, { connection, pin: { jkt } });
    assert.equal((await call(world, client, 'POST', '/connections', submission(sealed))).status, 201);
    const answer = await askDetails(world, client, [wish(sealed.handle)]);
    if (connection === 'pinned-here') await given(answer);
    else await assertOAuth(answer, 400, CODE, 'The credential is pinned to another client key.');
  }
});

test('[seal.bound] the pin is compared with the key that proves, not with the one that authenticates', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const device = makeSigner();
  const sealed = seal(world, client.id, client.key, { pin: { jkt: [device.jkt] } });
  assert.equal((await call(world, client, 'POST', '/connections', submission(sealed))).status, 201);
  const form = { resource: MCP, authorization_details: JSON.stringify([wish(sealed.handle)]) };
  const proof = dpop(device, { htm: 'POST', htu: `${ISSUER}/token`, iat: START });
  const { access_token } = await given(await askToken(world, client, form, { dpop: proof }));
  assert.deepEqual(claimsOf(access_token).cnf, { jkt: device.jkt });
});

test("[token.bound] a missing, another owner's, suspended, revoked and deleted connection are one answer", async () => {
  const { world, client, sealed } = await scene();
  const ask = async (party: Party, handle: string): Promise<Record<string, unknown>> => {
    const response = await askDetails(world, party, [wish(handle)]);
    const { request_id: _, ...body } = (await response.json()) as Record<string, unknown>;
    return { status: response.status, ...body };
  };
  const refused = { status: 400, error: CODE, error_description: NO_SUCH };
  const move = async (verb: string) =>
    assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/${verb}`)).status, 200);
  assert.deepEqual(await ask(client, UNKNOWN), refused);
  assert.deepEqual(await ask(await addClient(world), sealed.handle), refused);
  assert.equal((await ask(client, sealed.handle)).status, 200);
  await move('suspend');
  assert.deepEqual(await ask(client, sealed.handle), refused);
  await move('resume');
  assert.equal((await ask(client, sealed.handle)).status, 200);
  await move('revoke');
  assert.deepEqual(await ask(client, sealed.handle), refused);
  assert.equal((await call(world, client, 'DELETE', `/connections/${sealed.handle}`)).status, 204);
  assert.deepEqual(await ask(client, sealed.handle), refused);
});

test('[token.bound] connections of two owners are never in one token, not even pinned to the same runner', async () => {
  const { world, runner, sealed } = await withRunner();
  const pin = { jkt: [runner.key.jkt] };
  const { client: other, sealed: second } = await connect(world, { pin });
  const grant = { client_id: runner.id, resource: MCP };
  assert.equal((await call(world, other, 'POST', '/grants', grant)).status, 201);
  const third = seal(world, other.id, other.key, { connection: 'third', pin });
  for (const details of [[wish(second.handle)], [wish(sealed.handle)]])
    await given(await askDetails(world, runner, details));
  for (const item of [wish(second.handle), carried(third)])
    await assertOAuth(await askDetails(world, runner, [wish(sealed.handle), item]), 400, CODE, NO_SUCH);
});

test("[token.bound] another organisation's connection of the same owner name is none", async () => {
  const { world } = await scene();
  const here = await addClient(world, { owner: 'ada' });
  const sealed = seal(world, 'ada', here.key);
  assert.equal((await call(world, here, 'POST', '/connections', submission(sealed))).status, 201);
  const there = await addClient(world, { owner: 'ada', org: 'elsewhere' });
  await addServer(world, OTHER_MCP, { org: 'elsewhere' });
  await assertOAuth(await askDetails(world, there, [wish(sealed.handle)], OTHER_MCP), 400, CODE, NO_SUCH);
  await given(await askDetails(world, here, [wish(sealed.handle)]));
});

test("[seal.bound] a runner with the owner's grant names a credential that is pinned to its key", async () => {
  const { world, owner, runner, sealed, grant } = await withRunner();
  const claims = claimsOf((await given(await askDetails(world, runner, [wish(sealed.handle)]))).access_token);
  assert.deepEqual(
    [claims.sub, claims.client_id, claims.grant_id, claims.cnf],
    [owner.id, runner.id, grant, { jkt: runner.key.jkt }],
  );
});

test('[seal.bound] a runner cannot name what is not pinned to its key, whatever it was granted', async () => {
  const pins = [{}, { pin: { server_jkt: [makeSigner().jkt] } }, { pin: { jkt: [makeSigner().jkt] } }];
  for (const pin of pins) {
    const { world, runner, sealed } = await withRunner(() => pin);
    await assertOAuth(await askDetails(world, runner, [wish(sealed.handle)]), 400, CODE, NO_SUCH);
  }
});

test("[token.bound] a runner without the owner's grant for this server cannot name a pinned credential", async () => {
  const { world, sealed, runner } = await withRunner();
  await assertOAuth(await askDetails(world, runner, [wish(sealed.handle)], OTHER_MCP), 400, CODE, NO_SUCH);
  const stranger = await addClient(world, {}, runner.key);
  await assertOAuth(await askDetails(world, stranger, [wish(sealed.handle)]), 400, CODE, NO_SUCH);
});

test("[token.bound] a runner's grant ends when it expires, and its tokens end with it", async () => {
  const { world, runner, sealed } = await withRunner(undefined, { expires_in: 100 });
  assert.equal((await given(await askDetails(world, runner, [wish(sealed.handle)]))).expires_in, 100);
  world.clock.now = START + 100;
  await assertOAuth(await askDetails(world, runner, [wish(sealed.handle)]), 400, CODE, NO_SUCH);
});

test('[revoke.fast] a runner whose grant was revoked names nothing more', async () => {
  const { world, runner, sealed, grant } = await withRunner();
  await given(await askDetails(world, runner, [wish(sealed.handle)]));
  revoke(world, 'grant', grant);
  await assertOAuth(await askDetails(world, runner, [wish(sealed.handle)]), 400, CODE, NO_SUCH);
});

const MALFORMED: readonly (readonly [what: string, text: string, said: string])[] = [
  ['text that is no JSON', '[', 'A JSON document is not well-formed.'],
  ['an object', '{}', '"authorization_details" must be an array.'],
  ['nine entries', JSON.stringify(Array(9).fill(wish(UNKNOWN))), '"authorization_details" has more than 8 entries.'],
  ['another type', '[{"type":"payment"}]', 'An authorization detail has a type that is not known here.'],
  ['no type', `[{"identifier":"${UNKNOWN}"}]`, 'An authorization detail needs the member "type".'],
  [
    'a member nobody knows',
    JSON.stringify([wish(UNKNOWN, { datatypes: [] })]),
    'An authorization detail has a member that is not defined for it.',
  ],
  [
    "a member of the other type's",
    JSON.stringify([wish(UNKNOWN, { envelope: 'x' })]),
    'A dauth_connection detail has a member that is not defined for it.',
  ],
  [
    'locations without actions',
    JSON.stringify([wish(UNKNOWN, { locations: ['https://api.github.com'] })]),
    'A dauth_connection detail names locations and actions together, or neither.',
  ],
  [
    'a member twice',
    `[{"type":"dauth_connection","identifier":"${UNKNOWN}","identifier":"${UNKNOWN}"}]`,
    'A JSON object has a duplicate or forbidden member.',
  ],
  ['__proto__', '[{"type":"dauth_connection","__proto__":{}}]', 'A JSON object has a duplicate or forbidden member.'],
];
for (const [what, text, said] of MALFORMED) {
  test(`authorization details with ${what} are refused`, async () => {
    const { world, client } = await scene();
    await assertOAuth(await askToken(world, client, { resource: MCP, authorization_details: text }), 400, CODE, said);
  });
}

test('a token names at most eight details, counted after the rules of each connection were written out', async () => {
  const rules = (count: number) =>
    Array.from({ length: count }, (_, index) => allow(`https://api${index}.example`, ['GET'], ['/a']));
  const eight = await scene({ allow: rules(8) });
  const body = await given(await askDetails(eight.world, eight.client, [wish(eight.sealed.handle)]));
  assert.equal(body.authorization_details.length, 8);
  const nine = await scene({ allow: rules(9) });
  await assertOAuth(
    await askDetails(nine.world, nine.client, [wish(nine.sealed.handle)]),
    400,
    CODE,
    'A token names at most 8 connections and origins; ask for fewer.',
  );
});

test('[token.bound] a token for the authority itself names no connections', async () => {
  const { world, client, sealed } = await scene();
  const said = 'A token for the authority itself names no connections.';
  await assertOAuth(await askDetails(world, client, [wish(sealed.handle)], ISSUER), 400, CODE, said);
  const fresh = seal(world, client.id, client.key, { connection: 'fresh', servers: [ISSUER] });
  await assertOAuth(await askDetails(world, client, [carried(fresh)], ISSUER), 400, CODE, said);
  assert.equal(world.store.connections.find(fresh.handle), undefined);
});

test('a credential carried inline is stored and named in one answer, and noted once', async () => {
  const { world, client } = await scene();
  const sealed = seal(world, client.id, client.key, { connection: 'inline' });
  const body = await given(await askDetails(world, client, [carried(sealed)]));
  assert.deepEqual(
    body.authorization_details.map(({ identifier, name }) => [identifier, name]),
    [[sealed.handle, 'inline']],
  );
  assert.equal(world.store.connections.find(sealed.handle)?.status, 'active');
  assert.equal(world.store.connections.envelope(sealed.handle, 1)?.envelope, sealed.envelope);
  const revision = world.store.changes.revision();
  // Carried again: the same answer, no second row, no second note.
  await given(await askDetails(world, client, [carried(sealed)]));
  assert.equal(world.store.changes.revision(), revision);
  const notes = world.store.audit.operations(100).filter(({ subject }) => subject === sealed.handle);
  assert.deepEqual(notes, [
    { time: START, actor: client.id, asOperator: false, action: 'connection.create', subject: sealed.handle },
  ]);
});

test('a credential carried inline may be named narrower in the same request', async () => {
  const { world, client } = await scene();
  const sealed = seal(world, client.id, client.key, { connection: 'inline' });
  const narrow = wish(sealed.handle, { locations: ['https://api.github.com'], actions: ['GET /user'] });
  const body = await given(await askDetails(world, client, [narrow, carried(sealed)]));
  assert.deepEqual(body.authorization_details, [{ ...narrow, name: 'inline' }]);
});

/** What is carried, broken in one respect each; the good one before it must go down with it. */
const BROKEN: readonly (readonly [what: string, make: (world: World, client: Party) => object, said: string])[] = [
  [
    'is for another server',
    (world, { id, key }) => carried(seal(world, id, key, { connection: 'b', servers: [OTHER_MCP] })),
    'The credential was not sealed for this resource; its owner has to seal it for this server.',
  ],
  [
    'is pinned to another key',
    (world, { id, key }) => carried(seal(world, id, key, { connection: 'b', pin: { jkt: [makeSigner().jkt] } })),
    'The credential is pinned to another client key.',
  ],
  [
    'has a name that is taken',
    (world, { id, key }) => carried(seal(world, id, key, { connection: 'github' })),
    'There is a connection of that name. Rotate it, or remove it first.',
  ],
  [
    'was sealed for another authority',
    (world, { id, key }) => carried(seal(world, id, key, { connection: 'b', iss: 'https://evil.example' })),
    'The envelope was sealed for another authority.',
  ],
  ["is another owner's", (world, { key }) => carried(seal(world, 'mallory', key, { connection: 'b' })), NO_SUCH],
  [
    'has the seal proof of another envelope',
    (world, { id, key }) => {
      const sealed = seal(world, id, key, { connection: 'b' });
      return { ...carried(sealed), seal_proof: sealProof(key, sealed.handle, 1, `${sealed.envelope}x`) };
    },
    'The seal proof is for another handle, version or envelope.',
  ],
];
for (const [what, make, said] of BROKEN) {
  test(`[crash.safe] when one carried credential ${what}, none is stored and nothing is used up`, async () => {
    const { world, client } = await scene();
    const good = seal(world, client.id, client.key, { connection: 'good' });
    const client_assertion = assertion(client.key, { iss: client.id, sub: client.id, aud: ISSUER, exp: START + 60 });
    const proof = dpop(client.key, { htm: 'POST', htu: `${ISSUER}/token`, iat: START });
    const before = { revision: world.store.changes.revision(), notes: world.store.audit.operations(100) };
    const ask = (details: readonly object[]) =>
      askToken(
        world,
        client,
        { resource: MCP, client_assertion, authorization_details: JSON.stringify(details) },
        { dpop: proof },
      );
    await assertOAuth(await ask([carried(good), make(world, client)]), 400, CODE, said);
    assert.equal(world.store.connections.find(good.handle), undefined);
    assert.deepEqual(before, {
      revision: world.store.changes.revision(),
      notes: world.store.audit.operations(100),
    });
    await given(await ask([carried(good)]));
  });
}

test('a runner stores what its owner handed it, as that owner', async () => {
  const { world, owner, runner } = await withRunner();
  const sealed = seal(world, owner.id, owner.key, { connection: 'handed', pin: { jkt: [runner.key.jkt] } });
  await given(await askDetails(world, runner, [carried(sealed)]));
  assert.equal(world.store.connections.find(sealed.handle)?.owner, owner.id);
});

test('[seal.bound] a runner stores nothing that is not pinned to its key, and nothing without a grant', async () => {
  const { world, owner, runner } = await withRunner();
  const stranger = await addClient(world);
  const cases = [
    [runner, seal(world, owner.id, owner.key, { connection: 'loose' })],
    [stranger, seal(world, owner.id, owner.key, { connection: 'stolen', pin: { jkt: [stranger.key.jkt] } })],
  ] as const;
  for (const [party, sealed] of cases) {
    await assertOAuth(await askDetails(world, party, [carried(sealed)]), 400, CODE, NO_SUCH);
    assert.equal(world.store.connections.find(sealed.handle), undefined);
  }
});

test('an inline credential is refused while the executor shows no directory, and later taken', async () => {
  const { world, client } = await scene();
  const { directory } = world.executor;
  world.executor.directory = () => new Response('gone', { status: 404 });
  world.clock.now = START + 31;
  const sealed = seal(world, client.id, client.key, { connection: 'inline' });
  const answer = await askDetails(world, client, [carried(sealed)]);
  assert.equal(answer.headers.get('retry-after'), '1');
  await assertOAuth(answer, 503, 'temporarily_unavailable', 'The executor does not show a valid key directory.');
  world.executor.directory = directory;
  world.clock.now = START + 32;
  await given(await askDetails(world, client, [carried(sealed)]));
  assert.deepEqual((await getToken(world, client, { resource: MCP })).authorization_details, []);
});
