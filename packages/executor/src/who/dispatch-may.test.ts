/** Step 3 of a dispatch: may they. One refusal for each thing that the envelope, the token and the authority say. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { ConnectionHandle, EnvelopePolicy, ErrorCode, Revocable } from '@dauth/protocol';
import { assertRefused } from '../support/refused.test-support.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { MCP, World } from '../support/room.test-support.ts';
import { endorsement, sealProof } from '../support/statements.test-support.ts';
import { dpop, freshHandle, makeSigner } from '../support/signer.test-support.ts';

let world: World;
before(async () => {
  world = await World.open();
});
after(() => world[Symbol.asyncDispose]());

type Policy = Partial<Record<keyof EnvelopePolicy, unknown>>;
const DENIED = 'POLICY_DENIED';

/** The proof that came with the client's call. */
function carried(claims: object = {}, by = world.client, htu = MCP): string {
  return dpop(by, { htm: 'POST', htu, iat: world.now, token: 'the client’s access token' }, { claims });
}

/** Marks of a dispatch token whose call came without a proof. */
const UNPROVEN = { 'ddls:bearer': true, 'ddls:subject_dpop': undefined };

test('[dispatch.bound] what the owner sealed for this server, and for this client’s key, is allowed', async () => {
  assert.equal((await world.stream(await world.connect())).status, 200);
  const pinned = await world.connect({ pin: { jkt: [world.client.jkt], server_jkt: [world.server.jkt] } });
  const token = world.token(pinned, { 'ddls:subject_dpop': carried() });
  assert.equal((await world.stream(pinned, '/user', { token })).status, 200);
});

const SEALED: readonly (readonly [what: string, policy: () => Policy, code: ErrorCode, says: RegExp])[] = [
  [
    'for another authority',
    () => ({ iss: 'https://other.example' }),
    DENIED,
    /^The credential was sealed for another authority\.$/,
  ],
  [
    'for another organisation',
    () => ({ org: 'other' }),
    'ORG_MISMATCH',
    /^The connection belongs to another organisation than the token\.$/,
  ],
  ['by another owner', () => ({ owner: 'bob' }), DENIED, /^The credential belongs to another owner than the token\.$/],
  ['for an owner that differs in case', () => ({ owner: 'Alice' }), DENIED, /another owner/],
  [
    'for another server',
    () => ({ servers: ['https://other.example/mcp'] }),
    DENIED,
    /^The credential was not sealed for this server\. Its owner can seal it again and name it\.$/,
  ],
  [
    'for a server that starts like this one',
    () => ({ servers: [`${MCP}/x`, MCP.slice(0, -1)] }),
    DENIED,
    /not sealed for this server/,
  ],
  ['for later', () => ({ iat: world.now + 6 }), DENIED, /^The credential is not valid yet\.$/],
  [
    'until now',
    () => ({ iat: world.now - 60, exp: world.now }),
    DENIED,
    /^The credential has expired\. Its owner has to seal it again\.$/,
  ],
  [
    'for another server key',
    () => ({ pin: { server_jkt: [makeSigner().jkt] } }),
    DENIED,
    /^The credential is pinned to another server key\.$/,
  ],
];
for (const [what, policy, code, says] of SEALED) {
  test(`[seal.bound] step 3 refuses what was sealed ${what}`, async () => {
    const handle = await world.connect(policy());
    await assertRefused(world, () => world.stream(handle), { code, says, step: 3 });
  });
}

