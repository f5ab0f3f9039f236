/**
 * The Bearer exception between separate processes: a stock client that cannot sign, with the official SDK and a header, gets
 * as far as an operator, the installation and the owner of the credential each said it may, and no further.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { makeTempDir } from '../support/process.ts';
import { readClaims, stealToken } from '../world/proofs.ts';
import { startStack } from '../world/stack.ts';
import { SCOPES, startWorld, type World } from '../world/world.ts';

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
  async function callWith(token: string): Promise<string> {
    const client = new Client(
      { name: 'stock', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    const headers = { authorization: `Bearer ${token}` };
    await client.connect(new StreamableHTTPClientTransport(new URL(world.resource), { requestInit: { headers } }));
    try {
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
