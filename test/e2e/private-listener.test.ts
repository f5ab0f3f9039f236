/** The private listeners of a real stack: what an operator's network sees, what the public addresses do not say. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { findSecret } from '../support/encodings.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startStack } from '../world/stack.ts';

test('both rooms say health and counts on a private listener, and name neither a credential nor anybody', async () => {
  await using dir = await makeTempDir();
  const [authority, executor] = [await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  await using stack = await startStack({
    dir: dir.path,
    authority: { metrics: authority },
    executor: { metrics: executor },
  });
  assert.deepEqual(Object.keys(stack.ready).sort(), [
    ...['authority', 'data', 'event', 'executor', 'executor_identity', 'first_run', 'pids'],
  ]);
  const server = 'https://mcp.example/mcp';
  await stack.dauth(['servers', 'add', '--resource', server, '--generate', join(dir.path, 'server.jwk')]);
  const secret = randomBytes(24).toString('hex');
  const connect = ['connect', 'private-name', '--origin', 'https://api.example', '--server', server];
  const { handle } = await stack.dauth<{ handle: string }>(connect, secret);

  for (const [own, open, name] of [
    [authority, stack.ready.authority, 'dauth_authority_connections{status="active"} 1'],
    [executor, stack.ready.executor, 'dauth_executor_info{level="development",version="'],
  ] as const) {
    for (const base of [`http://${own}`, open])
      for (const path of ['/livez', '/readyz']) assert.equal((await fetch(base + path)).status, 200, base + path);
    const version = async (base: string) => (await (await fetch(`${base}/version`)).json()) as { node?: string };
    assert.equal((await version(`http://${own}`)).node, process.version);
    assert.equal((await version(open)).node, undefined);
    assert.equal((await fetch(`${open}/metrics`)).status, 404);
    const answer = await fetch(`http://${own}/metrics`);
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    assert.ok(text.includes(`\n${name}`), text);
    assert.deepEqual(findSecret(Buffer.from(text), Buffer.from(secret)), []);
    for (const told of [handle, 'private-name', server, 'api.example', 'operator'])
      assert.equal(text.includes(told), false, told);
  }
  const described = (await (await fetch(`http://${executor}/openapi.json`)).json()) as { servers: object[] };
  assert.deepEqual(described.servers, [{ url: stack.ready.executor }]);
});