const CARRIED: readonly (readonly [what: string, token: () => object, says: RegExp])[] = [
  [
    'no proof by the client',
    () => UNPROVEN,
    /^The credential is pinned to a client key, and the token carries no proof by it\.$/,
  ],
  [
    'a proof by another key',
    () => ({ 'ddls:subject_dpop': carried({}, makeSigner()) }),
    /^The carried proof is by a key that may not make this call\.$/,
  ],
  [
    'a proof by the server itself',
    () => ({ 'ddls:subject_dpop': carried({}, world.server) }),
    /may not make this call/,
  ],
  [
    'a proof by the authority, whose word alone is not enough',
    () => ({ 'ddls:subject_dpop': carried({}, world.authority.signer) }),
    /may not make this call/,
  ],
  [
    'a proof for another server',
    () => ({ 'ddls:subject_dpop': carried({}, world.client, 'https://other.example/mcp') }),
    /^The carried proof is for another URL \(htu\)\.$/,
  ],
  [
    'a proof whose call window is over',
    () => ({ 'ddls:subject_dpop': carried({ iat: world.now - 301 }) }),
    /^The carried proof is too old \(iat\)\./,
  ],
  ['a proof from the future', () => ({ 'ddls:subject_dpop': carried({ iat: world.now + 6 }) }), /future/],
  [
    'a proof of a call without an access token',
    () => ({ 'ddls:subject_dpop': carried({ ath: undefined }) }),
    /^The proof that the token carries is not by a call with an access token\.$/,
  ],
];
for (const [what, claims, says] of CARRIED) {
  test(`[seal.bound] step 3 refuses a pinned credential with ${what}`, async () => {
    const handle = await world.connect({ pin: { jkt: [world.client.jkt] } });
    const token = world.token(handle, claims());
    await assertRefused(world, () => world.stream(handle, '/user', { token }), { code: DENIED, says, step: 3 });
  });
}

test('[seal.bound] a call by a client without a key opens only what its owner sealed for such clients', async () => {
  const sealed = await world.connect();
  await assertRefused(world, () => world.stream(sealed, '/user', { token: world.token(sealed, UNPROVEN) }), {
    code: DENIED,
    says: /^The credential was not sealed for clients without a key\. Its owner can seal it again and allow them\.$/,
    step: 3,
  });
  const allowed = await world.connect({ bearer: true });
  assert.equal((await world.stream(allowed, '/user', { token: world.token(allowed, UNPROVEN) })).status, 200);
  assert.equal((await world.stream(allowed)).status, 200, 'a call with a proof is better, and goes too');
});

const MARKS: readonly (readonly [what: string, marks: () => object])[] = [
  ['neither a proof nor the Bearer mark', () => ({ 'ddls:subject_dpop': undefined })],
  ['both a proof and the Bearer mark', () => ({ 'ddls:bearer': true })],
  ['a Bearer mark that is text', () => ({ ...UNPROVEN, 'ddls:bearer': 'true' })],
  ['a Bearer mark of false', () => ({ ...UNPROVEN, 'ddls:bearer': false })],
  ['a proof, and a Bearer mark of false', () => ({ 'ddls:bearer': false })],
];
for (const [what, marks] of MARKS) {
  test(`[token.bound] step 2 refuses a dispatch token with ${what}`, async () => {
    const handle = await world.connect({ bearer: true });
    await assertRefused(world, () => world.stream(handle, '/user', { token: world.token(handle, marks()) }), {
      code: 'UNAUTHENTICATED',
      says: /^A dispatch token carries the proof of its call, or says that there was none \(ddls:bearer\): one of the two\.$/,
      step: 2,
    });
  });
}

test('[seal.bound] an envelope of another connection or version in a row is refused', async () => {
  const [one, other] = [await world.connect(), await world.connect()];
  const row = world.authority.stored.get(one)!;
  world.authority.stored.set(other, row);
  const says = /^The credential was sealed for another connection\.$/;
  await assertRefused(world, () => world.stream(other), { code: DENIED, says, step: 3 });
  world.authority.stored.set(one, { ...row, ver: 2 });
  const version = /^The credential was sealed as another version\.$/;
  await assertRefused(world, () => world.stream(one), { code: DENIED, says: version, step: 3 });
});

test('[seal.bound] an envelope that is malformed or for another key cannot be opened, and nobody is told which', async () => {
  const handle = await world.connect();
  const row = world.authority.stored.get(handle)!;
  const [header, ...rest] = row.envelope.split('.');
  const kid = JSON.parse(Buffer.from(header!, 'base64url').toString()) as { kid: string };
  const foreign = Buffer.from(JSON.stringify({ ...kid, kid: makeSigner().jkt })).toString('base64url');
  for (const envelope of ['x', `${row.envelope}.`, [foreign, ...rest].join('.')]) {
    world.authority.stored.set(handle, { ...row, envelope });
    await assertRefused(world, () => world.stream(handle), {
      code: 'DECRYPTION_FAILED',
      says: /^The sealed credential cannot be opened here\. /,
      step: 3,
    });
    await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  }
});

