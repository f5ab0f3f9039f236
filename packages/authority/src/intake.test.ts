/**
 * What is taken in: sealed here, by its owner, for this organisation, to a key the executor has, once, under a free name;
 * and what may replace it. Each refusal by its exact sentence, and the stored state as it was before.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnvelopePolicy } from '@dauth/protocol';
import { makeSigner } from './signer.test-support.ts';
import { addClient, call, makeWorld, START, type Party, type World } from './world.test-support.ts';
import { asExecutor, showDirectory } from './executor/executor.test-support.ts';
import { assertProblem } from './refused.test-support.ts';
import { connect, endorse, reseal, seal, sealProof, submission, type Sealed } from './sealed.test-support.ts';

async function scene(): Promise<{ world: World; client: Party }> {
  const world = await makeWorld();
  return { world, client: await addClient(world) };
}

function store(world: World, party: Party, sealed: Sealed, members: object = {}): Promise<Response> {
  return call(world, party, 'POST', '/connections', { ...submission(sealed), ...members });
}

function rotate(world: World, party: Party, sealed: Sealed, members: object = {}, path?: string): Promise<Response> {
  const body = { ...submission(sealed), ...members };
  return call(world, party, 'POST', `/connections/${path ?? sealed.handle}/rotate`, body);
}

/** The state a refusal must leave as it was. */
function state({ store }: World, handle: Sealed['handle']): object {
  const row = store.connections.find(handle);
  return { row, envelope: row && store.connections.envelope(handle, row.ver), revision: store.changes.revision() };
}

const NO_KEY = 'The envelope is sealed to a key that the executor does not have now.';
const POLICIES: readonly (readonly [
  what: string,
  change: Partial<EnvelopePolicy>,
  status: number,
  code: string,
  said: string,
])[] = [
  [
    'for another authority',
    { iss: 'https://evil.example' },
    403,
    'FORBIDDEN',
    'The envelope was sealed for another authority.',
  ],
  [
    'by another owner',
    { owner: 'mallory' },
    403,
    'FORBIDDEN',
    'The envelope was sealed by another owner than the one who stores it.',
  ],
  [
    'in another organisation',
    { org: 'elsewhere' },
    403,
    'ORG_MISMATCH',
    'The envelope was sealed in another organisation.',
  ],
  [
    'for a time that has passed',
    { iat: START - 100, exp: START },
    400,
    'INVALID_REQUEST',
    'The envelope has expired; seal it again.',
  ],
  ['as a later version than the first', { ver: 2 }, 409, 'CONFLICT', 'The first version of a connection is 1.'],
];
for (const [what, change, status, code, said] of POLICIES) {
  test(`[seal.bound] an envelope sealed ${what} is not stored`, async () => {
    const { world, client } = await scene();
    const sealed = seal(world, client.id, client.key, change);
    await assertProblem(await store(world, client, sealed), status, code, said);
    assert.equal(world.store.connections.find(sealed.handle), undefined);
  });
}

test('[seal.bound] an envelope for a key that the directory does not list is not stored', async () => {
  const { world, client } = await scene();
  const sealed = seal(world, client.id, client.key, {}, makeSigner().jkt);
  await assertProblem(await store(world, client, sealed), 400, 'INVALID_REQUEST', NO_KEY);
});

const ENTRIES: readonly (readonly [what: string, entry: object])[] = [
  ['of another suite', { alg: 'HPKE-4' }],
  ['not valid yet', { nbf: START + 1 }],
  ['no longer valid', { exp: START }],
];
for (const [what, entry] of ENTRIES) {
  test(`[seal.bound] an envelope for a key that is ${what} is not stored`, async () => {
    const { world, client } = await scene();
    const sealed = seal(world, client.id, client.key);
    showDirectory(world, { key: entry });
    await assertProblem(await store(world, client, sealed), 400, 'INVALID_REQUEST', NO_KEY);
    showDirectory(world);
    world.clock.now = START + 31;
    assert.equal((await store(world, client, sealed)).status, 201);
  });
}

test('[seal.bound] a seal proof for another envelope, version or handle stores nothing', async () => {
  const { world, client } = await scene();
  const sealed = seal(world, client.id, client.key);
  const { handle, envelope } = sealed;
  for (const seal_proof of [
    sealProof(client.key, handle, 1, `${envelope}x`),
    sealProof(client.key, handle, 2, envelope),
    sealProof(
      client.key,
      handle.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      1,
      envelope,
    ),
  ]) {
    const said = 'The seal proof is for another handle, version or envelope.';
    await assertProblem(await store(world, client, { ...sealed, seal_proof }), 403, 'POLICY_DENIED', said);
  }
  const [head, claims] = sealed.seal_proof.split('.') as [string, string];
  const [, , signature] = sealProof(makeSigner(), handle, 1, envelope).split('.') as [string, string, string];
  await assertProblem(
    await store(world, client, { ...sealed, seal_proof: `${head}.${claims}.${signature}` }),
    403,
    'POLICY_DENIED',
    'The seal proof has a signature that does not verify.',
  );
  assert.equal(world.store.connections.find(handle), undefined);
});

