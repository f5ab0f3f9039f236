/** Codes of a person's yes, redeemed through the real doors: once at most, by ticket or by the first dispatch, and sealed anew. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { DAuthError, parseEnvelope, TYP, type ConnectionHandle } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Reply } from './support/door-caller.test-support.ts';
import type { Sent } from './support/recording.test-support.ts';
import { ISSUER, RESOURCE, World } from './support/room.test-support.ts';
import { bearer } from './support/tokens.test-support.ts';
import { until } from './support/until.test-support.ts';
import { openEnvelope } from './open.ts';

const CODE = 'code-0123456789';
const VERIFIER = 'verifier-0123456789-0123456789-0123456789-0123';
const SCHEME = {
  ...{ scheme: 'oauth2', endpoint: 'https://login.example/oauth/token', client_id: 'me' },
  ...{ client_secret: '{secret}', refresh_token: '{grant}', redirect_uri: 'http://127.0.0.1:7001/callback' },
};
const FIELDS = { secret: 'a client secret', grant: `\u0001${VERIFIER} ${CODE}` };

let world: World;
let handle: ConnectionHandle;
let given = 0;
/** What comes with an access token. */
let beside: object = {};
let refusal: { readonly status: number; readonly body: string } | null = null;

beforeEach(async () => {
  [given, beside, refusal] = [0, { refresh_token: 'rt-0123456789-1' }, null];
  world = await World.open({ fields: FIELDS });
  world.answer = (sent) => {
    if (sent.asks === undefined) return {};
    if (refusal !== null) return { status: refusal.status, body: Readable.from([Buffer.from(refusal.body)]) };
    given++;
    return { body: Readable.from([Buffer.from(bearer(`at-0123456789-${given}`, beside))]) };
  };
  handle = await world.connect({ inject: [SCHEME] });
});
afterEach(() => world[Symbol.asyncDispose]());

const asked = (): Sent[] => world.sent.filter((sent) => sent.asks !== undefined);
const called = (): Sent[] => world.sent.filter((sent) => sent.asks === undefined);
const stored = () => world.authority.stored.get(handle)!;

/** The field `grant` of the version that is stored. */
function grant(): string {
  using plaintext = openEnvelope(parseEnvelope(stored().envelope), world.keys.opening);
  return /grant..([^\0]*)/s.exec(plaintext.lend((bytes) => bytes.toString('latin1')))![1]!;
}

function problem({ json }: Reply): readonly unknown[] {
  const said = (json.error ?? json) as { code?: string; message?: string; detail?: string };
  return [said.code, said.message ?? said.detail];
}

/** As the authority asks, for what is stored now. */
function redeem(claims: object = {}, typ: string = TYP.redeemTicket, by = world.authority.signer): Promise<Reply> {
  const said = { iss: ISSUER, aud: RESOURCE, jti: randomUUID(), handle, ver: stored().ver };
  const sha256 = sha256Base64url(stored().envelope);
  const ticket = by.jws({ typ, kid: world.authority.kid }, { ...said, sha256, exp: world.now + 60, ...claims });
  return world.send('POST', '/redeem', ['Content-Type', 'application/json'], JSON.stringify({ ticket }));
}

async function ok(reply: Reply): Promise<void> {
  assert.equal(reply.json.success, true, reply.text);
}

test('[crash.safe] a code is redeemed for a ticket, and what came is the next version, in its place', async () => {
  const reply = await redeem();
  assert.deepEqual([reply.status, reply.json], [200, { ok: true }], reply.text);
  assert.deepEqual([stored().ver, grant(), called().length], [2, 'rt-0123456789-1', 0]);
  assert.deepEqual(readdirSync(join(world.data, 'reseals')), []);
  const kinds = world.journal().map(({ kind }) => kind);
  assert.deepEqual(kinds.slice(kinds.indexOf('redeem')), ['redeem', 'reseal', 'redeemed']);
  await ok(await world.dispatch(handle));
  assert.equal(asked().length, 1, 'the access token that came is used');
  assert.doesNotMatch(called()[0]!.opened, /code-0123456789/);
});

test('[crash.safe] redeemed a second time nothing is asked, and the same is answered', async () => {
  await redeem();
  // Its access token has ended: a dispatch would refresh it now.
  world.clock.ms += 3_600_000;
  const reply = await redeem();
  assert.deepEqual([reply.json, asked().length, stored().ver], [{ ok: true }, 1, 2]);
});

test('[crash.safe] the first dispatch redeems what nobody did, and the next refreshes what came', async () => {
  await ok(await world.dispatch(handle));
  assert.deepEqual([stored().ver, grant()], [2, 'rt-0123456789-1']);
  beside = { refresh_token: 'rt-0123456789-2' };
  world.clock.ms += 3_600_000;
  await ok(await world.dispatch(handle));
  assert.deepEqual([stored().ver, grant(), asked().length], [3, 'rt-0123456789-2', 2]);
});

