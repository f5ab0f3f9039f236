/**
 * What the executor may do to a stored version: make the next one out of it, with the same policy, on its own statement; take
 * a lease before; say that the grant behind it is gone. And nothing its owner has not left it.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { joinEnvelope, nextHeader, parseEnvelope, TYP, type EnvelopePolicy } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { assertProblem } from '../refused.test-support.ts';
import { connect, reseal as rotate, seal, submission, type Sealed } from '../sealed.test-support.ts';
import { makeSigner } from '../signer.test-support.ts';
import { call, EXECUTOR, makeWorld, START, type Party, type World } from '../world.test-support.ts';
import { asExecutor } from './executor.test-support.ts';

const NODE = EXECUTOR;

interface Scene {
  readonly world: World;
  readonly client: Party;
  readonly sealed: Sealed;
  /** Stores what was made out of a version. */
  readonly store: (made: object) => Promise<Response>;
  readonly say: (what: 'leases' | 'reauthorizations', body: object) => Promise<Response>;
}

async function scene(change: Partial<EnvelopePolicy> = {}): Promise<Scene> {
  const world = await makeWorld();
  const { client, sealed } = await connect(world, change);
  const ask = (what: string, body: object) =>
    asExecutor(world, 'POST', `/executor/${what}/${sealed.handle}`, JSON.stringify(body));
  return { world, client, sealed, store: (made) => ask('envelopes', made), say: ask };
}

/** The version after, as the executor makes it; `claims` changes its statement, `by` who signs. */
function made({ world }: Pick<Scene, 'world'>, from: string, base: string, claims: object = {}, by = world.identity) {
  const { header } = parseEnvelope(from);
  const envelope = joinEnvelope(nextHeader(header, header), randomBytes(32), randomBytes(64 + 16));
  const { handle, ver } = header.dauth;
  const version = (text: string) => ({ ver: parseEnvelope(text).header.dauth.ver, sha256: sha256Base64url(text) });
  const to = { ver: ver + 1, sha256: sha256Base64url(envelope) };
  const said = { handle, base: version(base), from: version(from), to, ...claims };
  return { envelope, reseal: by.proof(TYP.reseal, said) };
}

const OTHER = 'The reseal statement is for another handle, version or envelope.';

test('[seal.bound] a version that was made out of the current one is stored, and served with its statement', async () => {
  const s = await scene();
  const { sealed, world } = s;
  const second = made(s, sealed.envelope, sealed.envelope);
  const third = made(s, second.envelope, sealed.envelope);
  for (const [ver, next] of [
    [2, second],
    [3, third],
  ] as const) {
    const answer = await s.store(next);
    assert.deepEqual(await answer.json(), { ver, revision: world.store.changes.revision() });
    assert.equal((await s.store(next)).status, 200, 'the same again is the same');
    const served = await (await asExecutor(world, 'GET', `/executor/envelopes/${sealed.handle}`)).json();
    const { seal_proof } = sealed;
    const revision = world.store.changes.revision();
    assert.deepEqual(served, { ...next, seal_proof, endorsements: [], ver, status: 'active', revision });
  }
  const shown = (await (await call(world, s.client, 'GET', `/connections/${sealed.handle}`)).json()) as object;
  assert.deepEqual({ ...shown, ...third, ver: 3 }, shown);
  assert.equal(world.store.changes.revision(), 3);
});

test('[seal.bound] an owner still rotates, and what was made of the version before is refused', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  const second = made(s, sealed.envelope, sealed.envelope);
  assert.equal((await s.store(second)).status, 200);
  const next = rotate(world, { ...sealed, policy: { ...sealed.policy, ver: 2 } }, client.key);
  assert.equal(
    (await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, submission(next))).status,
    200,
  );
  const late = made(s, second.envelope, sealed.envelope);
  await assertProblem(await s.store(late), 409, 'CONFLICT', 'A reseal is the version after the current one.');
  await assertProblem(await s.store(second), 409, 'CONFLICT', 'A reseal is the version after the current one.');
  const served = (await (await asExecutor(world, 'GET', `/executor/envelopes/${sealed.handle}`)).json()) as object;
  assert.deepEqual([(served as Sealed).envelope, 'reseal' in served], [next.envelope, false]);
});

