/**
 * The executor's door: the pinned identity and nobody else, once per proof, bound to method, URL and body; and envelopes
 * only where the executor's directory lists the key they were sealed to.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from '@dauth/verify';
import { dpop, makeSigner } from '../signer.test-support.ts';
import { call, ISSUER, makeWorld, START, type Party, type World } from '../world.test-support.ts';
import { asExecutor, showDirectory } from './executor.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { connect, endorse, reseal, submission, type Sealed } from '../sealed.test-support.ts';

const UNKNOWN = 'ddls:conn:01900000-0000-7000-8000-000000000000';
const OURS = "This endpoint is the executor's.";

async function scene(): Promise<{ world: World; client: Party; sealed: Sealed }> {
  const world = await makeWorld();
  return { world, ...(await connect(world)) };
}

/** A batch that holds nothing: right for every world, because its journal has not begun. */
function emptyBatch({ identity }: World): string {
  const claims = { iss: identity.jkt, seq: 0, hash: sha256Base64url('dauth journal'), iat: START };
  return JSON.stringify({ records: [], checkpoint: identity.proof('dauth-checkpoint+jwt', claims) });
}

type Door = readonly [method: string, path: string, body: (world: World) => string | undefined];
const DOORS: readonly Door[] = [
  ['GET', '/executor/envelopes/{handle}', () => undefined],
  ['GET', '/executor/status', () => undefined],
  ['POST', '/executor/records', emptyBatch],
];

/** Ends the status stream of an answer that was given. */
async function isGiven(response: Response): Promise<boolean> {
  await response.body?.cancel();
  return response.status === 200 || response.status === 204;
}

for (const [method, pattern, bodyOf] of DOORS) {
  const what = `${method} ${pattern}`;
  const path = ({ handle }: Sealed) => pattern.replace('{handle}', handle);

  test(`[token.bound] ${what} is for the pinned identity only`, async () => {
    const { world, client, sealed } = await scene();
    const body = bodyOf(world);
    const target = path(sealed);
    assert.ok(await isGiven(await asExecutor(world, method, target, body)));
    const said = method === 'POST' ? OURS : 'The executor proof is by another key than the token is bound to.';
    for (const key of [makeSigner('Ed25519'), client.key, world.operator.key])
      await assertProblem(await asExecutor(world, method, target, body, { key }), 401, 'UNAUTHENTICATED', said);
    const init = { method, ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }) };
    await assertProblem(await world.app.request(target, init), 401, 'UNAUTHENTICATED', OURS);
  });

  test(`[token.bound] ${what} takes a proof once`, async () => {
    const { world, sealed } = await scene();
    const ask = (jti: string) => asExecutor(world, method, path(sealed), bodyOf(world), { claims: { jti } });
    assert.ok(await isGiven(await ask('one')));
    const said = 'This proof or token was used before. Sign a fresh proof for each request.';
    await assertProblem(await ask('one'), 401, 'REPLAY_DETECTED', said);
    assert.ok(await isGiven(await ask('two')));
  });

  test(`[token.bound] ${what} takes a proof for this method, URL, time and body only`, async () => {
    const { world, sealed } = await scene();
    for (const [claims, said] of [
      [{ htm: 'DELETE' }, 'The executor proof is for another method (htm).'],
      [{ htu: `${ISSUER}/executor/other` }, 'The executor proof is for another URL (htu).'],
      [{ htu: `https://evil.example${path(sealed)}` }, 'The executor proof is for another URL (htu).'],
      [{ iat: START - 61 }, 'The executor proof is too old (iat). Sign a fresh proof for each request.'],
      [{ iat: START + 6 }, "The executor proof was signed in the future (iat). Check the signer's clock."],
      [{ body_sha256: sha256Base64url('{}') }, 'The executor proof is for another body (body_sha256).'],
      ...(bodyOf(world) === undefined
        ? []
        : [[{ body_sha256: undefined }, 'The executor proof is for another body (body_sha256).'] as const]),
    ] as const)
      await assertProblem(
        await asExecutor(world, method, path(sealed), bodyOf(world), { claims }),
        401,
        'UNAUTHENTICATED',
        said,
      );
  });

  test(`[token.bound] ${what} takes no DPoP proof for an executor proof`, async () => {
    const { world, sealed } = await scene();
    const body = bodyOf(world);
    const proof = dpop(world.identity, { htm: method, htu: `${ISSUER}${path(sealed)}`, iat: START });
    const headers = { 'dauth-executor-proof': proof, 'content-type': 'application/json' };
    await assertProblem(
      await world.app.request(path(sealed), { method, headers, ...(body === undefined ? {} : { body }) }),
      401,
      'UNAUTHENTICATED',
      'The executor proof is of another type (typ).',
    );
  });
}

