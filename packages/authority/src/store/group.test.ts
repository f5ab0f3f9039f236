/** Who writes in the same turn shares a transaction: one sync for all, and still everybody's own whole, and no word before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addClient,
  addServer,
  getToken,
  ISSUER,
  MCP,
  revoke,
  START,
  tokenForm,
  makeWorld,
} from '../world.test-support.ts';
import { dpop } from '../signer.test-support.ts';
import { openDatabase, type Database } from './driver.ts';
import { Group } from './group.ts';

/** Rows of `named` need one of `kept`, which SQLite asks at the commit. */
async function open(): Promise<{ db: Database; group: Group; kept: () => unknown[] }> {
  const db = await openDatabase(':memory:');
  db.exec(`CREATE TABLE kept (id INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE named (id INTEGER NOT NULL REFERENCES kept DEFERRABLE INITIALLY DEFERRED) STRICT`);
  return { db, group: new Group(db), kept: () => db.all('SELECT id FROM kept ORDER BY id').map(({ id }) => id) };
}

const keep = (db: Database, id: number) => () => db.run('INSERT INTO kept VALUES (?)', id);

test('[crash.safe] where a commit fails nobody of it is told that something is stored', async () => {
  const { db, group, kept } = await open();
  const sound = group.run(keep(db, 1));
  const unsound = group.run(() => db.run('INSERT INTO named VALUES (2)'));
  const settled = await Promise.allSettled([sound, unsound]);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(kept(), []);
  assert.equal(await group.run(keep(db, 3)), 1, 'the next group is one of its own');
});

test('[crash.safe] a part that ends the transaction ends it for all, whatever the part says itself', async () => {
  const { db, group, kept } = await open();
  const sound = group.run(keep(db, 1));
  const ending = group.run(() => {
    db.exec('ROLLBACK');
    throw new Error('as on a full disk');
  });
  const after = group.run(keep(db, 2));
  for (const each of [sound, ending, after]) await assert.rejects(each, /ended before all of it was done/);
  assert.deepEqual(kept(), []);
});

test('[token.bound] what is refused leaves nothing behind, and takes nothing of the others with it', async () => {
  const { db, group, kept } = await open();
  const refusal = new Error('refused');
  const refused = group.run(() => {
    keep(db, 2)();
    throw refusal;
  });
  const [one, two, three] = await Promise.allSettled([group.run(keep(db, 1)), refused, group.run(keep(db, 3))]);
  assert.deepEqual([one.status, three.status], ['fulfilled', 'fulfilled']);
  assert.equal(two.status === 'rejected' && two.reason, refusal);
  assert.deepEqual(kept(), [1, 3]);
});

test('what is ready in one turn is one transaction, of 64 at most', async () => {
  const { db, group, kept } = await open();
  let transactions = 0;
  const transaction = db.transaction.bind(db);
  db.transaction = (body, isKept) => {
    transactions += 1;
    return transaction(body, isKept);
  };
  const ids = Array.from({ length: 65 }, (_, id) => id);
  await Promise.all(ids.map((id) => group.run(keep(db, id))));
  assert.equal(transactions, 2);
  assert.deepEqual(kept(), ids);
});

test('[token.bound] of equal requests that come at once one gets a token', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const proof = dpop(client.key, { htm: 'POST', htu: `${ISSUER}/token`, iat: START });
  const body = tokenForm(world, client, { resource: MCP });
  const ask = () => world.app.request('/token', { method: 'POST', headers: { dpop: proof }, body });
  const answers = await Promise.all([ask(), ask(), ask(), ask()]);
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 401, 401, 401],
  );
});

test('[revoke.fast] a client that is revoked while others are answered is no client any more', async () => {
  const world = await makeWorld();
  const server = await addServer(world);
  const { access_token: token } = await getToken(world, await addClient(world), { resource: MCP });
  const ask = async (): Promise<Response> =>
    world.app.request('/introspect', { method: 'POST', body: tokenForm(world, server, { token }) });
  assert.equal((await ask()).status, 200);
  const grouped = world.store.grouped.bind(world.store);
  world.store.grouped = (body) => {
    revoke(world, 'client', server.id);
    return grouped(body);
  };
  assert.equal((await ask()).status, 401);
});

test('[token.bound] a client whose mark is taken away while others are answered gets no token without a key any more', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world, { dpop_bound_access_tokens: false });
  const ask = async (): Promise<Response> =>
    world.app.request('/token', { method: 'POST', body: tokenForm(world, client, { resource: MCP }) });
  assert.equal((await ask()).status, 200);
  const grouped = world.store.grouped.bind(world.store);
  world.store.grouped = (body) => {
    const { registry } = world.store;
    registry.putClient({ ...registry.client(client.id)!, dpop_bound_access_tokens: true });
    return grouped(body);
  };
  assert.equal((await ask()).status, 400);
});

test('where all are refused nothing is written', async () => {
  const { db, group, kept } = await open();
  const ran: string[] = [];
  const run = db.run.bind(db);
  db.run = (sql, ...values) => {
    ran.push(sql);
    return run(sql, ...values);
  };
  const refused = Array.from({ length: 2 }, (_, id) =>
    group.run(() => {
      keep(db, id)();
      throw new Error('refused');
    }),
  );
  for (const each of refused) await assert.rejects(each, /refused/);
  assert.equal(ran.at(-1), 'ROLLBACK');
  assert.deepEqual(kept(), []);
});
