/** Requests signed by `hmac` as they reach an upstream that recomputes the signature: whole dispatches, real TLS. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { headerOf, SIGNED_AT, SigningUpstream, type SignedRequest } from '../support/signing.test-support.ts';

const KEY = Buffer.from('a key of an exchange, in base64');
const FIELDS = { key: KEY.toString('base64'), id: 'the-key-id-0001' };

let upstream: SigningUpstream;
before(async () => (upstream = await SigningUpstream.open()));
after(() => upstream[Symbol.asyncDispose]());

/** As an exchange has it: time, method, target and body, with the key in base64. */
const EXCHANGE = [
  { in: 'header', name: 'x-access-key', value: '{id}' },
  {
    ...{ scheme: 'hmac', key: '{key}', key_encoding: 'base64', hash: 'sha256', encoding: 'base64', timestamp: 's' },
    sign: '{@timestamp}{@method}{@target}{@body}',
    put: [
      { in: 'header', name: 'x-access-timestamp', value: '{@timestamp}' },
      { in: 'header', name: 'x-access-sign', value: '{@signature}' },
    ],
  },
];
function isOfExchange(request: SignedRequest): boolean {
  const { method, target, body } = request;
  const at = headerOf(request, 'x-access-timestamp');
  const hmac = createHmac('sha256', KEY).update(`${at}${method}${target}`).update(body);
  return headerOf(request, 'x-access-sign') === hmac.digest('base64') && Number(at) === SIGNED_AT / 1_000;
}

/** In the query, over the query. */
const QUERY = [
  {
    ...{ scheme: 'hmac', key: '{key}', hash: 'sha512', timestamp: 'ms', sign: '{@query}' },
    put: [
      { in: 'query', name: 'timestamp', value: '{@timestamp}' },
      { in: 'query', name: 'signature', value: '{@signature}' },
    ],
  },
];
function isInQuery({ target }: SignedRequest): boolean {
  const [, query, signature] = /^\/bucket\/key\?(.*&timestamp=\d{13})&signature=([0-9a-f]{128})$/.exec(target) ?? [];
  return query !== undefined && createHmac('sha512', FIELDS.key).update(query).digest('hex') === signature;
}

test('[dispatch.bound] an upstream that recomputes it takes a signature over time, method, target and body', async () => {
  upstream.isValid = isOfExchange;
  await using at = await upstream.connect(EXCHANGE, FIELDS);
  for (const request of [{ path: '/bucket/key?b=2&a=x+y' }, { method: 'POST', body: { amount: '1.0', note: 'ä' } }]) {
    const { response } = await at.call(request);
    assert.deepEqual([response?.status, response?.body], [200, 'ok']);
  }
  const streamed = await at.stream('/bucket/key', {
    method: 'PUT',
    body: 'x=1',
    headers: ['Content-Type', 'text/plain'],
  });
  assert.equal(streamed.status, 200);
  const [came] = upstream.seen as [SignedRequest];
  assert.equal(headerOf(came, 'x-access-key'), FIELDS.id);
  for (const change of [{ method: 'POST' }, { target: '/bucket/key?b=2&a=x+z' }, { body: Buffer.from('x') }])
    assert.equal(isOfExchange({ ...came, ...change }), false);
});

test('[dispatch.bound] an upstream that recomputes it takes a signature in the query', async () => {
  upstream.isValid = isInQuery;
  await using at = await upstream.connect(QUERY, { key: FIELDS.key });
  const { response } = await at.call({ path: '/bucket/key?symbol=A%2FB' });
  assert.deepEqual([response?.status, response?.body], [200, 'ok']);
});

test('[dispatch.bound] an upstream refuses what another key signed', async () => {
  upstream.isValid = isOfExchange;
  await using at = await upstream.connect(EXCHANGE, {
    ...FIELDS,
    key: Buffer.from('another key, in base64').toString('base64'),
  });
  assert.equal((await at.call({})).response?.status, 403);
});