const STATUS = [
  ['suspended', 'CONNECTION_SUSPENDED', /^The connection is suspended\./],
  ['revoked', 'CONNECTION_REVOKED', /^The connection was revoked\. Its owner has to connect again\.$/],
  ['needs_reauthorization', 'NEEDS_REAUTHORIZATION', /^The upstream grant is gone\./],
] as const;
for (const [status, code, says] of STATUS) {
  test(`[revoke.fast] a connection is refused that is ${status}, by its row and by the status stream alone`, async () => {
    const handle = await world.connect();
    const row = world.authority.stored.get(handle)!;
    world.authority.stored.set(handle, { ...row, status });
    await assertRefused(world, () => world.stream(handle), { code, says, step: 3 });
    world.authority.stored.set(handle, row);
    assert.equal((await world.stream(handle)).status, 200);
    await world.change({ kind: 'connection', handle, status, ver: 1 });
    assert.equal(world.resets.includes(handle), true);
    await assertRefused(world, () => world.stream(handle), { code, says, step: 3 });
  });
}

const REVOKED: readonly (readonly [what: Revocable, token: object, policy: Policy, id: string, says: RegExp])[] = [
  ['token', { jti: 'jti-r' }, {}, 'jti-r', /^This token was revoked\. Ask for a new one\.$/],
  ['token', { subject_jti: 'subject-r' }, {}, 'subject-r', /^This token was revoked\. Ask for a new one\.$/],
  ['grant', { grant_id: 'grant-r' }, {}, 'grant-r', /^The grant behind this token was revoked\./],
  ['client', { client_id: 'server-r' }, {}, 'server-r', /^The client behind this token was revoked\.$/],
  ['client', { subject_client_id: 'client-r' }, {}, 'client-r', /^The client behind this token was revoked\.$/],
  [
    'server',
    { act: { sub: 'https://r.example/mcp' } },
    { servers: ['https://r.example/mcp'] },
    'https://r.example/mcp',
    /^The server behind this token was revoked\.$/,
  ],
  ['owner', { sub: 'owner-r' }, { owner: 'owner-r' }, 'owner-r', /^The owner of this connection was revoked\.$/],
  ['org', { 'ddls:org': 'org-r' }, { org: 'org-r' }, 'org-r', /^The organisation of this connection was revoked\.$/],
];
for (const [what, claims, policy, id, says] of REVOKED) {
  test(`[revoke.fast] a revoked ${what} (${Object.keys(claims).join()}) is refused from then on`, async () => {
    const handle = await world.connect(policy);
    assert.equal((await world.stream(handle, '/user', { token: world.token(handle, claims) })).status, 200);
    await world.change({ kind: 'revoked', what, id });
    const code = what === 'token' ? 'UNAUTHENTICATED' : 'CONNECTION_REVOKED';
    const again = (): Promise<Reply> => world.stream(handle, '/user', { token: world.token(handle, claims) });
    await assertRefused(world, again, { code, says, step: 3 });
  });
}

test('[seal.bound] a seal proof that is missing, or for something else, is refused', async () => {
  const [handle, other] = [await world.connect(), freshHandle(world.clock.ms)];
  const row = world.authority.stored.get(handle)!;
  const { device } = world;
  for (const sealProof_ of [
    'none',
    sealProof(device, other, 1, row.envelope),
    sealProof(device, handle, 2, row.envelope),
    sealProof(device, handle, 1, `${row.envelope}x`),
    device.jws({ typ: 'dauth-seal+jwt', jwk: makeSigner().jwk }, { handle, ver: 1, sha256: 'x' }),
  ]) {
    world.authority.stored.set(handle, { ...row, sealProof: sealProof_ });
    await assertRefused(world, () => world.stream(handle), { code: DENIED, says: /^The seal proof /, step: 3 });
    await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  }
});

/** Replaces what the authority serves, and lets the executor know that something changed. */
async function serve(handle: ConnectionHandle, ver: number, by = world.device, endorsements: readonly string[] = []) {
  const row = { ...(await world.seal(handle, { ver }, by)), endorsements };
  world.authority.stored.set(handle, row);
  await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  world.authority.stored.set(handle, { ...row, revision: world.authority.revision });
}