test('the same octets again are the same answer, and change nothing', async () => {
  const { world, client } = await scene();
  const sealed = seal(world, client.id, client.key);
  const first = await store(world, client, sealed);
  const before = state(world, sealed.handle);
  const second = await store(world, client, sealed);
  assert.deepEqual([first.status, second.status], [201, 200]);
  assert.deepEqual(await second.json(), await first.json());
  assert.deepEqual(state(world, sealed.handle), before);
});

test('[seal.bound] other octets under a handle that is taken are a conflict, by its owner or anybody', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const stranger = await addClient(world);
  const before = state(world, sealed.handle);
  const said = 'This collides with what is already stored. Use rotate to replace a credential.';
  for (const party of [client, stranger]) {
    const other = seal(world, party.id, party.key, { handle: sealed.handle });
    await assertProblem(await store(world, party, other), 409, 'CONFLICT', said);
  }
  assert.deepEqual(state(world, sealed.handle), before);
});

test('[seal.bound] a handle that was deleted stays taken, also for its own octets', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  assert.equal((await call(world, client, 'DELETE', `/connections/${sealed.handle}`)).status, 204);
  await assertProblem(await store(world, client, sealed), 409, 'CONFLICT');
  assert.equal(world.store.connections.envelope(sealed.handle, 1), undefined);
});

test('a name is one connection of an owner, and free again when that is revoked or deleted', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const again = () => store(world, client, seal(world, client.id, client.key));
  const said = 'There is a connection of that name. Rotate it, or remove it first.';
  await assertProblem(await again(), 409, 'CONFLICT', said);
  await connect(world);
  assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/suspend`)).status, 200);
  await assertProblem(await again(), 409, 'CONFLICT', said);
  assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/revoke`)).status, 200);
  assert.equal((await again()).status, 201);
});

test('of two submissions under one name at once exactly one is stored', async () => {
  const { world, client } = await scene();
  const answers = await Promise.all([1, 2].map(() => store(world, client, seal(world, client.id, client.key))));
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [201, 409],
  );
});

test('a rotation is the next version by the same key, and again it is no change', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const next = reseal(world, sealed, client.key, { servers: ['https://new.example/mcp'] });
  const answer = await rotate(world, client, next);
  assert.equal(answer.status, 200);
  const { ver, servers } = (await answer.json()) as { ver: number; servers: unknown };
  assert.deepEqual([ver, servers], [2, ['https://new.example/mcp']]);
  const before = state(world, sealed.handle);
  assert.equal((await rotate(world, client, next)).status, 200);
  assert.deepEqual(state(world, sealed.handle), before);
});

test('[seal.bound] a rotation that is not the very next version is refused', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  for (const ver of [1, 3, 7]) {
    const said = 'A rotation is sealed as the version after the current one.';
    await assertProblem(await rotate(world, client, reseal(world, sealed, client.key, { ver })), 409, 'CONFLICT', said);
  }
  const second = reseal(world, sealed, client.key);
  assert.equal((await rotate(world, client, second)).status, 200);
  // The first version is no way back.
  await assertProblem(await rotate(world, client, sealed), 409, 'CONFLICT');
  assert.equal(world.store.connections.find(sealed.handle)?.ver, 2);
});

test('[seal.bound] a rotation sealed by a key nobody vouched for is refused', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const before = state(world, sealed.handle);
  await assertProblem(
    await rotate(world, client, reseal(world, sealed, makeSigner())),
    403,
    'POLICY_DENIED',
    'The seal proof is by a key that is not trusted for this handle.',
  );
  assert.deepEqual(state(world, sealed.handle), before);
});

test('[seal.bound] a key that a trusted one signed for may seal the next version, and vouch for another', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const [second, third] = [makeSigner(), makeSigner('Ed25519')];
  const endorsements = [endorse(client.key, second, sealed.handle), endorse(second, third, sealed.handle)] as const;
  const two = reseal(world, sealed, second);
  assert.equal((await rotate(world, client, two, { endorsements: [endorsements[0]] })).status, 200);
  const three = reseal(world, two, third);
  assert.equal((await rotate(world, client, three, { endorsements: [endorsements[1]] })).status, 200);
  // An executor that missed the second version gets the whole chain.
  const served = await asExecutor(world, 'GET', `/executor/envelopes/${sealed.handle}`);
  assert.deepEqual(((await served.json()) as { endorsements: unknown }).endorsements, endorsements);
});

