/** Databases for tools: what leaves this server for the executor, and what a driver is handed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import {
  authorityAnswer,
  both,
  CONFIG,
  EXECUTOR,
  fetchOver,
  makeProtection,
  makeToken,
  METADATA,
  NOW,
  post,
} from './gate.test-support.ts';
import { postgres } from './postgres.ts';
import type { ToolContext } from './session.ts';

const HANDLE = 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a';
const ORIGIN = 'postgres://db.example';
const detail = (actions: readonly string[], location = ORIGIN) => ({
  ...{ type: 'dauth_connection', identifier: HANDLE, name: 'shop', locations: [location], actions },
});
type Socket = ReturnType<ReturnType<typeof postgres>['stream']> & { connect(): unknown };

async function makeContext(
  details: readonly object[],
  answer: (url: string, init: RequestInit) => Response | Promise<Response> = () => new Response(),
) {
  let exchanges = 0;
  const clock = { now: NOW };
  const fetch = fetchOver((url, init) => {
    if (url === METADATA.token_endpoint) {
      exchanges++;
      return Response.json({ access_token: 'dis.patch.token', token_type: 'DPoP', expires_in: 120 });
    }
    return url.startsWith(EXECUTOR) ? answer(url, init) : authorityAnswer(url);
  });
  const protection = makeProtection(CONFIG, { fetch, now: () => clock.now });
  const authInfo = await protection.gate(post(both(makeToken({ authorization_details: details }))));
  assert.ok(!(authInfo instanceof Response));
  const ctx: ToolContext = { http: { authInfo } };
  return { ctx, clock, exchanges: () => exchanges };
}

function refuses(run: () => unknown, code: string): void {
  assert.throws(run, (error: unknown) => error instanceof DAuthError && error.code === code);
}

test("[dispatch.bound] a session is one request to the executor, for what the token names, with this server's proof", async () => {
  const asked: { url: string; headers: Headers; method: string | undefined }[] = [];
  const { ctx } = await makeContext([detail(['READ /shop', 'WRITE /shop'])], async (url, init) => {
    asked.push({ url, headers: new Headers(init.headers), method: init.method });
    const reader = (init.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    return new Response(Buffer.from(`heard ${String(Buffer.from(value!))}`), { headers: { 'dauth-upstream': '1' } });
  });
  const config = postgres(ctx, 'shop', { write: true });
  assert.deepEqual([config.database, config.ssl], ['shop', false]);
  const socket = config.stream() as Socket;
  socket.connect();
  await once(socket, 'connect');
  socket.write('hello');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), 'heard hello');
  const [{ url, headers, method }] = asked as [(typeof asked)[0]];
  assert.deepEqual([method, url], ['POST', `${EXECUTOR}/sessions/${HANDLE}/WRITE/shop`]);
  assert.equal(headers.get('authorization'), 'DPoP dis.patch.token');
  assert.match(headers.get('dpop') ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal(headers.get('dauth-origin'), ORIGIN);
});

test('[dispatch.bound] without a word about it a session may only read', async () => {
  let asked = '';
  const { ctx } = await makeContext([detail(['READ /shop', 'WRITE /shop'])], (url) => {
    asked = url;
    return new Response('', { headers: { 'dauth-upstream': '1' } });
  });
  const socket = postgres(ctx, 'shop').stream() as Socket;
  socket.connect();
  await once(socket.resume(), 'end');
  assert.equal(asked, `${EXECUTOR}/sessions/${HANDLE}/READ/shop`);
});

test('a database is named where there are several, and only one that the token names', async () => {
  const { ctx } = await makeContext([
    detail(['READ /shop', 'READ /stock']),
    detail(['READ /shop'], 'postgres://b.example'),
  ]);
  refuses(() => postgres(ctx, 'shop'), 'INVALID_REQUEST');
  refuses(() => postgres(ctx, 'shop', { database: 'shop' }), 'INVALID_REQUEST');
  refuses(() => postgres(ctx, 'shop', { database: 'other' }), 'POLICY_DENIED');
  refuses(() => postgres(ctx, 'shop', { database: 'shop', write: true }), 'POLICY_DENIED');
  refuses(() => postgres(ctx, 'nobody'), 'CONNECTION_NOT_FOUND');
  assert.equal(postgres(ctx, 'shop', { database: 'stock' }).database, 'stock');
  assert.equal(postgres(ctx, 'shop', { database: 'shop', origin: ORIGIN }).database, 'shop');
});

test('what the executor refuses is the error of the stream', async () => {
  const problem = { code: 'POLICY_DENIED', detail: 'Not this one.' };
  const { ctx } = await makeContext([detail(['READ /shop'])], () =>
    Response.json(problem, { status: 403, headers: { 'dauth-error': 'POLICY_DENIED' } }),
  );
  const socket = postgres(ctx, 'shop').stream() as Socket;
  socket.connect();
  const [error] = (await once(socket, 'error')) as [DAuthError];
  assert.deepEqual([error.code, error.publicMessage], ['POLICY_DENIED', 'Not this one.']);
});

test('a session that is reset is an error of the stream, and never its end', async () => {
  const body = new ReadableStream({
    pull: (controller) => controller.error(new TypeError('terminated')),
  });
  const { ctx } = await makeContext(
    [detail(['READ /shop'])],
    () => new Response(body, { headers: { 'dauth-upstream': '1' } }),
  );
  const socket = postgres(ctx, 'shop').stream() as Socket;
  let ended = false;
  socket.once('end', () => (ended = true));
  socket.connect();
  const [error] = (await once(socket.resume(), 'error')) as [DAuthError];
  assert.deepEqual([error.code, ended], ['ENCLAVE_UNAVAILABLE', false]);
});

test('a session has a dispatch token that lives for a minute at least', async () => {
  const { ctx, clock, exchanges } = await makeContext(
    [detail(['READ /shop'])],
    () => new Response('', { headers: { 'dauth-upstream': '1' } }),
  );
  const open = async (): Promise<void> => {
    const socket = postgres(ctx, 'shop').stream() as Socket;
    socket.connect();
    await once(socket.resume(), 'end');
  };
  await open();
  clock.now += 50;
  await open();
  assert.equal(exchanges(), 1);
  clock.now += 20;
  await open();
  assert.equal(exchanges(), 2);
});
