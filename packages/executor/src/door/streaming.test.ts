import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { before, after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DAuthError } from '@dauth/protocol';
import { freshHandle } from '../support/signer.test-support.ts';
import { assertRefused, assertSays, type Refusal } from '../support/refused.test-support.ts';
import { World } from '../support/room.test-support.ts';

let world: World;
let handle: Awaited<ReturnType<World['connect']>>;
before(async () => {
  world = await World.open();
  handle = await world.connect({
    inject: [
      { in: 'header', name: 'x-api-key', value: '{token}' },
      { in: 'query', name: 'key', value: '{token}' },
      { in: 'cookie', name: 'sid', value: '{token}' },
    ],
  });
});
after(() => world[Symbol.asyncDispose]());

const FORM = 'application/x-www-form-urlencoded';

test('an override in a body without a token is a 401 and not the end of the executor', async () => {
  const path = `/connections/${freshHandle(world.clock.ms)}/x`;
  const reply = await world.send('POST', path, ['Content-Type', FORM], '_method=DELETE');
  assert.deepEqual([reply.status, reply.json.code], [401, 'UNAUTHENTICATED']);
  await turn();
  assert.equal((await world.stream(handle)).status, 200);
});

test('a caller that resets in the middle of a form is not the end of the executor', async () => {
  const path = `/connections/${handle}/repos/x`;
  const [name, token, proofName, proof] = world.headers('POST', path, world.token(handle));
  for (const own of ['', `${name}: ${token}\r\n${proofName}: ${proof}\r\n`]) {
    const socket = connect(world.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${own}Content-Type: ${FORM}\r\nContent-Length: 900\r\n\r\nabc`);
    await once(socket, 'connect');
    for (let i = 0; i < 20; i++) await turn();
    socket.resetAndDestroy();
    await once(socket, 'close');
  }
  assert.equal((await world.stream(handle)).status, 200);
});

const METHOD: Refusal = { code: 'POLICY_DENIED', says: /Method overrides are not passed on/, step: 4 };
const READABLE: Refusal = { code: 'POLICY_DENIED', says: /in UTF-8 and without a content encoding/, step: 4 };
const PATH: Refusal = { code: 'POLICY_DENIED', says: /another path or host/, step: 4 };
const SLOT: Refusal = { code: 'POLICY_DENIED', says: /names a slot/, step: 4 };

const BODIES: readonly { name: string; headers: Record<string, string>; body: string; refusal?: Refusal }[] = [
  { name: 'a form', headers: { 'content-type': FORM }, body: 'a=b&_method=DELETE' },
  { name: 'a form with %-encoding', headers: { 'content-type': `${FORM}; charset=UTF-8` }, body: '%5Fm%65thod=DELETE' },
  {
    name: 'a form with brackets around it, as Rack and qs read it',
    headers: { 'content-type': FORM },
    body: '%5B_method%5D=DELETE',
  },
  {
    name: 'a form with escaped brackets before it',
    headers: { 'content-type': FORM },
    body: `${'%5B'.repeat(200)}_method=DELETE`,
  },
  { name: 'a form with blanks before it', headers: { 'content-type': FORM }, body: `${'+'.repeat(500)}_method=DELETE` },
  {
    name: 'a form with a long index behind it',
    headers: { 'content-type': FORM },
    body: `_method[${'a'.repeat(99)}]=X`,
  },
  { name: 'a body without a type, which Rack takes for a form', headers: {}, body: '_method=DELETE' },
  {
    name: 'JSON, which Laravel takes for input',
    headers: { 'content-type': 'application/json' },
    body: '{"_method":"X"}',
  },
  {
    name: 'JSON with escapes',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: '{"a":"\\"","\\u005fmeth\\u006Fd" : "X"}',
  },
  {
    name: 'JSON in UTF-16',
    headers: { 'content-type': 'application/json' },
    body: '{"_method":"X"}'.split('').join('\0'),
  },
  {
    name: 'multipart with a quoted pair',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\ncontent-disposition: form-data; name="\\_method"\r\n\r\nDELETE\r\n--b--',
  },
  {
    name: 'multipart with brackets',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\ncontent-disposition: form-data; name="[_method]"\r\n\r\nDELETE\r\n--b--',
  },
  {
    name: 'multipart with blanks and without quotes',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: `--b\r\ncontent-disposition: form-data; name=${' '.repeat(300)}_METHOD\r\n\r\nDELETE\r\n--b--`,
  },
  {
    name: 'multipart with a name in an extended parameter',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: "--b\r\ncontent-disposition: form-data; name*=utf-8'en'%5fmethod\r\n\r\nDELETE\r\n--b--",
  },
  {
    name: 'multipart with a name in pieces',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\ncontent-disposition: form-data; name*0="_me"; name*1="thod"\r\n\r\nDELETE\r\n--b--',
  },
  {
    name: 'a form in a content encoding',
    headers: { 'content-type': FORM, 'content-encoding': 'gzip' },
    body: 'x',
    refusal: READABLE,
  },
  {
    name: 'a form in another charset',
    headers: { 'content-type': `${FORM};charset="utf-7"` },
    body: 'x',
    refusal: READABLE,
  },
  {
    name: 'JSON in a charset that only readers of extended parameters see',
    headers: { 'content-type': "application/json; charset*=utf-8''utf-7" },
    body: '{"a":"+ACI-,+ACIAXw-method+ACI-:+ACI-DELETE"}',
    refusal: READABLE,
  },
  {
    name: 'an encoded body without a type',
    headers: { 'content-encoding': 'deflate' },
    body: 'x',
    refusal: READABLE,
  },
  {
    name: 'two content types to CGI',
    headers: { 'content-type': 'text/plain', content_type: FORM },
    body: '_method=DELETE',
    refusal: { code: 'POLICY_DENIED', says: /more than one content type/, step: 4 },
  },
];

for (const { name, headers, body, refusal = METHOD } of BODIES) {
  test(`[dispatch.bound] a whole body cannot ask for another method: ${name}`, () =>
    assertRefused(
      world,
      () =>
        world.dispatch(handle, {
          method: 'POST',
          path: '/repos/x',
          headers,
          body_base64: Buffer.from(body).toString('base64'),
        }),
      refusal,
    ));

  test(`[dispatch.bound] a streamed body cannot ask for another method: ${name}`, async () => {
    const sent = world.sent.length;
    const reply = await world.stream(handle, '/repos/x', {
      method: 'POST',
      headers: Object.entries(headers).flat(),
      body,
    });
    assert.deepEqual([reply.status, reply.json.code], [403, 'POLICY_DENIED']);
    assertSays(reply.json.detail, refusal.says!);
    assert.equal(world.sent.length, sent, 'the body was sent to its end');
  });
}

test('bodies that only look like it go as they came', async () => {
  const bodies: readonly [type: string, body: string][] = [
    [FORM, 'method=GET&payment_method=card&a=_method'],
    ['application/json', '{"payment_method":"_method","method":["_method"]}'],
    [
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="payment_method"\r\n\r\nx\r\n--b--',
    ],
    ['text/plain', '_method=DELETE'],
    ['application/octet-stream', '\0"_method":'],
  ];
  for (const [type, body] of bodies) {
    await world.stream(handle, '/repos/x', { method: 'POST', headers: ['Content-Type', type], body });
    assert.equal(world.sent.at(-1)!.body, body);
    const body_base64 = Buffer.from(body).toString('base64');
    await world.dispatch(handle, { method: 'POST', path: '/repos/x', headers: { 'content-type': type }, body_base64 });
    assert.equal(world.sent.at(-1)!.body, body);
  }
});

const NAMED: readonly { name: string; target?: string; headers?: readonly string[]; refusal: Refusal }[] = [
  { name: 'an injected header', headers: ['X-Api-Key', 'mine'], refusal: SLOT },
  { name: 'its underscored twin', headers: ['X_Api_Key', 'mine'], refusal: SLOT },
  { name: 'an injected query name', target: '/user?key=mine', refusal: SLOT },
  { name: 'an encoded query name', target: '/user?a=b;%6BEY%5b0%5d=mine', refusal: SLOT },
  { name: 'another path', headers: ['X-Original-URL', '/admin'], refusal: PATH },
  { name: 'another path, rewritten', headers: ['x_rewrite_url', '/admin'], refusal: PATH },
  { name: 'another host', headers: ['X-Original-Host', 'evil.example'], refusal: PATH },
  { name: 'another method', headers: ['X_HTTP_Method_Override', 'DELETE'], refusal: METHOD },
  { name: 'another method in the query', target: '/user?%5fmethod=DELETE', refusal: METHOD },
  { name: 'another method in the query, in brackets', target: '/user?[_method]=DELETE', refusal: METHOD },
  { name: 'a query name in brackets', target: '/user?%5Bkey%5D=mine', refusal: SLOT },
];

for (const { name, target, headers, refusal } of NAMED) {
  test(`[dispatch.bound] a request cannot name for itself: ${name}`, () =>
    assertRefused(world, () => world.stream(handle, target, headers === undefined ? {} : { headers }), refusal));
}

test('[dispatch.bound] cookies, forwarding and framing of the caller end here, in either spelling', async () => {
  const headers = ['X_Forwarded_For', '1.2.3.4', 'X-Forwarded', 'a', 'transfer_encoding', 'chunked', 'Accept', 'a/b'];
  assert.equal((await world.stream(handle, '/user', { headers })).status, 200);
  assert.deepEqual(world.sent.at(-1)!.headers, [['accept', 'a/b']]);
});

test('an answer comes back counted where its length is known, and in chunks where it is not', async () => {
  for (const [length, counted, framing] of [
    [19, '19', undefined],
    [null, undefined, 'chunked'],
  ] as const) {
    world.answer = () => ({ length });
    const { headers, text } = await world.stream(handle);
    assert.deepEqual([headers['content-length'], headers['transfer-encoding']], [counted, framing]);
    assert.equal(text, '{"login":"octocat"}');
  }
  world.answer = () => ({});
});

test('an answer that fails after its head is a reset in the streaming form and an error in the buffered one', async () => {
  world.answer = () => ({
    body: Readable.from(
      (async function* () {
        yield Buffer.from('half');
        await turn();
        throw new DAuthError('DOWNSTREAM_TIMEOUT');
      })(),
    ),
  });
  try {
    await assert.rejects(world.stream(handle), { code: 'ECONNRESET' });
    const reply = await world.dispatch(handle);
    assert.deepEqual([reply.status, reply.headers['dauth-error']], [200, 'DOWNSTREAM_TIMEOUT']);
    assert.deepEqual([reply.json.success, 'response' in reply.json], [false, false]);
  } finally {
    world.answer = () => ({});
  }
});

test('an answer that is dropped without a word is a reset too, also before anybody reads it', async () => {
  const halfOf = (): Readable => {
    const body = new Readable({ read: () => undefined });
    body.push('half');
    return body;
  };
  try {
    const late = halfOf();
    world.answer = () => ({ body: late });
    setTimeout(() => late.destroy(), 50);
    await assert.rejects(world.stream(handle), { code: 'ECONNRESET' });
    world.answer = () => ({ body: halfOf().destroy() });
    await assert.rejects(world.stream(handle), { code: 'ECONNRESET' });
  } finally {
    world.answer = () => ({});
  }
});

test('a number that JSON cannot carry is refused rather than changed on its way', async () => {
  const call = `{"connection_handle":"${handle}","request":{"method":"POST","path":"/repos/a","body":{"id":12345678901234567890}}}`;
  const headers = [...world.headers('POST', '/dispatch', world.token(handle)), 'Content-Type', 'application/json'];
  const sent = world.sent.length;
  const reply = await world.send('POST', '/dispatch', headers, call);
  assert.deepEqual([reply.status, reply.json.code], [400, 'INVALID_REQUEST']);
  assert.match(String(reply.json.detail), /more digits than can be kept/);
  assert.equal(world.sent.length, sent);
});
