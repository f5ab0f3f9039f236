/** Exit codes as a script sees them: for each way a command can end, the code, the one JSON line, and nothing beside it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DAuthError, ERRORS, type ErrorCode } from '@dauth/protocol';
import { runDauth, startAuthority, type FakeAuthority } from './authority.test-support.ts';
import { generateKeyFile } from './key-file.ts';
import { describeError } from './output.ts';
import { readSecret } from './secret.ts';

const dir = mkdtempSync(join(tmpdir(), 'dauth-exits-'));
const key = join(dir, 'client.jwk');
const open: FakeAuthority[] = [];
let gone: string;
let silent: string;
let half: string;
let mute: string;

const start = async (answer: Parameters<typeof startAuthority>[0]): Promise<string> => {
  const authority = await startAuthority(answer);
  open.push(authority);
  return authority.url;
};

before(async () => {
  await generateKeyFile(key, 'c');
  const closed = await startAuthority(() => undefined);
  closed.close();
  gone = closed.url;
  silent = await start(() => undefined);
  mute = await start(() => 'nothing');
  half = await start((path) => (path.startsWith('/.well-known/') ? { status: 404, body: {} } : undefined));
});
after(() => {
  open.forEach((authority) => authority.close());
  rmSync(dir, { recursive: true, force: true });
});

interface Described {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const HANDLE = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057';
const IDENTITY = 'A'.repeat(43);
const SEAL = [
  '--origin',
  'https://api.example',
  '--server',
  'https://mcp.example/mcp',
  '--executor-identity',
  IDENTITY,
];
const RUNNING = 'Is it running? Try "dauth doctor".';
const MORE = 'Try "dauth doctor", or give it more time with --timeout SECONDS.';
const HERE = 'Is it running, and is this its address? Try "dauth doctor".';
const URL_FORM =
  'A resource must be an absolute https URI in its plain form: a lowercase host, no default port, no dot segments, no userinfo, no fragment.';

/** Every command that talks, with what it needs to get as far as talking. */
const TALKING: readonly (readonly string[])[] = [
  ['clients', 'add', '--name', 'n', '--generate', 'new.jwk'],
  ['clients', 'ls'],
  ['servers', 'add', '--resource', 'https://mcp.example/mcp', '--generate', 'new.jwk'],
  ['servers', 'ls'],
  ['users', 'add', '--login', 'ada'],
  ['users', 'ls'],
  ['grants', 'add', '--client', 'c', '--resource', 'https://mcp.example/mcp'],
  ['grants', 'ls'],
  ['grants', 'rm', 'g'],
  ['connect', 'x', ...SEAL],
  ['connections', 'ls'],
  ...['get', 'suspend', 'resume', 'revoke', 'rm'].map((verb) => ['connections', verb, HANDLE]),
  ['connections', 'rotate', HANDLE, '--executor-identity', IDENTITY],
  ['audit', 'tail'],
  ['audit', 'export'],
];

const ended = async (args: readonly string[], input = 'secret value') => {
  const { code, stdout, stderr } = await runDauth([...args, '--key', key, '--json'], dir, input);
  assert.equal(stdout, '', args.join(' '));
  const { error } = JSON.parse(stderr) as { error: Described };
  return { code, error };
};

for (const command of TALKING) {
  test(`${command.slice(0, 2).join(' ')}: an authority that is down is 4, with a hint, and leaves no key behind`, async () => {
    const { code, error } = await ended([...command, '--authority', gone]);
    assert.equal(code, 4);
    assert.deepEqual(
      [error.code, error.message, error.hint],
      ['UNREACHABLE', 'The authority could not be reached.', RUNNING],
    );
    assert.equal(readdirSync(dir).includes('new.jwk'), false);
  });
}

