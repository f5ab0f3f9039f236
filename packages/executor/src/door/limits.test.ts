/** Limits at both doors: those sealed with a credential and the operator's rates; what answers say of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertRefused } from '../support/refused.test-support.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { World } from '../support/room.test-support.ts';

const LIMITED = { code: 'RATE_LIMITED', step: 4 } as const;
const said = ({ headers }: Reply) => [headers['ratelimit-policy'], headers.ratelimit, headers['retry-after']];

test('[dispatch.bound] a sealed rate holds at both doors together, and every answer says how it stands', async () => {
  await using world = await World.open();
  const handle = await world.connect({ limits: { rate: { count: 3, seconds: 60 } } });
  const policy = '"dauth-rate";q=3;w=60';
  const first = await world.stream(handle);
  assert.equal(first.status, 200);
  assert.deepEqual(said(first), [policy, '"dauth-rate";r=2;t=62', undefined]);
  assert.deepEqual(said(await world.dispatch(handle)), [policy, '"dauth-rate";r=1;t=62', undefined]);
  await assertRefused(world, () => world.stream(handle, '/admin'), { code: 'POLICY_DENIED', step: 4 });
  await world.stream(handle);
  let last!: Reply;
  await assertRefused(world, async () => (last = await world.stream(handle)), { ...LIMITED, says: /rate sealed with/ });
  assert.deepEqual([last.status, ...said(last)], [429, policy, '"dauth-rate";r=0;t=62', '62']);
  await assertRefused(world, async () => (last = await world.dispatch(handle)), LIMITED);
  assert.deepEqual(said(last), [policy, '"dauth-rate";r=0;t=62', '62']);
  assert.equal((await world.stream(await world.connect())).headers.ratelimit, undefined);
  world.clock.ms += 63_000;
  await world.change();
  assert.equal((await world.stream(handle)).status, 200);
});

test('an upstream that says its own limits is heard beside ours', async () => {
  await using world = await World.open();
  const handle = await world.connect({ limits: { budget: { count: 5, seconds: 3_600 } } });
  world.answer = () => ({ headers: [['ratelimit', '"theirs";r=9;t=1']] });
  const path = `/connections/${handle}/user`;
  const headers = ['Host', 'executor.example', ...world.headers('GET', path, world.token(handle))];
  const [response] = (await once(
    get({ host: '127.0.0.1', port: world.port, path, headers: headers as never }),
    'response',
  )) as [IncomingMessage];
  response.resume();
  const { rawHeaders } = response;
  const lines = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1] === 'ratelimit');
  assert.equal(lines[0], '"theirs";r=9;t=1');
  assert.match(lines[1] ?? '', /^"dauth-budget";r=4;t=\d+$/);
});

test('[dispatch.bound] rate and budget hold over a restart', async () => {
  const data = mkdtempSync(join(tmpdir(), 'dauth-limits-'));
  try {
    const limits = { rate: { count: 2, seconds: 60 } };
    const spent = { budget: { count: 2, seconds: 86_400 } };
    const first = await World.open({ data });
    const [rated, budgeted] = [await first.connect({ limits }), await first.connect({ limits: spent })];
    for (const handle of [rated, rated, budgeted, budgeted]) assert.equal((await first.stream(handle)).status, 200);
    await assertRefused(first, () => first.stream(budgeted), { ...LIMITED, says: /budget sealed with/ });
    const stored = [first.authority.stored.get(rated)!, first.authority.stored.get(budgeted)!];
    await first.stop();
    await using second = await World.open({ data, atMs: first.clock.ms + 5_000 });
    for (const [at, handle] of [rated, budgeted].entries()) {
      second.authority.stored.set(handle, stored[at]!);
      await assertRefused(second, () => second.stream(handle), LIMITED);
    }
  } finally {
    rmSync(data, { recursive: true });
  }
});

test("[dispatch.bound] the operator's rates hold for each connection, owner and organisation besides", async () => {
  const rates = { connection: { count: 2, seconds: 60 }, owner: { count: 3, seconds: 60 } };
  await using world = await World.open({ config: { rules: { rates } } });
  const [a, b] = [await world.connect(), await world.connect({ limits: { rate: { count: 9, seconds: 60 } } })];
  const reply = await world.stream(b);
  assert.match(reply.headers.ratelimit ?? '', /^"dauth-rate";r=8;t=\d+, "dauth-operator-connection";r=1;t=\d+, /);
  await world.stream(a);
  await world.stream(a);
  await assertRefused(world, () => world.stream(a), { ...LIMITED, says: /operator's rate for each connection/ });
  await assertRefused(world, () => world.stream(b), { ...LIMITED, says: /operator's rate for each owner/ });
});
