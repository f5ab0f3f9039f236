/** `dauth start` and `dauth serve` as a person meets them: real rooms, a real environment, and what stands on stderr. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { environment } from './authority.test-support.ts';

const DAUTH = fileURLToPath(new URL('./main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'dauth-start-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const PROXY = 'http://canary:pass@127.0.0.1:1';
const LOOPBACK = join(dir, 'loopback.yaml');
writeFileSync(LOOPBACK, 'executor: { upstream: { dangerouslyAllowLoopback: true } }\n');
const SERVED = join(dir, 'executor.yaml');
const base = 'http://127.0.0.1:1';
writeFileSync(
  SERVED,
  JSON.stringify({
    ...{ listen: { host: '127.0.0.1', port: 0 }, resource: base, issuer: base, data: join(dir, 'served') },
    upstream: {},
  }),
);

/** Starts, waits until it said `until`, looks, and stops it. @returns all it said on both streams */
async function said(
  args: readonly string[],
  env: Record<string, string>,
  until: string,
  look: (text: string) => void = () => undefined,
): Promise<string> {
  const child = spawn(process.execPath, [DAUTH, ...args], {
    ...{ cwd: dir, env: environment(dir, env), stdio: ['ignore', 'pipe', 'pipe'] },
  });
  const ended = once(child, 'exit');
  let text = '';
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.includes(until) && text.endsWith('\n')) resolve();
      });
    }
  });
  try {
    await Promise.race([ready, ended.then(() => assert.fail(`ended before it said "${until}": ${text}`))]);
    look(text);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
  return text;
}

const STOP = 'Ctrl-C';
const start = (name: string, ...more: string[]) => ['start', '--port', '0', '--data', join(dir, name), ...more];

test('the banner of dauth start says in plain words what the isolation is worth', async () => {
  const software = await said(start('software'), {}, STOP);
  assert.match(software, /^DAuth is running$/m);
  assert.match(
    software,
    /^ {2}isolation {2}software isolation: no hardware root; root, or any program of this user, can read the opening key$/m,
  );
  const development = await said(start('development', '--config', LOOPBACK), {}, STOP);
  assert.match(
    development,
    /^ {2}isolation {2}DEVELOPMENT: a dangerous switch is on; do not seal real credentials here$/m,
  );
});

const NOT_USED =
  'HTTPS_PROXY, all_proxy are set and not used: no room is given a proxy, and the executor connects to the address it ' +
  'checked and to nothing else.\n';

/** What Linux says a process was started with; elsewhere the executor's own refusal is all there is. */
function assertNoProxy(pid: number): void {
  const path = `/proc/${pid}/environ`;
  if (existsSync(path)) assert.doesNotMatch(readFileSync(path, 'utf8'), /proxy/i);
}

test('[dispatch.bound] a proxy of the environment reaches no room, and dauth start and dauth serve say so', async () => {
  const env = { HTTPS_PROXY: PROXY, all_proxy: PROXY };
  const started = await said(start('proxied', '--json'), env, '{"event":"ready"', (text) => {
    const { pids } = JSON.parse(/^\{"event":"ready".*$/m.exec(text)![0]) as { pids: Record<string, number> };
    for (const pid of [pids.authority!, pids.executor!]) assertNoProxy(pid);
  });
  assert.ok(started.includes(NOT_USED), started);
  const served = await said(['serve', 'executor', '--config', SERVED], env, '{"event":"listening"', (text) => {
    assertNoProxy((JSON.parse(/^\{"event":"listening".*$/m.exec(text)![0]) as { pid: number }).pid);
  });
  assert.ok(served.includes(NOT_USED), served);
  for (const text of [started, served]) assert.doesNotMatch(text, /canary/, 'no value of a variable is said');
});

for (const [name, why] of [
  ['NODE_TLS_REJECT_UNAUTHORIZED', 'DAuth does not start where TLS checks may be off.'],
  ['NODE_USE_ENV_PROXY', 'DAuth does not start where Node is told to use a proxy.'],
] as const) {
  test(`[dispatch.bound] ${name} ends dauth start and dauth serve with exit 2 and what to unset`, () => {
    for (const [args, command] of [
      [start('refused'), 'start'],
      [['serve', 'executor', '--config', SERVED], 'serve executor --config FILE'],
      [['serve', 'authority', '--config', SERVED], 'serve authority --config FILE'],
    ] as const) {
      const env = environment(dir, { [name]: '0' });
      const { status, stdout, stderr } = spawnSync(process.execPath, [DAUTH, ...args], {
        ...{ cwd: dir, env, encoding: 'utf8', timeout: 60_000 },
      });
      assert.deepEqual([status, stdout], [2, '']);
      assert.ok(stderr.includes(`${name} is set; ${why}`), stderr);
      assert.ok(stderr.includes(`Unset it: env -u ${name} dauth ${command}`), stderr);
      assert.equal(existsSync(join(dir, 'refused')), false, 'nothing was made');
    }
  });
}

test('[dispatch.bound] what an operator says in a variable is never ignored: a room alone ends with exit 2 and what to do', () => {
  for (const [room, ...names] of [
    ['executor', 'DAUTH_EXECUTOR_RULES'],
    ['authority', 'DAUTH_AUTHORITY_BEARER_EXCEPTION', 'DAUTH_EXECUTOR_FOO'],
  ] as const) {
    const env = environment(dir, Object.fromEntries(names.map((name) => [name, 'canary'])));
    const { status, stdout, stderr } = spawnSync(process.execPath, [DAUTH, 'serve', room, '--config', SERVED], {
      ...{ cwd: dir, env, encoding: 'utf8', timeout: 60_000 },
    });
    assert.deepEqual([status, stdout], [2, '']);
    const are = names.length === 1 ? 'is' : 'are';
    assert.ok(stderr.includes(`${names.join(', ')} ${are} set; a room alone is configured by its file`), stderr);
    assert.doesNotMatch(stderr, /canary/, 'no value of a variable is said');
  }
});
