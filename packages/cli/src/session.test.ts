/** A signed-in person's commands: one at a time, the next refresh token on disk first, and nothing of it in other hands. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { runDauth, startAuthority, type FakeAuthority } from './authority.test-support.ts';
import { openHome } from './home.ts';
import { generateKeyFile, readKeyFile } from './key-file.ts';
import { alone } from './lock.ts';
import { readLogin, writeLogin, type Login } from './login-file.ts';
import { CliError } from './output.ts';

/** No system has a process of this number. */
const DEAD = '2147483647-1-1';
const TOKEN = { access_token: 'a', token_type: 'DPoP', expires_in: 300 };

let dir: string;
const made: string[] = [];
const open: FakeAuthority[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dauth-session-'));
  made.push(dir);
});
after(() => {
  open.forEach((authority) => authority.close());
  made.forEach((each) => rmSync(each, { recursive: true, force: true }));
});

async function signedIn(answer: Parameters<typeof startAuthority>[0], change: Partial<Login> = {}) {
  const authority = await startAuthority(answer);
  open.push(authority);
  const home = openHome(dir);
  await generateKeyFile(home.loginKey);
  const { jkt } = (await readKeyFile(home.loginKey)).key;
  const login: Login = {
    ...{ authority: authority.url, client_id: 'dauth-cli', owner: 'ada', org: 'default', scope: ['s'] },
    ...{ refresh_token: 'first', jkt, expires_at: null, ...change },
  };
  writeLogin(home, login);
  return { ...authority, home, login, dauth: (...args: string[]) => runDauth([...args, '--data', dir, '--json'], dir) };
}
const errorOf = (stderr: string) => (JSON.parse(stderr) as { error: Record<string, string> }).error;
const NONE = { body: { items: [], next: null } };

test('[token.bound] the next refresh token is on the disk before the token it came with is used', async () => {
  const seen: (string | undefined)[] = [];
  let given = 0;
  const at = await signedIn((path) => {
    if (path === '/token') return { body: { ...TOKEN, refresh_token: `next-${++given}`, refresh_token_timeout: 100 } };
    if (!path.startsWith('/connections')) return undefined;
    seen.push(readLogin(openHome(dir))?.refresh_token);
    return NONE;
  });
  const { code, stdout, stderr } = await at.dauth('connections', 'ls');
  assert.deepEqual([code, stdout, stderr], [0, '[]\n', '']);
  assert.deepEqual(seen, ['next-1']);
  const { expires_at, ...kept } = readLogin(at.home)!;
  assert.ok(expires_at !== null && expires_at > Date.now() / 1_000);
  assert.deepEqual({ ...kept, expires_at: null }, { ...at.login, refresh_token: 'next-1' });
  assert.equal(statSync(at.home.loginFile).mode & 0o777, 0o600);
});

test('[token.bound] a refused refresh token is removed; an authority that is down, or unclear, leaves it', async () => {
  for (const [status, body, exit, isKept] of [
    [400, { error: 'invalid_grant' }, 3, false],
    [400, { error: 'invalid_scope' }, 5, true],
    [401, { error: 'invalid_client' }, 3, true],
    [503, {}, 4, true],
    [200, {}, 1, true],
  ] as const) {
    const at = await signedIn((path) => (path === '/token' ? { status, body } : undefined));
    const { code, stderr } = await at.dauth('connections', 'ls');
    assert.equal(code, exit, stderr);
    assert.equal(existsSync(at.home.loginFile), isKept, stderr);
    rmSync(at.home.loginKey);
  }
});

test('doctor, where somebody is only signed in, misses no stack and asks the authority of the sign-in', async () => {
  const at = await signedIn((path) => (['/readyz', '/livez'].includes(path) ? { body: {} } : undefined));
  const checks = async () =>
    new Map(
      (JSON.parse((await at.dauth('doctor')).stdout) as Record<string, string>[]).map((each) => [each.check, each]),
    );
  const said = await checks();
  assert.deepEqual([said.has('stack'), said.has('operator key')], [false, false]);
  assert.deepEqual(said.get('signed in'), {
    ...{ check: 'signed in', result: 'ok', detail: `at ${at.url} as ada` },
  });
  assert.equal(said.get('authority')?.result, 'ok');
  assert.deepEqual(said.get('executor identity'), {
    ...{ check: 'executor identity', result: 'warn', detail: 'none is known, so nothing can be sealed from here' },
    fix: 'give --executor-identity THUMBPRINT, as the operator told you',
  });
  assert.equal((await at.dauth('doctor')).code, 0);
  writeLogin(at.home, { ...at.login, expires_at: 1 });
  const { result, fix } = (await checks()).get('signed in')!;
  assert.deepEqual([result, fix], ['fail', 'run "dauth logout" and "dauth login"']);
  assert.ok(!at.asked.includes('/token'), 'nothing is asked with the sign-in');
});

test('a second sign-in is a conflict, whatever else is right or wrong with it, and nothing is asked', async () => {
  const at = await signedIn(() => undefined);
  for (const more of [[], [at.url], ['http://127.0.0.1:9']]) {
    const { code, stderr } = await at.dauth('login', ...more);
    assert.deepEqual([code, errorOf(stderr).code], [8, 'SIGNED_IN']);
    assert.match(errorOf(stderr).hint!, /dauth logout/);
  }
  assert.deepEqual(at.asked, []);
});

test('where a sign-in has ended, no new one is begun unasked', async () => {
  const at = await signedIn((path) =>
    path === '/token' ? { status: 400, body: { error: 'invalid_grant' } } : undefined,
  );
  const { code, stderr } = await at.dauth('connections', 'ls');
  assert.deepEqual([code, errorOf(stderr).code], [3, 'SIGNED_OUT']);
  assert.deepEqual(at.asked, ['/.well-known/oauth-authorization-server', '/token']);
});

