/** The pages as a reader follows them: commands and configuration are taken out of the page and run, never copied from it. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { findSecret } from '../support/encodings.ts';
import { freePort, makeTempDir, run, start } from '../support/process.ts';
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

const dauth = (args: readonly string[], cwd: string, env: Record<string, string> = {}) =>
  run({ file: process.execPath, args: [DAUTH, ...args], cwd, env });

const isGone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
};

suite('the pages', () => {
  test('the commands of the README start a stack, register a server and a client, and connect a credential', async () => {
    await using dir = await makeTempDir();
    const commands = (await fence('README.md', 'run-it'))
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, ''))
      .filter(Boolean);
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.equal(commands.shift(), 'npm start');
    assert.equal(scripts.start, 'node tools/start.mjs');
    const stack = await start({
      file: process.execPath,
      args: [join(ROOT, 'tools/start.mjs'), '--port', '0', '--json'],
      cwd: dir.path,
      isReady: (line) => line.startsWith('{"event":"ready"'),
    });
    const ready = JSON.parse(stack.readyLine) as Ready;
    try {
      assert.equal(ready.data, join(dir.path, '.dauth'));
      const secret = `ghp_${randomBytes(18).toString('hex')}`;
      const printed: string[] = [];
      for (const command of commands) {
        const [npx, name, ...args] = command.split(' ');
        assert.deepEqual([npx, name], ['npx', 'dauth'], command);
        const ended = await dauth(args, dir.path, { GITHUB_TOKEN: secret });
        assert.equal(ended.code, 0, `${command}\n${ended.stderr}`);
        assert.deepEqual(findSecret(Buffer.from(ended.stdout + ended.stderr), Buffer.from(secret)), []);
        printed.push(ended.stdout);
      }
      assert.equal(printed.length, 3);
      assert.match(printed[2]!, HANDLE);
      for (const key of ['mcp-server.jwk', 'laptop.jwk'])
        assert.equal((await stat(join(dir.path, key))).mode & 0o777, 0o600);
      const listed = await dauth(['connections', 'ls', '--json'], dir.path);
      const [row] = JSON.parse(listed.stdout) as { name: string; handle: string; status: string }[];
      assert.deepEqual([row?.name, `${row?.handle}\n`, row?.status], ['github', printed[2], 'active']);
    } finally {
      const exit = await stack.stop('SIGTERM', 20_000);
      assert.deepEqual(exit, { code: 0, signal: null }, stack.stderr());
    }
    assert.deepEqual(Object.values(ready.pids).map(isGone), [true, true], 'npm start leaves nobody behind');
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
    const config = [...values, ['/var/lib', dir.path] as const].reduce((page, [from, to]) => {
      assert.ok(page.includes(from), `the page has ${from}`);
      return page.replaceAll(from, to);
    }, text);
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
});