test('[dispatch.bound] a request that brings a slot of the signature is refused before anything is opened', async () => {
  for (const [inject, fields, request] of [
    [EXCHANGE, FIELDS, { headers: { 'X-Access-Sign': 'x' } }],
    [EXCHANGE, FIELDS, { headers: { x_access_timestamp: '1' } }],
    [QUERY, { key: FIELDS.key }, { path: '/bucket/key?Signature=x' }],
    [QUERY, { key: FIELDS.key }, { path: '/bucket/key?a=1&time%73tamp=1' }],
  ] as const) {
    await using at = await upstream.connect(inject, fields);
    assert.equal((await at.call(request)).error?.code, 'POLICY_DENIED', JSON.stringify(request));
    assert.deepEqual([at.world.opened, upstream.seen.length], [0, 0]);
  }
});

test('[dispatch.bound] a body that a signature needs is read whole, and refused before anything is opened where it does not fit', async () => {
  const nonce = { ...EXCHANGE[1], nonce: { form: 'nonce' }, sign: '{@timestamp}{@nonce}{@body}' };
  const headers = ['Content-Type', 'application/x-www-form-urlencoded'];
  for (const [inject, body, code] of [
    [EXCHANGE, 'x'.repeat(4_194_305), 'PAYLOAD_TOO_LARGE'],
    [[EXCHANGE[0], nonce], 'amount=1', 'INVALID_REQUEST'],
    [[EXCHANGE[0], nonce], undefined, 'INVALID_REQUEST'],
  ] as const) {
    await using at = await upstream.connect(inject as readonly object[], FIELDS);
    const { json } = await at.stream('/bucket/key', { method: 'POST', body, headers });
    assert.deepEqual([json.code, at.world.opened, upstream.seen.length], [code, 0, 0]);
  }
});

test('a body that is not signed streams', async () => {
  upstream.isValid = isInQuery;
  await using at = await upstream.connect(QUERY, { key: FIELDS.key });
  const body = 'x'.repeat(5_000_000);
  const { status } = await at.stream('/bucket/key?a=1', {
    method: 'PUT',
    body,
    headers: ['Content-Type', 'text/plain'],
  });
  assert.deepEqual([status, upstream.seen[0]!.body.length], [200, body.length]);
});

test('[response.clean] a signature in a query is looked for as it stands there, also encoded once more', async () => {
  const [scheme] = QUERY;
  const put = [
    { in: 'query', name: 'id', value: '{id}' },
    { in: 'query', name: 'signature', value: '{@signature}' },
  ];
  const { timestamp: _, ...rest } = scheme!;
  await using at = await upstream.connect([{ ...rest, encoding: 'base64', put }], { ...FIELDS, id: 'an/id+of=mine' });
  // A page to sign in at, with the way back.
  upstream.answer = ({ target }) => `/login?next=${encodeURIComponent(target)}`;
  const { response } = await at.call({});
  assert.match(String(response?.body), /^\/login\?next=%2Fbucket%2Fkey%3Fid%3D\*+%26signature%3D\*+$/);
});

test('[response.clean] an upstream that gives back the key, also decoded, or the signature gives nothing away', async () => {
  upstream.isValid = isOfExchange;
  await using at = await upstream.connect(EXCHANGE, FIELDS);
  const echoes: readonly ((request: SignedRequest) => Buffer)[] = [
    () => Buffer.from(FIELDS.key),
    () => KEY,
    () => Buffer.from(KEY.toString('hex')),
    (request) => Buffer.from(headerOf(request, 'x-access-sign')),
  ];
  for (const echo of echoes) {
    upstream.answer = (request) => Buffer.concat([Buffer.from('<'), echo(request), Buffer.from('>')]);
    const { response } = await at.call({});
    assert.equal(response?.body, `<${'*'.repeat(echo(upstream.seen.at(-1)!).length)}>`);
  }
});