/** What is asked, of whom, and how it ends. */
const WAYS: readonly (readonly [
  why: string,
  args: () => readonly string[],
  exit: number,
  code: string,
  message: string,
  hint?: string,
])[] = [
  [
    'an authority that is no address',
    () => ['clients', 'ls', '--authority', 'nonsense'],
    ...([2, 'USAGE', `--authority cannot be used. ${URL_FORM}`] as const),
  ],
  [
    'an authority over plain http',
    () => ['clients', 'ls', '--authority', 'http://auth.example'],
    ...([2, 'USAGE', '--authority cannot be used. Plain http is only for a loopback address.'] as const),
  ],
  [
    'an authority with a path',
    () => ['clients', 'ls', '--authority', 'https://auth.example/x'],
    2,
    'USAGE',
    '--authority is an origin, without a path or a trailing slash: https://auth.example.',
  ],
  [
    'a server over plain http',
    () => ['servers', 'add', '--resource', 'http://mcp.example/mcp', '--generate', 'new.jwk', '--authority', gone],
    ...([2, 'USAGE', '--resource cannot be used. Plain http is only for a loopback address.'] as const),
  ],
  [
    'a port that nobody may dial',
    () => ['clients', 'ls', '--authority', 'http://127.0.0.1:9'],
    ...([4, 'UNREACHABLE', 'The authority could not be reached.', RUNNING] as const),
  ],
  [
    'something else at the address',
    () => ['clients', 'ls', '--authority', half],
    4,
    'ENCLAVE_UNAVAILABLE',
    'The authority could not be reached, or does not describe itself as this issuer.',
    HERE,
  ],
  [
    'silence in discovery',
    () => ['clients', 'ls', '--authority', mute, '--timeout', '0.5'],
    ...([124, 'TIMEOUT', 'There was no answer in time.', MORE] as const),
  ],
  [
    'silence to a request',
    () => ['clients', 'ls', '--authority', silent, '--timeout', '0.5'],
    ...([124, 'TIMEOUT', 'There was no answer in time.', MORE] as const),
  ],
  [
    "silence where the executor's directory is fetched",
    () => ['connect', 'x', ...SEAL, '--authority', silent, '--timeout', '0.5'],
    ...([124, 'TIMEOUT', 'There was no answer in time.', MORE] as const),
  ],
  [
    'a key file that says nothing of a client',
    () => ['clients', 'ls', '--authority', gone, '--key', join(dir, 'nameless.jwk')],
    3,
    'NO_CLIENT_ID',
    'The key file does not say which client the key belongs to.',
    'Give --client-id ID, as "dauth clients add" printed it. A file that --generate made holds it.',
  ],
];

test('a key file is asked for its client id; what it cannot say has to be given', async () => {
  await generateKeyFile(join(dir, 'nameless.jwk'));
  const named = join(dir, 'misnamed.jwk');
  writeFileSync(named, JSON.stringify({ ...(JSON.parse(readFileSync(key, 'utf8')) as object), client_id: 5 }), {
    mode: 0o600,
  });
  const { code, stderr } = await runDauth(['clients', 'ls', '--authority', gone, '--key', named, '--json'], dir);
  assert.deepEqual([code, (JSON.parse(stderr) as { error: Described }).error.code], [3, 'BAD_KEY']);
  const given = ['clients', 'ls', '--authority', gone, '--key', join(dir, 'nameless.jwk'), '--client-id', 'c'];
  assert.equal((await runDauth(given, dir)).code, 4, 'control: with the flag it gets as far as asking');
});

for (const [why, args, exit, code, message, hint] of WAYS) {
  test(`${why} ends with ${exit}`, async () => {
    const words = args();
    const all = words.includes('--key') ? words : [...words, '--key', key];
    const { code: status, stdout, stderr } = await runDauth([...all, '--json'], dir, 'secret value');
    const { error } = JSON.parse(stderr) as { error: Described };
    assert.deepEqual([status, stdout, error.code, error.message, error.hint], [exit, '', code, message, hint]);
  });
}

