/** JSON that is written beside its answer: over a socket it says what it says without one, head and body. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { json } from './answer.ts';
import { installEdge, type HttpEnv } from './http.ts';
import { listen } from './serve.ts';

const VALUE = { name: 'Zoë', list: [1, 'two', { three: null }], long: 'x'.repeat(100_000) };
/** Of the connection, and of none of the answers. */
const OF_SOCKET = ['connection', 'date', 'keep-alive'];

test('an object is answered over a socket with the same octets and headers as without one', async () => {
  const answered: string[] = [];
  const app = new Hono<HttpEnv>();
  installEdge(app, {
    ...{ log: () => undefined, newId: () => 'an-id', issuer: 'https://auth.example' },
    answered: (route, status) => answered.push(`${route} ${status}`),
  });
  app.post('/json', (c) => {
    c.header('pragma', 'no-cache');
    c.header('set-cookie', 'a=1', { append: true });
    c.header('set-cookie', 'b=2', { append: true });
    return json(c, VALUE);
  });
  const server = await listen(app, { host: '127.0.0.1', port: 0, newId: () => 'id', closing: new AbortController() });
  try {
    const bare = await app.request('/json', { method: 'POST' });
    const text = await bare.text();
    assert.equal(text, JSON.stringify(VALUE));
    // More than one on a connection: each ends where its length says.
    for (let time = 0; time < 3; time++) {
      const served = await fetch(`http://127.0.0.1:${server.port}/json`, { method: 'POST' });
      assert.equal(served.status, 200);
      assert.equal(await served.text(), text);
      const { 'content-length': length, ...headers } = headersOf(served);
      assert.deepEqual(headers, headersOf(bare));
      assert.deepEqual(served.headers.getSetCookie(), ['a=1', 'b=2']);
      assert.equal(length, String(Buffer.byteLength(text)));
    }
    assert.deepEqual(answered, Array<string>(4).fill('/json 200'));
  } finally {
    await server.close(1_000);
  }
});

function headersOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !OF_SOCKET.includes(name)));
}