const AGAIN = 'Its owner has to connect again.';
for (const [what, answer, says] of [
  [
    'refuses the code',
    { status: 400, body: '{"error":"invalid_grant"}' },
    `The token endpoint did not take the authorization code: it has ended, was used, or is of another request. ${AGAIN}`,
  ],
  [
    'refuses the client',
    { status: 401, body: '{"error":"invalid_client"}' },
    `The token endpoint did not take the client that showed the authorization code, or gave no bearer token that can be used. ${AGAIN}`,
  ],
  [
    'fails',
    { status: 503, body: '' },
    `No token came for the authorization code, which may have been shown and is not shown twice. ${AGAIN}`,
  ],
  [
    'answers with something else',
    { status: 200, body: '{}' },
    `The token endpoint did not take the client that showed the authorization code, or gave no bearer token that can be used. ${AGAIN}`,
  ],
] as const)
  test(`[crash.safe] where the endpoint ${what} the owner is told, and the code is never shown again`, async () => {
    refusal = answer;
    assert.deepEqual(problem(await redeem()), ['NEEDS_REAUTHORIZATION', says]);
    assert.deepEqual([world.authority.ended, asked().length, stored().ver], [[{ handle, ver: 1 }], 1, 1]);
    refusal = null;
    // The owner's word that it works again changes nothing, nor does an authority that forgot.
    await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
    assert.equal(problem(await world.dispatch(handle))[0], 'NEEDS_REAUTHORIZATION');
    assert.equal(asked().length, 1);
  });

test('[crash.safe] whoever begins to redeem a code cannot spend it by leaving', async () => {
  const { authority } = world;
  const token = world.token(handle, { jti: 'leaving' });
  authority.onLease = () => world.change({ kind: 'revoked', what: 'token', id: 'leaving' });
  assert.equal(problem(await world.dispatch(handle, {}, token))[0], 'UNAUTHENTICATED');
  await until('what came is stored', () => stored().ver === 2);
  assert.deepEqual([grant(), authority.ended, called().length], ['rt-0123456789-1', [], 0]);
  // Who has gone before there is a lease begins nothing.
  handle = await world.connect({ inject: [SCHEME] });
  assert.equal(
    problem(await world.dispatch(handle, {}, world.token(handle, { jti: 'leaving' })))[0],
    'UNAUTHENTICATED',
  );
  assert.deepEqual([stored().ver, asked().length], [1, 1]);
});

test('[crash.safe] a code that was on its way when nobody heard of it again is not shown again', async () => {
  let isFirst = true;
  world.onCall = () => {
    if (!isFirst) return;
    isFirst = false;
    throw new DAuthError('DOWNSTREAM_UNREACHABLE');
  };
  assert.equal(problem(await world.dispatch(handle))[0], 'NEEDS_REAUTHORIZATION');
  await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  assert.equal(problem(await world.dispatch(handle))[0], 'NEEDS_REAUTHORIZATION');
  assert.deepEqual([asked().length, given], [0, 0]);
});

test('[crash.safe] where the lease was another one’s the owner is told nothing', async () => {
  world.authority.lease = () => Promise.reject(new DAuthError('ENCLAVE_UNAVAILABLE'));
  assert.equal(problem(await redeem())[0], 'ENCLAVE_UNAVAILABLE');
  assert.deepEqual([world.authority.ended, asked().length], [[], 0]);
});

test('many at once redeem a code once', async () => {
  world.onCall = () => new Promise((resolve) => setTimeout(resolve, 30));
  const replies = await Promise.all([redeem(), ...Array.from({ length: 8 }, () => world.dispatch(handle))]);
  for (const { json, text } of replies) assert.equal(json.ok ?? json.success, true, text);
  assert.deepEqual([asked().length, stored().ver], [1, 2]);
});

test('[seal.bound] an access token without a refresh token is sealed, used until it ends, and then its owner is told', async () => {
  beside = { expires_in: 7_200 };
  await redeem();
  assert.deepEqual([stored().ver, grant()], [2, `\u0002${world.now + 7_200} at-0123456789-1`]);
  for (const ms of [0, 3_600_000, 3_599_000]) {
    world.clock.ms += ms;
    await ok(await world.dispatch(handle));
  }
  assert.equal(asked().length, 1);
  world.clock.ms += 1_000;
  const said = `The access token has ended, and no refresh token came with it. ${AGAIN}`;
  assert.deepEqual(problem(await world.dispatch(handle)), ['NEEDS_REAUTHORIZATION', said]);
  assert.deepEqual([world.authority.ended, asked().length], [[{ handle, ver: 2 }], 1]);
});

