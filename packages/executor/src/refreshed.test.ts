/** Dispatches whose refresh token is exchanged, through the real doors: one exchange for many, and no rotated token lost. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { DAuthError, parseEnvelope, TYP, type ConnectionHandle } from '@dauth/protocol';
import { sha256Base64url, verifyReseal } from '@dauth/verify';
import type { Change } from './support/fake-authority.test-support.ts';
import { assertRefused } from './support/refused.test-support.ts';
import type { Sent } from './support/recording.test-support.ts';
import { RESOURCE, World } from './support/room.test-support.ts';
import { bearer } from './support/tokens.test-support.ts';
import { until } from './support/until.test-support.ts';

const ENDPOINT = 'https://login.example/oauth/token';
const SCHEME = {
  ...{ scheme: 'oauth2', endpoint: ENDPOINT, client_id: 'me' },
  ...{ client_secret: '{secret}', refresh_token: '{refresh_token}' },
};
const FIELDS = { secret: 'a client secret', refresh_token: 'rt-0123456789-0' };

let world: World;
let handle: ConnectionHandle;
let given = 0;
let rotates = true;
let expires: object = {};
let status = 200;
/** Takes the place of a token. */
let refusal: { readonly status: number; readonly body: string } | null = null;

beforeEach(async () => {
  [given, rotates, expires, status, refusal] = [0, true, {}, 200, null];
  world = await World.open({ fields: FIELDS });
  world.answer = (sent) => {
    if (sent.asks === undefined) return { status };
    if (refusal !== null) return { status: refusal.status, body: Readable.from([Buffer.from(refusal.body)]) };
    given++;
    const next = rotates ? { refresh_token: `rt-0123456789-${given}` } : {};
    return { body: Readable.from([Buffer.from(bearer(`at-0123456789-${given}`, { ...next, ...expires }))]) };
  };
  handle = await world.connect({ inject: [SCHEME] });
});
afterEach(() => world[Symbol.asyncDispose]());

const asked = (): Sent[] => world.sent.filter((sent) => sent.asks !== undefined);
const called = (): Sent[] => world.sent.filter((sent) => sent.asks === undefined);
const stored = () => world.authority.stored.get(handle)!;
const left = (): string[] => readdirSync(join(world.data, 'reseals'));

const code = ({ json }: Awaited<ReturnType<World['dispatch']>>): unknown =>
  (json.error as { code: string } | undefined)?.code;

async function ok(reply: Awaited<ReturnType<World['dispatch']>>): Promise<void> {
  assert.equal(reply.json.success, true, reply.text);
}

test('[crash.safe] a refresh token that the endpoint replaces is stored as the next version before the API is called', async () => {
  const before = parseEnvelope(stored().envelope).header.dauth;
  await ok(await world.dispatch(handle));
  assert.equal(stored().ver, 2);
  const [call] = called() as [Sent];
  assert.equal(call.connection.ver, 2);
  assert.match(call.opened, /rt-0123456789-1/);
  assert.doesNotMatch(call.opened, /rt-0123456789-0/);
  assert.deepEqual(parseEnvelope(stored().envelope).header.dauth, { ...before, ver: 2 });
  const note = call.journal.find(({ kind }) => kind === 'reseal');
  assert.deepEqual([note?.handle, (note?.to as { ver: number } | undefined)?.ver], [handle, 2]);
  assert.deepEqual(left(), []);
  assert.deepEqual(world.authority.leased, [{ handle, ver: 1, holder: RESOURCE }]);
});

test('[dispatch.bound] each refresh, and each call, carries the pins of where it goes, in every version that is made here', async () => {
  const [pin, other] = ['A'.repeat(43), `${'A'.repeat(42)}E`];
  const spki = [
    { origin: 'https://api.github.com', sha256: [pin] },
    { origin: 'https://login.example', sha256: [other] },
  ];
  handle = await world.connect({ inject: [SCHEME], spki });
  await ok(await world.dispatch(handle));
  world.clock.ms += 3_600_000;
  await ok(await world.dispatch(handle));
  assert.equal(stored().ver, 3);
  assert.deepEqual(
    [asked().map(({ pins }) => pins), called().map(({ pins }) => pins)],
    [
      [[other], [other]],
      [[pin], [pin]],
    ],
  );
});

