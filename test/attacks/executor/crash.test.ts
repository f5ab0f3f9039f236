/**
 * Whoever may signal the executor, or finds what its crash left behind (SECURITY.md, attacker 7 without its last step): signals,
 * the inspector, reports, snapshots and core dumps. Each is closed, or empty of what has to be in memory: the opening key.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { proves } from '../../claims.ts';
import { findSecret } from '../../support/encodings.ts';
import { makeTempDir } from '../../support/process.ts';
import { readOpeningKey } from '../../world/opening-key.ts';
import { startStack, type Stack } from '../../world/stack.ts';

const READ_FROM_PROC = process.platform === 'linux' ? false : 'Only Linux shows limits and core dumps in /proc.';

describe('what a crash of the executor leaves', { timeout: 240_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let key: Buffer;
  let pid: number;
  /** A stack for one crash. Not by hooks, which a test that skips itself does not run. */
  async function withStack(body: () => Promise<void>): Promise<void> {
    dir = await makeTempDir();
    stack = await startStack({ dir: join(dir.path, 'stack') });
    try {
      key = await readOpeningKey(stack);
      pid = stack.ready.pids.executor;
      await body();
    } finally {
      await stack.stop();
      await dir[Symbol.asyncDispose]();
    }
  }

  const proc = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'latin1');
  /** The node process itself: the one that is told of may be its launcher. */
  function executorPid(): number {
    const children = (of: number): number[] =>
      readFileSync(`/proc/${of}/task/${of}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
    const [child] = children(pid);
    return child ?? pid;
  }
  const listening = (of: number): readonly string[] => {
    const inodes = new Set(
      readdirSync(`/proc/${of}/fd`).flatMap((fd) => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${of}/fd/${fd}`))?.[1] ?? [];
        } catch {
          return [];
        }
      }),
    );
    const lines = [`/proc/${of}/net/tcp`, `/proc/${of}/net/tcp6`].flatMap((file) =>
      readFileSync(file, 'latin1').split('\n'),
    );
    return lines.flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      return fields[3] === '0A' && inodes.has(fields[9] ?? '') ? [fields[1]!] : [];
    });
  };
  const CRASH_FILE = /^(?:core(?:\.|$)|report\.|Heap|isolate|.*\.(?:heapsnapshot|heapprofile|cpuprofile|log$))/;
  const leftIn = (directory: string): readonly string[] =>
    readdirSync(directory)
      .filter((name) => CRASH_FILE.test(name))
      .map((name) => join(directory, name));

  async function crash(signal: NodeJS.Signals): Promise<readonly string[]> {
    pid = executorPid();
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    const [before, places] = [new Set(leftIn(cwd)), [cwd, stack.ready.data, join(stack.ready.data, 'executor')]];
    process.kill(pid, signal);
    await ended();
    return places.flatMap(leftIn).filter((path) => !before.has(path));
  }
  async function ended(): Promise<void> {
    for (let at = 0; at < 600; at++) {
      try {
        if (/^State:\s+Z/m.test(proc('status'))) return;
      } catch {
        return;
      }
      await sleep(50);
    }
    assert.fail('it did not end');
  }

  proves(
    'memory.clean',
    'no signal opens a debugger, and its command line, environment and limits hold and allow nothing',
    () =>
      withStack(async () => {
        pid = executorPid();
        const before = listening(pid);
        assert.ok(before.length > 0, 'control: it listens');
        for (let at = 0; at < 3; at++) process.kill(pid, 'SIGUSR1');
        await sleep(1_000);
        assert.equal((await fetch(`${stack.ready.executor}/readyz`)).status, 200, 'it lives');
        assert.deepEqual(listening(pid), before);
        assert.doesNotMatch(stack.process.stderr(), /Debugger|inspector/i);
        assert.match(proc('limits'), /^Max core file size\s+0\s+0\s/m);
        assert.match(proc('coredump_filter'), /^0+\n$/);
        for (const file of ['cmdline', 'environ']) assert.deepEqual(findSecret(proc(file), key), []);
      }),
    { skip: READ_FROM_PROC },
  );

  for (const signal of ['SIGUSR2', 'SIGQUIT', 'SIGABRT', 'SIGSEGV'] as const) {
    proves(
      'memory.clean',
      `${signal} ends it, and leaves no core, report or snapshot`,
      () =>
        withStack(async () => {
          assert.deepEqual(await crash(signal), []);
          assert.deepEqual(findSecret(stack.process.stderr() + stack.process.stdout(), key), []);
        }),
      { skip: READ_FROM_PROC },
    );
  }

  proves(
    'memory.clean',
    'a core dump that a system makes all the same holds no memory',
    async (t) => {
      await using here = await makeTempDir();
      const secret = randomBytes(32);
      if (!(await dumpsMemory(here.path, 'control', secret, '')))
        return t.skip('This system writes no core into the directory of a process.');
      assert.equal(await dumpsMemory(here.path, 'filtered', secret, NO_MEMORY), false);
    },
    { skip: READ_FROM_PROC },
  );
});

/** As the launch script has it; what it comes to is read from the executor above. */
const NO_MEMORY = 'echo 0 > /proc/self/coredump_filter;';

/** Whether a process that holds `secret` and may dump all it likes leaves it in a core dump beside it. */
async function dumpsMemory(path: string, name: string, secret: Buffer, first: string): Promise<boolean> {
  const directory = join(path, name);
  mkdirSync(directory);
  writeFileSync(join(directory, 'secret'), secret);
  const script = "globalThis.s = require('node:fs').readFileSync('secret'); setTimeout(() => process.abort(), 200)";
  const command = `${first} ulimit -c unlimited && exec "$@"`;
  const child = spawn('/bin/sh', ['-c', command, 'sh', process.execPath, '-e', script], {
    cwd: directory,
    stdio: 'ignore',
  });
  await once(child, 'exit');
  const cores = readdirSync(directory).filter((file) => file.startsWith('core'));
  return cores.some((core) => readFileSync(join(directory, core)).includes(secret));
}