test('a last newline is not the credential, but the last octet of a key in DER is', async () => {
  const file = join(dir, 'value');
  const read = async (octets: Buffer): Promise<Uint8Array> => {
    writeFileSync(file, octets);
    return (await readSecret({ fromFile: file, noInput: true }, ['token'])).token!;
  };
  const key = Buffer.concat([Buffer.of(2, 1, 0), Buffer.alloc(62, 1), Buffer.of(0x0a)]);
  for (const length of [[0x42], [0x81, 0x42], [0x82, 0x00, 0x42]]) {
    const der = Buffer.concat([Buffer.of(0x30, ...length), key]);
    assert.deepEqual(Buffer.from(await read(der)), der);
  }
  const text = Buffer.from(`0A${'a'.repeat(64)}`);
  assert.deepEqual(Buffer.from(await read(Buffer.concat([text, Buffer.from('\n')]))), text);
});

test('--no-input with nothing on stdin ends with 3', async () => {
  const empty = join(dir, 'empty');
  writeFileSync(empty, '');
  await assert.rejects(readSecret({ fromFile: empty, noInput: true }, ['token']), (error: unknown) => {
    const { exit, code, hint } = describeError(error);
    assert.deepEqual(
      [exit, code, hint],
      [3, 'INPUT_NEEDED', 'Pipe it: dauth connect … < secret.txt, or use --from-env VAR.'],
    );
    return true;
  });
});

const EXITS: Readonly<Record<ErrorCode, number>> = {
  ...{ UNAUTHENTICATED: 3, REPLAY_DETECTED: 3, UNTRUSTED_EXECUTOR: 3, NEEDS_REAUTHORIZATION: 3 },
  ...{ ENCLAVE_UNAVAILABLE: 4, AUDIT_UNAVAILABLE: 4, RATE_LIMITED: 4 },
  ...{ FORBIDDEN: 5, POLICY_DENIED: 5, ORG_MISMATCH: 5, CONNECTION_SUSPENDED: 5, CONNECTION_REVOKED: 5 },
  ...{ DOWNSTREAM_TIMEOUT: 6, DOWNSTREAM_UNREACHABLE: 6, DOWNSTREAM_TLS_ERROR: 6, DOWNSTREAM_AUTH_FAILURE: 6 },
  ...{ DOWNSTREAM_RATE_LIMITED: 6, RESPONSE_TOO_LARGE: 6, RESPONSE_UNSCANNABLE: 6 },
  ...{ NOT_FOUND: 7, CONNECTION_NOT_FOUND: 7, CONFLICT: 8, DECRYPTION_FAILED: 9 },
  ...{ INVALID_REQUEST: 2, BAD_REQUEST: 2 },
  ...{ PAYLOAD_TOO_LARGE: 1, METHOD_NOT_ALLOWED: 1, UNSUPPORTED_MEDIA_TYPE: 1, INTERNAL: 1 },
};

for (const [code, exit] of Object.entries(EXITS) as [ErrorCode, number][]) {
  test(`the answer ${code} ends with ${exit}, in the words of the authority`, () => {
    const { exit: status, ...said } = describeError(new DAuthError(code));
    assert.equal(status, exit);
    assert.deepEqual([said.code, said.message], [code, ERRORS[code].message]);
  });
}

