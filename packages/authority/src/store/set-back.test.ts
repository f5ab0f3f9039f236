/**
 * A wall clock that is set back revives no token: where the row of its revocation was dropped, every token of that time is as
 * good as revoked, and where it was not, it stays.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { introspect } from '../oauth/asking.test-support.ts';
import { tendChanges } from '../executor/status.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { connect, wish } from '../sealed.test-support.ts';
import { dpop } from '../signer.test-support.ts';
import {
  addServer,
  askToken,
  callWith,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  type World,
} from '../world.test-support.ts';
import { openStore } from './store.ts';

const KEEP = 900;

/** Two looks, as far apart as anything is kept, by a wall clock that shows what it is told. */
function tend({ store, clock }: World, shows = clock.now + KEEP): void {
  store.changes.tend(0, clock.now);
  clock.now = shows;
  store.changes.tend(KEEP * 1_000, clock.now);
}

async function scene() {
  const world = await makeWorld();
  const server = await addServer(world);
  const { client, sealed } = await connect(world);
  const authorization_details = JSON.stringify([wish(sealed.handle)]);
  const forServer = async () => (await getToken(world, client, { resource: MCP, authorization_details })).access_token;
  const forUs = async () =>
    (await getToken(world, client, { resource: ISSUER, scope: 'dauth:connections.read' })).access_token;
  const isActive = async (token: string) => (await introspect(world, server, token)).active;
  const exchange = (token: string) => {
    const subject_dpop = dpop(client.key, { htm: 'POST', htu: MCP, iat: world.clock.now, token });
    const types = { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', resource: EXECUTOR };
    return askToken(world, server, { grant_type: EXCHANGE, subject_token: token, subject_dpop, ...types });
  };
  const list = (token: string) => callWith(world, client.key, token, 'GET', '/connections');
  const end = (...tokens: readonly string[]) => {
    for (const token of tokens) revoke(world, 'token', String(claimsOf(token).jti));
    // The highest revision is never dropped, and its row of `revoked` neither.
    revoke(world, 'owner', 'somebody');
  };
  return { world, forServer, forUs, isActive, exchange, list, end };
}

test('[revoke.fast] a revoked token stays so where the clock is set back after its row was dropped', async () => {
  const { world, forServer, forUs, isActive, exchange, list, end } = await scene();
  const [token, own] = [await forServer(), await forUs()];
  assert.equal(await isActive(token), true);
  assert.equal((await list(own)).status, 200);
  end(token, own);
  tend(world);
  for (const each of [token, own])
    assert.equal(world.store.changes.isRevoked('token', String(claimsOf(each).jti)), false, 'the row is gone');

  world.clock.now = START + 20;
  assert.equal(await isActive(token), false);
  await assertOAuth(await exchange(token), 400, 'invalid_request', 'This access was revoked.');
  assert.equal((await list(own)).status, 401);
  // What is from after that revocation is as good as ever.
  const [next, nextOwn] = [await forServer(), await forUs()];
  assert.equal(await isActive(next), true);
  assert.equal((await exchange(next)).status, 200);
  assert.equal((await list(nextOwn)).status, 200);
});

test('[revoke.fast] of a clock that was set back further nothing is taken, and the log says until when', async () => {
  const { world, forServer, end } = await scene();
  end(await forServer());
  tend(world);
  const events: object[] = [];
  const log = (event: object): void => void events.push(event);
  const at = (now: number) => tendChanges({ store: world.store, log, now: () => now }, KEEP * 1_000);
  at(START + 1);
  assert.deepEqual(events, []);
  at(START - 100);
  assert.deepEqual(events, [{ event: 'clock.set_back', until: START }]);
  assert.ok(world.store.changes.isForgotten(START - 100), 'also a token that would be issued now');
});

test('[revoke.fast] a revocation that lies ahead of the clock is not dropped', async () => {
  const { world, forServer, isActive, end } = await scene();
  const token = await forServer();
  end(token);
  tend(world, START + 20);
  assert.ok(world.store.changes.isRevoked('token', String(claimsOf(token).jti)));
  assert.equal(world.store.changes.forgotten(), 0);
  assert.equal(await isActive(token), false);
});

test('[revoke.fast] until when revocations were dropped outlives a restart, and never goes back', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'dauth-set-back-'));
  try {
    const database = join(dir, 'authority.db');
    const world = await makeWorld({ database });
    revoke(world, 'token', 'token-1');
    revoke(world, 'owner', 'somebody');
    tend(world);
    world.store.close();
    const again = await openStore(database, () => START);
    const { changes } = again;
    assert.deepEqual(
      [changes.forgotten(), changes.isForgotten(START), changes.isForgotten(START + 1)],
      [START, true, false],
    );
    changes.revoke('token', 'token-0', START - 5_000);
    changes.revoke('owner', 'somebody else', START);
    for (const at of [0, KEEP * 1_000]) changes.tend(at, START);
    assert.equal(changes.isRevoked('token', 'token-0'), false);
    assert.equal(changes.forgotten(), START);
    again.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
