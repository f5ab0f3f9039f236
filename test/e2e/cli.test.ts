/** The command line as people and scripts meet it, on one real stack: what each command prints, where, and how it ends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findSecret } from '../support/encodings.ts';
import { makeTempDir, run, start, type Running } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const DAUTH = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const SERVER = 'https://mcp.example/mcp';
const ORIGIN = 'https://api.example';
const SEAL = ['--origin', ORIGIN, '--server', SERVER];
const SECRET = 'ghp_a1b2c3d4e5f6';

interface Row {
  readonly handle: string;
  readonly name: string;
  readonly owner: string;
  readonly status: string;
  readonly ver: number;
}
interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

suite('the command line', { timeout: 170_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let laptop: string;
  let laptopId: string;

  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    laptop = join(dir.path, 'laptop.jwk');
    await stack.dauth(['servers', 'add', '--resource', SERVER, '--generate', join(dir.path, 'server.jwk')]);
    const added = ['clients', 'add', '--name', 'laptop', '--generate', laptop];
    laptopId = (await stack.dauth<{ client_id: string }>(added)).client_id;
  });
  after(async () => {
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  const asLaptop = () => ['--key', laptop];
  const connect = async (name: string, ...more: string[]): Promise<string> =>
    (await stack.dauth<{ handle: string }>(['connect', name, ...SEAL, ...asLaptop(), ...more], SECRET)).handle;
  /** As a person types it: no `--json`. */
  const typed = (args: readonly string[], input = '', env: Record<string, string> = {}) =>
    run({ file: process.execPath, args: [DAUTH, ...args, '--data', stack.ready.data], cwd: dir.path, input, env });
  const refused = async (args: readonly string[], exit: number, code: string, input = SECRET): Promise<Failure> => {
    const ended = await stack.tryDauth(args, input);
    const { error } = JSON.parse(ended.stderr) as { error: Failure };
    assert.deepEqual([ended.code, ended.stdout, error.code], [exit, '', code], ended.stderr);
    return error;
  };
  const count = async (): Promise<number> => (await stack.dauth<Row[]>(['connections', 'ls'])).length;

  test('connect --query and --without-query are sealed, said, and kept by a rotation', async () => {
    const sealedFor = async (handle: string) => {
      const stored = await stack.dauth<{ allow: { query?: string[] }[] }>([
        'connections',
        'get',
        handle,
        ...asLaptop(),
      ]);
      return stored.allow.map(({ query }) => query);
    };
    const people = await typed(['connect', 'named', ...SEAL, ...asLaptop(), '--query', 'q', '--query', 'page'], SECRET);
    assert.match(people.stderr, /with no other query than q page\n/);
    const named = people.stdout.trim();
    assert.deepEqual(await sealedFor(named), [['q', 'page']]);
    await stack.dauth(['connections', 'rotate', named, ...asLaptop()], SECRET);
    assert.deepEqual(await sealedFor(named), [['q', 'page']]);
    assert.deepEqual(await sealedFor(await connect('bare', '--without-query')), [[]]);
    for (const wrong of [
      ['--query', 'a b'],
      ['--query', 'q', '--query', 'q'],
      ['--query', 'q', '--without-query'],
    ])
      await refused(['connect', 'wrong', ...SEAL, ...asLaptop(), ...wrong], 2, 'USAGE');
  });

  test('connect --spki, --response-header and --refuse-echoes are sealed, said, and kept by a rotation', async () => {
    const [pin, other] = ['A'.repeat(43), `${'A'.repeat(42)}E`];
    const flags = ['--spki', pin, '--spki', `${ORIGIN}=${other}`, '--response-header', 'Set-Cookie', '--refuse-echoes'];
    const people = await typed(['connect', 'pinned', ...SEAL, ...asLaptop(), ...flags], SECRET);
    const said = (text: string): void => {
      assert.match(
        text,
        new RegExp(`over TLS {8}to ${ORIGIN} only where the certificate leads to the key ${pin} or ${other}\\n`),
      );
      assert.match(text, /gives back {6}set-cookie, which MCP servers can read then\n/);
      assert.match(text, /refuses {9}answers that hold it, whole; /);
    };
    said(people.stderr);
    // What is said then is what was read from the envelope and is sealed again.
    const rotated = await typed(['connections', 'rotate', people.stdout.trim(), ...asLaptop()], SECRET);
    assert.equal(rotated.code, 0, rotated.stderr);
    said(rotated.stderr);
    for (const wrong of [
      ['--spki', pin.slice(1)],
      ['--spki', pin, '--spki', pin],
      ['--spki', `https://elsewhere.example=${pin}`],
      ['--response-header', 'dauth-error'],
      ['--response-header', 'connection'],
      ['--refuse-echoes', '--websocket'],
    ])
      await refused(['connect', 'wrong', ...SEAL, ...asLaptop(), ...wrong], 2, 'USAGE');
  });

  test('connect --websocket is sealed and said, and goes with GET alone', async () => {
    const people = await typed(['connect', 'live', ...SEAL, ...asLaptop(), '--websocket'], SECRET);
    assert.match(people.stderr, /, and as a WebSocket\n/);
    const stored = await stack.dauth<{ allow: { websocket?: boolean }[] }>([
      ...['connections', 'get', people.stdout.trim(), ...asLaptop()],
    ]);
    assert.equal(stored.allow[0]?.websocket, true);
    for (const wrong of [
      ['--method', 'POST'],
      ['--body', '{"pointer":"/a","absent":true}'],
    ])
      await refused(['connect', 'wrong', ...SEAL, ...asLaptop(), '--websocket', ...wrong], 2, 'USAGE');
  });

  test('connect --body is sealed and said, and is refused where it is no condition', async () => {
    const condition = '{"pointer":"/draft","one_of":[true,"yes"]}';
    const body = ['--method', 'POST', '--body', condition];
    const people = await typed(['connect', 'bound', ...SEAL, ...asLaptop(), ...body], SECRET);
    assert.match(people.stderr, /, and only with a JSON body where \/draft is true or "yes"\n/);
    const stored = await stack.dauth<{ allow: { body?: object[] }[] }>([
      ...['connections', 'get', people.stdout.trim(), ...asLaptop()],
    ]);
    assert.deepEqual(stored.allow[0]?.body, [JSON.parse(condition)]);
    for (const wrong of ['{', '{"pointer":"/a"}', '{"pointer":"/a","matches":"."}'])
      await refused(['connect', 'wrong', ...SEAL, ...asLaptop(), '--body', wrong], 2, 'USAGE');
  });

  test('connect prints the handle on stdout and the policy on stderr; with --json nothing but the document', async () => {
    const people = await typed(['connect', 'talk', ...SEAL, ...asLaptop()], SECRET);
    assert.equal(people.code, 0, people.stderr);
    assert.match(people.stdout, /^ddls:conn:[0-9a-f-]{36}\n$/);
    assert.match(people.stderr, /^Sealing "talk" for /);
    assert.match(people.stderr, /may be sent to {2}https:\/\/api\.example {2}GET {2}\/\*\* {2}with any query\n/);
    const script = await stack.tryDauth(['connect', 'quiet', ...SEAL, ...asLaptop()], SECRET);
    assert.deepEqual([script.code, script.stderr], [0, '']);
    assert.deepEqual(findSecret(Buffer.from(people.stdout + people.stderr + script.stdout), Buffer.from(SECRET)), []);
  });

  test('connect says where no server is registered under the address that was given', async () => {
    const misspelt = (name: string) => ['connect', name, '--origin', ORIGIN, '--server', `${SERVER}x`, ...asLaptop()];
    const people = await typed(misspelt('typo'), SECRET);
    assert.equal(people.code, 0, people.stderr);
    assert.match(
      people.stderr,
      /No MCP server is registered as .*x: the credential cannot be used there until one is\./,
    );
    const script = await stack.tryDauth(misspelt('typo-2'), SECRET);
    assert.deepEqual([script.code, script.stderr], [0, '']);
    const { unknown_servers } = JSON.parse(script.stdout) as { unknown_servers: string[] };
    assert.deepEqual(unknown_servers, [`${SERVER}x`]);
  });

  test('a credential for a body is sealed for POST, and said to go there', async () => {
    for (const [inject, said] of [
      ['body:/auth/token={token}', /is put into +JSON body \/auth\/token  \{token\}/],
      ['body:client_secret={token}', /is put into +form body client_secret  \{token\}/],
    ] as const) {
      const people = await typed(['connect', 'body', ...SEAL, '--inject', inject, ...asLaptop()], SECRET);
      assert.equal(people.code, 0, people.stderr);
      assert.match(people.stderr, said);
      assert.match(people.stderr, /may be sent to  \S+  POST  /);
      await stack.dauth(['connections', 'rm', people.stdout.trim(), ...asLaptop()]);
    }
  });

  test('a policy that contradicts itself, or a value that is not there, is refused before anything is said to be sealed', async () => {
    for (const [args, input, exit] of [
      [['connect', 'x', ...SEAL, '--inject', 'header:x-key={other}'], SECRET, 2],
      [['connect', 'x', ...SEAL, '--method', 'get it'], SECRET, 2],
      [['connect', 'x', ...SEAL], '', 2],
      [['connect', 'x', ...SEAL, '--no-input'], '', 3],
      [['connect', 'x', ...SEAL, '--from-env', 'NOT_SET'], '', 2],
    ] as const) {
      const people = await typed([...args, ...asLaptop()], input);
      assert.deepEqual([people.code, people.stdout], [exit, ''], people.stderr);
      assert.equal(people.stderr.includes('Sealing'), false, args.join(' '));
    }
  });

  test('a connection is suspended, resumed, rotated, revoked and removed, and shown as what it is', async () => {
    const handle = await connect('life');
    const act = (verb: string, ...more: string[]) => ['connections', verb, handle, ...asLaptop(), ...more];
    const shown = await stack.dauth<Row & { envelope?: string }>(act('get'));
    assert.deepEqual(
      [shown.handle, shown.name, shown.owner, shown.status, shown.ver],
      [handle, 'life', laptopId, 'active', 1],
    );
    assert.match(shown.envelope!, /^ey[\w-]+(?:\.[\w-]*){4}$/, 'programs are shown what is stored');
    assert.doesNotMatch((await typed(act('get'))).stdout, /envelope|seal_proof/, 'and people what they can read');
    assert.equal((await stack.dauth<Row>(act('suspend'))).status, 'suspended');
    assert.equal((await typed(act('resume'))).stdout, 'life is active\n');
    assert.equal((await stack.dauth<Row>(act('rotate'), 'another value')).ver, 2);
    assert.equal((await stack.dauth<Row>(act('revoke'))).status, 'revoked');
    await refused(act('resume'), 5, 'CONNECTION_REVOKED');
    assert.deepEqual(await stack.dauth(act('rm')), { handle, removed: true });
    await refused(act('get'), 7, 'CONNECTION_NOT_FOUND');
  });

  test('the list keeps every handle whole, at the beginning of its line', async () => {
    const handle = await connect('listed');
    const { stdout } = await typed(['connections', 'ls', ...asLaptop()]);
    assert.match(stdout, /^handle +name +status +origin +owner\n/);
    assert.ok(stdout.includes(`\n${handle}  listed `), stdout);
  });

  test('a credential comes from a variable, from a file, or as several fields, and one argument of it is refused', async () => {
    const file = join(dir.path, 'secret.txt');
    await writeFile(file, `${SECRET}\n`, { mode: 0o600 });
    const env = await typed(['connect', 'env', ...SEAL, ...asLaptop(), '--from-env', 'T'], '', { T: SECRET });
    assert.equal(env.code, 0, env.stderr);
    await connect('file', '--from-file', file, '--try');
    const fields = ['--field', 'user', '--field', 'pass', '--inject', 'basic:USER={user},PASS={pass}', '--try'];
    const several = ['connect', 'several', ...SEAL, ...asLaptop(), ...fields];
    await stack.dauth(several, JSON.stringify({ user: 'robot-user', pass: SECRET }));
    const wrong = await refused(several, 2, 'USAGE', JSON.stringify({ user: 'robot-user' }));
    assert.equal(wrong.message, 'The JSON object must have exactly the fields named by --field, each a string.');
    for (const how of [[SECRET], ['--token', SECRET], [`--value=${SECRET}`]]) {
      const { message } = await refused(['connect', 'argv', ...how, ...SEAL, ...asLaptop()], 2, 'USAGE');
      assert.equal(message.includes(SECRET), false);
    }
  });

  test("--owner is the operator's to say, and refused for anybody else", async () => {
    const { handle } = await stack.dauth<Row>(['connect', 'for-laptop', ...SEAL, '--owner', laptopId], SECRET);
    assert.equal((await stack.dauth<Row>(['connections', 'get', handle, ...asLaptop()])).owner, laptopId);
    const before = await count();
    await refused(['connect', 'for-ada', ...SEAL, ...asLaptop(), '--owner', 'ada'], 5, 'FORBIDDEN');
    assert.equal(await count(), before);
  });

  test('a wrong executor identity ends with 3, and nothing is stored', async () => {
    const before = await count();
    const wrong = ['connect', 'x', ...SEAL, ...asLaptop(), '--executor-identity', 'A'.repeat(43)];
    const { message } = await refused(wrong, 3, 'UNTRUSTED_EXECUTOR');
    assert.equal(message, 'The key directory is signed by an identity that is not pinned.');
    assert.equal(await count(), before);
  });

  test('an authority, a key file and an identity are enough, far from any stack', async () => {
    const away = join(dir.path, 'away');
    await mkdir(away);
    const reach = ['--authority', stack.ready.authority, '--executor-identity', stack.ready.executor_identity];
    const asked = (args: readonly string[], key: string, input = '') =>
      run({ file: process.execPath, args: [DAUTH, ...args, '--key', key, ...reach], cwd: away, input });
    const sealed = await asked(['connect', 'away', ...SEAL], laptop, SECRET);
    assert.equal(sealed.code, 0, sealed.stderr);
    assert.equal((await asked(['connections', 'get', sealed.stdout.trim()], laptop)).code, 0);
    const operator = join(stack.ready.data, 'operator.jwk');
    assert.equal((await asked(['clients', 'ls'], operator)).code, 0, 'the operator, by a file that says so');
    const { client_id: _, ...bare } = JSON.parse(await readFile(laptop, 'utf8')) as Record<string, unknown>;
    await writeFile(join(away, 'bare.jwk'), JSON.stringify(bare), { mode: 0o600 });
    const nameless = await asked(['connections', 'ls', '--json'], join(away, 'bare.jwk'));
    assert.equal(nameless.code, 3);
    assert.equal((JSON.parse(nameless.stderr) as { error: Failure }).error.code, 'NO_CLIENT_ID');
  });

  test('a grant is given, listed and taken back', async () => {
    const runner = ['clients', 'add', '--name', 'runner', '--generate', join(dir.path, 'runner.jwk')];
    const { client_id } = await stack.dauth<{ client_id: string }>(runner);
    const give = ['grants', 'add', '--client', client_id, '--resource', SERVER, '--expires-in', '1', ...asLaptop()];
    const { id } = await stack.dauth<{ id: string }>(give);
    const ls = async () =>
      (await stack.dauth<{ id: string }[]>(['grants', 'ls', ...asLaptop()])).map((each) => each.id);
    assert.ok((await ls()).includes(id));
    assert.deepEqual(await stack.dauth(['grants', 'rm', id, ...asLaptop()]), { id, revoked: true });
    assert.equal((await ls()).includes(id), false);
  });

  test('the journal is exported whole, tailed by lines, and followed until Ctrl-C ends it with 130', async () => {
    const lines = async (...args: string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await typed(['audit', ...args]);
      assert.equal(code, 0, stderr);
      return stdout.split('\n').slice(0, -1);
    };
    let all: string[] = [];
    while (all.length < 2) all = await lines('export');
    for (const line of all) assert.equal(typeof (JSON.parse(line) as { seq: unknown }).seq, 'number');
    assert.equal((await lines('tail', '--lines', '1')).length, 1);
    assert.deepEqual(await lines('tail', '--lines', '0'), []);
    const args = [DAUTH, 'audit', 'tail', '--follow', '--lines', '1', '--data', stack.ready.data];
    await using following = await start({ file: process.execPath, args, isReady: (line) => line.startsWith('{') });
    assert.deepEqual(await following.stop('SIGINT', 20_000), { code: 130, signal: null });
  });

  test('config show says where each value came from', async () => {
    const config = join(dir.path, 'dauth.json');
    const args = ['config', 'show', '--origin', '--config', config, '--json'];
    const env = { DAUTH_EXECUTOR_FRESHNESS_MS: '700' };
    const { code, stdout } = await run({ file: process.execPath, args: [DAUTH, ...args], cwd: dir.path, env });
    assert.equal(code, 0);
    const rows = JSON.parse(stdout) as { key: string; value: unknown; origin: string }[];
    const originOf = new Map(rows.map(({ key, value, origin }) => [key, [value, origin]]));
    assert.deepEqual(originOf.get('executor.freshnessMs'), [700, 'environment DAUTH_EXECUTOR_FRESHNESS_MS']);
    assert.deepEqual(originOf.get('executor.upstream.dangerouslyAllowLoopback'), [true, `file ${config}`]);
    assert.equal(originOf.get('authority.accessTokenSeconds')?.[1], 'default');
  });

  test('doctor is content with this stack, and says what to do where there is none or it is down', async () => {
    type Check = { check: string; result: string; detail: string; fix?: string };
    const doctor = async (data: string, exit: number, env: Record<string, string> = {}, flags: string[] = []) => {
      const args = [DAUTH, 'doctor', '--data', data, '--json', ...flags];
      const { code, stdout } = await run({ file: process.execPath, args, cwd: dir.path, env });
      assert.equal(code, exit, stdout);
      return new Map(
        (JSON.parse(stdout) as Check[]).map(({ check, result, detail, fix }) => [check, { result, detail, fix }]),
      );
    };
    const ca = { NODE_EXTRA_CA_CERTS: stack.caFile };
    const well = await doctor(stack.ready.data, 0, ca);
    assert.equal(well.get('authority')?.result, 'ok');
    assert.equal(well.get('database')?.detail, `${join(stack.ready.data, 'authority', 'authority.db')}, private`);
    assert.ok(well.get('certificate authorities')?.detail.includes(`${stack.caFile} (NODE_EXTRA_CA_CERTS)`));
    const none = await doctor(join(dir.path, 'none'), 1);
    assert.deepEqual(none.get('stack'), {
      ...{ result: 'fail', detail: 'no stack was started here', fix: 'run "dauth start"' },
    });
    await mkdir(join(dir.path, 'down'), { mode: 0o700 });
    const nobody = JSON.stringify({ authority: 'http://127.0.0.1:9', executor: 'http://127.0.0.1:9' });
    await writeFile(join(dir.path, 'down', 'stack.json'), nobody);
    await writeFile(join(dir.path, 'down', 'executor.pin'), 'A'.repeat(43));
    const down = await doctor(join(dir.path, 'down'), 1);
    for (const check of ['authority', 'executor', 'executor identity'])
      assert.equal(down.get(check)?.fix, 'start it, or check the address', check);
    const flags = ['--authority', stack.ready.authority, '--key', join(stack.ready.data, 'operator.jwk')];
    const pinned = await readFile(join(stack.ready.data, 'executor.pin'), 'utf8');
    const far = await doctor(join(dir.path, 'none'), 0, ca, [...flags, '--executor-identity', pinned.trim()]);
    assert.equal(far.get('key')?.result, 'ok');
    assert.deepEqual(far.get('executor identity'), well.get('executor identity'));
    assert.deepEqual([far.get('data directory'), far.get('operator key')], [undefined, undefined]);
    const pin = ['doctor', '--executor-identity', 'A'.repeat(43)];
    const other = JSON.parse((await stack.tryDauth(pin)).stdout) as Check[];
    const wrong = other.find(({ check }) => check === 'executor identity');
    assert.deepEqual([wrong?.result, wrong?.fix], ['fail', 'do not seal until this is explained']);
  });

  const starts = (data: string) =>
    run({ file: process.execPath, args: [DAUTH, 'start', '--data', data, '--port', '0', '--json'], cwd: dir.path });

  test('a second stack on the same directory is refused with 8, and one beside it shares nothing', async () => {
    const locked = await starts(stack.ready.data);
    assert.deepEqual([locked.code, locked.stdout], [8, '']);
    assert.equal((JSON.parse(locked.stderr) as { error: Failure }).error.code, 'LOCKED');
    const other = await startStack({ dir: join(dir.path, 'other') });
    try {
      assert.notEqual(other.ready.executor_identity, stack.ready.executor_identity);
      assert.deepEqual(await other.dauth(['connections', 'ls']), []);
      assert.ok((await count()) > 0, 'control: this one has some');
    } finally {
      assert.deepEqual(await other.process.stop('SIGTERM', 20_000), { code: 0, signal: null });
    }
    await rename(join(other.ready.data, 'executor'), join(other.ready.data, 'executor.old'));
    const changed = await starts(other.ready.data);
    assert.deepEqual([changed.code, changed.stdout], [9, '']);
    assert.ok(changed.stderr.includes('"code":"EXECUTOR_CHANGED"'), changed.stderr);
  });

  const noScript = spawnSync('script', ['--version']).status === 0 ? false : 'script (util-linux) is not installed';
  const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
  /** `dauth connect` on a terminal of its own, stdout in a file, waiting at its prompt. */
  const prompted = (name: string): Promise<Running> => {
    const words = [process.execPath, DAUTH, 'connect', name, ...SEAL, ...asLaptop(), '--data', stack.ready.data];
    // A terminal nobody looks at has no width, and the prompt would be broken after each letter.
    const command = `stty columns 120 rows 30; ${words.map(quote).join(' ')} > ${quote(join(dir.path, `${name}.out`))}`;
    const args = ['--quiet', '--return', '--command', command, '/dev/null'];
    return start({ file: 'script', args, keepStdin: true, isReady: (line) => line.includes('Credential (not shown)') });
  };

  test(
    'a credential typed at the prompt is not shown, and stdout holds the handle and nothing else',
    { skip: noScript },
    async () => {
      await using terminal = await prompted('typed');
      terminal.send(`${SECRET}\r`);
      assert.deepEqual(await terminal.exited, { code: 0, signal: null }, terminal.stdout());
      assert.match(await readFile(join(dir.path, 'typed.out'), 'utf8'), /^ddls:conn:[0-9a-f-]{36}\n$/);
      assert.deepEqual(findSecret(Buffer.from(terminal.stdout()), Buffer.from(SECRET)), []);
      assert.ok(terminal.stdout().includes('Sealing "typed"'));
    },
  );

  test('Ctrl-C at the prompt ends with 130, and nothing is stored', { skip: noScript }, async () => {
    const before = await count();
    await using terminal = await prompted('dropped');
    terminal.send('\x03');
    assert.deepEqual(await terminal.exited, { code: 130, signal: null }, terminal.stdout());
    assert.equal(await readFile(join(dir.path, 'dropped.out'), 'utf8'), '');
    assert.equal(await count(), before);
  });

  test('a signal to start drains the stack and ends it with 0', async () => {
    const { process: started } = stack;
    assert.deepEqual(await started.stop('SIGTERM', 20_000), { code: 0, signal: null }, started.stderr());
    const down = await refused(['connections', 'ls'], 4, 'UNREACHABLE');
    assert.equal(down.hint, 'Is it running? Try "dauth doctor".');
  });
});
