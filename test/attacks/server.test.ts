/** The MCP server belongs to an attacker (SECURITY.md, attackers 3, 5 and 6): every dispatch trick, and a look at its loot. */
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe } from 'node:test';
import { proves } from '../claims.ts';
import { findSecret } from '../support/encodings.ts';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type McpClient, type World } from '../world/world.ts';

describe('a compromised MCP server', { timeout: 180_000 }, () => {
  let world: World;
  let client: McpClient;
  /** Another place on this machine, which the executor could dial. It only counts who does. */
  let other: Server;
  let dialled = 0;
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
    other = createServer((socket) => {
      dialled++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    other?.close();
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

  for (const [path, code] of [
    ['/user/%2e%2e/echo', 'POLICY_DENIED'],
    ['/user/../echo', 'POLICY_DENIED'],
    ['/./user', 'POLICY_DENIED'],
    ['/user?x=1\r\nx: y', 'INVALID_REQUEST'],
    ['//user', 'POLICY_DENIED'],
    ['/user%2Femails', 'POLICY_DENIED'],
  ] as const) {
    proves('dispatch.bound', `the path ${JSON.stringify(path)} is not made into another one`, async () => {
      const before_ = (await world.upstream.wire()).requests.length;
      const { refused } = JSON.parse(await client.call('call_path', { path })) as { refused?: string };
      assert.equal(refused, code);
      assert.equal((await world.upstream.wire()).requests.length, before_);
    });
  }

  proves('dispatch.bound', 'a redirect is handed back and not followed', async () => {
    const { status } = await call('GET', `${world.upstream.origin}/redirect`);
    assert.equal(status, 302);
  });

  /** A dispatch past our library, straight to the executor, with the server's own key and the dispatch token it kept. */
  const raw = async (method: string, path: string, origin: string) => {
    const answer = await client.call('raw', { method, path, origin });
    return JSON.parse(answer) as { refused?: string; status?: number; body?: string };
  };

  proves(
    'dispatch.bound',
    'another origin is refused by the handle and by the executor, and nothing is dialled',
    async () => {
      await client.call('my_login');
      const { origin } = world.upstream;
      assert.equal((await raw('GET', '/user', origin)).status, 200, 'control: its own request is served');
      const { port } = other.address() as AddressInfo;
      const elsewhere = `https://localhost:${port}`;
      const before_ = (await world.upstream.wire()).requests.length;
      assert.equal((await call('GET', `${elsewhere}/user`)).refused, 'POLICY_DENIED');
      assert.equal((await raw('GET', '/user', elsewhere)).refused, 'POLICY_DENIED');
      // The same machine by its number is no origin at all.
      assert.equal((await raw('GET', '/user', `https://127.0.0.1:${port}`)).refused, 'INVALID_REQUEST');
      assert.equal(dialled, 0, 'no connection came to the other origin');
      assert.equal((await world.upstream.wire()).requests.length, before_);
      await new Promise((resolve) =>
        connect(port, 'localhost')
          .on('close', resolve)
          .on('error', () => undefined),
      );
      assert.equal(dialled, 1, 'control: one that comes is counted');
    },
  );

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
    const { refused } = await call('GET', `${world.upstream.origin}/echo?as=gzip-twice`);
    assert.equal(refused, 'RESPONSE_UNSCANNABLE');
  });

  proves('response.clean', 'cookies of an upstream end in the executor', async () => {
    const { headers } = await call('GET', `${world.upstream.origin}/set-cookie`);
    assert.doesNotMatch(String(headers), /set-cookie/i);
  });
});
