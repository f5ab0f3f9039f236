/**
 * A person signs in on the command line, with real processes and the authority's own pages: `dauth login` waits, commands work
 * as that person, several at once too, and after `dauth logout` nothing that was on the disk is worth anything.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { importKey, RemoteError, renewSignIn } from '@dauth/client';
import { findSecret } from '../support/encodings.ts';
import { Person } from '../support/person.ts';
import { makeTempDir, run, start, type Running } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const DAUTH = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const ADA = { login: 'ada', password: 'a horse that counts to seven' };
const SERVER = 'https://mcp.example/mcp';
const SEAL = ['--origin', 'https://api.example', '--server', SERVER];
const OWN = ['dauth:connections.read', 'dauth:connections.write', 'dauth:grants.write'];

interface Code {
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
}
interface LoginFile {
  readonly authority: string;
  readonly client_id: string;
  readonly refresh_token: string;
}

suite('a person on the command line', { timeout: 170_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let issuer: string;
  let homes = 0;
  const waiting: Running[] = [];
  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    issuer = stack.ready.authority;
    await new Person(issuer).setUp(stack.ready.first_run!, ADA);
    await stack.dauth(['servers', 'add', '--resource', SERVER, '--generate', join(dir.path, 'server.jwk')]);
    // What the operator sealed is the first person's.
    for (const name of ['github', 'jira']) await stack.dauth(['connect', name, ...SEAL], 'ghp_a1b2c3d4e5f6');
  });
  after(async () => {
    // One that still waits for a person has a test that failed.
    await Promise.all(waiting.map((login) => login.stop('SIGKILL')));
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  /** A machine of the person's, with nothing on it. */
  function machine() {
    const home = join(dir.path, `home-${++homes}`);
    const dauth = (...args: string[]) =>
      run({ file: process.execPath, args: [DAUTH, ...args, '--data', home, '--json'] });
    return {
      home,
      dauth,
      file: join(home, 'login.json'),
      async given<T>(...args: string[]): Promise<T> {
        const ended = await dauth(...args);
        assert.equal(ended.code, 0, ended.stderr);
        return JSON.parse(ended.stdout) as T;
      },
      async refused(...args: string[]) {
        const ended = await dauth(...args);
        assert.equal(ended.stdout, '');
        const { error } = JSON.parse(ended.stderr) as { error: { code: string; message: string; hint?: string } };
        return { exit: ended.code, ...error };
      },
      read: async () => JSON.parse(await readFile(join(home, 'login.json'), 'utf8')) as LoginFile,
    };
  }
  async function begin(home: string, more: readonly string[] = []): Promise<Running> {
    const login = await start({
      file: process.execPath,
      args: [DAUTH, 'login', issuer, '--data', home, '--json', ...more],
      isReady: (line) => line.startsWith('{"event":"code"'),
    });
    waiting.push(login);
    return login;
  }
  /** The whole way, answered by the person in a browser that nobody signed in with before. */
  async function signIn(home: string, decision: 'approve' | 'deny' = 'approve', more: readonly string[] = []) {
    const login = await begin(home, more);
    const code = JSON.parse(login.readyLine) as Code;
    const answered = await new Person(issuer).answerDevice(code.verification_uri_complete, ADA, decision);
    const { code: exit } = await login.exited;
    return { exit, code, ...answered, stdout: login.stdout(), stderr: login.stderr() };
  }
  const list = (of: ReturnType<typeof machine>) =>
    of.given<{ handle: string; name: string; status: string }[]>('connections', 'ls');

  test('[token.bound] login completes, commands work with it, and logout ends it for good', async () => {
    const laptop = machine();
    const { exit, code, question, last, stdout, stderr } = await signIn(laptop.home);
    assert.equal(exit, 0, stderr);
    assert.equal(code.verification_uri, `${issuer}/device`);
    assert.match(question.html, /dauth on the command line/);
    assert.equal(last.url.pathname, '/device/answered');
    const { expires_at, ...signedIn } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
    assert.deepEqual(signedIn, {
      ...{ event: 'signed_in', authority: issuer, client_id: 'dauth-cli' },
      ...{ owner: 'operator', org: 'default', scope: OWN },
    });
    assert.ok(Number(expires_at) > Date.now() / 1_000);
    for (const name of ['login.json', 'login.jwk'])
      assert.equal((await stat(join(laptop.home, name))).mode & 0o777, 0o600);
    assert.deepEqual((await readdir(laptop.home)).sort(), ['login.json', 'login.jwk'], 'no lock and no draft is left');

    const first = await laptop.read();
    const rows = await list(laptop);
    assert.deepEqual(rows.map(({ name }) => name).sort(), ['github', 'jira']);
    const second = await laptop.read();
    assert.notEqual(second.refresh_token, first.refresh_token, 'each use puts the next one on the disk');
    const { handle } = rows.find(({ name }) => name === 'github')!;
    await laptop.given('connections', 'revoke', handle);
    assert.equal((await list(laptop)).find((row) => row.handle === handle)?.status, 'revoked');
    const at = ['--executor-identity', stack.ready.executor_identity, '--data', laptop.home, '--json'];
    const args = [DAUTH, 'connect', 'sealed-here', ...SEAL, ...at];
    const sealed = await run({ file: process.execPath, args, input: 'ghp_f6e5d4c3b2a1' });
    assert.equal(sealed.code, 0, sealed.stderr);
    assert.ok((await list(laptop)).some(({ name }) => name === 'sealed-here'));
    const refused = await laptop.refused('clients', 'ls');
    assert.deepEqual([refused.exit, refused.code], [5, 'FORBIDDEN'], 'a person is not the operator');
    assert.equal(refused.message, "That is the operator's to do, and a person is signed in here.");
    assert.match(refused.hint!, /--data DIR of the stack.*--key FILE/);
    await list(laptop);

    const before = await laptop.read();
    const gone = await laptop.given('logout');
    assert.deepEqual(gone, { signed_out: true, authority: issuer, owner: 'operator' });
    const left = (await readdir(laptop.home)).filter((name) => name.startsWith('login'));
    assert.deepEqual(left, ['login.jwk'], 'the key stays: it is worth nothing by itself');
    const key = await importKey(
      JSON.parse(await readFile(join(laptop.home, 'login.jwk'), 'utf8')) as Record<string, unknown>,
    );
    const of = { issuer, clientId: 'dauth-cli', key };
    for (const { refresh_token } of [before, first])
      await assert.rejects(renewSignIn(of, refresh_token, { resource: issuer }), (error) => {
        assert.ok(error instanceof RemoteError);
        return error.oauthError === 'invalid_grant';
      });
    await writeFile(laptop.file, JSON.stringify(before), { mode: 0o600 });
    const late = await laptop.refused('connections', 'ls');
    assert.deepEqual([late.exit, late.code, late.hint], [3, 'SIGNED_OUT', 'Run "dauth login".']);
    assert.deepEqual(await laptop.given('logout'), { signed_out: false }, 'what has ended is not kept');
  });

  test('[token.bound] several commands at once do not end the sign-in, and no token is ever printed', async () => {
    const laptop = machine();
    const { exit, stdout, stderr } = await signIn(laptop.home, 'approve', ['--scope', OWN[0]!]);
    assert.equal(exit, 0, stderr);
    const tokens = [(await laptop.read()).refresh_token];
    const ended = await Promise.all(Array.from({ length: 4 }, () => laptop.dauth('connections', 'ls')));
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0, 0, 0],
      ended.map((each) => each.stderr).join(),
    );
    tokens.push((await laptop.read()).refresh_token);
    await list(laptop);
    const said = Buffer.from([stdout, stderr, ...ended.flatMap((each) => [each.stdout, each.stderr])].join());
    for (const token of tokens) assert.deepEqual(findSecret(said, Buffer.from(token)), []);

    const lacks = await laptop.refused('grants', 'ls');
    assert.deepEqual([lacks.exit, lacks.code], [5, 'FORBIDDEN'], 'a scope that was not asked for');
    await list(laptop);
    const again = await laptop.refused('login', issuer);
    assert.deepEqual([again.exit, again.code], [8, 'SIGNED_IN']);
    const elsewhere = await laptop.refused('connections', 'ls', '--authority', 'https://auth.example');
    assert.deepEqual([elsewhere.exit, elsewhere.code], [3, 'SIGNED_OUT']);
  });

  test('beside an operator the person asks where the command says so', async () => {
    const { data } = stack.ready;
    const { exit, stderr } = await signIn(data);
    assert.equal(exit, 0, stderr);
    assert.ok((await stack.dauth<unknown[]>(['clients', 'ls'])).length > 0, 'the operator');
    const asPerson = await stack.tryDauth(['clients', 'ls', '--signed-in']);
    assert.equal(asPerson.code, 5, asPerson.stderr);
    assert.ok((await stack.dauth<unknown[]>(['grants', 'ls', '--signed-in'])).length > 0);
    const both = await stack.tryDauth(['clients', 'ls', '--signed-in', '--key', join(data, 'operator.jwk')]);
    assert.equal(both.code, 2);
    await stack.dauth(['logout']);
  });

  test('a person who says no ends the waiting, and Ctrl-C does; nothing is kept', async () => {
    const laptop = machine();
    const { exit, stderr } = await signIn(laptop.home, 'deny');
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
    assert.deepEqual([exit, error.code, error.message], [5, 'FORBIDDEN', 'The person said no.']);
    const waits = await begin(laptop.home);
    const { code } = await waits.stop('SIGINT');
    assert.equal(code, 130, waits.stderr());
    assert.deepEqual(await readdir(laptop.home), ['login.jwk']);
  });

  /** For a program that has no terminal: it believes that stderr is one. */
  const BELIEVES = 'data:text/javascript,process.stderr.isTTY=true';

  test('the codes are shown to a person, with what to do, on stderr', async () => {
    const { home } = machine();
    const out = join(dir.path, 'shown.out');
    const command = [process.execPath, '--import', BELIEVES, DAUTH, 'login', issuer, '--data', home];
    const waits = await start({
      file: '/bin/sh',
      args: ['-c', 'out=$1; shift; exec "$@" 2>&1 >"$out"', 'sh', out, ...command],
      isReady: (line) => line.startsWith('Waiting for'),
    });
    waiting.push(waits);
    const shown = waits.stdout();
    const code = /code {2}([A-Z]{4}-[A-Z]{4})/.exec(stripVTControlCharacters(shown))?.[1];
    assert.ok(code !== undefined, shown);
    assert.match(shown, /page {2}http:\/\/127\.0\.0\.1:\d+\/device\n/);
    assert.match(shown, /for at most 10 minutes/);
    for (const file of await readdir(home))
      assert.deepEqual(findSecret(await readFile(join(home, file)), Buffer.from(code)), [], file);
    assert.equal(await readFile(out, 'utf8'), '', 'the terminal is the only place');
    await waits.stop('SIGINT');
  });

  const noScript = spawnSync('script', ['--version']).status === 0 ? false : 'script (util-linux) is not installed';

  test('on a real terminal a person sees the code, and it is gone with the sign-in', { skip: noScript }, async () => {
    const { home } = machine();
    const words = [process.execPath, DAUTH, 'login', issuer, '--data', home].map((word) => `'${word}'`);
    const command = `stty columns 200 rows 30; ${words.join(' ')}`;
    const terminal = await start({
      file: 'script',
      args: ['--quiet', '--return', '--command', command, '/dev/null'],
      keepStdin: true,
      isReady: (line) => line.startsWith('Waiting for'),
    });
    waiting.push(terminal);
    const whole = / both {2}(\S+)/.exec(stripVTControlCharacters(terminal.stdout()))?.[1];
    await new Person(issuer).answerDevice(whole!, ADA, 'approve');
    assert.deepEqual(await terminal.exited, { code: 0, signal: null }, terminal.stdout());
    assert.match(terminal.stdout(), /Signed in at http\S+ as operator/);
  });

  test('without the authority a person is signed out here, and told what is left', async () => {
    const laptop = machine();
    assert.equal((await signIn(laptop.home)).exit, 0);
    await stack.stop();
    const { exit, code, message, hint } = await laptop.refused('logout');
    assert.deepEqual([exit, code], [4, 'NOT_REVOKED']);
    assert.equal(
      message,
      'The sign-in was removed here, and is not revoked at the authority. The authority could not be reached.',
    );
    assert.match(hint!, /^Unused it ends on \d{4}-\d\d-\d\d\. To end it now, open http:.*\/account /);
    assert.deepEqual(await readdir(laptop.home), ['login.jwk']);
  });
});