test('[seal.bound] a version by its owner of the same number comes before one that was made here', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  const second = made(s, sealed.envelope, sealed.envelope);
  const next = rotate(world, sealed, client.key);
  assert.equal(
    (await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, submission(next))).status,
    200,
  );
  await assertProblem(await s.store(second), 409, 'CONFLICT', 'A reseal is the version after the current one.');
  const third = made(s, next.envelope, next.envelope);
  const stale = made(s, next.envelope, next.envelope, { from: { ver: 2, sha256: sha256Base64url('x') } });
  await assertProblem(await s.store(stale), 400, 'INVALID_REQUEST');
  const said = 'The reseal names another version as the one that its owner sealed.';
  await assertProblem(await s.store(made(s, next.envelope, sealed.envelope)), 400, 'INVALID_REQUEST', said);
  assert.equal((await s.store(third)).status, 200);
});

test('[seal.bound] a statement by another key, about something else or of another type is refused', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  const { envelope } = sealed;
  const refused = async (next: object, sentence: string) =>
    assertProblem(await s.store(next), 400, 'INVALID_REQUEST', sentence);
  for (const key of [client.key, makeSigner()])
    await refused(made(s, envelope, envelope, {}, key), 'The reseal statement is not by the executor.');
  const handle = 'ddls:conn:01900000-0000-7000-8000-000000000000';
  await refused(made(s, envelope, envelope, { handle }), OTHER);
  await refused({ ...made(s, envelope, envelope), envelope: made(s, envelope, envelope).envelope }, OTHER);
  const proof = world.identity.proof(TYP.seal, { handle: sealed.handle, ver: 2, sha256: sha256Base64url('x') });
  await refused({ ...made(s, envelope, envelope), reseal: proof }, 'The reseal statement is of another type (typ).');
});

test('[seal.bound] a version with another policy is refused, whoever states it', async () => {
  const s = await scene();
  const { sealed, world } = s;
  for (const change of [
    { servers: ['https://evil.example/mcp'] },
    { owner: 'another' },
    { exp: sealed.policy.exp + 1 },
    { bearer: true },
  ]) {
    const wider = seal(world, sealed.policy.owner, world.identity, { ...sealed.policy, ver: 2, ...change });
    const to = { ver: 2, sha256: sha256Base64url(wider.envelope) };
    const { reseal } = made(s, sealed.envelope, sealed.envelope, { to });
    const said = 'A reseal changes the version, the key and the algorithm, and nothing else of a header.';
    await assertProblem(await s.store({ envelope: wider.envelope, reseal }), 400, 'INVALID_REQUEST', said);
  }
  const kid = makeSigner().jkt;
  const foreign = seal(world, sealed.policy.owner, world.identity, { ...sealed.policy, ver: 2 }, kid);
  const to = { ver: 2, sha256: sha256Base64url(foreign.envelope) };
  const { reseal } = made(s, sealed.envelope, sealed.envelope, { to });
  const said = 'The envelope is sealed to a key that the executor does not have now.';
  await assertProblem(await s.store({ envelope: foreign.envelope, reseal }), 400, 'INVALID_REQUEST', said);
});

test('[revoke.fast] a suspended connection keeps what came and stays suspended; a revoked or deleted one takes nothing', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  const move = (verb: string) => call(world, client, 'POST', `/connections/${sealed.handle}/${verb}`);
  assert.equal((await move('suspend')).status, 200);
  const second = made(s, sealed.envelope, sealed.envelope);
  assert.equal((await s.store(second)).status, 200);
  const row = world.store.connections.find(sealed.handle)!;
  assert.deepEqual([row.status, row.ver], ['suspended', 2]);
  assert.equal((await move('revoke')).status, 200);
  const third = made(s, second.envelope, sealed.envelope);
  await assertProblem(await s.store(third), 403, 'CONNECTION_REVOKED');
  assert.equal((await call(world, client, 'DELETE', `/connections/${sealed.handle}`)).status, 204);
  await assertProblem(await s.store(third), 404, 'CONNECTION_NOT_FOUND');
});

