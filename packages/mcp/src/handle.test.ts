/** Connection handles: what leaves this server for the executor, and what comes back from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertRefusedAsync,
  authorityAnswer,
  both,
  CONFIG,
  EXECUTOR,
  fetchOver,
  makeProtection,
  makeToken,
  METADATA,
  post,
} from './gate.test-support.ts';
import { connection, dispatch } from './handle.ts';
import type { ToolContext } from './session.ts';

const HANDLE = 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a';
const ORIGIN = 'https://api.example';
const detail = (location: string, name = 'github') => ({
  type: 'dauth_connection',
  identifier: HANDLE,
  name,
  locations: [location],
  actions: ['GET /**', 'POST /**'],
});
const UPSTREAM = { 'dauth-upstream': '1' };
const UNREADABLE = "The executor's answer cannot be read. The call may have been made; look before you repeat it.";

interface Sent {
  readonly url: string;
  readonly headers: Headers;
}

/** A tool's context for one live call, and all that was sent to the executor meanwhile. */
async function makeContext(answer: () => Response | Promise<Response>, details: readonly object[] = [detail(ORIGIN)]) {
  const sent: Sent[] = [];
  const fetch = fetchOver((url, init) => {
    if (url === METADATA.token_endpoint)
      return Response.json({ access_token: 'dis.patch.token', token_type: 'DPoP', expires_in: 120 });
    if (!url.startsWith(EXECUTOR)) return authorityAnswer(url);
    sent.push({ url, headers: new Headers(init.headers) });
    return answer();
  });
  const authInfo = await makeProtection(CONFIG, { fetch }).gate(
    post(both(makeToken({ authorization_details: details }))),
  );
  assert.ok(!(authInfo instanceof Response));
  const ctx: ToolContext = { http: { authInfo } };
  return { ctx, sent };
}