test('the key of a client that asks for no tokens, as a server has, is told from one that is not known', async () => {
  const url = await start((path) =>
    path === '/token' ? { status: 400, body: { error: 'unauthorized_client', error_description: 'No.' } } : undefined,
  );
  const { code, error } = await ended(['connections', 'ls', '--authority', url]);
  assert.deepEqual([code, error.code, error.message], [5, 'FORBIDDEN', 'No.']);
  assert.match(error.hint!, /as an MCP server's is\. Give --key/);
});

test('a code reaches the exit status of the process, and a refused registration leaves no key file', async () => {
  for (const [code, status, exit] of [
    ['RATE_LIMITED', 429, 4],
    ['CONFLICT', 409, 8],
    ['FORBIDDEN', 403, 5],
  ] as const) {
    const url = await start((path) => (path === '/servers' ? { status, body: { code, detail: 'No.' } } : undefined));
    const args = ['servers', 'add', '--resource', 'https://mcp.example/mcp', '--generate', 'new.jwk'];
    const { code: ended_, error } = await ended([...args, '--authority', url]);
    assert.deepEqual([ended_, error.code, error.message], [exit, code, 'No.']);
    assert.equal(readdirSync(dir).includes('new.jwk'), false);
  }
  const row = { resource: 'https://mcp.example/mcp', client_id: 'srv', scopes: [] };
  const url = await start((path) => (path === '/servers' ? { status: 201, body: row } : undefined));
  const args = [
    'servers',
    'add',
    '--resource',
    row.resource,
    '--generate',
    'new.jwk',
    '--authority',
    url,
    '--key',
    key,
  ];
  const taken = await runDauth(args, dir);
  assert.deepEqual([taken.code, taken.stdout], [0, 'srv\n'], 'control: the same command again');
  const jwk = JSON.parse(readFileSync(join(dir, 'new.jwk'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual([jwk.client_id, jwk.kty, typeof jwk.d], ['srv', 'EC', 'string']);
  assert.equal(statSync(join(dir, 'new.jwk')).mode & 0o777, 0o600);
  rmSync(join(dir, 'new.jwk'));
});

for (const [args, message, hint] of [
  [
    ['start', 'ghp_typed'],
    'There is an argument too many.',
    'Did you mean "dauth start --data DIR", or "dauth serve authority|executor --config FILE"?',
  ],
  [['servers', 'add'], '"dauth servers add" needs the option --resource <url>.', 'See "dauth servers add --help".'],
  [['connect'], '"dauth connect" needs the option --origin <url>.', 'See "dauth connect --help".'],
  [['connections', 'get'], '"dauth connections get" needs the argument handle.', 'See "dauth connections get --help".'],
  [['servers', 'adt'], 'There is no such command. (Did you mean add?)', 'See "dauth servers --help".'],
  [
    ['start', '--dta', 'ghp_typed'],
    'There is no such option here. (Did you mean --data?)',
    'See "dauth start --help".',
  ],
] as const) {
  test(`"dauth ${args.join(' ')}" is answered with what was meant, and with nothing that was typed`, async () => {
    const { code, stdout, stderr } = await runDauth([...args, '--json'], dir);
    const { error } = JSON.parse(stderr) as { error: Described };
    assert.deepEqual([code, stdout, error.message, error.hint], [2, '', message, hint]);
    assert.equal(stderr.includes('ghp_typed'), false);
  });
}

/** The help of a command and of all below it, by its words. */
async function helps(words: readonly string[]): Promise<(readonly [name: string, help: string])[]> {
  const { code, stdout } = await runDauth([...words, '--help'], dir);
  assert.equal(code, 0, stdout);
  const [, listed = ''] = /\nCommands:\n((?: .*\n)+)/.exec(stdout) ?? [];
  const below = [...listed.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!).filter((name) => name !== 'help');
  const all: (readonly [string, string])[] = [[`dauth ${words.join(' ')}`.trim(), stdout]];
  for (const name of below) all.push(...(await helps([...words, name])));
  return all;
}

test('no line of any help is wider than 80 columns, and what a command needs stands first and is said to be required', async () => {
  const all = await helps([]);
  assert.ok(all.length > 30, `control: ${all.length} commands were found`);
  for (const [name, help] of all) for (const line of help.split('\n')) assert.ok(line.length <= 80, `${name}: ${line}`);
  const connect = all.find(([name]) => name === 'dauth connect')![1];
  assert.match(
    connect,
    /\nOptions:\n {2}--origin <url> +the one origin it may be sent to \(required\)\n {2}--server <resource> +MCP server that may use it; repeat for more\n +\(required\)\n {2}--data/,
  );
});

test('each main command shows how it is used', async () => {
  const names = [
    'start',
    'serve',
    'clients',
    'servers',
    'users',
    'grants',
    'connect',
    'connections',
    'policy',
    'audit',
    'doctor',
  ];
  for (const name of names) {
    const { code, stdout } = await runDauth([name, '--help'], dir);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`\nExamples:\n  dauth ${name}[ \n]`));
  }
});
