/** Commands against an authority that is hostile, slow, or gone. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runDauth, spawnDauth, startAuthority, type FakeAuthority } from './authority.test-support.ts';
import { generateKeyFile } from './key-file.ts';
import { days, wholeNumber } from './numbers.ts';
import { CliError } from './output.ts';
import { printable, printableJson, printableLines } from './printable.ts';
import { timeoutMs } from './reach.ts';

const dir = mkdtempSync(join(tmpdir(), 'dauth-cli-'));
const key = join(dir, 'client.jwk');
const open: FakeAuthority[] = [];
before(async () => void (await generateKeyFile(key)));
after(() => {
  open.forEach((authority) => authority.close());
  rmSync(dir, { recursive: true, force: true });
});

const start = async (answer: Parameters<typeof startAuthority>[0]): Promise<FakeAuthority> => {
  const authority = await startAuthority(answer);
  open.push(authority);
  return authority;
};
const at = (authority: string) => ['--authority', authority, '--key', key, '--client-id', 'c'];
const errorOf = (stderr: string) =>
  (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: Record<string, string> }).error;
const HANDLE = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057';
const IDENTITY = 'A'.repeat(43);
/** Clears a screen, sets a title, colours (C1), turns a line around. */
const ATTACK = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\u2066\u007fend';
// oxlint-disable-next-line no-control-regex -- what must not be in there
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const ROW = {
  ...{ handle: HANDLE, owner: 'ada\u202e\u2066', org: 'default', name: 'github', status: 'active', ver: 1 },
  ...{ kid: IDENTITY, servers: ['https://mcp.example/mcp'], created_at: 1, updated_at: 1, last_used_at: null },
  allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
  ...{ inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }], expires_at: 9 },
};

test('[seal.client-only] a sentence of a hostile authority reaches the terminal as text and as nothing else', async () => {
  const problem = { code: 'CONFLICT', detail: `${ATTACK}\nfix: run evil`, request_id: ATTACK };
  const { url } = await start((path) => (path === '/clients' ? { status: 409, body: problem } : undefined));
  const people = await runDauth(['clients', 'ls', ...at(url)], dir);
  assert.equal(people.code, 8);
  assert.doesNotMatch(people.stderr, OBEYED);
  assert.match(people.stderr, /end\ufffdfix: run evil\n/, 'control: it is shown, on one line');
});

test('connections get prints all that is stored with --json, and to people what they can read', async () => {
  const stated = { envelope: 'e.n.v', seal_proof: 'p.r.f', endorsements: ['e.n.d'], reseal: 'r.s.l' };
  const row = { ...ROW, owner: 'ada' };
  const { url } = await start((path) =>
    path.startsWith('/connections/') ? { body: { ...row, ...stated } } : undefined,
  );
  const script = await runDauth(['connections', 'get', HANDLE, '--json', ...at(url)], dir);
  assert.deepEqual([script.code, JSON.parse(script.stdout)], [0, { ...row, ...stated }]);
  const people = await runDauth(['connections', 'get', HANDLE, ...at(url)], dir);
  assert.deepEqual([people.code, JSON.parse(people.stdout)], [0, row]);
});

test('[seal.client-only] what a hostile authority lists is shown as text and as nothing else', async () => {
  const { url } = await start((path) =>
    path.startsWith('/connections') ? { body: { items: [ROW], next: null } } : undefined,
  );
  const people = await runDauth(['connections', 'ls', ...at(url)], dir);
  assert.equal(people.code, 0, people.stderr);
  assert.doesNotMatch(people.stdout, OBEYED);
  assert.match(people.stdout, /ada\ufffd\ufffd/);
});

test('an answer that is not what the client knows is unexpected, and nothing of it is printed', async () => {
  const { url } = await start((path) =>
    path.startsWith('/connections') ? { body: { items: [{ ...ROW, owner: ATTACK }], next: null } } : undefined,
  );
  const { code, stdout, stderr } = await runDauth(['connections', 'ls', ...at(url), '--json'], dir);
  assert.deepEqual([code, stdout, errorOf(stderr).code], [1, '', 'INTERNAL']);
});

test('audit export follows the pages to the end, and tail keeps the last lines of them', async () => {
  const total = 700;
  const line = (n: number) => `{"seq":${n},"note":"${'x'.repeat(4_000)}"}`;
  const { url, asked } = await start((path) => {
    if (!path.startsWith('/audit')) return undefined;
    const after = Number(new URL(path, 'http://a').searchParams.get('after'));
    const numbers = Array.from({ length: Math.min(100, total - after) }, (_, i) => after + i + 1);
    return { body: { records: numbers.map(line), next: numbers.at(-1) ?? after } };
  });
  const all = await runDauth(['audit', 'export', ...at(url)], dir);
  assert.equal(all.code, 0, all.stderr);
  assert.equal(all.stdout, Array.from({ length: total }, (_, i) => `${line(i + 1)}\n`).join(''));
  assert.equal(asked.filter((path) => path.startsWith('/audit')).length, 8);
  const last = await runDauth(['audit', 'tail', '--lines', '3', ...at(url)], dir);
  assert.equal(last.stdout, [698, 699, 700].map((n) => `${line(n)}\n`).join(''));
});