test('[seal.bound] a version that was made here is taken on its statement, and on the seal of what it was made out of', async () => {
  const first = stored();
  await ok(await world.dispatch(handle));
  world.clock.ms += 3_600_000;
  await ok(await world.dispatch(handle));
  await ok(await world.dispatch(handle));
  assert.deepEqual([stored().ver, given, stored().sealProof], [3, 2, first.sealProof]);
  const { identity } = world.keys;
  const said = verifyReseal(stored().reseal!, { handle, ver: 3, envelope: stored().envelope, identity: identity.jkt });
  assert.deepEqual(said.base, { ver: 1, sha256: sha256Base64url(first.envelope) });
  const before = stored();
  const forge = (claims: object, by = identity) => {
    const { base, from, to } = said;
    world.authority.stored.set(handle, {
      ...before,
      reseal: by.sign(TYP.reseal, { handle, base, from, to, ...claims }),
    });
    return world.change({ kind: 'connection', handle, status: 'active', ver: 3 });
  };
  const other = sha256Base64url('other');
  for (const claims of [{ to: { ver: 3, sha256: other } }, { base: { ver: 1, sha256: other } }]) {
    await forge(claims);
    await assertRefused(world, () => world.dispatch(handle), { code: 'POLICY_DENIED', step: 3 });
  }
  await forge({}, { ...identity, sign: (typ, claims) => world.device.jws({ typ, jwk: world.device.jwk }, claims) });
  await assertRefused(world, () => world.dispatch(handle), { code: 'POLICY_DENIED', step: 3 });
  await forge({});
  await ok(await world.dispatch(handle));
});

test('[dispatch.bound] many dispatches at once exchange a refresh token once, and each of them is answered', async () => {
  world.onCall = () => new Promise((resolve) => setTimeout(resolve, 30));
  const replies = await Promise.all(Array.from({ length: 12 }, () => world.dispatch(handle)));
  for (const reply of replies) await ok(reply);
  assert.deepEqual([asked().length, called().length, stored().ver], [1, 12, 2]);
});

test('an access token is used until its end, and its refresh token is then exchanged', async () => {
  await ok(await world.dispatch(handle));
  await ok(await world.dispatch(handle));
  assert.equal(asked().length, 1);
  world.clock.ms += 3_571_000;
  await ok(await world.dispatch(handle));
  assert.equal(asked().length, 2);
  assert.match(asked()[1]!.opened, /rt-0123456789-1/);
});

test('an endpoint that replaces no refresh token leaves the version as it is', async () => {
  rotates = false;
  expires = { expires_in: undefined };
  await ok(await world.dispatch(handle));
  await ok(await world.dispatch(handle));
  assert.deepEqual([asked().length, stored().ver, left()], [1, 1, []]);
});

test('a token that the API refuses is given up, but never more than once in thirty seconds', async () => {
  await ok(await world.dispatch(handle));
  status = 401;
  for (let call = 0; call < 3; call++) {
    const reply = await world.dispatch(handle);
    assert.equal((reply.json.response as { status: number }).status, 401);
  }
  assert.deepEqual([asked().length, called().length], [1, 4], 'nothing is sent twice');
  world.clock.ms += 31_000;
  await world.dispatch(handle);
  assert.equal(asked().length, 2);
});

test('[crash.safe] a grant that is gone needs its owner, and nothing is asked again', async () => {
  refusal = { status: 400, body: '{"error":"invalid_grant"}' };
  const reply = await world.dispatch(handle);
  assert.equal(code(reply), 'NEEDS_REAUTHORIZATION');
  assert.deepEqual(world.authority.ended, [{ handle, ver: 1 }]);
  assert.deepEqual(left(), []);
  const before = asked().length;
  await until('the stream said so', () => world.authority.streams.every(({ isRead }) => isRead));
  await assertRefused(world, () => world.dispatch(handle), { code: 'NEEDS_REAUTHORIZATION', step: 3 });
  assert.equal(asked().length, before);
});

for (const [what, answer, expected] of [
  ['another error', { status: 400, body: '{"error":"invalid_client"}' }, 'DOWNSTREAM_AUTH_FAILURE'],
  ['a word in another member', { status: 400, body: '{"error":"x","y":"invalid_grant"}' }, 'DOWNSTREAM_AUTH_FAILURE'],
  ['a failure of its own', { status: 503, body: '{"error":"invalid_grant"}' }, 'DOWNSTREAM_UNREACHABLE'],
] as const)
  test(`an endpoint that answers with ${what} ends the dispatch and not the grant`, async () => {
    refusal = answer;
    const reply = await world.dispatch(handle);
    assert.equal(code(reply), expected);
    assert.deepEqual(world.authority.ended, []);
    refusal = null;
    await ok(await world.dispatch(handle));
  });

