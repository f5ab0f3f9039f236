/** Bodies as Node's own server hands them on: of a declared length or in chunks they are the same octets, within the same bound. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { Hono } from 'hono';
import { installEdge, readBody, type HttpEnv } from './http.ts';
import { listen } from './serve.ts';

const MOST = 100_000;
const LENGTHS = [0, 1, 99_999, MOST];

test('a body is read whole whether its length is declared or not, and refused past the bound either way', async () => {
  const app = new Hono<HttpEnv>();
  installEdge(app, { log: () => undefined, newId: () => 'an-id', issuer: 'https://auth.example' });
  app.post('/body', async (c) => c.text(Buffer.from(await readBody(c, MOST)).toString()));
  const server = await listen(app, { host: '127.0.0.1', port: 0, newId: () => 'id', closing: new AbortController() });
  const send = async (body: string, headers: Readonly<Record<string, string | number>>): Promise<[number, string]> => {
    const call = request({ host: '127.0.0.1', port: server.port, method: 'POST', path: '/body', headers });
    call.on('error', () => undefined).end(body);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    const chunks = await answer.toArray();
    return [answer.statusCode!, Buffer.concat(chunks as Buffer[]).toString()];
  };
  try {
    for (const length of LENGTHS) {
      const body = 'é'.repeat(length / 2) + 'x'.repeat(length % 2);
      assert.deepEqual(await send(body, { 'content-length': length }), [200, body], `${length} declared`);
      assert.deepEqual(await send(body, { 'transfer-encoding': 'chunked' }), [200, body], `${length} in chunks`);
    }
    const larger = 'x'.repeat(MOST + 1);
    for (const headers of [{ 'content-length': larger.length }, { 'transfer-encoding': 'chunked' }])
      assert.equal((await send(larger, headers))[0], 413);
  } finally {
    await server.close(1_000);
  }
});