test('what is exported into a pipe arrives whole, however late its reader comes', async () => {
  const records = Array.from({ length: 100 }, (_, n) => `{"seq":${n + 1},"note":"${'x'.repeat(4_000)}"}`);
  let done = (): void => undefined;
  const isDone = new Promise<void>((resolve) => (done = resolve));
  const { url } = await start((path) => {
    if (!path.startsWith('/audit')) return undefined;
    const isFirst = new URL(path, 'http://a').searchParams.get('after') === '0';
    if (!isFirst) done();
    return { body: { records: isFirst ? records : [], next: 100 } };
  });
  const child = spawnDauth(['audit', 'export', ...at(url)], dir);
  await isDone;
  // Long enough for a command that does not wait to be gone; one that waits is there for as long as it takes.
  await Promise.race([once(child, 'exit'), new Promise((resolve) => setTimeout(resolve, 1_000))]);
  let read = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) read += String(chunk);
  assert.equal(read.length, records.join('\n').length + 1);
});

test('a journal page that leads to itself ends the command', async () => {
  const { url } = await start((path) =>
    path.startsWith('/audit') ? { body: { records: ['{}'], next: 0 } } : undefined,
  );
  const { code, stderr } = await runDauth(['audit', 'export', ...at(url), '--json'], dir);
  assert.deepEqual([code, errorOf(stderr).code], [1, 'INTERNAL']);
});

test('an authority that is down ends a rotation with 4, not as an executor that is not trusted', async () => {
  const gone = await startAuthority(() => undefined);
  gone.close();
  const args = ['connections', 'rotate', HANDLE, '--executor-identity', IDENTITY, ...at(gone.url), '--json'];
  const { code, stdout, stderr } = await runDauth(args, dir, 'secret');
  assert.deepEqual([code, stdout], [4, '']);
  assert.deepEqual(errorOf(stderr), {
    code: 'UNREACHABLE',
    message: 'The authority could not be reached.',
    hint: 'Is it running? Try "dauth doctor".',
    docs: 'docs/cli.md',
  });
});

test('an authority that does not answer ends a command with 124', async () => {
  const silent = await start(() => undefined);
  const { code, stderr } = await runDauth(['clients', 'ls', ...at(silent.url), '--timeout', '0.5', '--json'], dir);
  assert.deepEqual([code, errorOf(stderr).code], [124, 'TIMEOUT']);
});

test('--timeout abc is a usage error before anything is asked', async () => {
  const { url, asked } = await start(() => undefined);
  const { code, stderr } = await runDauth(['clients', 'ls', ...at(url), '--timeout', 'abc', '--json'], dir);
  assert.equal(code, 2);
  assert.equal(errorOf(stderr).message, '--timeout is a number of seconds, more than 0 and at most 3600.');
  assert.deepEqual(asked, []);
});

test('numbers that are none are usage errors', () => {
  const usage = (sentence: string) => (error: unknown) =>
    error instanceof CliError && error.exit === 2 && error.message === sentence;
  for (const timeout of ['abc', '0', '-1', '', 'Infinity', 'NaN', '3601'])
    assert.throws(
      () => timeoutMs({ timeout }),
      usage('--timeout is a number of seconds, more than 0 and at most 3600.'),
      timeout,
    );
  assert.deepEqual([timeoutMs({}), timeoutMs({ timeout: '0.5' })], [30_000, 500]);
  for (const value of ['x', '', '1.5', '-1', '1e3', '100001', '0x1'])
    assert.throws(
      () => wholeNumber(value, '--lines', 0, 100_000),
      usage('--lines is a whole number from 0 to 100000.'),
      value,
    );
  assert.throws(() => days('0'), usage('--expires-in is a whole number from 1 to 3650.'));
});

test('in --json a character that a terminal would obey is written as an escape, and nothing is lost', () => {
  const shown = printableJson(JSON.stringify({ a: ATTACK }));
  assert.doesNotMatch(shown, OBEYED);
  assert.deepEqual(JSON.parse(shown), { a: ATTACK });
  assert.equal(printable('a\nb\tc'), 'a\ufffdb\ufffdc');
  assert.equal(printableLines('a\nb\tc'), 'a\nb\ufffdc');
});

test('an unknown command of a group is suggested the nearest one', async () => {
  const { code, stderr } = await runDauth(['connections', 'rotat', '--json'], dir);
  assert.deepEqual([code, errorOf(stderr).message], [2, 'There is no such command. (Did you mean rotate?)']);
});
