/**
 * An API that people log in to, between separate processes: its token is captured by the sealed executor and used through a handle,
 * in the same tool call or a later one, and ends with the login.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeCa } from '../support/ca.ts';
import { findSecret } from '../support/encodings.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const USERNAME = 'ada.lovelace.1815';

/** The API: whoever logs in right is given a token, and another one each time. */
class Shop {
  readonly password = `pw-${randomBytes(12).toString('hex')}`;
  readonly tokens: string[] = [];
  logins = 0;

  answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const say = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (request.method === 'POST' && request.url === '/login') {
      this.logins++;
      const { user, pass } = JSON.parse(body) as { user?: string; pass?: string };
      if (user !== USERNAME || pass !== this.password) return say(401, { error: 'wrong user name or password' });
      this.tokens.push(`st_${randomBytes(24).toString('hex')}`);
      response.setHeader('set-cookie', `session=${this.tokens.at(-1)!}`);
      return say(200, { auth: { token: this.tokens.at(-1) }, user, hint: `Bearer ${this.tokens.at(-1)!}` });
    }
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (!this.tokens.includes(token)) return say(401, { error: 'log in first' });
    return say(200, { orders: 3, echo: token });
  }
}

describe('a login whose answer is captured', { timeout: 180_000 }, () => {
  const shop = new Shop();
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let server: Server;
  let world: World;
  let owner: readonly string[];
  let session: string;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'shop'));
    const identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
    const origin = `https://localhost:${await freePort()}`;
    server = createServer(identity, (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => shop.answer(request, response, Buffer.concat(pieces).toString('utf8')));
    });
    server.listen(Number(new URL(origin).port), '127.0.0.1');
    const capture = {
      ...{ connection: 'shop', fields: [{ pointer: '/auth/token', field: 'token' }], lifetime: 600 },
      allow: [{ origin, methods: ['GET'], paths: ['/orders'] }],
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      real: { token: JSON.stringify({ username: USERNAME, password: shop.password }), url: origin },
      connect: [
        ...['--field', 'username', '--field', 'password', '--path', '/login'],
        ...['--inject', 'body:/user={username}', '--inject', 'body:/pass={password}'],
        ...['--capture', JSON.stringify(capture)],
      ],
    });
    owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const rows = await list();
    session = rows.find(({ name }) => name === 'shop')!.handle;
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    server?.close();
    server?.closeAllConnections();
    await dir?.[Symbol.asyncDispose]();
  });

  interface Row {
    readonly handle: string;
    readonly name: string;
    readonly ver: number;
    readonly captured_from?: string;
    readonly captured_into?: string;
  }
  const list = () => world.stack.dauth<readonly Row[]>(['connections', 'ls', ...owner]);
  const both = () => world.client({ connections: [world.handle, session] });

  test('the two are listed as what they are to one another', async () => {
    const rows = await list();
    const [login, captured] = ['github', 'shop'].map((name) => rows.find((row) => row.name === name)!);
    assert.deepEqual([login!.captured_into, captured!.captured_from], [captured!.handle, login!.handle]);
    const { stdout } = await world.stack.tryDauth(['connections', 'ls', ...owner]);
    assert.match(stdout, /captured_from/);
  });

  test('[server.blind] a server logs in and is logged in, and neither token nor password reach it', async () => {
    const client = await both();
    await assert.rejects(client.call('as_logged_in', { path: '/orders' }), /Nothing was captured yet/);
    const { status, answer } = JSON.parse(await client.call('log_in', { path: '/login' })) as {
      readonly status: number;
      readonly answer: { readonly auth: { readonly token: string }; readonly hint: string };
    };
    assert.deepEqual([status, answer.auth.token], [200, session]);
    assert.match(answer.hint, /^Bearer \*+$/);
    const used = JSON.parse(await client.call('as_logged_in', { path: '/orders' })) as { answer: { orders: number } };
    assert.equal(used.answer.orders, 3);
    assert.equal(
      (JSON.parse(await client.call('log_in_and_call', { path: '/orders' })) as { orders: number }).orders,
      3,
    );
    const loot = await client.call('loot');
    await client.stop();
    assert.equal(shop.tokens.length, 2);
    const all = Buffer.from(`${loot}${world.server.stdout()}`);
    assert.ok(findSecret(all, Buffer.from(session)).length > 0, 'the look finds what is there');
    for (const secret of [shop.password, ...shop.tokens]) assert.deepEqual(findSecret(all, Buffer.from(secret)), []);
    assert.equal((await list()).find(({ name }) => name === 'shop')!.ver, 3);
  });

  test('[dispatch.bound] what was captured goes nowhere but where its owner said', async () => {
    const client = await both();
    await assert.rejects(client.call('as_logged_in', { path: '/login' }), /POLICY_DENIED|does not allow/);
    await client.stop();
  });

  test('[dispatch.bound] a wrong password is refused there, and what was captured before stays', async () => {
    const wrong = JSON.stringify({ username: USERNAME, password: `${shop.password}x` });
    const fields = ['--field', 'username', '--field', 'password'];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner, ...fields], wrong);
    const client = await both();
    const { status } = JSON.parse(await client.call('log_in', { path: '/login' })) as { status: number };
    const used = JSON.parse(await client.call('as_logged_in', { path: '/orders' })) as { status: number };
    await client.stop();
    assert.deepEqual([status, used.status], [401, 200]);
  });

  test('[revoke.fast] the login ends what was captured through it', async () => {
    await world.stack.dauth(['connections', 'revoke', world.handle, ...owner]);
    const client = await world.client({ connections: [session] });
    await assert.rejects(client.call('as_logged_in', { path: '/orders' }), /CONNECTION_REVOKED|revoked/);
    await client.stop();
  });
});
