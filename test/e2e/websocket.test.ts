/**
 * A WebSocket through the handle: between separate processes, from a tool by way of the sealed executor to a `ws` server behind
 * TLS, which checks the credential of each handshake.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { writeCa } from '../support/ca.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

describe('a WebSocket through the handle', { timeout: 180_000 }, () => {
  const secret = randomBytes(24).toString('base64url');
  const stars = '*'.repeat(secret.length);
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let server: Server;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'upstream'));
    server = createServer({ cert: await readFile(files.cert), key: await readFile(files.key) });
    const sockets = new WebSocketServer({
      server,
      perMessageDeflate: true,
      verifyClient: ({ req }, done) => done(req.headers.authorization === `Bearer ${secret}`, 401, 'who?'),
    });
    sockets.on('connection', (socket, { headers }) => {
      socket.on('message', (said: Buffer) => {
        socket.send(`you said ${said.toString()}`);
        socket.send(`and brought ${headers.authorization}`);
        socket.send(Buffer.from(secret));
        socket.close(4000, secret);
      });
    });
    const origin = `https://localhost:${await freePort()}`;
    server.listen(Number(new URL(origin).port), '127.0.0.1');
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      real: { token: secret, url: origin },
      connect: ['--path', '/v1/*', '--websocket'],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    server?.close();
    server?.closeAllConnections();
    await dir?.[Symbol.asyncDispose]();
  });

  test('[response.clean] a tool talks to the upstream, and the credential comes back in no message and no close', async () => {
    const client = await world.client();
    const answer = await client.call('listen', { path: '/v1/live', say: 'hello' });
    await client.stop();
    assert.deepEqual(JSON.parse(answer), {
      heard: ['you said hello', `and brought Bearer ${stars}`, stars],
      code: 4000,
      reason: stars,
    });
  });

  test('[audit.complete] the journal says that it was a WebSocket, and how it ended', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    const lines = stdout.split('\n').filter((line) => line.includes('"websocket":true'));
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /"path":"\/v1\/live"/);
    assert.match(stdout, /"code":"ok"[^}]*"status":101/);
    assert.equal(stdout.includes(secret), false);
  });

  test('a wrong secret is refused by the upstream, and the tool hears that', async () => {
    const key = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...key], `${secret}x`);
    const client = await world.client();
    const answer = await client.call('listen', { path: '/v1/live', say: 'hello' });
    await client.stop();
    assert.deepEqual(JSON.parse(answer), { status: 401 });
  });
});
