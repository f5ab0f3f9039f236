/** Rows whose reading is shared: always what the row says now, the same as from any other query, and nobody's to change. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, reseal } from '../sealed.test-support.ts';
import { makeSigner } from '../signer.test-support.ts';
import { makeWorld } from '../world.test-support.ts';
import { openDatabase, type Database } from './driver.ts';
import type { Grant } from './grants.ts';
import { CLIENT_DEFAULTS, type Client } from './registry.ts';
import { openStore, type Store } from './store.ts';

const NOW = 1_000;
const { jwk, jkt } = makeSigner();
const CLIENT: Client = {
  ...{ ...CLIENT_DEFAULTS, client_id: 'one', name: 'Zoë "\\\u{1f600}"', jwk, jkt, grants: ['client_credentials'] },
  ...{ redirect_uris: ['http://127.0.0.1/'], owner: 'ada', org: 'default', scopes: ['a', 'b'], created_at: NOW },
};
const SERVER = {
  resource: 'https://mcp.example/mcp',
  client_id: 'one',
  scopes: ['a'],
  org: 'default',
  created_at: NOW,
};
const GRANT: Grant = {
  ...{ id: 'given', kind: 'client', owner: 'ada', org: 'default', client_id: 'one', resource: SERVER.resource },
  ...{ scopes: ['a'], details: null, expires_at: NOW + 10, created_at: NOW },
};

/** A store, and another process' connection to the same file. */
async function open(): Promise<{ store: Store; other: Database } & Disposable> {
  const dir = mkdtempSync(join(tmpdir(), 'dauth-remembered-'));
  const store = await openStore(join(dir, 'a.db'), () => NOW);
  const other = await openDatabase(join(dir, 'a.db'));
  store.transaction(() => {
    store.registry.putClient(CLIENT);
    store.registry.addServer(SERVER);
    store.grants.add(GRANT);
  });
  const end = (): void => {
    other.close();
    store.close();
    rmSync(dir, { recursive: true });
  };
  return { store, other, [Symbol.dispose]: end };
}

test('what is remembered is what any other query makes of the row', async () => {
  using opened = await open();
  const { registry, grants } = opened.store;
  for (let time = 0; time < 2; time++) {
    assert.deepEqual(registry.client('one'), CLIENT);
    assert.deepEqual(registry.client('one'), registry.clients()[0]);
    assert.deepEqual(registry.server(SERVER.resource), registry.servers()[0]);
    assert.deepEqual(grants.find(GRANT, NOW), grants.get('given'));
  }
  assert.equal(registry.client('one'), registry.client('one'));
  const other: Client = { ...CLIENT, client_id: 'two', auth: 'none', jwk: null, jkt: null, owner: null, scopes: null };
  registry.putClient(other);
  assert.deepEqual(registry.client('two'), other);
  assert.deepEqual(registry.client('one'), CLIENT);
  assert.equal(registry.client('three'), undefined);
});

test('[token.bound] a client, a server and a grant are what their rows say now, whoever wrote them', async () => {
  using opened = await open();
  const { store, other } = opened;
  const { registry, grants } = store;
  const seen = () => [
    registry.client('one')?.scopes,
    registry.client('one')?.dpop_nonces,
    registry.server(SERVER.resource)?.scopes,
    grants.find(GRANT, NOW)?.scopes,
  ];
  assert.deepEqual(seen(), [['a', 'b'], false, ['a'], ['a']]);
  registry.putClient({ ...CLIENT, scopes: ['a'] });
  assert.deepEqual(seen(), [['a'], false, ['a'], ['a']]);
  other.run('UPDATE clients SET nonces = 1');
  other.run(`UPDATE servers SET scopes = '["c"]'`);
  other.run(`UPDATE grants SET scopes = '[]'`);
  assert.deepEqual(seen(), [['a'], true, ['c'], []]);
  assert.equal(grants.find(GRANT, NOW + 10), undefined, 'it has ended');
  store.changes.revoke('grant', 'given', NOW);
  assert.equal(grants.find(GRANT, NOW), undefined, 'it was revoked');
  // And back: what was made of that text before is true again.
  registry.putClient(CLIENT);
  other.run(`DELETE FROM servers`);
  assert.deepEqual(seen(), [['a', 'b'], false, undefined, undefined]);
});

test('[token.bound] what is remembered of one row is nothing that its reader can change for others', async () => {
  using opened = await open();
  const { registry, grants } = opened.store;
  const client = registry.client('one')!;
  assert.throws(() => (client.scopes as string[]).push('dauth:admin'), TypeError);
  assert.throws(() => ((client as { name: string }).name = 'another'), TypeError);
  assert.throws(() => (registry.server(SERVER.resource)!.scopes as string[]).push('z'), TypeError);
  assert.throws(() => (grants.find(GRANT, NOW)!.scopes as string[]).push('z'), TypeError);
});

test('[token.bound] a policy is that of the version it is asked for, and nobody changes it for others', async () => {
  const world = await makeWorld();
  const { client, sealed } = await connect(world);
  const { connections } = world.store;
  const { handle, ver } = sealed.policy;
  for (let time = 0; time < 2; time++) assert.deepEqual({ ...connections.policy(handle, ver) }, sealed.policy);
  assert.equal(connections.policy(handle, ver + 1), undefined);
  const next = reseal(world, sealed, client.key, { servers: ['https://other.example/mcp'] });
  const stored = connections.envelope(handle, ver)!;
  assert.equal(connections.rotate({ ...stored, ver: ver + 1, envelope: next.envelope }, world.clock.now), true);
  assert.equal(connections.policy(handle, ver), undefined);
  assert.deepEqual(connections.policy(handle, ver + 1)!.servers, ['https://other.example/mcp']);
  assert.throws(
    () => (connections.policy(handle, ver + 1)!.servers as string[]).push('https://evil.example'),
    TypeError,
  );
});