test('[response.clean] a next refresh token that no answer could be searched for is dropped, and the owner told why', async () => {
  refusal = { status: 200, body: bearer('at-0123456789-1', { refresh_token: 'rt-short'.slice(0, 7) }) };
  const reply = await world.dispatch(handle);
  assert.equal(code(reply), 'DOWNSTREAM_AUTH_FAILURE');
  assert.match((reply.json.error as { message: string }).message, /8 to 4096 octets.*has to authorize again/);
  assert.deepEqual([stored().ver, called().length, left()], [1, 0, []]);
});

test('[crash.safe] a caller that leaves loses no refresh token', async () => {
  let isAsked = false;
  world.onCall = async () => {
    isAsked = true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  };
  const reply = world.dispatch(handle, { timeout_ms: 40 });
  await until('the endpoint was asked', () => isAsked);
  assert.equal(code(await reply), 'DOWNSTREAM_TIMEOUT');
  await until('the next version is stored', () => stored().ver === 2);
  await ok(await world.dispatch(handle));
  assert.equal(asked().length, 1);
});

test('[crash.safe] a connection that is suspended while it is refreshed keeps what came', async () => {
  world.authority.onStore = () => {
    world.authority.onStore = () => undefined;
    world.authority.stored.set(handle, { ...stored(), status: 'suspended' });
    world.authority.change({ kind: 'connection', handle, status: 'suspended', ver: 1 });
  };
  const reply = await world.dispatch(handle);
  assert.equal(code(reply), 'CONNECTION_SUSPENDED');
  assert.deepEqual([stored().ver, called().length], [2, 0]);
  world.authority.stored.set(handle, { ...stored(), status: 'active' });
  await world.change({ kind: 'connection', handle, status: 'active', ver: 2 });
  await ok(await world.dispatch(handle));
  assert.match(called()[0]!.opened, /rt-0123456789-2/);
});

test('[revoke.fast] a rotation by its owner comes before a reseal, and nothing is sent with what it replaced', async () => {
  world.authority.onStore = async () => {
    world.authority.onStore = () => undefined;
    const next = await world.seal(handle, { ver: 2, inject: [SCHEME] });
    world.authority.stored.set(handle, next);
    world.authority.change({ kind: 'connection', handle, status: 'active', ver: 2 });
  };
  const reply = await world.dispatch(handle);
  assert.ok(['ENCLAVE_UNAVAILABLE', 'CONNECTION_REVOKED'].includes(String(code(reply))));
  assert.deepEqual([called().length, stored().reseal, left()], [0, undefined, []]);
  await ok(await world.dispatch(handle));
  assert.match(asked()[1]!.opened, /rt-0123456789-0/, 'what its owner sealed');
  assert.equal(stored().ver, 3);
});

test('[crash.safe] what could not be stored is stored before the next dispatch begins, though nobody told of it yet', async () => {
  world.authority.onStore = () => Promise.reject(new DAuthError('ENCLAVE_UNAVAILABLE'));
  assert.equal(code(await world.dispatch(handle)), 'ENCLAVE_UNAVAILABLE');
  world.authority.onStore = () => undefined;
  const tell = world.authority.change.bind(world.authority);
  const untold: Change[] = [];
  world.authority.change = (...changes) => void untold.push(...changes);
  world.onCall = () => tell(...untold.splice(0));
  await ok(await world.dispatch(handle));
  assert.match(asked()[1]!.opened, /rt-0123456789-1/);
  assert.deepEqual([called().length, left()], [1, []]);
});

test('[crash.safe] without a lease, or without a place for what may come, nothing is asked', async () => {
  const lease = world.authority.lease.bind(world.authority);
  world.authority.lease = () => Promise.reject(new DAuthError('ENCLAVE_UNAVAILABLE'));
  assert.equal(code(await world.dispatch(handle)), 'ENCLAVE_UNAVAILABLE');
  world.authority.lease = lease;
  rmSync(join(world.data, 'reseals'), { recursive: true });
  assert.equal(code(await world.dispatch(handle)), 'AUDIT_UNAVAILABLE');
  assert.equal(world.sent.length, 0);
});

test('[crash.safe] a lease that is too old when the request could go out is given up', async () => {
  world.onCall = async () => {
    world.clock.ms += 9_000;
    world.authority.beat();
    await until('the stream is fresh', () => world.authority.streams.every(({ isRead }) => isRead));
  };
  const { json } = await world.dispatch(handle);
  assert.equal(
    (json.error as { message: string } | undefined)?.message,
    'The refresh took too long to begin. Try again shortly.',
  );
  assert.deepEqual([world.sent.length, given], [0, 0]);
});
