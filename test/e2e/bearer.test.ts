/**
 * The Bearer exception between separate processes: a stock client that cannot sign, with the official SDK and a header, gets
 * as far as an operator, the installation and the owner of the credential each said it may, and no further.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  auth,
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type OAuthClientProvider,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { ERAS, REDIRECT } from '../support/host.ts';
import { Person } from '../support/person.ts';
import { makeTempDir } from '../support/process.ts';
import { readClaims, stealToken } from '../world/proofs.ts';
import { startStack } from '../world/stack.ts';
import { SCOPES, startWorld, type World } from '../world/world.ts';

const ADA = { login: 'ada', password: 'a horse that counts to seven' };

interface Answer {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly error?: string;
}

describe('a stock client without a key of its own', { timeout: 240_000 }, () => {
  let world: World;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let id: string;
  const file = () => join(dir.path, 'stock.jwk');
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({ dir: dir.path, requireDpop: false });
    await new Person(world.stack.ready.authority).setUp(world.stack.ready.first_run!, ADA);
    const where = ['--origin', world.upstream.origin, '--server', world.resource, '--allow-bearer'];
    await world.stack.dauth(['connect', 'github', ...where], world.token);
    const add = ['clients', 'add', '--name', 'stock', '--generate', file(), '--bearer'];
    const added = await world.stack.tryDauth(add);
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stderr, /^Marked Bearer: a token of this client works for whoever has it\./);
    ({ client_id: id } = JSON.parse(added.stdout) as { client_id: string });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** A token request as any OAuth client makes it: private_key_jwt, and no DPoP header. */
  async function ask(issuer: string, form: Record<string, string>): Promise<Answer> {
    const jwk = JSON.parse(await readFile(file(), 'utf8')) as Record<string, string>;
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: id, sub: id, aud: issuer, iat: now, exp: now + 60, jti: randomUUID() };
    const input = [{ alg: 'ES256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const signature = sign('sha256', Buffer.from(input.join('.')), { key, dsaEncoding: 'ieee-p1363' });
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${input.join('.')}.${signature.toString('base64url')}`,
      ...form,
    });
    return (await (await fetch(`${issuer}/token`, { method: 'POST', body })).json()) as Answer;
  }

  const askFor = (handle: string): Promise<Answer> =>
    ask(world.stack.ready.authority, {
      resource: world.resource,
      scope: SCOPES.join(' '),
      authorization_details: JSON.stringify([{ type: 'dauth_connection', identifier: handle }]),
    });

  async function connect(flags: readonly string[]): Promise<{ handle: string; said: string }> {
    const name = flags.length === 0 ? 'plain' : 'github';
    const { origin } = new URL(world.apiUrl);
    const args = ['connect', name, '--origin', origin, '--server', world.resource, '--key', file(), ...flags];
    const ended = await world.stack.tryDauth([...args], world.token);
    assert.equal(ended.code, 0, ended.stderr);
    return { handle: (JSON.parse(ended.stdout) as { handle: string }).handle, said: ended.stderr };
  }

  /** One tool call with the official client and nothing but a header. */
  function callWith(token: string): Promise<string> {
    const headers = { authorization: `Bearer ${token}` };
    return callOver(new StreamableHTTPClientTransport(new URL(world.resource), { requestInit: { headers } }), 'modern');
  }

  async function callOver(transport: StreamableHTTPClientTransport, era: (typeof ERAS)[number]): Promise<string> {
    const options = era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {};
    const client = new Client({ name: 'stock', version: '1.0.0' }, options);
    try {
      await client.connect(transport);
      const { content, isError } = await client.callTool({ name: 'my_login', arguments: {} });
      const text = content.map((each) => (each.type === 'text' ? each.text : '')).join('');
      return isError === true ? `refused: ${text}` : text;
    } finally {
      await client.close();
    }
  }

  test('[seal.bound] it calls a tool that dispatches where the owner allowed it, and names nothing else', async () => {
    const [{ handle: allowed }, { handle: plain }] = [await connect(['--allow-bearer']), await connect([])];
    const given = await askFor(allowed);
    assert.equal(given.token_type, 'Bearer');
    assert.equal(readClaims(given.access_token!).cnf, undefined);
    assert.equal(await callWith(given.access_token!), world.upstream.login);
    assert.equal((await askFor(plain)).error, 'invalid_authorization_details');
  });

  test('[token.bound] a token that is bound to a key is not taken from it as Bearer', async () => {
    const { token } = await stealToken(world);
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
    const authorization = `Bearer ${token}`;
    const response = await fetch(world.resource, { method: 'POST', headers: { ...headers, authorization }, body });
    assert.equal(response.status, 401);
  });

  test('the operator is told of it: in the list, by doctor, and at every start', async () => {
    const listed = await world.stack.tryDauth(['doctor']);
    const checks = JSON.parse(listed.stdout) as { check: string; result: string; detail: string }[];
    const check = checks.find((each) => each.check === 'clients without keys');
    assert.deepEqual([check?.result, check?.detail], ['warn', `marked Bearer: stock (${id})`]);
  });

  for (const era of ERAS) {
    test(`[token.bound] a person lets a host in that cannot sign: it calls, refreshes and is revoked (${era} era)`, async () => {
      const grants = ['--grant', 'authorization_code', '--grant', 'refresh_token', '--bearer'];
      const add = ['clients', 'add', '--name', 'stock host', '--public', '--redirect-uri', REDIRECT, ...grants];
      const { client_id } = await world.stack.dauth<{ client_id: string }>(add);
      const host = stockHost(client_id);
      const transport = () =>
        new StreamableHTTPClientTransport(new URL(world.resource), { authProvider: host.provider });

      const first = transport();
      await assert.rejects(callOver(first, era), UnauthorizedError);
      const { question, back } = await new Person(world.stack.ready.authority).allow(host.opened(), ADA);
      assert.match(question.html, /stock host[^]*<strong>Bearer<\/strong>: not bound to a key/);
      await first.finishAuth(back.searchParams);
      assert.equal(await callOver(transport(), era), world.upstream.login);
      const given = host.tokens()!;
      assert.deepEqual([given.token_type, readClaims(given.access_token).cnf], ['Bearer', undefined]);
      assert.equal(readClaims(given.access_token).client_id, client_id);

      assert.equal(await auth(host.provider, { serverUrl: world.resource }), 'AUTHORIZED');
      const refreshed = host.tokens()!;
      assert.notEqual(refreshed.access_token, given.access_token);
      assert.deepEqual([refreshed.token_type, readClaims(refreshed.access_token).cnf], ['Bearer', undefined]);
      assert.equal(await callOver(transport(), era), world.upstream.login);

      await world.stack.dauth(['grants', 'rm', String(readClaims(refreshed.access_token).grant_id)]);
      assert.match(await callOver(transport(), era), /^refused: .*revoked/);
      assert.equal(await auth(host.provider, { serverUrl: world.resource }), 'REDIRECT', 'the person is asked again');
    });
  }

  /** What a host of today keeps for the official SDK: a client id and a variable for each thing; no key, nothing of ours. */
  function stockHost(client_id: string) {
    let stored: StoredOAuthTokens | undefined;
    let verifier = '';
    let opened: URL | undefined;
    const provider: OAuthClientProvider = {
      redirectUrl: REDIRECT,
      clientMetadata: { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' },
      clientInformation: () => ({ client_id }),
      tokens: () => stored,
      saveTokens: (tokens) => void (stored = tokens),
      redirectToAuthorization: (url) => void (opened = url),
      saveCodeVerifier: (value) => void (verifier = value),
      codeVerifier: () => verifier,
      invalidateCredentials: (what) => void (what === 'all' || what === 'tokens' ? (stored = undefined) : undefined),
    };
    return { provider, tokens: () => stored, opened: () => opened ?? assert.fail('Nothing was opened.') };
  }

  test('[token.bound] where its mark is taken away, a token that is out is exchanged no more, and none is given', async () => {
    const list = ['connections', 'ls', '--key', file()];
    const items = await world.stack.dauth<{ handle: string; name: string }[]>(list);
    const { handle } = items.find(({ name }) => name === 'github')!;
    const [used, unused] = [await askFor(handle), await askFor(handle)];
    assert.equal(await callWith(used.access_token!), world.upstream.login, 'control');
    await world.stack.dauth(['clients', 'bind', id]);
    assert.match(await callWith(unused.access_token!), /^refused: .*The authority refused to let this server act/);
    assert.equal((await askFor(handle)).error, 'invalid_dpop_proof');
  });

  test('[token.bound] an installation that switched the exception off gives no such token, and marks nobody', async () => {
    await using other = await makeTempDir();
    const first = await startStack({ dir: other.path });
    await first.dauth(['servers', 'add', '--resource', world.resource, '--generate', join(other.path, 'server.jwk')]);
    const add = ['clients', 'add', '--name', 'stock', '--jwk', file(), '--bearer'];
    const before = id;
    ({ client_id: id } = await first.dauth<{ client_id: string }>(add));
    assert.equal((await ask(first.ready.authority, { resource: world.resource })).token_type, 'Bearer', 'control');
    await first.stop();
    const off = await startStack({ dir: other.path, authority: { bearerException: 'off' } });
    try {
      assert.equal((await ask(off.ready.authority, { resource: world.resource })).error, 'invalid_dpop_proof');
      const refused = await off.tryDauth(add);
      assert.equal(refused.code, 8);
      assert.match(refused.stderr, /Tokens without a key are switched off here \(bearerException\)\./);
    } finally {
      await off.stop();
      id = before;
    }
  });
});
