/** The examples as a reader runs them: their own files, as processes, against a real stack. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { proves } from '../claims.ts';
import { findSecret } from '../support/encodings.ts';
import { describeScan, isClean, scanMemory, startControl } from '../support/memscan.ts';
import { freePort, run, makeTempDir, start, type Running } from '../support/process.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { readOpeningKey } from '../world/opening-key.ts';
import { startStack, type Stack } from '../world/stack.ts';

const example = (name: string) => fileURLToPath(new URL(`../../../examples/dist/${name}.js`, import.meta.url));

suite('the examples', () => {
  const token = `ghp_${randomBytes(18).toString('hex')}`;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let upstream: Upstream;
  let server: Running;
  let env: Record<string, string>;

  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    upstream = await startUpstream({ leaf: stack.leaf, tokens: { github: token } });
    const port = await freePort();
    const resource = `http://127.0.0.1:${port}/mcp`;
    const { authority, executor, executor_identity } = stack.ready;
    const register = async (name: string) =>
      stack.dauth<{ client_id: string }>([
        'clients',
        'add',
        '--name',
        name,
        '--generate',
        join(dir.path, `${name}.jwk`),
      ]);
    const added = ['servers', 'add', '--resource', resource, '--generate', join(dir.path, 'mcp-server.jwk')];
    await stack.dauth(added);
    const [laptop, device, runner] = [await register('laptop'), await register('device'), await register('runner')];
    const runnerKey = JSON.parse(await readFile(join(dir.path, 'runner.jwk'), 'utf8')) as JWK;
    const connect = ['connect', 'github', '--origin', upstream.origin, '--server', resource];
    const { handle } = await stack.dauth<{ handle: string }>(
      [...connect, '--key', join(dir.path, 'laptop.jwk'), '--client-id', laptop.client_id],
      token,
    );
    env = {
      ...{ DAUTH_ISSUER: authority, DAUTH_EXECUTOR: executor, EXECUTOR_IDENTITY: executor_identity },
      ...{ MCP_RESOURCE: resource, GITHUB_API: upstream.origin, CONNECTION: handle },
      ...{ DEVICE_ID: device.client_id, RUNNER_ID: runner.client_id },
      RUNNER_JKT: await calculateJwkThumbprint(runnerKey),
    };
    server = await serve('protected-server/server', port);
  });
  after(async () => {
    await server?.stop();
    await upstream?.[Symbol.asyncDispose]();
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  const serve = (name: string, port: number) =>
    start({ file: process.execPath, args: [example(name)], cwd: dir.path, env: { ...env, PORT: String(port) } });

  test('the client calls the protected server, whose Octokit runs on the handle', async () => {
    const ended = await run({ file: process.execPath, args: [example('client/client')], cwd: dir.path, env });
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, new RegExp(`octocat`));
  });

  proves(
    ['seal.client-only', 'memory.clean'],
    'an agent runner serves a device with credentials sealed elsewhere and can open nothing',
    async (t) => {
      const port = await freePort();
      const runner = await serve('agent-runner/runner', port);
      try {
        const asking = { ...env, RUNNER_URL: `http://127.0.0.1:${port}/` };
        const args = [example('agent-runner/device')];
        const ended = await run({ file: process.execPath, args, cwd: dir.path, env: asking, input: token });
        assert.equal(ended.code, 0, ended.stderr);
        assert.match(ended.stdout, new RegExp(`octocat`));
        assert.deepEqual(findSecret(Buffer.from(runner.stdout() + runner.stderr()), Buffer.from(token)), []);
        const bad = await fetch(asking.RUNNER_URL, { method: 'POST', body: '{"tool":1}' });
        assert.equal(bad.status, 400);
        await sleep(1_000);
        await using control = await startControl(Buffer.from(token));
        const [planted, executor, looked] = await scanMemory({
          secrets: [
            { name: 'token', bytes: Buffer.from(token) },
            { name: 'opening key', bytes: await readOpeningKey(stack) },
          ],
          processes: [
            { name: 'control', pid: control.pid },
            { name: 'executor', pid: stack.ready.pids.executor },
            { name: 'agent runner', pid: runner.pid },
          ],
        });
        if (looked!.state === 'NOT CHECKED') return t.skip(describeScan(looked!));
        assert.equal(isClean(planted!), false, 'control: the planted copy is found');
        assert.equal(isClean(executor!), false, 'control: the executor holds the key it opens with');
        assert.equal(isClean(looked!), true, describeScan(looked!));
      } finally {
        await runner.stop();
      }
    },
  );

  test('the server before protection runs, so that the difference is the whole difference', async () => {
    const port = await freePort();
    const child = await start({
      file: process.execPath,
      args: [example('protected-server/before')],
      env: {
        ...{ PORT: String(port), GITHUB_API: upstream.origin, GITHUB_TOKEN: token },
        NODE_EXTRA_CA_CERTS: stack.caFile,
      },
    });
    const params = { name: 'whoami', arguments: {} };
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    };
    try {
      const open = await fetch(`http://127.0.0.1:${port}/mcp`, init);
      assert.equal(open.status, 200);
      assert.match(await open.text(), /"content":\[\{"type":"text","text":"octocat"\}\]/);
      const guarded = await fetch(env.MCP_RESOURCE!, init);
      assert.equal(guarded.status, 401);
      assert.match(guarded.headers.get('www-authenticate') ?? '', /^DPoP .*resource_metadata="http/);
    } finally {
      await child.stop();
    }
  });
});
