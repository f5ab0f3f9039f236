/**
 * Trying a credential at intake: one bit from the executor, one answer and one least time for every failure, few times a
 * minute, and nothing stored of what could not be used.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url, verifyJws } from '@dauth/verify';
import { addClient, call, EXECUTOR, ISSUER, makeWorld, START, type Party, type World } from '../world.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { connect, reseal, seal, submission, type Sealed } from '../sealed.test-support.ts';
import { TryLimit } from './try.ts';

const UNUSABLE = 'The executor cannot use this sealed credential. Seal it again for its current key.';
const TOO_MANY = 'Too many tries in this minute. Store without trying, or wait.';

async function scene(): Promise<{ world: World; client: Party }> {
  const world = await makeWorld();
  return { world, client: await addClient(world) };
}

function store(world: World, party: Party, sealed: Sealed): Promise<Response> {
  return call(world, party, 'POST', '/connections', { ...submission(sealed), try: true });
}

test('[authority.blind] a try sends the sealed octets and a ticket for exactly them, once, for sixty seconds', async () => {
  const { world, client } = await scene();
  const bodies: { envelope: string; ticket: string }[] = [];
  world.executor.try = (body) => (bodies.push(body), Response.json({ ok: true }));
  const sealed = ['a', 'b'].map((connection) => seal(world, client.id, client.key, { connection }));
  for (const each of sealed) assert.equal((await store(world, client, each)).status, 201);
  const ids = bodies.map((body, index) => {
    assert.deepEqual(Object.keys(body), ['envelope', 'ticket']);
    assert.equal(body.envelope, sealed[index]!.envelope);
    const options = { typ: 'dauth-try+jwt', maxLength: 8_192, keys: world.key.jwk };
    const { jti, ...claims } = verifyJws(body.ticket, options).claims;
    assert.deepEqual(claims, {
      ...{ iss: ISSUER, aud: EXECUTOR, handle: sealed[index]!.handle, ver: 1 },
      ...{ sha256: sha256Base64url(body.envelope), exp: START + 60 },
    });
    return jti;
  });
  assert.equal(new Set(ids).size, 2);
});

/** Every way in which an executor can fail to say yes. */
const FAILURES: readonly (readonly [what: string, answer: () => Response])[] = [
  ['no', () => Response.json({ ok: false })],
  ['an error', () => Response.json({ ok: true }, { status: 500 })],
  ['yes with another status', () => Response.json({ ok: true }, { status: 202 })],
  ['something like yes', () => Response.json({ ok: 'true' })],
  ['a list', () => Response.json([{ ok: true }])],
  ['no JSON', () => new Response('ok')],
  ['more than one bit', () => Response.json({ ok: true, reason: 'x'.repeat(64) })],
  ['nothing', () => new Response(null)],
  [
    'no connection',
    () => {
      throw new TypeError('fetch failed');
    },
  ],
];

test('[authority.blind] every failure of a try is one answer, after the same least time, and stores nothing', async () => {
  const { world } = await scene();
  for (const [what, answer] of FAILURES) {
    const client = await addClient(world);
    const sealed = seal(world, client.id, client.key);
    world.executor.try = answer;
    const since = performance.now();
    await assertProblem(await store(world, client, sealed), 422, 'DECRYPTION_FAILED', UNUSABLE);
    // Only a lower bound: a timer never ends early, however busy the machine is.
    assert.ok(performance.now() - since > 290, what);
    assert.equal(world.store.connections.find(sealed.handle), undefined, what);
  }
});

test('an owner has ten tries a minute, other owners have theirs, and storing without a try is no try', async () => {
  const { world, client } = await scene();
  const next = (party: Party, index: number) => seal(world, party.id, party.key, { connection: `c${index}` });
  const ask = (count: number, from: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => store(world, client, next(client, from + index))));
  for (const { status } of await ask(10, 0)) assert.equal(status, 201);
  const refused = await store(world, client, next(client, 10));
  assert.equal(refused.headers.get('retry-after'), '60');
  await assertProblem(refused, 429, 'RATE_LIMITED', TOO_MANY);
  assert.equal((await call(world, client, 'POST', '/connections', submission(next(client, 10)))).status, 201);
  const other = await addClient(world);
  assert.equal((await store(world, other, next(other, 0))).status, 201);
  world.clock.now = START + 60;
  assert.equal((await store(world, client, next(client, 11))).status, 201);
});

test('[seal.bound] nothing is tried that would not be stored', async () => {
  const { world, client } = await scene();
  const stolen = seal(world, 'mallory', client.key);
  await assertProblem(await store(world, client, stolen), 403, 'FORBIDDEN');
  assert.ok(!world.fetched.includes(`${EXECUTOR}/try`));
});

test('[revoke.fast] what was checked before a try is checked again after it', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  world.executor.try = () => {
    world.store.transaction(() => world.store.connections.setStatus(sealed.handle, 'revoked', 1, START));
    return Response.json({ ok: true });
  };
  const next = { ...submission(reseal(world, sealed, client.key)), try: true };
  await assertProblem(
    await call(world, client, 'POST', `/connections/${sealed.handle}/rotate`, next),
    403,
    'CONNECTION_REVOKED',
  );
  assert.equal(world.store.connections.find(sealed.handle)?.ver, 1);
});

test('a rotation that the executor cannot use changes nothing', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  world.executor.try = () => Response.json({ ok: false });
  const next = { ...submission(reseal(world, sealed, client.key)), try: true };
  const path = `/connections/${sealed.handle}/rotate`;
  await assertProblem(await call(world, client, 'POST', path, next), 422, 'DECRYPTION_FAILED', UNUSABLE);
  assert.equal(world.store.connections.find(sealed.handle)?.ver, 1);
});

test("[token.bound] an owner of the same name in another organisation uses up nobody else's tries", () => {
  const tries = new TryLimit();
  const count = (org: string) => tries.count({ org, owner: 'ada' }, START);
  for (let i = 0; i < 10; i++) count('elsewhere');
  assert.throws(() => count('elsewhere'), { code: 'RATE_LIMITED' });
  assert.doesNotThrow(() => count('default'));
});
