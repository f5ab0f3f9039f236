/** Slots in bodies through both doors: a TLS upstream gets exactly the filled body, and what has no place opens nothing. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { after, before, test } from 'node:test';
import { LIMITS, type ConnectionHandle } from '@dauth/protocol';
import { upstreamFor } from '../support/calls.test-support.ts';
import { assertRefused, type Refusal } from '../support/refused.test-support.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { SECRET, World } from '../support/room.test-support.ts';
import { detail } from '../support/statements.test-support.ts';
import { serveHttps, TestCa, type TestServer } from '../support/upstreams.test-support.ts';
import type { Upstream } from '../wire/upstream.ts';

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const POINTER = [{ in: 'body', pointer: '/auth/key', value: 'k {token}' }];
const FIELD = [{ in: 'body', field: 'client_secret', value: 'k {token}' }];
const STARS = '*'.repeat(SECRET.length);

interface Arrived {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

let server: TestServer;
let upstream: Upstream;
let world: World;
const handles: Record<string, ConnectionHandle> = {};
const arrived: Arrived[] = [];
before(async () => {
  const ca = await TestCa.create();
  server = await serveHttps(await ca.issue([{ type: 'dns', value: 'localhost' }]), (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      arrived.push({ headers: request.headers, rawHeaders: request.rawHeaders, body });
      response.setHeader('content-type', 'text/plain').end(`got ${body}`);
    });
  });
  upstream = upstreamFor(ca.pem);
  world = await World.open({ upstream: () => upstream });
  const allow = [{ origin: server.origin, methods: ['POST', 'DELETE'], paths: ['/repos/**'] }];
  handles.json = await world.connect({ allow, inject: POINTER });
  handles.form = await world.connect({ allow, inject: FIELD });
  const header = { in: 'header', name: 'x-key', value: '{token}' };
  handles.both = await world.connect({ allow, inject: [...POINTER, header] });
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function tokenFor(handle: ConnectionHandle): string {
  const actions = ['POST /repos/**', 'DELETE /repos/**', 'GET /repos/**'];
  return world.token(handle, { authorization_details: [detail(handle, { locations: [server.origin], actions })] });
}

function buffered(handle: ConnectionHandle, request: object): Promise<Reply> {
  return world.dispatch(handle, { method: 'POST', path: '/repos/x', ...request }, tokenFor(handle));
}

function streamed(handle: ConnectionHandle, type: string, body: string, method = 'POST', target = '/repos/x') {
  const headers = ['Content-Type', type];
  return world.stream(handle, target, { method, headers, body, token: tokenFor(handle) });
}

/** A body in chunks, on a connection of its own. */
async function chunked(handle: ConnectionHandle, type: string, chunks: readonly string[], end = '0\r\n\r\n') {
  const framed = chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join('');
  return framedAs(handle, type, 'Transfer-Encoding: chunked', framed + end);
}

