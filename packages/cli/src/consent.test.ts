/** `--oauth`: what contradicts itself is said before anybody is asked or anything listens for long. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { runDauth } from './authority.test-support.ts';
import { listenForCallback } from './callback.ts';
import { CliError, ofProvider } from './output.ts';

let dir: string;
before(() => (dir = mkdtempSync(join(tmpdir(), 'dauth-consent-'))));
after(() => rmSync(dir, { recursive: true }));

const REQUEST = {
  ...{ authorization_endpoint: 'https://login.example/authorize', token_endpoint: 'https://login.example/token' },
  client_id: 'mail',
};

function connect(request: unknown, ...more: readonly string[]) {
  const policy = ['--origin', 'https://api.example', '--server', 'https://mcp.example/mcp', '--path', '/mail/**'];
  const oauth = typeof request === 'string' ? request : JSON.stringify(request);
  return runDauth(['connect', 'mail', ...policy, '--oauth', oauth, '--data', dir, '--json', ...more], dir);
}

for (const [what, request, more, says] of [
  ['no JSON', '{', [], /--oauth cannot be used/],
  ['no client', { ...REQUEST, client_id: undefined }, [], /needs the member/],
  ['a misspelt member', { ...REQUEST, scopes: 'a' }, [], /scopes/],
  ['no provider', { client_id: 'mail' }, [], /needs \\"issuer\\", or both/],
  ['one endpoint alone', { ...REQUEST, token_endpoint: undefined }, [], /needs \\"issuer\\", or both/],
  ['another way to authenticate', { ...REQUEST, auth: 'tls' }, [], /client_secret_basic/],
  ['parameters that are no texts', { ...REQUEST, parameters: { a: 1 } }, [], /object of texts/],
  ['a redirect URI elsewhere', { ...REQUEST, redirect_uri: 'https://app.example/callback' }, [], /of this machine/],
  ['--inject beside it', REQUEST, ['--inject', 'header:x=y {token}'], /leave --inject and --field out/],
  ['--capture beside it', REQUEST, ['--capture', '{}'], /exclude each other/],
  ['a secret of a public client', REQUEST, ['--from-env', 'SECRET'], /has no secret to read/],
] as const)
  test(`--oauth with ${what} is a mistake that is said`, async () => {
    const { code, stdout, stderr } = await connect(JSON.parse(JSON.stringify(request)), ...more);
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr, says);
  });

test('a provider that is away, late or not itself is said to be the one, and not the authority', async () => {
  const server = createServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const late = await connect({ issuer, client_id: 'mail' }, '--timeout', '0.5');
  await new Promise((resolve) => server.close(resolve));
  const away = await connect({ issuer, client_id: 'mail' });
  const errors = [late, away].map(({ stderr }) => (JSON.parse(stderr) as { error: object }).error);
  const message =
    'The provider could not be reached, or does not describe itself as this issuer. State its endpoints where it has no metadata.';
  const docs = 'docs/cli.md';
  const more = 'Give it more time with --timeout SECONDS.';
  assert.deepEqual(
    [late.code, errors[0]],
    [124, { code: 'TIMEOUT', message: 'The provider did not answer in time.', hint: more, docs }],
  );
  assert.deepEqual([away.code, errors[1]], [4, { code: 'UNREACHABLE', message, docs }]);
  const cause = Object.assign(new Error('certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const unproven = ofProvider(new DAuthError('NOT_FOUND', message, { cause }));
  assert.ok(unproven instanceof CliError);
  assert.deepEqual([unproven.exit, unproven.message], [4, 'The provider did not prove its identity over TLS.']);
});

test('[seal.client-only] without a known executor nobody is sent to a provider', async () => {
  const { code, stdout } = await connect(REQUEST);
  assert.deepEqual([code, stdout], [3, '']);
});

test('a port that is taken is said', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await assert.rejects(
    listenForCallback(`http://127.0.0.1:${port}/callback`),
    (error) => error instanceof CliError && error.code === 'PORT_TAKEN',
  );
  server.close();
});

test('[seal.client-only] only a GET of its own address, under its own name, is an answer', async () => {
  await using callback = await listenForCallback('http://127.0.0.1:0/callback');
  const seen: string[] = [];
  const ended = callback.wait((address) => (seen.push(address), address.endsWith('?code=right') || undefined), 60_000);
  const renamed = callback.uri.replace('127.0.0.1', 'localhost');
  for (const [url, init, status] of [
    [`${callback.uri}/more?code=right`, {}, 404],
    [`${callback.uri}?code=right`, { method: 'POST' }, 404],
    [`${renamed}?code=right`, {}, 404],
    [`${callback.uri}?code=wrong`, {}, 400],
    [`${callback.uri}?code=right`, {}, 200],
  ] as const) {
    const answer = await fetch(url, init);
    assert.equal(answer.status, status, url);
    assert.doesNotMatch(await answer.text(), /right|wrong/);
  }
  assert.equal(await ended, true);
  assert.deepEqual(
    seen,
    ['wrong', 'right'].map((word) => `${callback.uri}?code=${word}`),
  );
});

test('what is waited for ends with its time', async () => {
  await using callback = await listenForCallback('http://127.0.0.1:0/callback');
  await assert.rejects(
    callback.wait(() => undefined, 1),
    (error) => error instanceof CliError && error.exit === 124,
  );
});
