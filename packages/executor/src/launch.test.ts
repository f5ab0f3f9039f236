/** What the launch script starts, and that nothing is made of a configuration that the executor refuses. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const LAUNCH = fileURLToPath(new URL('./launch.js', import.meta.url));

function configIn(t: TestContext): { readonly root: string; readonly data: string; readonly config: object } {
  const root = mkdtempSync(join(tmpdir(), 'dauth-launch-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const data = join(root, 'of', 'executor');
  const urls = { resource: 'http://127.0.0.1:1', issuer: 'http://127.0.0.1:2' };
  return { root, data, config: { listen: { host: '127.0.0.1', port: 0 }, ...urls, data, upstream: {} } };
}

const environment = (json: string): NodeJS.ProcessEnv => ({ DAUTH_RESOLVED_CONFIG: json });

test('the launch script starts an executor that makes its data directory, for its owner alone', async (t) => {
  const { data, config } = configIn(t);
  const child = spawn(process.execPath, [LAUNCH], { env: environment(JSON.stringify(config)) });
  const ended = once(child, 'exit');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [unknown];
  child.kill('SIGTERM');
  assert.match(String(line), /"event":"listening"/);
  assert.deepEqual(await ended, [0, null]);
  assert.equal(statSync(data).mode & 0o777, 0o700);
});

test(
  '[dispatch.bound] no proxy, debugger or key log of the shell reaches the executor',
  { skip: process.platform === 'linux' ? false : 'Only Linux shows environments in /proc.' },
  async (t) => {
    const { config } = configIn(t);
    const proxies = { HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1', NODE_USE_ENV_PROXY: '1' };
    const others = { SSLKEYLOGFILE: '/dev/null', DAUTH_ELSE: 'x' };
    const child = spawn(process.execPath, [LAUNCH], {
      env: { ...environment(JSON.stringify(config)), ...proxies, ...others },
    });
    const ended = once(child, 'exit');
    const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [unknown];
    // Where a proxy got through, the executor would refuse to start.
    assert.match(String(line), /"event":"listening"/);
    const { pid } = JSON.parse(String(line)) as { pid: number };
    const names = readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .map((entry) => entry.split('=', 1)[0]!);
    child.kill('SIGTERM');
    await ended;
    assert.ok(names.includes('DAUTH_RESOLVED_CONFIG'), 'control: it is the environment of the executor');
    assert.deepEqual(
      names.filter((name) => name in proxies || name in others),
      [],
    );
  },
);

const REFUSED: Readonly<Record<string, readonly [change: (config: object) => string, says: RegExp]>> = {
  'that is none': [() => 'no', /JSON/],
  'of nothing': [() => '', /JSON/],
  'without a place': [(config) => JSON.stringify({ ...config, data: undefined }), /data/],
  'whose place is none': [(config) => JSON.stringify({ ...config, data: ['/'] }), /data/],
  'with a member that nobody knows': [
    (config) => JSON.stringify({ ...config, lisen: {} }),
    /has a member that is not defined for it/,
  ],
  'with two places': [(config) => JSON.stringify(config).replace('{', '{"data":"/",'), /duplicate/],
  'that contradicts itself': [
    (config) => JSON.stringify({ ...config, listen: { host: '192.0.2.1', port: 1 } }),
    /"listen\.host" must be a loopback address while "resource" or "node" is http\./,
  ],
};
for (const [what, [change, says]] of Object.entries(REFUSED))
  test(`of a configuration ${what} nothing is made`, (t) => {
    const { root, config } = configIn(t);
    const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCH], {
      env: environment(change(config)),
      encoding: 'utf8',
    });
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    const { event, reason } = JSON.parse(stderr) as { event: string; reason: string };
    assert.equal(event, 'refused');
    assert.match(reason, says);
    assert.deepEqual([existsSync(root), readdirSync(root)], [true, []]);
  });
