/** Somebody looks: at every wire, at the database, and at the memory of every process, while the stack works. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { proves } from '../claims.ts';
import { describeScan, isClean, scanMemory, startControl } from '../support/memscan.ts';
import { makeTempDir } from '../support/process.ts';
import { readOpeningKey } from '../world/opening-key.ts';
import { startWorld, type McpClient, type World } from '../world/world.ts';

const CALLS = 40;

describe('looking at everything', { timeout: 180_000 }, () => {
  let world: World;
  let client: McpClient;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({ dir: dir.path });
    client = await world.client();
    for (let i = 0; i < CALLS; i++) await client.call('my_login');
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  proves(
    'seal.client-only',
    'without the pinned executor identity nothing is sealed or sent, and the exit code is 3',
    async () => {
      const wrong = 'A'.repeat(43);
      const args = [
        'connect',
        'unpinned',
        '--origin',
        'https://api.example',
        '--server',
        world.resource,
        '--executor-identity',
        wrong,
      ];
      const ended = await world.stack.tryDauth(args, 'canary');
      assert.equal(ended.code, 3);
      assert.equal(
        (JSON.parse(ended.stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code,
        'UNTRUSTED_EXECUTOR',
      );
      const names = (await world.stack.dauth<{ name: string }[]>(['connections', 'ls'])).map((row) => row.name);
      assert.equal(names.includes('unpinned'), false);
    },
  );

  proves(
    ['memory.clean', 'authority.blind', 'server.blind'],
    'one second after calls no process holds the credential, in any encoding',
    async (t) => {
      for (let i = 0; i < CALLS; i++) await client.call('my_login');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const token = Buffer.from(world.token);
      await using control = await startControl(token);
      const { pids } = world.stack.ready;
      const results = await scanMemory({
        secrets: [{ name: 'token', bytes: token }],
        processes: [
          { name: 'control', pid: control.pid },
          { name: 'authority', pid: pids.authority },
          { name: 'executor', pid: pids.executor },
          { name: 'MCP server', pid: world.server.pid },
          { name: 'MCP client', pid: client.pid },
        ],
      });
      const unchecked = results.find((result) => result.state === 'NOT CHECKED');
      if (unchecked !== undefined) {
        t.skip(describeScan(unchecked));
        return;
      }
      const [planted, ...others] = results;
      assert.equal(isClean(planted!), false, 'control: the planted copy is found');
      for (const result of others) assert.equal(isClean(result), true, describeScan(result));
    },
  );

  proves(
    ['memory.clean', 'authority.blind', 'server.blind'],
    'the key that opens is in the executor and in no other process, in any encoding',
    async (t) => {
      const { pids } = world.stack.ready;
      const results = await scanMemory({
        secrets: [{ name: 'opening key', bytes: await readOpeningKey(world.stack) }],
        processes: [
          { name: 'executor', pid: pids.executor },
          { name: 'authority', pid: pids.authority },
          { name: 'dauth start', pid: world.stack.process.pid },
          { name: 'MCP server', pid: world.server.pid },
          { name: 'MCP client', pid: client.pid },
        ],
      });
      const unchecked = results.find((result) => result.state === 'NOT CHECKED');
      if (unchecked !== undefined) return t.skip(describeScan(unchecked));
      const [executor, ...others] = results;
      assert.equal(isClean(executor!), false, 'control: the executor holds the key it opens with');
      for (const result of others) assert.equal(isClean(result), true, describeScan(result));
    },
  );
});
