/** A running session: what passes, what ends it, and that no answer gives the password away. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { done, row, serveDatabase, type Database, type DatabaseScript } from '../support/database.test-support.ts';
import { Driver, LOGIN, openAt, PASSWORD, type SessionOptions } from '../support/session.test-support.ts';
import { TestCa, type Identity } from '../support/upstreams.test-support.ts';
import { until } from '../support/until.test-support.ts';
import { message, SYNC, uint32 } from './messages.ts';

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
  database.said = [];
  database.cancelled.length = 0;
});

async function drive(script: Partial<DatabaseScript> = {}, options: SessionOptions = {}): Promise<Driver> {
  database.script = { ...RIGHT, ...script };
  const driver = new Driver(await openAt(database, ca.pem, options));
  await driver.ready(1);
  return driver;
}

async function ends(driver: Driver, code: string | undefined, says = /./): Promise<void> {
  const { error } = await driver.outcome;
  assert.equal(error?.code, code, error?.publicMessage);
  if (error !== null) assert.match(error.publicMessage, says);
}

const extended = (sql: string): Buffer[] => [
  message('P', '', sql, Buffer.alloc(2)),
  message('B', '', '', Buffer.alloc(6)),
  message('E', '', uint32(0)),
];

test('[dispatch.bound] a driver is let in without a password, with a key that is not the one of the server', async () => {
  const driver = await drive();
  assert.deepEqual(
    driver.got.map(([type]) => type),
    ['R', 'S', 'S', 'S', 'K', 'Z'],
  );
  assert.equal(driver.got[4]![1].toString('hex'), '0000000700000008');
  driver.query('SELECT 1');
  await driver.ready(2);
  driver.say(message('X'));
  await ends(driver, undefined);
  assert.deepEqual(database.said.slice(0, 1), ['Q SELECT 1']);
});

for (const [what, type] of [
  ['a password', 'p'],
  ['a call of a function by its number', 'F'],
  ['nothing that there is', '?'],
] as const)
  for (const isReadOnly of [true, false])
    test(`[dispatch.bound] a message with ${what} ends a session that ${isReadOnly ? 'reads' : 'writes'}`, async () => {
      const driver = await drive({}, { isReadOnly });
      driver.say(message(type, 'x'));
      await ends(driver, 'INVALID_REQUEST', /does not take/);
      assert.deepEqual(database.said, []);
    });

test('[dispatch.bound] a session in which more is said than the operator lets ends before its last message goes out', async () => {
  const driver = await drive({}, { most: { requestBytes: 28 } });
  driver.query('SELECT 1');
  await driver.ready(2);
  driver.query('SELECT 12');
  await ends(driver, 'PAYLOAD_TOO_LARGE');
  assert.deepEqual(database.said, ['Q SELECT 1']);
});

test('[dispatch.bound] a session that is answered more than the operator lets ends before its last octet', async () => {
  const driver = await drive(
    { answer: () => [row('a'.repeat(5_000)), done('SELECT 1')] },
    { most: { responseBytes: 9_999 } },
  );
  driver.query('SELECT 1');
  await driver.ready(2);
  driver.query('SELECT 2');
  await ends(driver, 'RESPONSE_TOO_LARGE');
  assert.equal(driver.text.split('a'.repeat(5_000)).length, 2);
});

test('[dispatch.bound] a message for which its owner has no room left ends the session before it is held', async () => {
  const taken: number[] = [];
  const hold = (octets: number, full: () => DAuthError): void => {
    if (taken.reduce((sum, each) => sum + each, octets) > 20_000) throw full();
    taken.push(octets);
  };
  const answers = ['a'.repeat(15_000), 'b'.repeat(14_000), 'c'.repeat(25_000)];
  const driver = await drive({ answer: () => [row(answers.shift()!), done('SELECT 1')] }, { hold });
  driver.query('SELECT 1');
  await driver.ready(2);
  driver.query('SELECT 2');
  await driver.ready(3);
  const before = taken.length;
  driver.query('SELECT 3');
  await ends(driver, 'RESPONSE_TOO_LARGE');
  assert.equal(driver.text.includes('c'.repeat(100)), false);
  assert.equal(taken.length, before, 'room is taken once for all messages that are no longer');
});

test('[dispatch.bound] each statement that reads goes out alone, behind a snapshot of a transaction that only reads', async () => {
  const driver = await drive({}, { isReadOnly: true });
  driver.query('SELECT 1');
  await driver.ready(2);
  assert.deepEqual(
    database.said.map((said) => said.replace(/\0/g, '')),
    ['Q BEGIN READ ONLY; SELECT 1', 'P SELECT 1', 'B ', 'D P', 'E ', 'S ', 'Q COMMIT'],
  );
  assert.deepEqual(
    driver.got.slice(6).map(([type]) => type),
    ['C', 'Z'],
    'the driver hears what it asked for, and nothing of ours',
  );
});

for (const [what, messages] of [
  ['two statements at once', [...extended('COMMIT'), ...extended('DELETE FROM item'), SYNC]],
  ['a plan behind a statement', [...extended('COMMIT'), message('B', '', 's', Buffer.alloc(6)), SYNC]],
  ['a description behind a statement', [...extended('COMMIT'), message('D', Buffer.from('S'), 's'), SYNC]],
  ['a query in the middle of a batch', [message('P', '', 'SELECT 1', Buffer.alloc(2)), message('Q', 'DELETE')]],
] as const)
  test(`[dispatch.bound] ${what} end a session that only reads`, async () => {
    const driver = await drive({}, { isReadOnly: true });
    driver.say(...messages);
    await ends(driver, 'INVALID_REQUEST', /one statement at a time/);
    assert.equal(
      database.said.some((said) => said.includes('DELETE')),
      false,
    );
  });

test('[dispatch.bound] rows that a driver sends, or a server asks for, end a session that only reads', async () => {
  const driver = await drive({}, { isReadOnly: true });
  driver.say(message('d', 'row'));
  await ends(driver, 'INVALID_REQUEST');
  const asked = await drive(
    { answer: (sql) => (sql.startsWith('COPY') ? [message('G', Buffer.alloc(3))] : [done('X')]) },
    { isReadOnly: true },
  );
  asked.query('COPY item FROM STDIN');
  await ends(asked, 'RESPONSE_UNSCANNABLE');
});

test('[dispatch.bound] a transaction that is not the one we began ends a session that only reads', async () => {
  const answer = (sql: string): Buffer[] => (sql.startsWith('BEGIN') ? [message('E', 'C42000', Buffer.of(0))] : []);
  const driver = await drive({ answer }, { isReadOnly: true });
  driver.query('SELECT 1');
  await ends(driver, 'RESPONSE_UNSCANNABLE');
  assert.equal(
    database.said.some((said) => said.startsWith('P')),
    false,
  );
});

test('[dispatch.bound] becoming a superuser ends a session that only reads', async () => {
  const answer = (): Buffer[] => [message('S', 'is_superuser', 'on'), done('SET')];
  const driver = await drive({ answer }, { isReadOnly: true });
  driver.query('SET ROLE root');
  await ends(driver, 'POLICY_DENIED', /superuser/);
});

/** What stands in `pg_authid`, and what is made of a password on the way. */
function made(): Readonly<Record<string, string>> {
  const password = Buffer.from(PASSWORD);
  return {
    'the password': PASSWORD,
    'the password in hex': password.toString('hex'),
    'the password in base64': password.toString('base64'),
    'the password backwards in case': PASSWORD.toUpperCase(),
  };
}
for (const [what, text] of Object.entries(made()))
  for (const isReadOnly of [true, false])
    test(`[response.clean] a row, an error and a notice with ${what} are starred out (${isReadOnly ? 'READ' : 'WRITE'})`, async () => {
      const fields = [`Mno ${text} here`, `C42601`, Buffer.of(0)];
      const answer = (sql: string): Buffer[] =>
        sql.includes('1')
          ? [row(text), row(`in ${text} between`), message('N', ...fields), message('t', text), done('SELECT 2')]
          : [message('E', ...fields)];
      const driver = await drive(
        { answer: (sql) => (/^(BEGIN|COMMIT)/.test(sql) ? [done(sql)] : answer(sql)) },
        { isReadOnly },
      );
      driver.query('SELECT 1');
      await driver.ready(2);
      driver.query('SELECT');
      await driver.ready(3);
      assert.equal(driver.text.includes(text), false);
      assert.ok(driver.text.includes(`in ${'*'.repeat(text.length)} between`), 'control: the rest is there');
      driver.say(message('X'));
      assert.equal((await driver.outcome).redactions, 5);
    });

