/** What was acknowledged is on disk: seen in the system calls, and after `kill -9`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeTempDir, run, start } from '../support/process.ts';
import { isDurableBefore, readTrace, underStrace, whyNoStrace } from '../support/strace.ts';
import { startStack, type Ready } from '../world/stack.ts';

const DAUTH = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const CONNECT = ['connect', 'kept', '--origin', 'https://api.example', '--server', 'https://mcp.example/mcp'];

suite('durability', { timeout: 180_000 }, () => {
  test(
    '[crash.safe] the database is synced before a stored connection is acknowledged',
    { skip: whyNoStrace() },
    async () => {
      await using dir = await makeTempDir();
      const data = join(dir.path, 'data');
      const log = join(dir.path, 'trace');
      const stack = await start({
        ...underStrace(log, process.execPath, [DAUTH, 'start', '--data', data, '--port', '0', '--json']),
        isReady: (line) => line.startsWith('{"event":"ready"'),
        readyMs: 90_000,
      });
      const ended = await run({
        file: process.execPath,
        args: [DAUTH, ...CONNECT, '--data', data, '--json'],
        input: 'a secret value',
      });
      assert.equal(ended.code, 0, ended.stderr);
      process.kill((JSON.parse(stack.readyLine) as Ready).pids.authority, 'SIGTERM');
      await stack.exited;
      assert.ok(isDurableBefore(await readTrace(log), { file: 'authority.db-wal', answer: 'HTTP/1.1 201' }));
    },
  );

  test(
    '[crash.safe] the database is synced before a token, a rotation and a revocation are acknowledged',
    { skip: whyNoStrace() },
    async () => {
      await using dir = await makeTempDir();
      const data = join(dir.path, 'data');
      const log = join(dir.path, 'trace');
      const stack = await start({
        ...underStrace(log, process.execPath, [DAUTH, 'start', '--data', data, '--port', '0', '--json']),
        isReady: (line) => line.startsWith('{"event":"ready"'),
        readyMs: 90_000,
      });
      const dauth = async (args: readonly string[], input = ''): Promise<string> => {
        const ended = await run({ file: process.execPath, args: [DAUTH, ...args, '--data', data, '--json'], input });
        assert.equal(ended.code, 0, ended.stderr);
        return ended.stdout;
      };
      const { handle } = JSON.parse(await dauth(CONNECT, 'a secret value')) as { handle: string };
      await dauth(['connections', 'rotate', handle], 'another value');
      await dauth(['connections', 'revoke', handle]);
      process.kill((JSON.parse(stack.readyLine) as Ready).pids.authority, 'SIGTERM');
      await stack.exited;
      const trace = await readTrace(log);
      // Each is said by no other answer; strace prints a quote as \".
      for (const answer of ['pragma: no-cache', '\\"ver\\":2', '\\"status\\":\\"revoked\\"'])
        assert.ok(isDurableBefore(trace, { file: 'authority.db-wal', answer }), answer);
    },
  );

  test('[crash.safe] a connection survives kill -9 right after its answer', async () => {
    await using dir = await makeTempDir();
    const first = await startStack({ dir: dir.path });
    const { handle } = await first.dauth<{ handle: string }>(CONNECT, 'a secret value');
    for (const pid of Object.values(first.ready.pids)) process.kill(pid, 'SIGKILL');
    await first.process.exited;
    const second = await startStack({ dir: dir.path });
    try {
      assert.equal((await second.dauth<{ handle: string }>(['connections', 'get', handle])).handle, handle);
      assert.equal(second.ready.executor_identity, first.ready.executor_identity);
    } finally {
      await second.stop();
    }
  });
});
