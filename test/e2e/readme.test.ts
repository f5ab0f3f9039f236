/** The pages as a reader follows them: commands and configuration are taken out of the page and run, never copied from it. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { createCa } from '../support/ca.ts';
import { findSecret } from '../support/encodings.ts';
import { freePort, makeTempDir, run, start } from '../support/process.ts';
import { startUpstream } from '../support/upstream.ts';
import type { Ready } from '../world/stack.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DAUTH = join(ROOT, 'packages/cli/dist/main.js');
const HANDLE = /^ddls:conn:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$/;

/** The body of the fence that says `test=test/e2e/readme.test.ts#NAME`. `tools/docs.mjs` looks for the calls. */
async function fence(page: string, name: string): Promise<string> {
  const text = await readFile(join(ROOT, page), 'utf8');
  const found = new RegExp(`^\`\`\`\\w+ test=test/e2e/readme\\.test\\.ts#${name}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(
    text,
  );
  assert.ok(found, `${page} has a fence ${name}`);
  return found[1]!;
}

const dauth = (args: readonly string[], cwd: string, input = '') =>
  run({ file: process.execPath, args: [DAUTH, ...args], cwd, input });

/** The page with what only a test can name; each value it replaces has to be there. */
const replaceAll = (text: string, values: readonly (readonly [from: string, to: string])[]): string =>
  values.reduce((page, [from, to]) => {
    assert.ok(page.includes(from), `the page has ${from}`);
    return page.replaceAll(from, to);
  }, text);

/** What a person types: without the comments. */
const commandsOf = (fence: string): string[] =>
  fence
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, ''))
    .filter(Boolean);

/** The names and values of a line that exports them. */
function exported(line: string): string[][] {
  const [first, ...pairs] = line.split(' ');
  assert.equal(first, 'export', line);
  return pairs.map((pair) => pair.split(/=(.*)/s));
}

/** The program that a line starts, as it stands in the clone. */
function built(line: string, end = ''): { file: string; args: string[] } {
  const [, path] = /^node (examples\/dist\/[a-z/-]+\.js)( &)?$/.exec(line) ?? [];
  assert.equal(line, `node ${path}${end}`);
  return { file: process.execPath, args: [join(ROOT, path!)] };
}

const isGone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
};

suite('the pages', () => {
  test('the commands of the README lead to a call: as laptop, through the protected server, with the credential they sealed', async () => {
    await using dir = await makeTempDir();
    const ca = await createCa();
    const leaf = await ca.issue();
    const secret = `ghp_${randomBytes(18).toString('hex')}`;
    await using upstream = await startUpstream({ leaf, tokens: { github: secret } });
    const port = String(await freePort());
    const page = replaceAll(await fence('README.md', 'run-it'), [
      ['https://api.github.com', upstream.origin],
      ['127.0.0.1:3000', `127.0.0.1:${port}`],
    ]);
    const commands = commandsOf(page);
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.equal(commands.shift(), 'npm start');
    assert.equal(scripts.start, 'node tools/start.mjs');
    // The upstream stands in for GitHub on this machine, which nothing but a test may reach.
    await writeFile(join(dir.path, 'ca.pem'), ca.root);
    const upstreams = { ca: [join(dir.path, 'ca.pem')], dangerouslyAllowLoopback: true };
    await writeFile(join(dir.path, 'test.json'), JSON.stringify({ executor: { upstream: upstreams } }));
    const stack = await start({
      file: process.execPath,
      args: [join(ROOT, 'tools/start.mjs'), '--port', '0', '--json', '--config', 'test.json'],
      cwd: dir.path,
      isReady: (line) => line.startsWith('{"event":"ready"'),
    });
    const ready = JSON.parse(stack.readyLine) as Ready;
    try {
      assert.equal(ready.data, join(dir.path, '.dauth'));
      const printed: string[] = [];
      for (const command of commands) {
        const [npx, no, name, ...args] = command.split(' ');
        assert.deepEqual([npx, no, name], ['npx', '--no', 'dauth'], command);
        // `connect` asks for it on a terminal; here stdin is none, and is read.
        const ended = await dauth(args, dir.path, args[0] === 'connect' ? secret : '');
        assert.equal(ended.code, 0, `${command}\n${ended.stderr}`);
        assert.deepEqual(findSecret(Buffer.from(ended.stdout + ended.stderr), Buffer.from(secret)), []);
        printed.push(ended.stdout);
      }
      assert.equal(printed.length, 3);
      assert.match(printed[2]!, HANDLE);
      const [MCP_CLIENT_ID, CLIENT_ID, CONNECTION] = printed.map((line) => line.trim()) as [string, string, string];
      for (const [file, clientId] of [
        ['mcp-server.jwk', MCP_CLIENT_ID],
        ['laptop.jwk', CLIENT_ID],
      ] as const) {
        assert.equal((await stat(join(dir.path, file))).mode & 0o777, 0o600);
        const jwk = JSON.parse(await readFile(join(dir.path, file), 'utf8')) as Record<string, unknown>;
        assert.equal(jwk.client_id, clientId);
      }
      const listed = await dauth(['connections', 'ls', '--key', 'laptop.jwk', '--json'], dir.path);
      const [row] = JSON.parse(listed.stdout) as { name: string; handle: string; status: string; owner: string }[];
      assert.deepEqual([row?.name, row?.handle, row?.status, row?.owner], ['github', CONNECTION, 'active', CLIENT_ID]);
      const calls = replaceAll(await fence('README.md', 'call-it'), [
        ['http://127.0.0.1:4180', ready.authority],
        ['http://127.0.0.1:4181', ready.executor],
        ['127.0.0.1:3000', `127.0.0.1:${port}`],
        ['PORT=3000', `PORT=${port}`],
        ['ddls:conn:…', CONNECTION],
      ]);
      const [ended, client, server, ...exports] = commandsOf(calls).toReversed();
      assert.equal(ended, 'kill %1');
      const env = { ...Object.fromEntries(exports.flatMap(exported)), GITHUB_API: upstream.origin };
      await using _server = await start({ ...built(server!, ' &'), cwd: dir.path, env });
      const called = await run({ ...built(client!), cwd: dir.path, env });
      assert.equal(called.code, 0, called.stderr);
      assert.deepEqual(JSON.parse(called.stdout), [{ type: 'text', text: upstream.login }]);
    } finally {
      const exit = await stack.stop('SIGTERM', 20_000);
      assert.deepEqual(exit, { code: 0, signal: null }, stack.stderr());
    }
    assert.deepEqual(Object.values(ready.pids).map(isGone), [true, true], 'npm start leaves nobody behind');
  });

  test('the packages are installed from a clone, and nothing is asked of a registry', async () => {
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, 'package.json'), '{"private":true}');
    const command = replaceAll((await fence('README.md', 'install')).trim(), [['../dauth/', ROOT]]);
    const [npm, ...args] = command.split(' ');
    const flags = ['--offline', '--no-audit', '--no-fund', '--cache', join(dir.path, 'cache')];
    const installed = await run({ file: npm!, args: [...args, ...flags], cwd: dir.path });
    assert.equal(installed.code, 0, installed.stderr);
    const script = "import('@dauth/mcp').then(({ protect }) => console.log(typeof protect))";
    const used = await run({ file: process.execPath, args: ['-e', script], cwd: dir.path });
    assert.deepEqual([used.code, used.stdout], [0, 'function\n'], used.stderr);
  });

  test('a signal to npm, which ends the shell it started and nothing else, ends the stack', async () => {
    await using dir = await makeTempDir();
    const npm = await start({
      file: 'npm',
      args: ['start', '--silent', '--', '--data', dir.path, '--port', '0', '--json'],
      cwd: ROOT,
      isReady: (line) => line.startsWith('{"event":"ready"'),
    });
    const { pids } = JSON.parse(npm.readyLine) as Ready;
    await npm.stop('SIGTERM', 20_000);
    const end = Date.now() + 20_000;
    while (!Object.values(pids).every(isGone) && Date.now() < end) await setTimeout(50);
    assert.deepEqual(Object.values(pids).map(isGone), [true, true]);
  });

  test('npx finds dauth in a clone', async () => {
    const asked = await run({ file: 'npx', args: ['--no', 'dauth', 'version'], cwd: ROOT });
    assert.equal(asked.code, 0, asked.stderr);
    assert.equal(asked.stdout, (await dauth(['version'], ROOT)).stdout);
  });

  const serves = async (
    room: 'authority' | 'executor',
    text: string,
    values: readonly [string, string][],
    refusal: string,
  ): Promise<void> => {
    await using dir = await makeTempDir();
    const config = replaceAll(text, [...values, ['/var/lib', dir.path]]);
    const file = join(dir.path, 'room.yaml');
    await writeFile(file, config);
    const args = [DAUTH, 'serve', room, '--config', file];
    const served = await start({ file: process.execPath, args, cwd: dir.path });
    const exit = await served.stop('SIGTERM', 20_000);
    assert.equal((JSON.parse(served.readyLine) as { event: string }).event, 'listening');
    assert.deepEqual(exit, { code: 0, signal: null }, served.stderr());
    await writeFile(file, `${config}surprise: true\n`);
    const refused = await dauth(args.slice(1), dir.path);
    assert.equal(refused.code, 2);
    assert.ok(refused.stderr.includes(refusal), refused.stderr);
  };

  test("the authority takes the page's configuration, and no key that is not in it", async () => {
    const jwk = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
    const port = String(await freePort());
    const values: [string, string][] = [
      ['https://auth.example', `http://127.0.0.1:${port}`],
      ['https://executor.example', 'http://127.0.0.1:9'],
      ['port: 4180', `port: ${port}`],
      ['port: 4190', 'port: 0'],
      ["<thumbprint from the executor's listening line>", await calculateJwkThumbprint(jwk)],
      ['x: ...', `x: ${jwk.x!}`],
      ['y: ...', `y: ${jwk.y!}`],
    ];
    const page = await fence('docs/configuration.md', 'authority');
    await serves('authority', page, values, 'Unrecognized key: "surprise"');
  });

  test("the executor takes the page's configuration, and no key that is not in it", async () => {
    const port = String(await freePort());
    const values: [string, string][] = [
      ['https://auth.example', 'http://127.0.0.1:9'],
      ['https://executor.example', `http://127.0.0.1:${port}`],
      ['port: 4181', `port: ${port}`],
      ['port: 4191', 'port: 0'],
    ];
    const page = await fence('docs/configuration.md', 'executor');
    await serves('executor', page, values, 'The executor configuration has a member that is not defined for it.');
  });

  test("the page's rules of an operator decide over what a policy allows", async () => {
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, 'dauth.yaml'), await fence('docs/configuration.md', 'rules'));
    const allow = [{ origin: 'https://api.example', methods: ['GET', 'DELETE'], paths: ['/a'] }];
    await writeFile(join(dir.path, 'policy.json'), JSON.stringify({ allow }));
    const files = ['--policy', 'policy.json', '--operator', 'dauth.yaml', '--at', '2026-11-30T12:00:00Z', '--json'];
    const ask = (method: string) => dauth(['policy', 'test', method, 'https://api.example/a', ...files], dir.path);
    const [allowed, denied] = [await ask('GET'), await ask('DELETE')];
    assert.deepEqual([allowed.code, denied.code], [0, 5], allowed.stderr + denied.stderr);
    assert.equal((JSON.parse(denied.stdout) as { by: string }).by, 'operator');
  });
});
