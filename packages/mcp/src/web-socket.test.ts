/** WebSockets of a handle: what leaves this server for the executor, and what a tool gets of what comes back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  assertRefusedAsync,
  authorityAnswer,
  both,
  CONFIG,
  fetchOver,
  makeProtection,
  makeToken,
  METADATA,
  post,
} from './gate.test-support.ts';
import { connection, HandshakeRefused, type ConnectionHandle } from './handle.ts';
import type { SocketEnd } from './web-socket.ts';

const HANDLE = 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a';
const ORIGIN = 'https://api.example';

/** Stands where the executor stands. */
const server = createServer();
const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => offered.has('v2') && 'v2' });
let asked: IncomingMessage[] = [];
let talk: (socket: WebSocket) => void = () => undefined;
/** In the place of an open one: raw answers, in turn. */
let refusals: string[] = [];
before(async () => {
  server.on('upgrade', (request, socket, head) => {
    asked.push(request);
    const refusal = refusals.shift();
    if (refusal !== undefined) return void socket.end(refusal);
    sockets.handleUpgrade(request, socket, head, (open) => talk(open));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

async function handle(): Promise<ConnectionHandle> {
  const executor = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fetch = fetchOver((url) =>
    url === METADATA.token_endpoint
      ? Response.json({ access_token: 'dis.patch.token', token_type: 'DPoP', expires_in: 120 })
      : authorityAnswer(url),
  );
  const details = [
    { type: 'dauth_connection', identifier: HANDLE, name: 'stream', locations: [ORIGIN], actions: ['GET /**'] },
  ];
  const gate = makeProtection({ ...CONFIG, executor }, { fetch });
  const authInfo = await gate.gate(post(both(makeToken({ authorization_details: details }))));
  assert.ok(!(authInfo instanceof Response));
  asked = [];
  return connection({ http: { authInfo } }, 'stream');
}

test("[dispatch.bound] a WebSocket is asked of the executor with this server's token and a proof for it, and no extension", async () => {
  const socket = await (await handle()).webSocket('/v1/listen?room=7', ['v1', 'v2']);
  const [{ url, headers }] = asked as [IncomingMessage];
  assert.equal(url, `/connections/${HANDLE}/v1/listen?room=7`);
  assert.equal(headers.authorization, 'DPoP dis.patch.token');
  const [, claims = ''] = String(headers.dpop).split('.');
  const { htm, htu } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, string>;
  assert.deepEqual([htm, new URL(htu!).pathname], ['GET', `/connections/${HANDLE}/v1/listen`]);
  assert.equal(headers['dauth-origin'], ORIGIN);
  assert.equal(headers['sec-websocket-extensions'], undefined);
  assert.deepEqual([socket.readyState, socket.protocol], [socket.OPEN, 'v2']);
  assert.doesNotMatch(inspect(socket, { depth: 9, showHidden: true }), /dis\.patch\.token/);
  socket.close();
});

test('it is one as in a browser: text and octets both ways, events, handlers, the end with its code', async () => {
  talk = (open) => {
    // Right behind the handshake: who awaits the socket must not miss it.
    open.send('early');
    open.on('message', (data: Buffer, isBinary) => {
      if (data.toString() === 'end') open.close(4001, 'enough');
      else open.send(data, { binary: isBinary });
    });
  };
  const socket = await (await handle()).webSocket('/x');
  talk = () => undefined;
  const heard: unknown[] = [];
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- handlers are what this is about, beside listeners
  socket.onmessage = ({ data }) => heard.push(typeof data === 'string' ? data : Buffer.from(data).toString('hex'));
  let events = 0;
  socket.addEventListener('message', () => events++);
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
  const end = new Promise<SocketEnd>((resolve) => (socket.onclose = resolve));
  socket.send('grüße');
  socket.send(Uint8Array.of(0, 255));
  socket.send('end');
  const { code, reason, wasClean } = await end;
  assert.deepEqual([code, reason, wasClean], [4001, 'enough', true]);
  assert.deepEqual(heard, ['early', 'grüße', '00ff']);
  assert.equal(events, 3);
  assert.equal(socket.readyState, socket.CLOSED);
});

const problem = (code: string, detail: string): string => {
  const body = JSON.stringify({ code, detail });
  return `HTTP/1.1 403 Forbidden\r\nDAuth-Error: ${code}\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
};

test('a refusal of the executor is told by its code and sentence', async () => {
  refusals = [problem('POLICY_DENIED', 'No.')];
  const stream = await handle();
  await assertRefusedAsync(() => stream.webSocket('/x'), 'POLICY_DENIED', 'No.');
});

test('an executor that cannot serve now is asked once more, and only once', async () => {
  refusals = Array.from({ length: 2 }, () => problem('ENCLAVE_UNAVAILABLE', 'Not now.'));
  const stream = await handle();
  await assertRefusedAsync(() => stream.webSocket('/x'), 'ENCLAVE_UNAVAILABLE', 'Not now.');
  assert.equal(asked.length, 2);
});

test("the upstream's own refusal comes as its answer", async () => {
  refusals = [
    'HTTP/1.1 401 Unauthorized\r\nDAuth-Upstream: 1\r\nX-Why: key\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
  ];
  const stream = await handle();
  await assert.rejects(
    () => stream.webSocket('/x'),
    (error: unknown) => {
      assert.ok(error instanceof HandshakeRefused);
      assert.deepEqual([error.response.status, error.response.headers.get('x-why')], [401, 'key']);
      assert.equal(error.response.url, `${ORIGIN}/x`);
      return true;
    },
  );
});

test('an origin that is not the connection’s, and a subprotocol that is no token, ask nobody', async () => {
  const stream = await handle();
  await assertRefusedAsync(
    () => stream.webSocket('wss://other.example/x'),
    'POLICY_DENIED',
    'The connection was not sealed for that origin. Nothing was sent.',
  );
  await assertRefusedAsync(
    () => stream.webSocket('/x', 'a b'),
    'INVALID_REQUEST',
    'A subprotocol is an HTTP token of at most 128 characters.',
  );
  assert.equal(asked.length, 0);
  (await stream.webSocket(`wss://api.example/y`)).close();
  assert.equal(asked[0]?.url, `/connections/${HANDLE}/y`);
});