test('a lease is for the current version of an active connection, and for one node at a time', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  const lease = (ver: number, holder = NODE) => s.say('leases', { ver, holder });
  const said = 'The connection is at another version, or is being refreshed by another.';
  assert.deepEqual(await (await lease(1)).json(), { expires_in: 30 });
  assert.equal((await lease(1)).status, 200, 'its holder may go on');
  await assertProblem(await lease(1, 'https://other.example'), 409, 'CONFLICT', said);
  await assertProblem(await lease(2), 409, 'CONFLICT', said);
  world.clock.now = START + 30;
  assert.equal((await lease(1, 'https://other.example')).status, 200);
  await assertProblem(await lease(1), 409, 'CONFLICT', said);
  assert.equal((await s.store(made(s, sealed.envelope, sealed.envelope))).status, 200);
  await assertProblem(await lease(1, 'https://other.example'), 409, 'CONFLICT', said);
  assert.equal((await lease(2)).status, 200, 'a lease ends with its version');
  assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/suspend`)).status, 200);
  await assertProblem(await lease(2), 409, 'CONFLICT', said);
});

test('what comes after all ends what another node said of the version before', async () => {
  const s = await scene();
  const { sealed, world } = s;
  assert.equal((await s.say('reauthorizations', { ver: 1 })).status, 204);
  assert.equal((await s.store(made(s, sealed.envelope, sealed.envelope))).status, 200);
  assert.equal(world.store.connections.find(sealed.handle)!.status, 'active');
});

test('a grant that is gone is said of the current version only, and a rotation ends it', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  const status = () => world.store.connections.find(sealed.handle)!.status;
  const gone = (ver: number) => s.say('reauthorizations', { ver });
  await assertProblem(await gone(2), 409, 'CONFLICT');
  assert.equal(status(), 'active');
  assert.equal((await gone(1)).status, 204);
  assert.equal((await gone(1)).status, 204);
  assert.equal(status(), 'needs_reauthorization');
  const [noted] = world.store.audit.operations(1);
  assert.deepEqual([noted?.actor, noted?.action], ['executor', 'connection.needs_reauthorization']);
  const next = rotate(world, sealed, client.key);
  assert.equal(
    (await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, submission(next))).status,
    200,
  );
  assert.equal(status(), 'active');
});

test('a suspension is not lifted by a grant that is gone', async () => {
  const s = await scene();
  assert.equal((await call(s.world, s.client, 'POST', `/connections/${s.sealed.handle}/suspend`)).status, 200);
  assert.equal((await s.say('reauthorizations', { ver: 1 })).status, 204);
  assert.equal(s.world.store.connections.find(s.sealed.handle)!.status, 'suspended');
});

test('[token.bound] these endpoints are for the pinned identity only', async () => {
  const s = await scene();
  const { sealed, world, client } = s;
  for (const [what, body] of [
    ['leases', { ver: 1, holder: NODE }],
    ['envelopes', made(s, sealed.envelope, sealed.envelope)],
    ['reauthorizations', { ver: 1 }],
  ] as const) {
    const path = `/executor/${what}/${sealed.handle}`;
    for (const key of [client.key, world.operator.key])
      await assertProblem(
        await asExecutor(world, 'POST', path, JSON.stringify(body), { key }),
        401,
        'UNAUTHENTICATED',
        "This endpoint is the executor's.",
      );
    const extra = JSON.stringify({ ...body, more: 1 });
    await assertProblem(await asExecutor(world, 'POST', path, extra), 400, 'INVALID_REQUEST', /not defined/);
  }
  const row = world.store.connections.find(sealed.handle)!;
  assert.deepEqual([row.status, row.ver], ['active', 1]);
});

test('[crash.safe] the lease for a code is given once for a version, whoever asks again, and however late', async () => {
  const s = await scene();
  const other = 'https://node-2.example';
  const ask = (holder: string, ver = 1, more: object = { once: true }) => s.say('leases', { ver, holder, ...more });
  assert.equal((await ask(NODE)).status, 200);
  const busy = 'The connection is at another version, or is being refreshed by another.';
  await assertProblem(await ask(other), 409, 'CONFLICT', busy);
  // Who had it and asks again knows of no end: it was killed meanwhile.
  await assertProblem(await ask(NODE), 409, 'NEEDS_REAUTHORIZATION');
  s.world.clock.now = START + 3_600;
  for (const holder of [NODE, other]) await assertProblem(await ask(holder), 409, 'NEEDS_REAUTHORIZATION');
  await assertProblem(await ask(NODE, 2), 409, 'CONFLICT', busy);
  await assertProblem(await ask(NODE, 1, { once: 1 }), 400, 'INVALID_REQUEST', '"once" is true, or not there.');
  const next = rotate(s.world, s.sealed, s.client.key);
  await call(s.world, s.client, 'POST', `/connections/${s.sealed.handle}/rotate`, submission(next));
  await assertProblem(await ask(NODE), 409, 'CONFLICT', busy);
  assert.equal((await ask(other, 2)).status, 200);
});
