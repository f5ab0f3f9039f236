/** Logging in: what a server has to prove, what it is shown, and what it may not be. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { DAuthError, type ErrorCode } from '@dauth/protocol';
import { serveDatabase, type Database, type DatabaseScript } from '../support/database.test-support.ts';
import { leave, LOGIN, openAt, PASSWORD, type SessionOptions } from '../support/session.test-support.ts';
import { plaintextOf } from '../support/calls.test-support.ts';
import { watchOwned } from '../support/memory-held.test-support.ts';
import { TestCa, type Identity } from '../support/upstreams.test-support.ts';
import { message, uint32 } from './messages.ts';

const RIGHT: DatabaseScript = { passwords: [PASSWORD] };
let ca: TestCa;
let identity: Identity;
let database: Database;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  database = await serveDatabase(identity, RIGHT);
});
after(() => database[Symbol.asyncDispose]());
beforeEach(() => {
  database.script = RIGHT;
  database.started.length = database.heard.length = 0;
});

async function refused(code: ErrorCode, options: SessionOptions = {}, says = /./): Promise<void> {
  const { logins } = database;
  await assert.rejects(openAt(database, ca.pem, options), (error: unknown) => {
    assert.ok(error instanceof DAuthError, String(error));
    assert.equal(error.code, code, error.publicMessage);
    assert.match(error.publicMessage, says);
    return true;
  });
  assert.ok(database.logins <= logins + 1);
}

/** Everything that came, in which nothing may be of the password. */
function heard(): string {
  return Buffer.concat(database.heard).toString('latin1');
}

test('[dispatch.bound] who logs in, and where, is what was sealed; each login is bound to its connection', async () => {
  const opened = await openAt(database, ca.pem, { parameters: new Map([['application_name', 'tool']]) });
  leave(opened);
  assert.deepEqual(database.started, [
    { application_name: 'tool', user: 'app', database: 'shop', client_encoding: 'UTF8', statement_timeout: '60000' },
  ]);
  assert.ok(heard().includes('SCRAM-SHA-256-PLUS\0'));
  assert.equal(heard().includes(PASSWORD), false);
});

test('[dispatch.bound] a session that only reads says so when it logs in', async () => {
  const opened = await openAt(database, ca.pem, { isReadOnly: true });
  leave(opened);
  assert.equal(database.started[0]!.default_transaction_read_only, 'on');
});

test('[dispatch.bound] a wrong password is refused, and nothing that the server said about it comes back', () =>
  refused('DOWNSTREAM_AUTH_FAILURE', { fields: { token: 'another-password-1' } }, /^The upstream API refused/));

test('[memory.clean] nothing that SCRAM made of the password stays once the server has proven itself', async () => {
  const made: ArrayBuffer[] = [];
  const stop = watchOwned((buffer) => made.push(buffer));
  leave(await openAt(database, ca.pem));
  stop();
  // Keys and signatures of SHA-256.
  const results = made.map((buffer) => Buffer.from(buffer)).filter(({ length }) => length === 32);
  assert.ok(results.length > 5);
  assert.deepEqual(new Set(results.map((octets) => octets.toString('hex'))), new Set(['00'.repeat(32)]));
});

test('[memory.clean] a message has its whole memory, so that what zeroes one leaves no copy of a proof in a pool', () => {
  const framed = message('p', Buffer.from('a proof'));
  assert.equal(framed.toString('latin1'), 'p\0\0\0\x0ba proof');
  assert.equal(framed.buffer.byteLength, framed.length);
});

test('a server that cannot bind is logged in to by what it has, and told that we could', async () => {
  database.script = { ...RIGHT, mechanisms: ['SCRAM-SHA-256'] };
  leave(await openAt(database, ca.pem));
  assert.equal(heard().includes('PLUS'), false);
});

test('MD5 is answered where the owner allowed it', async () => {
  database.script = { ...RIGHT, auth: 'md5' };
  leave(await openAt(database, ca.pem, { login: { ...LOGIN, auth: ['md5'] } }));
  assert.equal(heard().includes(PASSWORD), false);
});

