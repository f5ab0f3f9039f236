/**
 * A password of a database that nobody but the sealed executor has: between separate processes, with a real PostgreSQL and the
 * driver `pg`, unmodified.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeCa } from '../support/ca.ts';
import { startPostgres, whyNoPostgres, type Postgres, type Role } from '../support/postgres.ts';
import { makeTempDir } from '../support/process.ts';
import type { Result } from '../world/statements.ts';
import { startWorld, type McpClient, type World } from '../world/world.ts';

const skip = whyNoPostgres();
const password = (): string => randomBytes(18).toString('base64url');
const ROLES: readonly Role[] = [
  { name: 'app', password: password(), auth: 'scram-sha-256' },
  { name: 'old', password: password(), auth: 'md5' },
];

describe('a password of a database', { skip, timeout: 480_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let database: Postgres;
  let world: World;
  let client: McpClient;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'database'));
    const leaf = { cert: await readFile(files.cert, 'utf8'), key: await readFile(files.key, 'utf8') };
    database = await startPostgres(leaf, ROLES);
    await database.admin('CREATE DATABASE shop OWNER app');
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      real: { token: ROLES[0]!.password, url: database.origin },
      connect: [
        ...['--method', 'READ', '--method', 'WRITE', '--path', '/shop'],
        ...[
          '--inject',
          JSON.stringify({ scheme: 'postgres', user: 'app', password: '{token}', statement_timeout_ms: 1_000 }),
        ],
      ],
    });
    client = await world.client();
  });
  after(async () => {
    await client?.stop();
    await world?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const sql = async (mode: 'READ' | 'WRITE', ...statements: string[]): Promise<Result[]> =>
    JSON.parse(await client.call('sql', { mode, statements: JSON.stringify(statements) })) as Result[];
  const unread = (): string | false =>
    database.version < 16 ? `NOT CHECKED: PostgreSQL ${database.version} has no sessions that only read` : false;
  const codes = (results: readonly Result[]): string[] =>
    results.map((result) => ('error' in result ? result.error : result.command));

  /** Seals another password or login. */
  const connect = async (login: object, secret: string): Promise<{ name: string; handle: string }> => {
    const name = `db-${randomBytes(4).toString('hex')}`;
    const sealed = ['--inject', JSON.stringify({ scheme: 'postgres', password: '{token}', ...login })];
    const where = ['--origin', database.origin, '--server', world.resource, '--method', 'WRITE', '--path', '/shop'];
    const by = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const args = ['connect', name, ...where, ...by, ...sealed];
    return { name, ...(await world.stack.dauth<{ handle: string }>(args, secret)) };
  };

  test('[server.blind] the driver works with a real database, and no password is in its process', async () => {
    const results = await sql(
      ...(['WRITE', 'SELECT current_user AS who, current_database() AS what'] as const),
      'CREATE TABLE item (id int PRIMARY KEY)',
      'BEGIN; INSERT INTO item VALUES (1); INSERT INTO item VALUES (2); COMMIT',
      '$ SELECT id FROM item WHERE id = $1',
      'SELECT * FROM item WHERE nothing',
      `SELECT '${ROLES[0]!.password}' AS echo, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
    );
    assert.deepEqual(results[0], { rows: [{ who: 'app', what: 'shop' }], command: 'SELECT' });
    assert.deepEqual(results[3], { rows: [{ id: 1 }], command: 'SELECT' });
    assert.deepEqual(codes(results.slice(4, 5)), ['42703'], "an error of the server is the driver's to read");
    assert.deepEqual(results[5], {
      rows: [{ echo: '*'.repeat(ROLES[0]!.password.length), ssl: true }],
      command: 'SELECT',
    });
  });

  test('[dispatch.bound] nothing that SQL can say makes a session write that may only read', async (t) => {
    const why = unread();
    if (why !== false) return t.skip(why);
    const off = "set_config('transaction_read_only', 'off', false)";
    const tries = [
      'INSERT INTO item VALUES (3)',
      'SET default_transaction_read_only = off',
      'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
      'INSERT INTO item VALUES (3)',
      'BEGIN READ WRITE',
      'INSERT INTO item VALUES (3)',
      'COMMIT; BEGIN READ WRITE; INSERT INTO item VALUES (3); COMMIT',
      `SELECT ${off}`,
      `DO $$ BEGIN PERFORM ${off}; INSERT INTO item VALUES (3); END $$`,
      'DO $$ BEGIN COMMIT; INSERT INTO item VALUES (3); END $$',
      'BEGIN',
      'COMMIT AND CHAIN',
      'SET TRANSACTION READ WRITE',
      'ROLLBACK AND CHAIN',
      'SET transaction_read_only = off',
      'ROLLBACK',
      'INSERT INTO item VALUES (3)',
      'BEGIN',
      'SAVEPOINT a',
      'ROLLBACK TO a',
      'SET LOCAL transaction_read_only = off',
      'ROLLBACK',
      'CREATE TABLE other (id int)',
      'COPY item FROM STDIN',
      "COPY (SELECT 3) TO PROGRAM 'cat'",
      'WITH x AS (INSERT INTO item VALUES (3) RETURNING 1) SELECT * FROM x',
      'SELECT nextval(pg_get_serial_sequence($$item$$, $$id$$))',
      '$ INSERT INTO item VALUES ($1 + 2)',
      'RESET ALL',
      'DELETE FROM item',
    ];
    const results = await sql('READ', ...tries, 'SELECT count(*) AS n FROM item');
    assert.deepEqual(results.at(-1), { rows: [{ n: '2' }], command: 'SELECT' }, JSON.stringify(results));
    assert.deepEqual(await database.admin('SELECT count(*) AS n FROM pg_class WHERE relname = $$other$$'), [
      { n: '0' },
    ]);
    const refused = ['25006', '25001', '42601', '2D000', '42501', '25P02'];
    const wrote = tries.filter(
      (text, i) => /INSERT|CREATE|DELETE|COPY/.test(text) && !refused.includes(codes(results)[i]!),
    );
    assert.deepEqual(wrote, [], JSON.stringify(results));
  });

  test('[dispatch.bound] a session that only reads is opened by PostgreSQL 16 and later, and by no server before', async () => {
    assert.deepEqual(codes(await sql('READ', 'SELECT 1')), [unread() === false ? 'SELECT' : 'POLICY_DENIED']);
  });

  test('transactions, cursors and errors of a session that reads are what a driver expects', async (t) => {
    const why = unread();
    if (why !== false) return t.skip(why);
    const results = await sql(
      ...(['READ', 'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM item ORDER BY id', 'FETCH 1 FROM c'] as const),
      ...[
        'SELECT 1/0',
        'SELECT 1',
        'ROLLBACK',
        'SELECT 1 AS one',
        'SELECT pg_sleep(0.1)',
        '$ SELECT id FROM item WHERE id = $1',
      ],
    );
    const expected = ['BEGIN', 'DECLARE', 'FETCH', '22012', '25P02', 'ROLLBACK', 'SELECT', 'SELECT', 'SELECT'];
    assert.deepEqual(codes(results), expected, JSON.stringify(results));
  });

  test('[dispatch.bound] a statement ends in its time, also where SQL turned the clock of the server off', async () => {
    for (const mode of unread() === false ? (['READ', 'WRITE'] as const) : (['WRITE'] as const)) {
      const results = await sql(
        mode,
        'SELECT pg_sleep(60)',
        'SET statement_timeout = 0',
        'SELECT pg_sleep(60)',
        'SELECT 1',
      );
      assert.deepEqual(codes(results), ['57014', 'SET', '57014', 'SELECT'], JSON.stringify(results));
    }
  });

  test('a driver stops its own statement over another connection', async () => {
    const [result] = await sql('WRITE', 'cancel SELECT pg_sleep(0.9)');
    assert.deepEqual(codes([result!]), ['57014']);
  });

  test('[dispatch.bound] MD5 logs in where it was sealed, a wrong password nowhere, and neither is told apart by words', async () => {
    await database.admin('GRANT CONNECT ON DATABASE shop TO old');
    const ask = async ({ name, handle }: { name: string; handle: string }): Promise<Result[]> => {
      const other = await world.client({ connections: [handle] });
      const answer = await other.call('sql', { mode: 'WRITE', statements: '["SELECT current_user AS who"]', name });
      await other.stop();
      return JSON.parse(answer) as Result[];
    };
    const old = { user: 'old', auth: ['md5'] };
    assert.deepEqual(await ask(await connect(old, ROLES[1]!.password)), [
      { rows: [{ who: 'old' }], command: 'SELECT' },
    ]);
    assert.deepEqual(codes(await ask(await connect({ user: 'old' }, ROLES[1]!.password))), ['DOWNSTREAM_AUTH_FAILURE']);
    const wrong = await ask(await connect({ user: 'app' }, 'not-the-password-1'));
    assert.deepEqual(codes(wrong), ['DOWNSTREAM_AUTH_FAILURE']);
    assert.equal(JSON.stringify(wrong).includes('authentication failed'), false);
  });

  test('[audit.complete] the journal has every session, how it ended, and no password', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"origin":"${database.origin}"`) && stdout.includes('"session":"cancel"'));
    for (const { password: secret } of ROLES) assert.equal(stdout.includes(secret), false);
  });

  test('[revoke.fast] a connection that is revoked ends the session that runs', async () => {
    // Longer than a command takes on a busy machine; it ends with the revocation, or with the last of them.
    const running = sql('WRITE', ...Array.from({ length: 45 }, () => 'SELECT pg_sleep(0.9)'));
    await world.stack.dauth(['connections', 'revoke', world.handle]);
    assert.equal(codes(await running).at(-1), 'none', 'the session went on');
    assert.deepEqual(codes(await sql('READ', 'SELECT 1')), ['CONNECTION_REVOKED']);
  });
});