test('[response.clean] keys that are made of the password are starred out too: they are what a server keeps of it', async () => {
  const driver = await drive({
    answer: (_, socket) => {
      void socket;
      return [row(verifier('StoredKey')), row(verifier('ServerKey')), done('SELECT 2')];
    },
  });
  driver.query('SELECT rolpassword FROM pg_authid');
  await driver.ready(2);
  assert.equal(driver.text.includes(verifier('StoredKey')), false);
  assert.equal(driver.text.includes(verifier('ServerKey')), false);
});

/** As PostgreSQL writes it, from what the stand-in saw. */
function verifier(name: 'StoredKey' | 'ServerKey'): string {
  const { salted } = database;
  const mac = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
  if (name === 'ServerKey') return mac('Server Key').toString('base64');
  return createHash('sha256').update(mac('Client Key')).digest('base64');
}

test('[response.clean] the hash that MD5 logs in with is starred out: it is as good as the password', async () => {
  const shadow = createHash('md5').update(`${PASSWORD}${LOGIN.user}`).digest('hex');
  const driver = await drive(
    { auth: 'md5', answer: () => [row(`md5${shadow}`), done('SELECT 1')] },
    { login: { ...LOGIN, auth: ['md5'] } },
  );
  driver.query('SELECT rolpassword FROM pg_authid');
  await driver.ready(2);
  assert.ok(driver.text.includes(`md5${'*'.repeat(32)}`));
});