test('an access token that nobody gave an end has none, also for a node that starts anew', async () => {
  beside = { expires_in: undefined };
  await redeem();
  assert.equal(grant(), '\u00020 at-0123456789-1');
  world.clock.ms += 86_000_000;
  await ok(await world.dispatch(handle));
  assert.equal(asked().length, 1);
});

test('an access token with an end beyond all times is used', async () => {
  beside = { expires_in: 999_999_999_999_999 };
  await redeem();
  assert.equal(grant(), '\u0002999999999999999 at-0123456789-1');
  world.clock.ms += 86_000_000;
  await ok(await world.dispatch(handle));
  assert.equal(asked().length, 1);
});

test('[seal.bound] a ticket is for one version, one executor, one minute and one use, by the authority, of its own type', async () => {
  const jti = randomUUID();
  await redeem({ jti, sha256: sha256Base64url('another envelope') });
  for (const [reply, code] of [
    [await redeem({ jti }), 'REPLAY_DETECTED'],
    [await redeem({ aud: 'https://other.example' }), 'UNAUTHENTICATED'],
    [await redeem({ iss: 'https://other.example' }), 'UNAUTHENTICATED'],
    [await redeem({ exp: world.now }), 'UNAUTHENTICATED'],
    [await redeem({ exp: world.now + 90 }), 'UNAUTHENTICATED'],
    [await redeem({}, TYP.tryTicket), 'UNAUTHENTICATED'],
    [await redeem({}, TYP.redeemTicket, world.device), 'UNAUTHENTICATED'],
    [await redeem({ sha256: sha256Base64url('another envelope') }), 'CONFLICT'],
  ] as const)
    assert.equal(problem(reply)[0], code, reply.text);
  assert.deepEqual([world.opened, world.sent.length], [0, 0]);
});

for (const [what, changes, code] of [
  ['of another authority', { iss: 'https://other.example' }, 'POLICY_DENIED'],
  ['that has expired', { exp: 1_794_999_999 }, 'POLICY_DENIED'],
  ['without a code', { inject: [{ ...SCHEME, redirect_uri: undefined }] }, 'INVALID_REQUEST'],
] as const)
  test(`[dispatch.bound] a credential ${what} is not redeemed, nor opened`, async () => {
    handle = await world.connect(JSON.parse(JSON.stringify({ inject: [SCHEME], ...changes })) as object);
    assert.equal(problem(await redeem())[0], code);
    assert.deepEqual([world.opened, world.sent.length], [0, 0]);
  });

test('[revoke.fast] a connection that was suspended is not redeemed', async () => {
  await world.change({ kind: 'connection', handle, status: 'suspended', ver: 1 });
  assert.equal(problem(await redeem())[0], 'CONNECTION_SUSPENDED');
  assert.deepEqual([world.opened, world.sent.length], [0, 0]);
});

test('[seal.bound] what another key sealed for a handle that is known is not redeemed', async () => {
  await ok(await world.dispatch(handle));
  const [opened, sent] = [world.opened, world.sent.length];
  const other = await world.seal(handle, { ver: 3, inject: [SCHEME] }, world.client);
  world.authority.stored.set(handle, other);
  await world.change({ kind: 'connection', handle, status: 'active', ver: 3 });
  assert.equal(problem(await redeem())[0], 'POLICY_DENIED');
  assert.deepEqual([world.opened, world.sent.length], [opened, sent]);
});

test('[dispatch.bound] where the operator lets nothing go no code is shown', async () => {
  await using own = await World.open({ fields: FIELDS, config: { rules: { deny: { hosts: ['login.example'] } } } });
  const before = [world, handle] as const;
  [world, handle] = [own, await own.connect({ inject: [SCHEME] })];
  const reply = await redeem();
  assert.equal(problem(reply)[0], 'POLICY_DENIED', reply.text);
  assert.deepEqual([own.opened, own.sent.length, own.checked.length], [0, 0, 0]);
  [world, handle] = before;
});

for (const value of [`\u0001${VERIFIER}`, `\u0001short ${CODE}`, `\u0002x ${CODE}`, `\u0003${VERIFIER} ${CODE}`])
  test(`[seal.bound] a grant in no layout of ours (${JSON.stringify(value).slice(1, 8)}…${value.length}) is not used`, async () => {
    await using own = await World.open({ fields: { ...FIELDS, grant: value } });
    const mine = await own.connect({ inject: [SCHEME] });
    assert.equal(problem(await own.dispatch(mine))[0], 'DECRYPTION_FAILED');
    assert.deepEqual([own.sent.length, own.authority.leased.length], [0, 0]);
  });
