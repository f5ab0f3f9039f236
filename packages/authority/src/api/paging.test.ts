/** Lists that go on: each page says where the next one starts, and none is larger than a reader can take. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { CLIENT_DEFAULTS } from '../store/registry.ts';
import { makeSigner } from '../signer.test-support.ts';
import { addClient, call, makeWorld, MCP, START, type World } from '../world.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { connect } from '../sealed.test-support.ts';

interface Page {
  readonly items: readonly Record<string, unknown>[];
  readonly next: string | null;
}

async function readAll(world: World, path: string, party = world.operator): Promise<readonly Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)!.next) {
    const answer = await call(
      world,
      party,
      'GET',
      cursor === '' ? path : `${path}?cursor=${encodeURIComponent(cursor)}`,
    );
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    pages.push(JSON.parse(text) as Page);
  }
  return pages;
}

/** Registrations as 120 requests would leave them, most of them in one second. */
function fill(world: World, put: (n: number, created_at: number) => void): void {
  world.store.transaction(() => {
    for (let n = 0; n < 120; n++) put(n, START + (n > 90 ? 1 : 0));
  });
}

test('clients come a hundred a page, each once, in the order they were registered', async () => {
  const world = await makeWorld();
  const { jwk, jkt } = makeSigner();
  const client = { ...CLIENT_DEFAULTS, name: 'n', jwk, jkt, grants: [], owner: null, org: 'default', scopes: null };
  fill(world, (n, created_at) => world.store.registry.putClient({ ...client, client_id: `c${n}`, created_at }));
  const pages = await readAll(world, '/clients');
  assert.deepEqual(
    pages.map(({ items }) => items.length),
    [100, 22],
  );
  assert.equal(new Set(pages.flatMap(({ items }) => items.map((item) => item.client_id))).size, 122);
});

test('servers come a hundred a page, each once', async () => {
  const world = await makeWorld();
  const { jwk, jkt } = makeSigner();
  const client = { ...CLIENT_DEFAULTS, name: 'n', jwk, jkt, grants: [], owner: null, org: 'default', scopes: null };
  fill(world, (n, created_at) => {
    world.store.registry.putClient({ ...client, client_id: `c${n}`, created_at });
    const server = { resource: `https://s${n}.example`, client_id: `c${n}`, scopes: [], org: 'default', created_at };
    world.store.registry.addServer(server);
  });
  const pages = await readAll(world, '/servers');
  assert.deepEqual(
    pages.map(({ items }) => items.length),
    [100, 20],
  );
  assert.equal(new Set(pages.flatMap(({ items }) => items.map((item) => item.resource))).size, 120);
});

test("an owner pages through its own grants and never sees another's, also where the row of a cursor is gone", async () => {
  const world = await makeWorld();
  const owner = await addClient(world);
  const by = { kind: 'runner', org: 'default', client_id: 'c', resource: MCP } as const;
  const grant = { ...by, scopes: null, details: null, expires_at: null };
  fill(world, (n, created_at) => {
    world.store.grants.add({ ...grant, id: randomUUID(), owner: owner.id, created_at });
    world.store.grants.add({ ...grant, id: randomUUID(), owner: `other${n}`, created_at });
  });
  const mine = { sub: owner.id };
  const live = (await readAll(world, '/grants', owner)).flatMap(({ items }) => items);
  assert.equal(live.filter((item) => item.kind === 'runner').length, 120);
  assert.deepEqual(new Set(live.map((item) => item.owner)), new Set([mine.sub]));
  const first = await call(world, owner, 'GET', '/grants');
  const { items, next } = (await first.json()) as Page;
  world.store.transaction(() => world.store.changes.revoke('grant', String(items.at(-1)!.id), START));
  const rest = await call(world, owner, 'GET', `/grants?cursor=${encodeURIComponent(next!)}`);
  assert.equal(((await rest.json()) as Page).items.length, live.length - 100);
});

test('a cursor of another form is refused', async () => {
  const world = await makeWorld();
  for (const cursor of ['x', '1.', '.a', '1.a%20b', `1.${'a'.repeat(513)}`]) {
    for (const path of ['/clients', '/servers', '/grants']) {
      const answer = await call(world, world.operator, 'GET', `${path}?cursor=${cursor}`);
      await assertProblem(answer, 400, 'INVALID_REQUEST', /^"cursor" must be the "next" of the page before\.$/);
    }
  }
});

test('a page of journal records ends at 512 KiB and the next one goes on from there', async () => {
  const world = await makeWorld();
  const line = (seq: number) => `${seq} ${'x'.repeat(16_000)}`;
  world.store.transaction(() => {
    for (let seq = 1; seq <= 100; seq++)
      world.store.audit.append(world.identity.jkt, { seq, line: line(seq), hash: 'h' });
  });
  const seen: string[] = [];
  for (let after = 0; seen.length < 100;) {
    const answer = await call(world, world.operator, 'GET', `/audit?after=${after}&limit=1000`);
    const { records, next } = (await answer.json()) as { records: string[]; next: number };
    assert.ok(records.length > 0 && records.join('').length <= 524_288);
    assert.equal(next, after + records.length);
    seen.push(...records);
    after = next;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, n) => line(n + 1)),
  );
});

test('[audit.complete] the operator reads what was done to the authority, newest first, page by page', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  world.store.transaction(() => {
    for (let n = 0; n < 120; n++) {
      const subject = `s${n}`;
      world.store.audit.note({ time: START + n, actor: 'a', asOperator: false, action: 'x', subject });
    }
  });
  const pages = await readAll(world, '/audit/operations');
  assert.deepEqual(
    pages.map(({ items }) => items.length),
    [100, 21],
  );
  assert.deepEqual(Object.keys(pages[0]!.items[0]!), ['id', 'time', 'actor', 'as_operator', 'action', 'subject']);
  assert.deepEqual(
    pages.flatMap(({ items }) => items.map((item) => item.subject)),
    [...Array.from({ length: 120 }, (_, n) => `s${119 - n}`), client.id],
  );
  await assertProblem(await call(world, client, 'GET', '/audit/operations'), 403, 'FORBIDDEN', /dauth:admin/);
});

test("[audit.complete] the operator's look at another owner's connections is noted, an owner's own is not", async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const notes = () => world.store.audit.operations(100).length;
  const before = notes();
  for (const path of ['/connections', `/connections/${sealed.handle}`])
    assert.equal((await call(world, client, 'GET', path)).status, 200);
  assert.equal(notes(), before);
  for (const [path, action, subject] of [
    ['/connections', 'connection.list', '*'],
    [`/connections/${sealed.handle}`, 'connection.get', sealed.handle],
  ] as const) {
    assert.equal((await call(world, world.operator, 'GET', path)).status, 200);
    const [note] = world.store.audit.operations(1);
    assert.deepEqual(note, { time: START, actor: 'operator', asOperator: true, action, subject });
  }
});