test('[response.clean] a value in pieces of one message is found, whatever the pieces', async () => {
  const whole = Buffer.concat([row(`in ${PASSWORD} between`), done('SELECT 1'), message('Z', Buffer.from('I'))]);
  const driver = await drive({
    answer: (_, socket) => {
      for (const octet of whole) socket.write(Buffer.of(octet));
      return null;
    },
  });
  driver.query('SELECT 1');
  await driver.ready(2);
  assert.ok(driver.text.includes(`in ${'*'.repeat(PASSWORD.length)} between`));
});

for (const [what, answer, code] of [
  ['another encoding', message('S', 'client_encoding', 'SJIS'), 'RESPONSE_UNSCANNABLE'],
  ['a question for the password', message('R', uint32(3)), 'RESPONSE_UNSCANNABLE'],
  ['a stream of a replica', message('W', Buffer.alloc(3)), 'RESPONSE_UNSCANNABLE'],
  ['a message of 9 MiB', Buffer.concat([Buffer.from('D'), uint32(9_437_184)]), 'RESPONSE_TOO_LARGE'],
] as const)
  test(`[response.clean] a server that answers with ${what} ends the session`, async () => {
    const driver = await drive({ answer: () => [answer] });
    driver.query('SELECT 1');
    await ends(driver, code);
  });

test('a message of a driver that is larger than 1 MiB ends the session', async () => {
  const driver = await drive();
  driver.say(Buffer.concat([Buffer.from('Q'), uint32(1_048_577)]));
  await ends(driver, 'PAYLOAD_TOO_LARGE');
});

test('[dispatch.bound] a statement without an end is stopped by the key of the server, and then left', async () => {
  const driver = await drive(
    { answer: () => null },
    { login: { ...LOGIN, statement_timeout_ms: 20 }, limits: { graceMs: 50 } },
  );
  driver.query('SELECT pg_sleep(1000)');
  await ends(driver, 'DOWNSTREAM_TIMEOUT', /took too long/);
  await until('the server was asked to stop', () => database.cancelled.length > 0);
  assert.equal(database.cancelled[0]!.toString('hex'), '0000002a5ec2e700');
});

test('[dispatch.bound] a statement that stops when the server is asked ends its session not', async () => {
  let server: Socket | undefined;
  const answer = (_: string, socket: Socket): null => {
    server = socket;
    return null;
  };
  // Its own, so that nobody else's session is stopped there.
  const own = await serveDatabase(identity, { ...RIGHT, answer });
  try {
    const login = { ...LOGIN, statement_timeout_ms: 20 };
    const driver = new Driver(await openAt(own, ca.pem, { login, limits: { graceMs: 5_000 } }));
    await driver.ready(1);
    driver.query('SELECT pg_sleep(1000)');
    const ended = driver.outcome.then(() => 'ended');
    const asked = until('the server was asked to stop', () => own.cancelled.length > 0).then(() => 'asked');
    assert.equal(await Promise.race([asked, ended]), 'asked');
    server!.write(Buffer.concat([message('E', 'C57014', Buffer.of(0)), message('Z', Buffer.from('I'))]));
    assert.equal(await Promise.race([driver.ready(2).then(() => 'goes on'), ended]), 'goes on');
    driver.say(message('X'));
    await ends(driver, undefined);
  } finally {
    await own[Symbol.asyncDispose]();
  }
});

test('a driver that says nothing for long is left, and so is one whose time is over', async () => {
  await ends(await drive({}, { limits: { idleMs: 30 } }), 'ENCLAVE_UNAVAILABLE', /idle/);
  await ends(await drive({}, { lifeMs: 30 }), 'ENCLAVE_UNAVAILABLE', /ended with its token/);
});

test('[revoke.fast] what was revoked sends no further statement', async () => {
  let stands = true;
  const assertStands = (): void => {
    if (!stands) throw new DAuthError('CONNECTION_REVOKED');
  };
  const driver = await drive({}, { assertStands });
  driver.query('SELECT 1');
  await driver.ready(2);
  stands = false;
  driver.query('SELECT 2');
  await ends(driver, 'CONNECTION_REVOKED');
  assert.deepEqual(database.said, ['Q SELECT 1']);
});

test('[revoke.fast] a session that is ended while it runs is stopped at the server', async () => {
  const controller = new AbortController();
  const driver = await drive({ answer: () => null }, { signal: controller.signal });
  driver.query('SELECT pg_sleep(1000)');
  await until('the statement runs', () => database.said.length > 0);
  controller.abort(new DAuthError('CONNECTION_REVOKED'));
  await ends(driver, 'CONNECTION_REVOKED');
  await until('the server was asked to stop', () => database.cancelled.length > 0);
});
