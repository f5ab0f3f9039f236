/**
 * A GraphQL rule, a sealed budget and an operator's rules between separate processes: GitHub's own client in an MCP server, the
 * reference server of GraphQL over HTTP as the upstream, over TLS.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { writeCa } from '../support/ca.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

describe('a GraphQL rule, a budget and the operator', { timeout: 180_000 }, () => {
  const secret = `ghp_${randomBytes(20).toString('hex')}`;
  const ran: string[] = [];
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let server: Server;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'graphql'));
    const origin = `https://localhost:${await freePort()}`;
    const did = (what: string) => () => {
      ran.push(what);
      return 'octocat';
    };
    const serve = createHandler({
      schema: buildSchema('type Query { viewer: String, secrets: String } type Mutation { remove: String }'),
      rootValue: { viewer: did('viewer'), secrets: did('secrets'), remove: did('remove') },
    });
    const identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
    server = createServer(identity, (request, response) => {
      if (request.headers.authorization === `Bearer ${secret}`) void serve(request, response);
      else response.writeHead(401).end();
    });
    server.listen(Number(new URL(origin).port), '127.0.0.1');
    const graphql = JSON.stringify({ operations: ['query'], fields: ['viewer'] });
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      executor: { rules: { deny: { hosts: ['*.internal.example'] }, rates: { owner: { count: 100, seconds: 60 } } } },
      real: { token: secret, url: origin },
      connect: ['--graphql', graphql, '--path', '/graphql', '--method', 'POST', '--method', 'GET', '--budget', '3/day'],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    server?.close();
    server?.closeAllConnections();
    await dir?.[Symbol.asyncDispose]();
  });

  test('[dispatch.bound] what is sealed is asked as often as is sealed, and nothing else reaches the server', async () => {
    const client = await world.client();
    const ask = (query: string) => client.call('ask_graphql', { query });
    assert.match(await ask('query Me { viewer }'), /octocat/);
    for (const query of ['mutation Me { remove }', 'query Me { viewer: secrets }', '{ viewer }'])
      assert.match(await ask(query), /POLICY_DENIED/);
    assert.deepEqual(ran, ['viewer']);
    const url = `${world.apiUrl}/graphql?query=${encodeURIComponent('query Me{viewer}')}`;
    const get = await client.call('call', { method: 'GET', url });
    assert.match(get, /octocat/);
    assert.match(get, /dauth-budget[^,]*;q=3;w=86400/);
    assert.match(get, /dauth-operator-owner[^,]*;r=98;/);
    assert.match(await ask('query Me { viewer }'), /octocat/);
    assert.match(await ask('query Me { viewer }'), /RATE_LIMITED/);
    await client.stop();
    assert.deepEqual(ran, ['viewer', 'viewer', 'viewer']);
  });

  test('the stack says which rules of the operator are in force', () => {
    assert.match(world.stack.process.stderr(), /operator rules are in force.*rate\.owner.*100 in 60 s/);
  });
});