async function framedAs(handle: ConnectionHandle, type: string, framing: string, body: string) {
  const path = `/connections/${handle}/repos/x`;
  const [authorization, token, name, proof] = world.headers('POST', path, tokenFor(handle));
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${authorization}: ${token}\r\n${name}: ${proof}\r\nContent-Type: ${type}\r\n`;
  return world.sendRaw(`${head}${framing}\r\nConnection: close\r\n\r\n${body}`);
}

function assertArrived(body: string, type: string): void {
  const { headers, rawHeaders, body: got } = arrived.at(-1)!;
  assert.equal(got, body);
  assert.deepEqual(
    [headers['content-type'], headers['content-length'], headers['transfer-encoding']],
    [type, String(Buffer.byteLength(body)), undefined],
  );
  assert.equal(rawHeaders.filter((name) => name.toLowerCase() === 'content-length').length, 1);
}

const SENT_JSON = `{"auth":{"key":"k ${SECRET}","id":7},"n":1.50}`;
const SENT_FORM = `client_secret=k%20${SECRET}&grant_type=refresh_token&x=a+b`;

test('[dispatch.bound] a value goes into a JSON body at both doors, and nothing else of it changes', async () => {
  const body = '{"auth":{"id":7},"n":1.50}';
  const octets = { headers: { 'content-type': JSON_TYPE }, body_base64: Buffer.from(body).toString('base64') };
  assert.equal((await buffered(handles.json!, octets)).json.success, true);
  assertArrived(SENT_JSON, JSON_TYPE);
  assert.equal((await streamed(handles.json!, 'application/vnd.api+json; charset=utf-8', body)).status, 200);
  assertArrived(SENT_JSON, 'application/vnd.api+json; charset=utf-8');
  assert.equal((await chunked(handles.json!, JSON_TYPE, [body.slice(0, 9), body.slice(9)])).status, 200);
  assertArrived(SENT_JSON, JSON_TYPE);
  assert.equal((await streamed(handles.json!, JSON_TYPE, body, 'DELETE')).status, 200);
  assertArrived(SENT_JSON, JSON_TYPE);
  assert.equal((await buffered(handles.json!, { body: { auth: {} } })).json.success, true);
  assertArrived(`{"auth":{"key":"k ${SECRET}"}}`, JSON_TYPE);
});

test('[dispatch.bound] a value goes into a form at both doors, and nothing else of it changes', async () => {
  const body = 'grant_type=refresh_token&x=a+b';
  assert.equal((await buffered(handles.form!, { headers: { 'content-type': FORM_TYPE }, body })).json.success, true);
  assertArrived(SENT_FORM, FORM_TYPE);
  assert.equal((await streamed(handles.form!, `${FORM_TYPE};charset=UTF-8`, body)).status, 200);
  assertArrived(SENT_FORM, `${FORM_TYPE};charset=UTF-8`);
  assert.equal((await chunked(handles.form!, FORM_TYPE, [body])).status, 200);
  assertArrived(SENT_FORM, FORM_TYPE);
});

test('a body with a slot may be as large as one that fits, and its connection goes on', async () => {
  const before = server.connections();
  const body = `{"auth":{},"pad":"${'x'.repeat(LIMITS.injectedBody - 20)}"}`;
  assert.equal(body.length, LIMITS.injectedBody);
  for (const large of [body, '{"auth":{}}', body])
    assert.equal((await streamed(handles.both!, JSON_TYPE, large)).status, 200);
  assertArrived(body.replace('{}', `{"key":"k ${SECRET}"}`), JSON_TYPE);
  assert.equal(arrived.at(-1)!.headers['x-key'], SECRET);
  assert.equal(server.connections() - before, 1);
});

test('[response.clean] a body that comes back as it was sent gives nothing away', async () => {
  assert.equal((await streamed(handles.form!, FORM_TYPE, 'a=1')).text, `got client_secret=k%20${STARS}&a=1`);
  const reply = await buffered(handles.json!, { body: { auth: {} } });
  assert.equal(Object(reply.json.response).body, `got {"auth":{"key":"k ${STARS}"}}`);
});

const NONE: Refusal = { code: 'POLICY_DENIED', says: /into the body of a request, and this request has none/, step: 4 };
const NO_JSON: Refusal = { code: 'POLICY_DENIED', says: /into a JSON body; send one/, step: 4 };
const NO_FORM: Refusal = { code: 'POLICY_DENIED', says: /into a form; send one/, step: 4 };
const TAKEN: Refusal = { code: 'POLICY_DENIED', says: /names a slot/, step: 4 };
const LARGE: Refusal = { code: 'PAYLOAD_TOO_LARGE', says: /at most 1 MiB/, step: 4 };

interface Case {
  readonly name: string;
  readonly of: 'json' | 'form';
  readonly type?: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly method?: string;
  readonly refusal: Refusal;
}

const REFUSED: readonly Case[] = [
  { name: 'no body', of: 'json', type: JSON_TYPE, body: '', refusal: NONE },
  { name: 'no form', of: 'form', type: FORM_TYPE, body: '', refusal: NONE },
  { name: 'no content type', of: 'json', body: '{"auth":{}}', refusal: NO_JSON },
  { name: 'a form in place of JSON', of: 'json', type: FORM_TYPE, body: 'a=1', refusal: NO_JSON },
  { name: 'text that looks like JSON', of: 'json', type: 'text/plain', body: '{"auth":{}}', refusal: NO_JSON },
  { name: 'a row of JSON texts', of: 'json', type: 'application/json-seq', body: '{"auth":{}}', refusal: NO_JSON },
  {
    name: 'a type that only CGI takes for one',
    of: 'json',
    headers: { content_type: JSON_TYPE },
    body: '{"auth":{}}',
    refusal: NO_JSON,
  },
  {
    name: 'a type that ends at this hop',
    of: 'json',
    type: JSON_TYPE,
    headers: { connection: 'content-type' },
    body: '{"auth":{}}',
    refusal: NO_JSON,
  },
  { name: 'JSON in place of a form', of: 'form', type: JSON_TYPE, body: '{}', refusal: NO_FORM },
  { name: 'multipart in place of a form', of: 'form', type: 'multipart/form-data', body: 'x', refusal: NO_FORM },
  {
    name: 'the member of the slot',
    of: 'json',
    type: JSON_TYPE,
    body: '{"auth":{"key":1}}',
    refusal: TAKEN,
  },
  { name: 'the field of the slot', of: 'form', type: FORM_TYPE, body: 'a=1&client_secret=x', refusal: TAKEN },
  {
    name: 'the field of the slot in the query',
    of: 'form',
    type: FORM_TYPE,
    target: '/repos/x?Client.Secret=x',
    body: 'a=1',
    refusal: TAKEN,
  },
  {
    name: 'JSON that is none',
    of: 'json',
    type: JSON_TYPE,
    body: '{"auth":{}',
    refusal: { code: 'INVALID_REQUEST', says: /JSON document is not well-formed/, step: 4 },
  },
  {
    name: 'a method override',
    of: 'form',
    type: FORM_TYPE,
    body: 'a=1&_method=DELETE',
    refusal: { code: 'POLICY_DENIED', says: /Method overrides/, step: 4 },
  },
  {
    name: 'a content encoding',
    of: 'json',
    type: JSON_TYPE,
    headers: { 'content-encoding': 'gzip' },
    body: 'x',
    refusal: { code: 'POLICY_DENIED', says: /without a content encoding/, step: 4 },
  },
  {
    name: 'a method without a body',
    of: 'json',
    method: 'GET',
    type: JSON_TYPE,
    body: '{"auth":{}}',
    refusal: { code: 'POLICY_DENIED', says: /does not allow this request/, step: 4 },
  },
  {
    name: 'more than can be filled',
    of: 'json',
    type: JSON_TYPE,
    body: `{"auth":{},"x":"${'x'.repeat(LIMITS.injectedBody)}"}`,
    refusal: LARGE,
  },
];

for (const { name, of, type, body, headers = {}, target = '/repos/x', method = 'POST', refusal } of REFUSED) {
  const all = { ...(type === undefined ? {} : { 'content-type': type }), ...headers };
  test(`[dispatch.bound] a body that its slots do not fit into is refused before anything is opened: ${name}`, async () => {
    const handle = handles[of]!;
    const before = arrived.length;
    const body_base64 = Buffer.from(body).toString('base64');
    await assertRefused(
      world,
      () => buffered(handle, { method, path: target, headers: all, ...(body === '' ? {} : { body_base64 }) }),
      refusal,
    );
    await assertRefused(
      world,
      () =>
        world.stream(handle, target, { method, headers: Object.entries(all).flat(), body, token: tokenFor(handle) }),
      refusal,
    );
    assert.equal(arrived.length, before);
  });
}

test('[dispatch.bound] a body without an octet is none, however it is said', async () => {
  await assertRefused(world, () => chunked(handles.form!, FORM_TYPE, []), NONE);
  await assertRefused(world, () => buffered(handles.form!, { headers: { 'content-type': FORM_TYPE }, body: '' }), NONE);
  await assertRefused(world, () => buffered(handles.json!, { headers: { 'content-type': JSON_TYPE }, body: '' }), NONE);
});

test('[dispatch.bound] a body that says it is larger than one can be filled is refused before it comes', async () => {
  const length = `Content-Length: ${LIMITS.injectedBody + 1}`;
  await assertRefused(world, () => framedAs(handles.json!, JSON_TYPE, length, '{"auth":{}'), LARGE);
});

test('[dispatch.bound] a body that does not say how large it is is read no further than one can be filled', async () => {
  const large = ['{"auth":{},"x":"', ...Array.from({ length: 20 }, () => 'x'.repeat(65_536))];
  await assertRefused(world, () => chunked(handles.json!, JSON_TYPE, large, ''), {
    code: 'PAYLOAD_TOO_LARGE',
    step: 4,
  });
});