for (const auth of ['md5', 'clear', 'none'] as const)
  test(`[dispatch.bound] a server that wants ${auth} where SCRAM was sealed gets no proof`, async () => {
    database.script = { ...RIGHT, auth };
    let opened = 0;
    const open = () => {
      opened++;
      return plaintextOf({ token: PASSWORD });
    };
    await refused('DOWNSTREAM_AUTH_FAILURE', { open }, /asked for no proof/);
    assert.equal(opened, 0, 'the credential was opened');
  });

test('[dispatch.bound] where MD5 was sealed alone, nothing else is answered', async () => {
  await refused('DOWNSTREAM_AUTH_FAILURE', { login: { ...LOGIN, auth: ['md5'] } }, /asked for no proof/);
});

test('[dispatch.bound] a server that does not know the password is no server of it', async () => {
  const isFinal = (octets: Buffer): boolean => octets[0] === 0x52 && octets.readUInt32BE(5) === 12;
  const wrong = message('R', uint32(12), Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`));
  database.script = { ...RIGHT, change: (octets) => (isFinal(octets) ? wrong : octets) };
  await refused('DOWNSTREAM_AUTH_FAILURE', {}, /did not prove/);
  database.script = { ...RIGHT, change: (octets) => (isFinal(octets) ? Buffer.alloc(0) : octets) };
  await refused('DOWNSTREAM_AUTH_FAILURE', {}, /asked for no proof/);
});

for (const iterations of [4_095, 32_769, 1])
  test(`[dispatch.bound] a password that was hashed in ${iterations} rounds is not proven`, async () => {
    database.script = { ...RIGHT, iterations };
    await refused('DOWNSTREAM_AUTH_FAILURE', {}, /rounds/);
  });

test('[dispatch.bound] a server whose nonce is not ours continued is not answered', async () => {
  const isFirst = (octets: Buffer): boolean => octets[0] === 0x52 && octets.readUInt32BE(5) === 11;
  const other = message('R', uint32(11), Buffer.from('r=bm9uY2U,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4096'));
  database.script = { ...RIGHT, change: (octets) => (isFirst(octets) ? other : octets) };
  await refused('DOWNSTREAM_AUTH_FAILURE', {}, /did not go as it should/);
});

for (const [what, ssl] of [
  ['does not speak TLS', 'N'],
  ['says more than that before TLS', 'SE'],
  ['answers with an error', 'E'],
] as const)
  test(`[dispatch.bound] a server that ${what} is told nothing`, async () => {
    database.script = { ...RIGHT, ssl };
    await refused('DOWNSTREAM_TLS_ERROR');
    assert.equal(database.started.length, 0);
  });

test('[dispatch.bound] a server with the certificate of another name is told nothing', async () => {
  const other = await serveDatabase(await ca.issue([{ type: 'dns', value: 'other.example' }]), RIGHT);
  try {
    await assert.rejects(openAt(other, ca.pem), { code: 'DOWNSTREAM_TLS_ERROR' });
    await assert.rejects(openAt(database, (await TestCa.create()).pem), { code: 'DOWNSTREAM_TLS_ERROR' });
    assert.deepEqual([other.started.length, database.started.length], [0, 0]);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

for (const server_version of ['15.9 (Debian 15.9-1)', '9.6.1', 'sixteen'])
  test(`[dispatch.bound] a server that says it is ${server_version} opens no session that only reads`, async () => {
    database.script = { ...RIGHT, parameters: { server_version } };
    await refused('POLICY_DENIED', { isReadOnly: true }, /PostgreSQL 16/);
  });

test('[dispatch.bound] a superuser gets no session that only reads', async () => {
  database.script = { ...RIGHT, parameters: { is_superuser: 'on' } };
  await refused('POLICY_DENIED', { isReadOnly: true }, /superuser/);
  leave(await openAt(database, ca.pem));
});

for (const [what, token] of [
  ['eleven characters', 'elevenchars'],
  ['a letter beyond ASCII', 'a password with ä'],
] as const)
  test(`[response.clean] a password with ${what} is not used: answers could not be searched for it`, () =>
    refused('POLICY_DENIED', { fields: { token } }, /^A field of the sealed credential/));

test('[revoke.fast] what was revoked while the server took its time is not proven', async () => {
  const beforeSend = (): never => {
    throw new DAuthError('CONNECTION_REVOKED');
  };
  await refused('CONNECTION_REVOKED', { beforeSend });
  assert.equal(heard().includes(',p='), false);
});