test('[seal.bound] after the first use only its sealer, or a key that one vouched for, seals for a handle', async () => {
  const handle = await world.connect();
  assert.equal((await world.stream(handle)).status, 200);
  const second = makeSigner();
  const says = /^The seal proof is by a key that is not trusted for this handle\.$/;
  await serve(handle, 2, second);
  await assertRefused(world, () => world.stream(handle), { code: DENIED, says, step: 3 });
  await serve(handle, 2, second, [endorsement(second, handle, second.jkt)]);
  await assertRefused(world, () => world.stream(handle), {
    code: DENIED,
    says: /^An endorsement is by a key that is not trusted for this handle\.$/,
    step: 3,
  });
  await serve(handle, 2, second, [endorsement(world.device, handle, second.jkt)]);
  assert.equal((await world.stream(handle)).status, 200);
  await serve(handle, 3, second);
  assert.equal((await world.stream(handle)).status, 200);
});

test('[seal.bound] an older version than was used, and another envelope of the same version, are refused', async () => {
  const handle = await world.connect({ ver: 2 });
  assert.equal((await world.stream(handle)).status, 200);
  await serve(handle, 1);
  await assertRefused(world, () => world.stream(handle), {
    code: DENIED,
    says: /^An older version of this credential than was used before is refused\.$/,
    step: 3,
  });
  await serve(handle, 2);
  await assertRefused(world, () => world.stream(handle), {
    code: DENIED,
    says: /^Another envelope was used for this version of the credential before\.$/,
    step: 3,
  });
});

test('[revoke.fast] a connection served with a lower revision than before is refused', async () => {
  const handle = await world.connect();
  const row = world.authority.stored.get(handle)!;
  world.authority.stored.set(handle, { ...row, revision: 500 });
  assert.equal((await world.stream(handle)).status, 200);
  await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  world.authority.stored.set(handle, { ...row, revision: 499 });
  await assertRefused(world, () => world.stream(handle), {
    code: DENIED,
    says: /^An older state of this connection than was seen before is refused\.$/,
    step: 3,
  });
});

test('[seal.bound] an envelope that nobody can open does not decide who seals for its handle', async () => {
  const handle = await world.connect();
  const row = world.authority.stored.get(handle)!;
  const broken = `${row.envelope.slice(0, -9)}${'A'.repeat(8)}.`;
  world.authority.stored.set(handle, {
    ...row,
    envelope: broken,
    sealProof: sealProof(makeSigner(), handle, 1, broken),
  });
  const reply = await world.stream(handle);
  assert.deepEqual([reply.status, reply.headers['dauth-error']], [422, 'DECRYPTION_FAILED']);
  await world.change({ kind: 'connection', handle, status: 'active', ver: 1 });
  world.authority.stored.set(handle, row);
  assert.equal((await world.stream(handle)).status, 200);
});

test('[token.bound] a handle that the token does not name is not found before anything is looked up', async () => {
  const [handle, other] = [await world.connect(), await world.connect({ owner: 'bob' })];
  const { length } = world.authority.fetched;
  for (const asked of [other, freshHandle(world.clock.ms)]) {
    for (const details of [undefined, []]) {
      const token = world.token(handle, { jti: randomUUID(), ...(details && { authorization_details: details }) });
      await assertRefused(world, () => world.stream(asked, '/user', { token }), {
        code: 'CONNECTION_NOT_FOUND',
        says: /^This token names no such connection\./,
        step: 3,
      });
    }
  }
  assert.equal(world.authority.fetched.length, length);
});

test('[revoke.fast] without a fresh view of revocations nothing is looked up, opened or sent', async () => {
  const handle = await world.connect();
  const { length } = world.authority.fetched;
  world.authority.isSilent = true;
  world.clock.ms += 751;
  try {
    await assertRefused(world, () => world.stream(handle), {
      code: 'ENCLAVE_UNAVAILABLE',
      says: /^The executor has no fresh view of revocations\. Nothing was sent; try again shortly\.$/,
      step: 3,
    });
    assert.equal(world.authority.fetched.length, length);
  } finally {
    world.authority.isSilent = false;
  }
});
