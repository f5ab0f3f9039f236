/** Answers that are credentials, through the real doors and real TLS: captured, sealed, stored, and a handle in their place. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DAuthError, parseEnvelope } from '@dauth/protocol';
import { verifyReseal } from '@dauth/verify';
import { openEnvelope } from './open.ts';
import { World } from './support/room.test-support.ts';
import { LOGIN, LoginWorld, refusalOf } from './support/login.test-support.ts';
import { makeSigner } from './support/signer.test-support.ts';

let at: LoginWorld;
let token: string;
beforeEach(async () => {
  at = await LoginWorld.open();
  token = `st-${randomBytes(12).toString('hex')}`;
  at.says = () => ({ body: JSON.stringify({ auth: { token, expires_in: 60 }, name: 'Ada' }) });
});
afterEach(() => at[Symbol.asyncDispose]());

const answerOf = (reply: Awaited<ReturnType<LoginWorld['logIn']>>) =>
  reply.json.response as { readonly status: number; readonly headers: object; readonly body: unknown };

test('[response.clean] a login answers with a handle where the token stood, and the token is used through that handle', async () => {
  const reply = await at.logIn();
  assert.equal(reply.json.success, true, reply.text);
  const { status, headers, body } = answerOf(reply);
  assert.deepEqual([status, headers], [200, { 'content-type': 'application/json' }]);
  assert.deepEqual(body, { auth: { token: at.session, expires_in: 60 }, name: 'Ada' });
  assert.deepEqual(JSON.parse(at.came[0]!.body), { user: LOGIN.username, pass: LOGIN.password, remember: true });
  const used = await at.use();
  assert.equal(used.json.success, true, used.text);
  assert.equal(at.came[1]!.authorization, `Bearer ${token}`);
});

test('[crash.safe] what was captured is the next version of what its owner sealed, stored before the answer goes back', async () => {
  const first = at.stored;
  let wasAnswered = false;
  at.world.authority.onStore = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(wasAnswered, false);
  };
  await at.logIn().then(() => (wasAnswered = true));
  const { envelope, reseal, ver } = at.stored;
  const policy = parseEnvelope(first.envelope).header.dauth;
  assert.deepEqual(parseEnvelope(envelope).header.dauth, { ...policy, ver: 2 });
  const { identity } = at.world.keys;
  const said = verifyReseal(reseal!, { handle: at.session, ver, envelope, identity: identity.jkt });
  assert.deepEqual([said.base.ver, said.to.ver, said.captured_at], [1, 2, at.world.now]);
  const noted = at.world.journal().find(({ kind }) => kind === 'reseal');
  assert.deepEqual([noted?.handle, noted?.captured_at], [at.session, at.world.now]);
  const intent = at.world.journal().find(({ captured_into }) => captured_into !== undefined);
  assert.deepEqual([intent?.handle, intent?.captured_into], [at.login, at.session]);
});

test('[crash.safe] where it cannot be stored, sealed or leased the answer does not go back', async () => {
  at.world.authority.onStore = () => {
    throw new DAuthError('ENCLAVE_UNAVAILABLE');
  };
  const reply = await at.logIn();
  assert.equal(refusalOf(reply).code, 'ENCLAVE_UNAVAILABLE');
  assert.ok(!reply.text.includes(token) && !reply.text.includes('Ada'));
  at.world.authority.onStore = () => undefined;
  at.world.authority.lease = () => Promise.reject(new DAuthError('ENCLAVE_UNAVAILABLE'));
  assert.equal(refusalOf(await at.logIn()).code, 'ENCLAVE_UNAVAILABLE');
  assert.equal(at.came.length, 1, 'without a lease nobody is asked');
});

test('[crash.safe] killed before it was stored, an executor stores what came once it is there again', async () => {
  const image = mkdtempSync(join(tmpdir(), 'dauth-captured-'));
  const { authority } = at.world;
  authority.onStore = () => {
    cpSync(at.world.data, image, { recursive: true });
    throw new DAuthError('ENCLAVE_UNAVAILABLE');
  };
  assert.equal(refusalOf(await at.logIn()).code, 'ENCLAVE_UNAVAILABLE');
  assert.equal(at.stored.ver, 1);
  for (const name of ['.', ...(readdirSync(image, { recursive: true }) as string[])]) {
    const path = join(image, name);
    if (statSync(path).isDirectory()) chmodSync(path, 0o700);
  }
  {
    const before = new Map(authority.stored);
    await using again = await World.open({
      data: image,
      prepare: (fresh) => before.forEach((stored, handle) => fresh.stored.set(handle, stored)),
    });
    const { ver, envelope } = again.authority.stored.get(at.session)!;
    assert.equal(ver, 2);
    using plaintext = openEnvelope(parseEnvelope(envelope), again.keys.opening);
    assert.ok(plaintext.lend((bytes) => bytes.includes(token)));
  }
  rmSync(image, { recursive: true });
});

test('before the first login, and past its time, what is captured cannot be used', async () => {
  const early = refusalOf(await at.use());
  assert.deepEqual(
    [early.code, early.message],
    ['NEEDS_REAUTHORIZATION', 'Nothing was captured yet. Log in through its login connection first.'],
  );
  await at.logIn();
  at.world.clock.ms += 3_599_000;
  assert.equal((await at.use()).json.success, true);
  at.world.clock.ms += 1_000;
  const late = refusalOf(await at.use());
  assert.equal(late.code, 'NEEDS_REAUTHORIZATION');
  assert.match(late.message!, /older than its owner allows/);
  await at.logIn();
  assert.equal((await at.use()).json.success, true);
  assert.equal(at.stored.ver, 3);
});

test('[token.bound] a token that does not name what is captured into logs nobody in', async () => {
  const refusal = refusalOf(await at.logIn({}, at.token([at.login])));
  assert.equal(refusal.code, 'POLICY_DENIED');
  assert.match(refusal.message!, /does not name the connection that the answer is captured into/);
  assert.equal(at.came.length, 0);
});

for (const [what, session] of [
  [
    'another login',
    { captured: { from: 'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab', fields: ['token'], lifetime: 9 } },
  ],
  ['nothing that is captured', { captured: undefined }],
  ['other fields', { captured: { from: undefined, fields: ['token', 'more'], lifetime: 9 } }],
] as const)
  test(`[seal.bound] nothing is captured into a connection that was sealed for ${what}`, async () => {
    const captured = session.captured === undefined ? undefined : { ...session.captured };
    await at.connect({}, {});
    const from = captured?.from ?? at.login;
    const changes = captured === undefined ? {} : { captured: { ...captured, from } };
    const { header } = parseEnvelope(at.stored.envelope);
    const { captured: _, ...rest } = header.dauth;
    at.world.authority.stored.set(at.session, await at.world.seal(at.session, { ...rest, ...changes }));
    const refusal = refusalOf(await at.logIn());
    assert.equal(refusal.code, 'POLICY_DENIED');
    assert.match(refusal.message!, /was not sealed for that/);
    assert.equal(at.came.length, 0);
  });

test('[seal.bound] nothing is captured into a connection that another key sealed', async () => {
  await at.connect({}, {}, makeSigner());
  const refusal = refusalOf(await at.logIn());
  assert.equal(refusal.code, 'POLICY_DENIED');
  assert.match(refusal.message!, /sealed by another key than the login/);
  assert.equal(at.came.length, 0);
});

for (const status of ['suspended', 'revoked'] as const)
  test(`[revoke.fast] a login that is ${status} ends what was captured through it`, async () => {
    await at.logIn();
    assert.equal((await at.use()).json.success, true);
    const { authority } = at.world;
    authority.stored.set(at.login, { ...authority.stored.get(at.login)!, status });
    await at.world.change({ kind: 'connection', handle: at.login, status, ver: 1 });
    assert.equal(refusalOf(await at.use()).code, `CONNECTION_${status.toUpperCase()}`);
    assert.equal(at.came.length, 2);
  });

test('[revoke.fast] a login that was suspended before anybody heard of it ends what was captured through it', async () => {
  await at.logIn();
  const { stored } = at.world.authority;
  stored.set(at.login, { ...stored.get(at.login)!, status: 'suspended' });
  await at.world.change({ kind: 'connection', handle: at.login, status: 'active', ver: 1 });
  assert.equal(refusalOf(await at.use()).code, 'CONNECTION_SUSPENDED');
});

test('[revoke.fast] a call through what was captured ends with the login', async () => {
  await at.logIn();
  at.whileUsed = () => at.world.change({ kind: 'connection', handle: at.login, status: 'suspended', ver: 1 });
  assert.equal(refusalOf(await at.use()).code, 'CONNECTION_SUSPENDED');
  assert.equal(at.came.length, 2);
});

test('[revoke.fast] a login that is gone, or captures no more, ends what was captured through it', async () => {
  await at.logIn();
  const { stored } = at.world.authority;
  const login = stored.get(at.login)!;
  const { capture: _, ...rest } = parseEnvelope(login.envelope).header.dauth;
  stored.set(at.login, await at.world.seal(at.login, { ...rest, ver: 2 }));
  await at.world.change({ kind: 'connection', handle: at.login, status: 'active', ver: 2 });
  const said = refusalOf(await at.use());
  assert.equal(said.code, 'POLICY_DENIED');
  assert.match(said.message!, /does not say so any more/);
  stored.delete(at.login);
  await at.world.change({ kind: 'connection', handle: at.login, status: 'active', ver: 2 });
  assert.equal(refusalOf(await at.use()).code, 'CONNECTION_REVOKED');
});

test('a known token endpoint is a target where its answer is captured', async () => {
  const fields = [
    { pointer: '/access_token', field: 'token' },
    { pointer: '/refresh_token', field: 'refresh' },
  ];
  await at.connect({}, {});
  const [login, session] = [at.login, at.session];
  const policies = [login, session].map((h) => parseEnvelope(at.world.authority.stored.get(h)!.envelope).header.dauth);
  const allow = [{ origin: at.origin, methods: ['POST'], paths: ['/oauth/token'] }];
  const capture = { into: session, fields };
  const captured = { from: login, fields: ['token', 'refresh'], lifetime: 60 };
  const { stored } = at.world.authority;
  stored.set(login, await at.world.seal(login, { ...policies[0], allow, capture }, undefined, LOGIN));
  stored.set(session, await at.world.seal(session, { ...policies[1], captured }, undefined, {}));
  const refresh = `rt-${randomBytes(12).toString('hex')}`;
  at.says = () => ({ body: JSON.stringify({ access_token: token, refresh_token: refresh, id_token: null }) });
  const reply = await at.logIn({ path: '/oauth/token' });
  assert.deepEqual(answerOf(reply).body, { access_token: session, refresh_token: session, id_token: null });
  await at.use();
  assert.equal(at.came.at(-1)!.authorization, `Bearer ${token}`);
});

test('[crash.safe] logins at once take turns, and each is stored', async () => {
  let given = 0;
  at.says = () => ({ body: JSON.stringify({ auth: { token: `${token}-${++given}` } }) });
  const replies = await Promise.all(Array.from({ length: 5 }, () => at.logIn()));
  for (const reply of replies) assert.equal(reply.json.success, true, reply.text);
  assert.equal(at.stored.ver, 6);
  await at.use();
  assert.equal(at.came.at(-1)!.authorization, `Bearer ${token}-5`);
});

test('a login that is refused says so, and leaves what is captured as it was', async () => {
  await at.logIn();
  at.says = () => ({ status: 401, body: JSON.stringify({ error: 'locked', auth: { token: '' }, jwt: null }) });
  const reply = await at.logIn();
  assert.deepEqual(
    [answerOf(reply).status, answerOf(reply).body],
    [401, { error: 'locked', auth: { token: '' }, jwt: null }],
  );
  assert.equal(at.stored.ver, 2);
  assert.equal((await at.use()).json.success, true);
});

test('a login through the streaming door is captured too', async () => {
  const headers = ['Content-Type', 'application/json'];
  const { login, session } = at;
  const reply = await at.world.stream(login, '/login', { method: 'POST', headers, body: '{}', token: at.token() });
  assert.deepEqual(
    Object.keys(reply.headers).filter(
      (name) => !/^(?:dauth-|date$|connection$|keep-alive$|transfer-encoding$)/.test(name),
    ),
    ['content-type'],
  );
  assert.deepEqual([reply.status, reply.json], [200, { auth: { token: session, expires_in: 60 }, name: 'Ada' }]);
  assert.equal(at.stored.ver, 2);
});
