/** The MCP server belongs to an attacker (SECURITY.md, attackers 3, 5 and 6): every dispatch trick, and a look at its loot. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { proves } from '../claims.ts';
import { findSecret } from '../support/encodings.ts';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type McpClient, type World } from '../world/world.ts';

describe('a compromised MCP server', { timeout: 180_000 }, () => {
  let world: World;
  let client: McpClient;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({
      dir: dir.path,
      connect: [
        '--method',
        'GET',
        '--path',
        '/user',
        '--path',
        '/echo',
        '--path',
        '/redirect',
        '--path',
        '/set-cookie',
      ],
    });
    client = await world.client();
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const call = async (method: string, url: string) =>
    JSON.parse(await client.call('call', { method, url })) as {
      refused?: string;
      status?: number;
      body?: string;
      headers?: string;
      statusText?: string;
    };

  proves('server.blind', 'its memory, environment, headers, contexts and answers hold no credential', async () => {
    await client.call('my_login');
    await call('GET', `${world.upstream.origin}/echo?as=body`);
    await client.call('loot');
    const loot = await world.server.line((line) => line.startsWith('{"event":"loot"'), 60_000);
    assert.ok(loot.includes(world.handle), 'control: the dump holds what the server does know');
    assert.deepEqual(findSecret(loot, Buffer.from(world.token)), []);
  });

  for (const [what, method, path] of [
    ['a method that was not sealed', 'POST', '/user'],
    ['a path that was not sealed', 'GET', '/user/emails'],
    ['an encoded slash', 'GET', '/user%2Femails'],
    ['a doubled slash', 'GET', '//user'],
  ] as const) {
    proves('dispatch.bound', `${what} does not reach the upstream`, async () => {
      const before_ = (await world.upstream.wire()).requests.length;
      const { refused } = await call(method, `${world.upstream.origin}${path}`);
      assert.equal(refused, 'POLICY_DENIED');
      assert.equal((await world.upstream.wire()).requests.length, before_);
    });
  }

  for (const path of [
    '/user/%2e%2e/echo',
    '/user/../echo',
    '/./user',
    '/user?x=1\r\nx: y',
    '//user',
    '/user%2Femails',
  ]) {
    proves('dispatch.bound', `the path ${JSON.stringify(path)} is not made into another one`, async () => {
      const before_ = (await world.upstream.wire()).requests.length;
      const { refused } = JSON.parse(await client.call('call_path', { path })) as { refused?: string };
      assert.ok(refused === 'POLICY_DENIED' || refused === 'INVALID_REQUEST', refused);
      assert.equal((await world.upstream.wire()).requests.length, before_);
    });
  }

  proves('dispatch.bound', 'a redirect is handed back and not followed', async () => {
    const { status } = await call('GET', `${world.upstream.origin}/redirect`);
    assert.equal(status, 302);
  });

  proves('dispatch.bound', 'another origin is refused by the handle and nothing is dialled', async () => {
    const { refused } = await call('GET', 'https://localhost:1/user');
    assert.equal(refused, 'POLICY_DENIED');
  });

  for (const as of [
    'body',
    'json',
    'reason',
    'headers',
    'base64',
    'base64url',
    'hex',
    'percent',
    'chunked',
    'halves',
    'gzip',
  ]) {
    proves('response.clean', `an upstream that echoes the credential (${as}) gives nothing away`, async () => {
      const answer = await call('GET', `${world.upstream.origin}/echo?as=${as}`);
      assert.equal(answer.status, 200, 'control: the answer itself does come back');
      assert.deepEqual(findSecret(JSON.stringify(answer), Buffer.from(world.token)), []);
      const sent = JSON.stringify((await world.upstream.wire()).requests.at(-1));
      assert.ok(sent.includes(world.token), 'control: the credential did reach the upstream');
    });
  }

  proves('response.clean', 'an answer in an encoding that cannot be scanned without a trace is refused', async () => {
    const { refused } = await call('GET', `${world.upstream.origin}/echo?as=br`);
    assert.equal(refused, 'RESPONSE_UNSCANNABLE');
  });

  proves('response.clean', 'cookies of an upstream end in the executor', async () => {
    const { headers } = await call('GET', `${world.upstream.origin}/set-cookie`);
    assert.doesNotMatch(String(headers), /set-cookie/i);
  });
});