test('[token.bound] a sign-in that others could read, is broken, or is of another key is not used, and nothing is asked', async () => {
  const at = await signedIn(() => undefined);
  const refused = async (exit: number, name: string) => {
    const { code, stderr } = await at.dauth('connections', 'ls');
    assert.deepEqual([code, errorOf(stderr).code], [exit, name], stderr);
  };
  writeLogin(at.home, { ...at.login, jkt: 'A'.repeat(43) });
  await refused(9, 'OTHER_KEY');
  for (const text of [
    '',
    '{}',
    '[',
    JSON.stringify({ ...at.login, more: 1 }),
    JSON.stringify({ ...at.login, jkt: 1 }),
  ]) {
    writeFileSync(at.home.loginFile, text);
    await refused(9, 'BAD_LOGIN');
  }
  writeLogin(at.home, at.login);
  if (process.platform !== 'win32') {
    chmodSync(at.home.loginFile, 0o640);
    await refused(3, 'LOGIN_EXPOSED');
  }
  assert.deepEqual(
    at.asked.filter((path) => path !== '/.well-known/oauth-authorization-server'),
    [],
  );
});

test('the sign-in goes to its own authority, also where a command names another', async () => {
  const at = await signedIn(() => undefined);
  const other = await startAuthority(() => undefined);
  open.push(other);
  const { code, stderr } = await at.dauth('connections', 'ls', '--authority', other.url);
  assert.deepEqual([code, errorOf(stderr).code], [3, 'SIGNED_OUT']);
  assert.deepEqual([...at.asked, ...other.asked], []);
});

test('[token.bound] whatever the authority answers, a logout leaves no refresh token behind, and says what it did', async () => {
  for (const [status, exit] of [
    [200, 0],
    [503, 4],
    [400, 5],
  ] as const) {
    const at = await signedIn((path) => {
      if (path.startsWith('/.well-known/'))
        return { body: { issuer: at.url, revocation_endpoint: `${at.url}/revoke`, token_endpoint: `${at.url}/token` } };
      return path === '/revoke' ? { status, body: { error: 'no' } } : undefined;
    });
    const { code, stdout, stderr } = await at.dauth('logout');
    assert.equal(code, exit, stderr);
    if (exit === 0) assert.deepEqual(JSON.parse(stdout), { signed_out: true, authority: at.url, owner: 'ada' });
    else assert.equal(errorOf(stderr).code, 'NOT_REVOKED');
    assert.deepEqual(readdirSync(dir), ['login.jwk']);
    rmSync(at.home.loginKey);
  }
});

test('one command holds the sign-in at a time, also where they all find what a dead one left', async () => {
  const path = join(dir, 'lock');
  writeFileSync(path, DEAD);
  let [inside, most] = [0, 0];
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all(Array.from({ length: 12 }, () => alone(path, 60_000, work)));
  assert.equal(most, 1);
  assert.deepEqual(readdirSync(dir), []);
});

test('a lock that somebody lives with, or that nobody can read, is not taken', async () => {
  const path = join(dir, 'lock');
  for (const holder of [`${process.pid}-1-1`, '1-1-1', 'nobody', '']) {
    writeFileSync(path, holder);
    await assert.rejects(
      alone(path, 0, () => Promise.resolve()),
      (error) => error instanceof CliError && error.exit === 8 && error.code === 'LOCKED',
    );
    assert.equal(readFileSync(path, 'utf8'), holder);
  }
  rmSync(path);
  await assert.rejects(
    alone(path, 0, () => Promise.reject(new Error('own'))),
    /own/,
  );
  assert.deepEqual(readdirSync(dir), [], 'given back');
});

test('[token.bound] a sign-in that could not be written down is given back, and none is left here', async () => {
  const at: FakeAuthority = await startAuthority((path) => {
    const { url } = at;
    if (path.startsWith('/.well-known/')) {
      const names = ['token', 'revocation', 'device_authorization'];
      const endpoints = Object.fromEntries(names.map((name) => [`${name}_endpoint`, `${url}/${name}`]));
      return { body: { issuer: url, ...endpoints } };
    }
    const codes = {
      device_code: 'd',
      user_code: 'BCDF',
      verification_uri: `${url}/device`,
      expires_in: 60,
      interval: 1,
    };
    if (path === '/device_authorization') return { body: codes };
    if (path === '/token') return { body: { ...TOKEN, refresh_token: 'r' } };
    return path === '/revocation' ? { body: {} } : { status: 403, body: { code: 'FORBIDDEN', detail: 'No.' } };
  });
  open.push(at);
  const { code, stdout, stderr } = await runDauth(['login', at.url, '--data', dir, '--json'], dir);
  assert.deepEqual([code, errorOf(stderr).message], [5, 'No.']);
  assert.equal((JSON.parse(stdout) as { event: string }).event, 'code', 'and nothing after it');
  const asked = at.asked.filter((path) => !path.startsWith('/.well-known/'));
  assert.deepEqual(asked, ['/device_authorization', '/token', '/whoami', '/revocation']);
  assert.deepEqual(readdirSync(dir), ['login.jwk']);
});

test('[person.asked] without a terminal no code is shown, none is asked for, and nothing is left behind', async () => {
  const at = await startAuthority(() => undefined);
  open.push(at);
  const { code, stdout, stderr } = await runDauth(['login', at.url, '--data', join(dir, 'home')], dir);
  assert.deepEqual([code, stdout], [3, '']);
  assert.match(stderr, /There is no terminal here to show a code on/);
  assert.match(stderr, /dauth login --json/);
  assert.deepEqual([at.asked, readdirSync(dir)], [[], []]);
});
