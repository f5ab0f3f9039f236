/** A redemption: a ticket for exactly the version that is stored, by its owner, and what the executor says of it, in words of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url, verifyJws } from '@dauth/verify';
import { addClient, call, EXECUTOR, ISSUER, START } from '../world.test-support.ts';
import { makeWorld, type Party, type World } from '../world.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { connect, type Sealed } from '../sealed.test-support.ts';

async function scene(): Promise<{ world: World; client: Party; sealed: Sealed }> {
  const world = await makeWorld();
  return { world, ...(await connect(world)) };
}

function redeem(world: World, party: Party, { handle }: Pick<Sealed, 'handle'>): Promise<Response> {
  return call(world, party, 'POST', `/connections/${handle}/redeem`);
}

test('[seal.bound] the executor gets a ticket for exactly the stored version, once, for sixty seconds, and nothing else', async () => {
  const { world, client, sealed } = await scene();
  const bodies: { ticket: string }[] = [];
  world.executor.redeem = (body) => (bodies.push(body), Response.json({ ok: true }));
  for (const _ of [1, 2]) assert.equal((await redeem(world, client, sealed)).status, 200);
  const ids = bodies.map((body) => {
    assert.deepEqual(Object.keys(body), ['ticket']);
    const options = { typ: 'dauth-redeem+jwt', maxLength: 8_192, keys: world.key.jwk };
    const { jti, ...claims } = verifyJws(body.ticket, options).claims;
    assert.deepEqual(claims, {
      ...{ iss: ISSUER, aud: EXECUTOR, handle: sealed.handle, ver: 1 },
      ...{ sha256: sha256Base64url(sealed.envelope), exp: START + 60 },
    });
    return jti;
  });
  assert.equal(new Set(ids).size, 2);
});

test('[token.bound] only its owner has a connection redeemed', async () => {
  const { world, sealed } = await scene();
  let asked = 0;
  world.executor.redeem = () => (asked++, Response.json({ ok: true }));
  const said = 'There is no such connection among those you may see.';
  await assertProblem(await redeem(world, await addClient(world), sealed), 404, 'CONNECTION_NOT_FOUND', said);
  assert.equal(asked, 0);
});

test('an owner has as many redemptions a minute as tries', async () => {
  const { world, client, sealed } = await scene();
  for (let times = 0; times < 10; times++) assert.equal((await redeem(world, client, sealed)).status, 200);
  await assertProblem(await redeem(world, client, sealed), 429, 'RATE_LIMITED');
});

const problem =
  (code: string, detail: unknown, status = 409) =>
  () =>
    Response.json({ code, detail }, { status });
for (const [what, answer, status, code, detail] of [
  ['why', problem('NEEDS_REAUTHORIZATION', 'It has ended.'), 409, 'NEEDS_REAUTHORIZATION', 'It has ended.'],
  ['of its caller', problem('UNAUTHENTICATED', 'No.', 401), 503, 'ENCLAVE_UNAVAILABLE', undefined],
  ['in a code nobody knows', problem('OTHER', 'No.'), 503, 'ENCLAVE_UNAVAILABLE', undefined],
  ['something like yes', () => Response.json({ ok: 'true' }), 503, 'ENCLAVE_UNAVAILABLE', undefined],
  [
    'yes with another status',
    () => Response.json({ ok: true }, { status: 202 }),
    503,
    'ENCLAVE_UNAVAILABLE',
    undefined,
  ],
  ['too much', problem('CONFLICT', 'x'.repeat(5_000)), 503, 'ENCLAVE_UNAVAILABLE', undefined],
  ['nothing', () => new Response(null), 503, 'ENCLAVE_UNAVAILABLE', undefined],
] as const)
  test(`an executor that says ${what} is passed on as ${code}`, async () => {
    const { world, client, sealed } = await scene();
    world.executor.redeem = answer;
    await assertProblem(await redeem(world, client, sealed), status, code, detail);
  });