test('[seal.bound] an endorsement by a stranger, or for another handle, vouches for nobody', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const { sealed: other } = await connect(world, { connection: 'other' });
  const second = makeSigner();
  const next = reseal(world, sealed, second);
  for (const [endorsement, said] of [
    [endorse(second, second, sealed.handle), 'An endorsement is by a key that is not trusted for this handle.'],
    [endorse(client.key, second, other.handle), 'An endorsement is for another handle.'],
  ] as const)
    await assertProblem(await rotate(world, client, next, { endorsements: [endorsement] }), 403, 'POLICY_DENIED', said);
});

test('[seal.bound] what comes with the first version as an endorsement makes no key trusted', async () => {
  const { world, client } = await scene();
  const second = makeSigner();
  const sealed = seal(world, client.id, client.key);
  const members = { endorsements: [endorse(client.key, second, sealed.handle)] };
  assert.equal((await store(world, client, sealed, members)).status, 201);
  assert.deepEqual(world.store.connections.envelope(sealed.handle, 1)?.trusted, [client.key.jkt]);
  assert.deepEqual(world.store.connections.envelope(sealed.handle, 1)?.endorsements, []);
  await assertProblem(await rotate(world, client, reseal(world, sealed, second)), 403, 'POLICY_DENIED');
});

test('a chain of more than eight sealing keys is refused with what to do instead', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const keys = [client.key, ...Array.from({ length: 9 }, () => makeSigner())];
  const links = keys.slice(1).map((key, index) => endorse(keys[index]!, key, sealed.handle));
  const two = reseal(world, sealed, keys[8]!);
  assert.equal((await rotate(world, client, two, { endorsements: links.slice(0, 8) })).status, 200);
  await assertProblem(
    await rotate(world, client, reseal(world, two, keys[9]!), { endorsements: links.slice(8) }),
    400,
    'INVALID_REQUEST',
    'The chain of sealing keys is too long; connect again under a new handle.',
  );
});

test('[seal.bound] a rotation keeps handle and name', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const said = 'A rotation keeps the handle and the name of its connection.';
  const renamed = reseal(world, sealed, client.key, { connection: 'renamed' });
  await assertProblem(await rotate(world, client, renamed), 400, 'INVALID_REQUEST', said);
  const elsewhere = seal(world, client.id, client.key, { ver: 2 });
  await assertProblem(await rotate(world, client, elsewhere, {}, sealed.handle), 400, 'INVALID_REQUEST', said);
});

test('[seal.bound] a rotation is checked like a first version: authority, owner, key, time', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  for (const [change, status, code] of [
    [{ iss: 'https://evil.example' }, 403, 'FORBIDDEN'],
    [{ owner: 'mallory' }, 403, 'FORBIDDEN'],
    [{ org: 'elsewhere' }, 403, 'ORG_MISMATCH'],
    [{ iat: START - 9, exp: START }, 400, 'INVALID_REQUEST'],
  ] as const)
    await assertProblem(await rotate(world, client, reseal(world, sealed, client.key, change)), status, code);
  assert.equal((await rotate(world, client, reseal(world, sealed, client.key))).status, 200);
});

test('[revoke.fast] a revoked connection is not brought back by a rotation, and a suspended one stays suspended', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const move = async (verb: string) =>
    assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/${verb}`)).status, 200);
  await move('suspend');
  const two = reseal(world, sealed, client.key);
  const answer = await rotate(world, client, two);
  assert.equal(((await answer.json()) as { status: string }).status, 'suspended');
  await move('revoke');
  const said = 'The connection was revoked. Its owner has to connect again.';
  await assertProblem(await rotate(world, client, reseal(world, two, client.key)), 403, 'CONNECTION_REVOKED', said);
});

test('a rotation ends the need for a new authorization', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  world.store.transaction(() => world.store.connections.setStatus(sealed.handle, 'needs_reauthorization', 1, START));
  const answer = await rotate(world, client, reseal(world, sealed, client.key));
  assert.equal(((await answer.json()) as { status: string }).status, 'active');
});

test('of two rotations at once exactly one becomes the next version', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const answers = await Promise.all([1, 2].map(() => rotate(world, client, reseal(world, sealed, client.key))));
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409],
  );
});
