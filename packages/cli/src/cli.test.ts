import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { environment } from './authority.test-support.ts';
import { explainConfig, loadConfig } from './config.ts';
import { generateKeyFile } from './key-file.ts';
import { parseInject } from './inject.ts';

const DAUTH = fileURLToPath(new URL('./main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'dauth-cli-'));
after(() => rmSync(dir, { recursive: true, force: true }));

function dauth(args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}) {
  const env = environment(dir, options.env);
  const { status, stdout, stderr } = spawnSync(process.execPath, [DAUTH, ...args], {
    cwd: dir,
    env,
    input: options.input ?? '',
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

for (const args of [
  ['connect', 'x', 'ghp_argv', '--origin', 'https://a.example', '--server', 'https://b.example'],
  ['connect', 'x', '--token', 'ghp_argv', '--origin', 'https://a.example', '--server', 'https://b.example'],
  ['connect', 'x', '--value=ghp_argv', '--origin', 'https://a.example', '--server', 'https://b.example'],
  ['connect', 'x', '--secret', 'ghp_argv', '--origin', 'https://a.example', '--server', 'https://b.example'],
]) {
  test(`[seal.client-only] a credential in argv is refused and not repeated: ${args.slice(2, 4).join(' ')}`, () => {
    const { code, stdout, stderr } = dauth(args);
    assert.equal(code, 2);
    assert.match(stderr, /never an argument/);
    assert.equal((stdout + stderr).includes('ghp_argv'), false);
  });
}

test('[seal.client-only] without a known executor identity connect exits 3 and sends nothing', () => {
  const { code, stderr } = dauth(
    ['connect', 'x', '--origin', 'https://a.example', '--server', 'https://b.example', '--json'],
    { input: 'secret' },
  );
  assert.equal(code, 3);
  assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, 'NO_EXECUTOR_IDENTITY');
});

test('an unknown command exits 2 with a suggestion and does not repeat what was typed', () => {
  const { code, stderr } = dauth(['conect', 'ghp_typed']);
  assert.equal(code, 2);
  assert.match(stderr, /Did you mean connect/);
  assert.equal(stderr.includes('ghp_typed'), false);
});

test('a command without a stack exits 4 and says what to do', () => {
  const { code, stderr } = dauth(['connections', 'ls', '--json']);
  assert.equal(code, 4);
  assert.match((JSON.parse(stderr) as { error: { hint: string } }).error.hint, /dauth start/);
});

test('a configuration key nobody knows is an error with the nearest one', () => {
  const file = join(dir, 'wrong.yaml');
  writeFileSync(file, 'executor:\n  upstreem: {}\n');
  const { code, stderr } = dauth(['config', 'validate', '--config', file]);
  assert.equal(code, 2);
  assert.match(stderr, /executor\.upstreem is not a configuration key\. Did you mean executor\.upstream\?/);
});

test('a database or cache that is not in this version is refused in words', () => {
  assert.throws(
    () => loadConfig(undefined, { DAUTH_AUTHORITY_DATABASE: 'postgres://x' }),
    /sqlite:PATH in this version/,
  );
  assert.throws(() => loadConfig(undefined, { DAUTH_AUTHORITY_REDIS: 'redis://x' }), /not in this version/);
});

test('environment beats file, a _FILE twin is read, and each value knows where it came from', () => {
  const file = join(dir, 'config.yaml');
  const twin = join(dir, 'issuer');
  writeFileSync(file, 'authority:\n  listen: 127.0.0.1:1\nexecutor:\n  freshnessMs: 700\n');
  writeFileSync(twin, 'https://auth.example\n');
  const { config, origins } = loadConfig(file, {
    DAUTH_AUTHORITY_LISTEN: '127.0.0.1:2',
    DAUTH_AUTHORITY_ISSUER_FILE: twin,
  });
  assert.equal(config.authority.listen, '127.0.0.1:2');
  assert.equal(config.authority.issuer, 'https://auth.example');
  assert.equal(config.executor.freshnessMs, 700);
  assert.equal(origins.get('authority.listen'), 'environment DAUTH_AUTHORITY_LISTEN');
  assert.equal(origins.get('executor.freshnessMs'), `file ${file}`);
});

for (const [what, env, sentence] of [
  [
    'misspelt',
    { DAUTH_EXECUTOR_FRESHNES_MS: '700' },
    /DAUTH_EXECUTOR_FRESHNES_MS is not a configuration variable. Did you mean DAUTH_EXECUTOR_FRESHNESS_MS\?/,
  ],
  ['set twice', { DAUTH_AUTHORITY_LISTEN: 'a:1', DAUTH_AUTHORITY_LISTEN_FILE: '/x' }, /are both set; keep one/],
  ['wider than the default', { DAUTH_EXECUTOR_LIMITS_TOTAL_MS: '600001' }, /executor\.limits\.totalMs: Too big/],
  [
    'a switch that is neither',
    { DAUTH_AUTHORITY_CLIENTS_DOCUMENTS: 'yes' },
    /authority\.clients\.documents: Invalid input/,
  ],
  ['slower than the bound', { DAUTH_EXECUTOR_FRESHNESS_MS: '751' }, /executor\.freshnessMs: Too big/],
] as const) {
  test(`a variable that is ${what} is refused`, () => {
    assert.throws(() => loadConfig(undefined, env), sentence);
  });
}

test('a limit nobody knows is an error, and every default is shown', () => {
  const file = join(dir, 'limits.yaml');
  writeFileSync(file, 'executor:\n  limits: { concurency: 5 }\n');
  assert.throws(
    () => loadConfig(file, {}),
    /executor\.limits\.concurency is not a configuration key. Did you mean executor\.limits\.concurrency\?/,
  );
  const { config, origins } = loadConfig(undefined, { DAUTH_EXECUTOR_LIMITS_CONCURRENCY: '5' });
  const rows = new Map(explainConfig(config, origins).map((row) => [row.key, row]));
  assert.deepEqual(rows.get('executor.limits.concurrency'), {
    key: 'executor.limits.concurrency',
    value: 5,
    origin: 'environment DAUTH_EXECUTOR_LIMITS_CONCURRENCY',
  });
  assert.deepEqual(rows.get('executor.freshnessMs'), { key: 'executor.freshnessMs', value: 750, origin: 'default' });
});

test('the private listeners are off by default, and HOST:PORT where a file or the environment names them', () => {
  const rows = (file: string | undefined, env: Record<string, string>) => {
    const { config, origins } = loadConfig(file, env);
    return explainConfig(config, origins).filter(({ key }) => key.endsWith('.metrics'));
  };
  assert.deepEqual(rows(undefined, {}), [
    { key: 'authority.metrics', value: null, origin: 'default' },
    { key: 'executor.metrics', value: null, origin: 'default' },
  ]);
  const file = join(dir, 'metrics.yaml');
  writeFileSync(file, 'authority: { metrics: "127.0.0.1:4190" }\n');
  assert.deepEqual(rows(file, { DAUTH_EXECUTOR_METRICS: '[::1]:4191' }), [
    { key: 'authority.metrics', value: '127.0.0.1:4190', origin: `file ${file}` },
    { key: 'executor.metrics', value: '[::1]:4191', origin: 'environment DAUTH_EXECUTOR_METRICS' },
  ]);
  for (const room of ['AUTHORITY', 'EXECUTOR'])
    assert.throws(() => loadConfig(undefined, { [`DAUTH_${room}_METRICS`]: '4190' }), {
      exit: 2,
      message: new RegExp(`^${room.toLowerCase()}\\.metrics: `),
    });
});

test('a private listener on the port of the callers ends the start with exit 2', () => {
  const file = join(dir, 'own.yaml');
  writeFileSync(file, 'executor: { metrics: "127.0.0.1:4181" }\n');
  const { code, stderr } = dauth(['start', '--config', file, '--data', join(dir, 'own')]);
  assert.equal(code, 2);
  assert.match(stderr, /metrics\\" must have a port of its own: what it says is for the operator, not for callers\./);
});

test('a configuration that contradicts itself in a room ends the start with exit 2', () => {
  const file = join(dir, 'public.yaml');
  writeFileSync(file, 'executor:\n  listen: 0.0.0.0:0\n  upstream: { dangerouslyAllowLoopback: true }\n');
  const { code, stderr } = dauth(['start', '--config', file, '--data', join(dir, 'room')]);
  assert.equal(code, 2);
  assert.match(stderr, /for tests and demos: it cannot be used with a public/);
});

/** On a port whose lower neighbour nobody listens on. */
async function listenBesideFree(): Promise<Server> {
  for (;;) {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const below = createServer().listen((busy.address() as AddressInfo).port - 1, '127.0.0.1');
    const isFree = await once(below, 'listening').then(
      () => true,
      () => false,
    );
    below.close();
    if (isFree) return busy;
    busy.close();
  }
}

test('an address in use ends the start with exit 8, whichever room was to have it, and says how to choose another', async (t) => {
  const busy = await listenBesideFree();
  t.after(() => busy.close());
  const { port } = busy.address() as AddressInfo;
  for (const [room, first] of [
    ['authority', port],
    ['executor', port - 1],
  ] as const) {
    const started = ['start', '--data', join(dir, `busy-${room}`), '--port', String(first), '--json'];
    const { code, stderr } = dauth(started);
    assert.equal(code, 8, stderr);
    // Beside what the rooms themselves say.
    const said = stderr.split('\n').find((line) => line.startsWith('{"error"'))!;
    const { error } = JSON.parse(said) as { error: Record<string, string> };
    assert.equal(error.code, 'ADDRESS_IN_USE');
    assert.equal(error.message, `The ${room} did not start: somebody else listens at its address already.`);
    assert.match(error.hint!, /--port N/);
  }
});

test('an authority on a public address takes no documents from its own machine', () => {
  const file = join(dir, 'outside.yaml');
  const authority = '{ listen: "0.0.0.0:0", issuer: https://a.example, outside: { dangerouslyAllowLoopback: true } }';
  writeFileSync(file, `authority: ${authority}\n`);
  const { code, stderr } = dauth(['start', '--config', file, '--data', join(dir, 'outside')]);
  assert.equal(code, 2);
  assert.match(stderr, /"outside\.dangerouslyAllowLoopback" is for tests and demos: it cannot be used with a public/);
});

test('trusted issuers can be said in the environment, as JSON, and a misspelt member is named', () => {
  const config = (issuers: string) =>
    loadConfig(undefined, { DAUTH_AUTHORITY_TRUSTED_ISSUERS: issuers }).config.authority.trustedIssuers;
  const issuer = { issuer: 'https://idp.example', profile: 'id-jag', ownerPrefix: 'acme:' };
  assert.deepEqual(config(JSON.stringify([issuer])), [issuer]);
  assert.throws(() => config('[oops'), /authority\.trustedIssuers: /);
  assert.throws(
    () => config(JSON.stringify([{ ...issuer, ownerPrefx: 'acme:' }])),
    /authority\.trustedIssuers\.0\.ownerPrefx is not a configuration key/,
  );
});

test('a generated key file is private and never overwritten', async () => {
  const file = join(dir, 'key.jwk');
  const jwk = (await generateKeyFile(file)) as Record<string, unknown>;
  assert.equal(jwk.d, undefined);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await assert.rejects(generateKeyFile(file), /not overwritten/);
});

const DRAFT = ['connect', 'a', '--origin', 'https://a.example', '--server', 'https://b.example/mcp'];
const EXCHANGED =
  '{"scheme":"client_credentials","endpoint":"https://a.example/token","client_id":"{id}","client_secret":"{token}"}';
for (const [what, args, message] of [
  ['a misspelt member', ['--inject', '{"scheme":"aws_sigv4","servce":"s3"}'], /"servce" is not one of its members: /],
  ['a misspelt member of a condition', ['--body', '{"pointr":"/a"}'], /"pointr" is not one of its members: pointer, /],
  ['JSON without its quotes', ['--inject', '{scheme:aws_sigv4}'], /put the JSON in single quotes, as in --inject/],
  [
    'GraphQL without its quotes',
    ['--graphql', '{operations:[query]}'],
    /put the JSON in single quotes, as in --graphql/,
  ],
  ['an unknown operation', ['--graphql', '{"operations":["delete"]}'], /--graphql cannot be used\. "operations"/],
  ['a field that is not there', ['--inject', 'header:x-key={key}'], /--inject names the field \{key\}/],
  ['a field that is nowhere', ['--field', 'token', '--field', 'user'], /--field user stands in no template/],
  ['a rate that is a budget', ['--rate', '5/hour'], /--rate cannot be used/],
  ['a budget in words', ['--budget', 'many'], /--budget is COUNT\/second/],
  ['a method in lowercase', ['--method', 'get'], /--method cannot be used/],
  ['a path that is none', ['--path', 'user'], /--path cannot be used/],
  ['a slot that can be none', ['--inject', 'header:host={token}'], /--inject cannot be used/],
  ['a body slot of a GET', ['--inject', 'body:/a={token}', '--method', 'GET'], /The policy cannot be used/],
  [
    'a token endpoint among the paths',
    ['--inject', EXCHANGED, '--field', 'id', '--field', 'token'],
    /includes the token endpoint/,
  ],
] as const) {
  test(`connect: ${what} is a usage error, without a stack and before anybody is asked`, () => {
    const { code, stdout, stderr } = dauth([...DRAFT, ...args]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
  });
}

test('the inject grammar', () => {
  assert.deepEqual(parseInject('header:authorization=Bearer {token}'), {
    in: 'header',
    name: 'authorization',
    value: 'Bearer {token}',
  });
  assert.deepEqual(parseInject('query:api_key={token}'), { in: 'query', name: 'api_key', value: '{token}' });
  assert.deepEqual(parseInject('basic:USER={user},PASS={pass},x'), { in: 'basic', user: '{user}', pass: '{pass},x' });
  assert.deepEqual(parseInject('path:bot{token}'), { in: 'path', value: 'bot{token}' });
  const scheme = { scheme: 'aws_sigv4', access_key: '{id}', secret_key: '{secret}', region: 'auto', service: 's3' };
  assert.deepEqual(parseInject(JSON.stringify(scheme)), { ...scheme, place: 'header', content_sha256: true });
  const exchanged = {
    scheme: 'client_credentials',
    endpoint: 'https://a.example/t',
    client_id: 'me',
    client_secret: '{token}',
  };
  assert.deepEqual(parseInject(JSON.stringify(exchanged)), { ...exchanged, auth: 'client_secret_basic' });
  assert.throws(() => parseInject('{"scheme":"aws_sigv4"}'), /--inject cannot be used. A scheme needs the member/);
  assert.deepEqual(parseInject('body:/auth/a=b'), { in: 'body', pointer: '/auth/a', value: 'b' });
  assert.deepEqual(parseInject('body:key={token}='), { in: 'body', field: 'key', value: '{token}=' });
  for (const bad of ['{token}', '{"scheme":"x"}', JSON.stringify({ ...exchanged, endpoint: 'http://a.example/t' })])
    assert.throws(() => parseInject(bad), /--inject cannot be used/);
  for (const bad of ['authorization=x', 'header:=x', 'body:=b', 'body:/a', 'basic:a,b', ''])
    assert.throws(() => parseInject(bad), /--inject is/);
});
