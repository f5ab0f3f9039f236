/** Child processes: clean environment, ready line, captured output, and an end that is waited for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort, makeTempDir, run, start } from './process.ts';

const node = (script: string) => ({ file: process.execPath, args: ['-e', script] });

test('a process is ready at its line, keeps its output, and stops when told', async () => {
  const running = await start(
    node(
      `console.error('warn'); console.log('talk'); console.log(JSON.stringify({ event: 'listening', port: 7 })); setInterval(() => {}, 1000)`,
    ),
  );
  assert.deepEqual(JSON.parse(running.readyLine), { event: 'listening', port: 7 });
  const exit = await running.stop();
  assert.deepEqual(exit, { code: null, signal: 'SIGTERM' });
  assert.match(running.stdout(), /^talk\n/);
  assert.equal(running.stderr(), 'warn\n');
});

test('a process that ignores SIGTERM is ended all the same', async () => {
  const running = await start(
    node(`process.on('SIGTERM', () => {}); console.log('{"event":"up"}'); setInterval(() => {}, 1000)`),
  );
  assert.deepEqual(await running.stop('SIGTERM', 200), { code: null, signal: 'SIGKILL' });
});

test('a process that ends before it is ready is an error with its output', async () => {
  await assert.rejects(
    start(node(`console.error('no config'); process.exit(2)`)),
    /ended while a line was awaited[\s\S]*no config/,
  );
});

test('a process that never gets ready is an error, and is gone', async () => {
  await assert.rejects(start({ ...node(`setInterval(() => {}, 1000)`), readyMs: 300 }), /said nothing/);
});

test('nothing of the parent’s environment is inherited but what programs need', async () => {
  process.env.DAUTH_TEST_SECRET_IN_PARENT = 'secret';
  const ended = await run({ ...node('console.log(JSON.stringify(process.env))'), env: { MINE: '1' } });
  delete process.env.DAUTH_TEST_SECRET_IN_PARENT;
  const seen = JSON.parse(ended.stdout) as Record<string, string>;
  assert.equal(seen.MINE, '1');
  for (const name of Object.keys(seen))
    assert.ok(['MINE', 'PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE'].includes(name), name);
});

test('input goes to stdin, and later lines can be waited for', async () => {
  await using running = await start({
    ...node(`process.stdin.on('data', (d) => console.log(JSON.stringify({ event: 'got', text: String(d) })))`),
    input: 'first',
    keepStdin: true,
  });
  assert.match(running.readyLine, /first/);
  running.send('second');
  assert.match(await running.line((line) => line.includes('second')), /second/);
});

test('a free port and the one behind it can be listened on, and no outgoing connection is given them', async () => {
  const port = await freePort();
  const servers = [port, port + 1].map((each) => createServer().listen(each, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  servers.forEach((server) => server.close());
  const range = '/proc/sys/net/ipv4/ip_local_port_range';
  if (existsSync(range)) assert.ok(port + 1 < Number(readFileSync(range, 'utf8').split(/\s/)[0]));
});

test('a temporary directory goes away', async () => {
  let path: string;
  {
    await using directory = await makeTempDir();
    path = directory.path;
    await access(path);
  }
  await assert.rejects(access(path), { code: 'ENOENT' });
});

test('a process that is given up ends with what came out of it, which has its pipes', async () => {
  const script = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })`;
  await assert.rejects(start({ ...node(script), readyMs: 1_500 }), /said nothing while a line was awaited/);
});