test('[seal.bound] the executor gets an envelope as it was stored, with its proof, chain, status and revision', async () => {
  const { world, client, sealed } = await scene();
  const path = `/executor/envelopes/${sealed.handle}`;
  const served = async () => (await asExecutor(world, 'GET', path)).json();
  const first = { ...submission(sealed), endorsements: [], ver: 1, status: 'active' };
  assert.deepEqual(await served(), { ...first, revision: world.store.changes.revision() });
  const device = makeSigner();
  const next = reseal(world, sealed, device);
  const endorsements = [endorse(client.key, device, sealed.handle)];
  const body = { ...submission(next), endorsements };
  assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, body)).status, 200);
  const revision = world.store.changes.revision();
  assert.deepEqual(await served(), { ...submission(next), endorsements, ver: 2, status: 'active', revision });
});

test('[revoke.fast] a suspended or revoked connection is served with that word', async () => {
  const { world, client, sealed } = await scene();
  for (const [verb, status] of [
    ['suspend', 'suspended'],
    ['revoke', 'revoked'],
  ] as const) {
    assert.equal((await call(world, client, 'POST', `/connections/${sealed.handle}/${verb}`)).status, 200);
    const answer = await asExecutor(world, 'GET', `/executor/envelopes/${sealed.handle}`);
    assert.equal(((await answer.json()) as { status: string }).status, status);
  }
});

test('[seal.bound] an envelope for a key that the directory does not list is served to nobody', async () => {
  const { world, sealed } = await scene();
  const ask = (handle: string) => asExecutor(world, 'GET', `/executor/envelopes/${handle}`);
  assert.equal((await ask(sealed.handle)).status, 200);
  showDirectory(world, { key: { kid: makeSigner().jkt }, claims: { seq: 2 } });
  world.clock.now = START + 31;
  const said = 'This token names no such connection. Ask its owner to connect it, then ask for a new token.';
  for (const handle of [sealed.handle, UNKNOWN])
    await assertProblem(await ask(handle), 404, 'CONNECTION_NOT_FOUND', said);
});

test('what is no handle and what is no revision are refused', async () => {
  const { world } = await scene();
  await assertProblem(await asExecutor(world, 'GET', '/executor/envelopes/github'), 400, 'INVALID_REQUEST');
  for (const since of ['-1', '1e3', 'x', '0x1', '1234567890123456'])
    await assertProblem(
      await asExecutor(world, 'GET', `/executor/status?since=${since}`),
      400,
      'INVALID_REQUEST',
      '"since" must be a revision.',
    );
});

test('records are JSON, of a bounded size', async () => {
  const { world } = await scene();
  const { identity } = world;
  const large = JSON.stringify({ records: ['x'.repeat(2_097_152)] });
  await assertProblem(
    await asExecutor(world, 'POST', '/executor/records', large),
    413,
    'PAYLOAD_TOO_LARGE',
    'The request is larger than allowed.',
  );
  const proof = identity.proof('dauth-executor-proof+jwt', { htm: 'POST', htu: `${ISSUER}/executor/records` });
  const headers = { 'dauth-executor-proof': proof, 'content-type': 'text/plain' };
  await assertProblem(
    await world.app.request('/executor/records', { method: 'POST', headers, body: '{}' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    'Send this as application/json.',
  );
});