test("[dispatch.bound] what an SDK sets for itself does not reach the executor: the call has this server's token only", async () => {
  const { ctx, sent } = await makeContext(() => new Response('hi', { headers: UPSTREAM }));
  const headers = {
    authorization: 'token of-the-sdk',
    dpop: 'of-the-sdk',
    cookie: 'of=the-sdk',
    host: 'evil.example',
    'dauth-origin': 'https://evil.example',
    accept: 'application/json',
  };
  await connection(ctx, 'github').fetch(`${ORIGIN}/user?x=1`, { headers });
  assert.equal(sent.length, 1);
  const [{ url, headers: went }] = sent as [Sent];
  assert.equal(url, `${EXECUTOR}/connections/${HANDLE}/user?x=1`);
  assert.equal(went.get('authorization'), 'DPoP dis.patch.token');
  assert.match(went.get('dpop') ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.deepEqual([went.get('cookie'), went.get('host')], [null, null]);
  assert.equal(went.get('dauth-origin'), ORIGIN);
  assert.equal(went.get('accept'), 'application/json', 'control: the rest goes');
});

for (const url of [
  'https://evil.example/user',
  'http://api.example/user',
  'https://api.example:8443/user',
  '//evil.example/user',
]) {
  test(`[dispatch.bound] a handle does not ask anybody for ${url}`, async () => {
    const { ctx, sent } = await makeContext(() => new Response('hi', { headers: UPSTREAM }));
    const sentence = 'The connection was not sealed for that origin. Nothing was sent.';
    await assertRefusedAsync(() => connection(ctx, 'github').fetch(url), 'POLICY_DENIED', sentence);
    assert.deepEqual(sent, []);
  });
}

test('a path is enough where there is one origin, and not where there are two', async () => {
  const one = await makeContext(() => new Response('hi', { headers: UPSTREAM }));
  const answer = await connection(one.ctx, 'github').fetch('/user');
  assert.deepEqual([answer.url, await answer.text()], [`${ORIGIN}/user`, 'hi']);
  const two = await makeContext(
    () => new Response('hi', { headers: UPSTREAM }),
    [detail(ORIGIN), detail('https://b.example')],
  );
  const sentence = 'This connection has several origins; give a whole URL.';
  await assertRefusedAsync(() => connection(two.ctx, 'github').fetch('/user'), 'INVALID_REQUEST', sentence);
  assert.deepEqual(connection(two.ctx, 'github').origins, [ORIGIN, 'https://b.example']);
});

test('[token.bound] a connection that the token does not name is asked of nobody', async () => {
  const { ctx, sent } = await makeContext(() => new Response('hi', { headers: UPSTREAM }));
  const publicMessage =
    "The caller's token names no such connection. Its owner has none of that name for this server, left it unticked on the page that asked, or the client did not ask for it. Connect it, then sign in again and tick it, or name it in the token request.";
  const refused = { code: 'CONNECTION_NOT_FOUND', publicMessage };
  for (const name of ['slack', '__proto__', 'constructor']) {
    assert.throws(() => connection(ctx, name), refused);
    await assert.rejects(dispatch(ctx, name, { method: 'GET', path: '/' }), refused);
  }
  assert.deepEqual(sent, []);
});

test("a refusal of the executor is told by its code and sentence, and its origin check from the handle's", async () => {
  const sentence = 'The origin is not one of those the credential was sealed for.';
  const refuse = () =>
    Response.json({ detail: sentence }, { status: 403, headers: { 'dauth-error': 'POLICY_DENIED' } });
  const { ctx, sent } = await makeContext(refuse);
  await assertRefusedAsync(() => connection(ctx, 'github').fetch('/user'), 'POLICY_DENIED', sentence);
  assert.equal(sent.length, 1);
});

test('a refusal without end is given up early and has the sentence of its code', async () => {
  let octets = 0;
  const body = () =>
    new ReadableStream({
      pull(controller) {
        octets += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
  const { ctx } = await makeContext(
    () => new Response(body(), { status: 403, headers: { 'dauth-error': 'POLICY_DENIED' } }),
  );
  const sentence = 'The policy sealed with the credential, or the token, does not allow this request.';
  await assertRefusedAsync(() => connection(ctx, 'github').fetch('/user'), 'POLICY_DENIED', sentence);
  assert.ok(octets <= 1_048_576, `${octets} octets were read`);
});

test('an answer that does not say it came from the upstream is none of it', async () => {
  const { ctx } = await makeContext(() => new Response('hi'));
  await assertRefusedAsync(
    () => connection(ctx, 'github').fetch('/user'),
    'ENCLAVE_UNAVAILABLE',
    'The executor cannot serve this now. Nothing was sent upstream; try again shortly.',
  );
});

/** As `fetch` of Node says that a connection failed. */
const failing = (code: string) => () =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }));
const UNREACHED = 'The executor could not be reached.';
for (const [method, failure, code, sentence] of [
  ['POST', 'UND_ERR_SOCKET', 'RESPONSE_UNSCANNABLE', UNREADABLE],
  ['PATCH', 'ECONNRESET', 'RESPONSE_UNSCANNABLE', UNREADABLE],
  ['GET', 'UND_ERR_SOCKET', 'ENCLAVE_UNAVAILABLE', UNREACHED],
  ['DELETE', 'ECONNRESET', 'ENCLAVE_UNAVAILABLE', UNREACHED],
  ['POST', 'ECONNREFUSED', 'ENCLAVE_UNAVAILABLE', UNREACHED],
] as const) {
  test(`a connection that fails with ${failure} under a ${method} is ${code}`, async () => {
    const { ctx } = await makeContext(failing(failure));
    await assertRefusedAsync(() => connection(ctx, 'github').fetch('/user', { method }), code, sentence);
    await assertRefusedAsync(() => dispatch(ctx, 'github', { method, path: '/user' }), code, sentence);
  });
}

test('a POST that somebody else answers for the executor may have been made', async () => {
  const { ctx } = await makeContext(() => new Response('<html>', { status: 502 }));
  const asked = { method: 'POST', path: '/user' };
  await assertRefusedAsync(() => connection(ctx, 'github').fetch('/user', asked), 'RESPONSE_UNSCANNABLE', UNREADABLE);
  await assertRefusedAsync(() => dispatch(ctx, 'github', asked), 'RESPONSE_UNSCANNABLE', UNREADABLE);
});

test('an answer of the upstream keeps its head, and the receipt for the log', async () => {
  const headers = { ...UPSTREAM, 'dauth-receipt': 'e.1.x', 'x-page': '2' };
  const { ctx } = await makeContext(() => new Response(null, { status: 204, headers }));
  const answer = await connection(ctx, 'github').fetch('/user');
  assert.equal(answer.status, 204);
  assert.deepEqual(
    [...answer.headers],
    [
      ['dauth-receipt', 'e.1.x'],
      ['x-page', '2'],
    ],
  );
});

const response = { status: 200, headers: { 'content-type': 'application/json' }, body: { a: 1 } };
const buffered = async (answer: unknown) => {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  const { ctx } = await makeContext(() => new Response(text));
  return dispatch(ctx, 'github', { method: 'GET', path: '/user' });
};

test('a buffered dispatch gives the answer of the upstream, whatever its JSON', async () => {
  assert.deepEqual(await buffered({ success: true, response }), response);
  const octets = { status: 500, headers: {}, body_base64: 'AAA=' };
  assert.deepEqual(await buffered({ success: true, response: octets }), octets);
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
  const { body } = await buffered(`{"success":true,"response":{"status":200,"headers":{},"body":${deep}}}`);
  assert.equal(JSON.stringify(body), deep);
});

test('a buffered refusal has the code and the sentence of the executor', async () => {
  const error = { code: 'CONNECTION_REVOKED', message: 'The connection was revoked.', retryable: false };
  await assertRefusedAsync(() => buffered({ success: false, error }), 'CONNECTION_REVOKED', error.message);
});

for (const [what, answer] of [
  ['no JSON', '<html>'],
  ['a list', []],
  ['no response', { success: true }],
  ['a status that is text', { success: true, response: { ...response, status: '200' } }],
  ['a status out of range', { success: true, response: { ...response, status: 99 } }],
  ['headers that are a list', { success: true, response: { ...response, headers: ['x'] } }],
  ['a header that is no text', { success: true, response: { ...response, headers: { a: 1 } } }],
  ['two bodies', { success: true, response: { ...response, body_base64: 'AAA=' } }],
  ['a base64 body that is no text', { success: true, response: { status: 200, headers: {}, body_base64: 5 } }],
  ['success as text', { success: 'true', response }],
  ['a code nobody knows', { success: false, error: { code: 'toString' } }],
] as const) {
  test(`an answer of the executor is not believed: ${what}`, async () => {
    await assertRefusedAsync(() => buffered(answer), 'RESPONSE_UNSCANNABLE', UNREADABLE);
  });
}

test('a context that no protected request brought has no connections', () => {
  for (const ctx of [{}, { http: {} }, { authInfo: { extra: {} } }])
    assert.throws(() => connection(ctx, 'github'), { code: 'UNAUTHENTICATED' });
});
