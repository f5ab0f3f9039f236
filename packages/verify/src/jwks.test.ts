/** The key cache: one fetch at a time, rarely, bounded, and the last good keys for their window. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { JwksCache, parseKeySet } from './jwks.ts';
import { type FetchLike } from './fetch-json.ts';
import { verifyAccessTokenWith } from './token.ts';
import { assertRefused, assertRefusedAsync, makeSigner } from './signer.test-support.ts';

const JWKS_URL = 'https://auth.example/.well-known/jwks.json';
const first = makeSigner();
const second = makeSigner('Ed25519');

function keySet(...keys: object[]): Response {
  return Response.json({ keys });
}

interface World {
  readonly cache: JwksCache;
  fetches: number;
  now: number;
  answer: () => Promise<Response> | Response;
}

function makeWorld(options: object = {}): World {
  const fetch: FetchLike = async () => {
    world.fetches++;
    return Promise.resolve(world.answer());
  };
  const world: World = {
    fetches: 0,
    now: 0,
    answer: () => keySet({ ...first.jwk, kid: 'one' }),
    cache: new JwksCache({ url: JWKS_URL, fetch, now: () => world.now, ...options }),
  };
  return world;
}

test('a key is found by id and fetched once while it is fresh', async () => {
  const world = makeWorld();
  assert.equal((await world.cache.resolve('one', 'ES256')).jkt, first.jkt);
  world.now = 300_000;
  await world.cache.resolve('one', 'ES256');
  assert.equal(world.fetches, 1);
  world.now = 300_001;
  await world.cache.resolve('one', 'ES256');
  assert.equal(world.fetches, 2);
});

test('callers at the same time share one fetch', async () => {
  const world = makeWorld();
  const found = await Promise.all(Array.from({ length: 50 }, () => world.cache.resolve('one', 'ES256')));
  assert.equal(found.length, 50);
  assert.equal(world.fetches, 1);
});

test('an unknown id fetches once per cool-down, however often it is asked for', async () => {
  const world = makeWorld();
  await world.cache.resolve('one', 'ES256');
  for (let i = 0; i < 20; i++) {
    await assertRefusedAsync(
      () => world.cache.resolve(`stranger-${i}`, 'ES256'),
      'UNAUTHENTICATED',
      /not published by its issuer/,
    );
  }
  assert.equal(world.fetches, 1);
  world.now = 5_000;
  await assertRefusedAsync(
    () => world.cache.resolve('stranger', 'ES256'),
    'UNAUTHENTICATED',
    /not published by its issuer/,
  );
  assert.equal(world.fetches, 2);
});

test('a rotated key is found after the cool-down, and the removed one is gone', async () => {
  const world = makeWorld();
  await world.cache.resolve('one', 'ES256');
  world.answer = () => keySet({ ...second.jwk, kid: 'two' });
  world.now = 5_000;
  assert.equal((await world.cache.resolve('two', 'EdDSA')).jkt, second.jkt);
  await assertRefusedAsync(() => world.cache.resolve('one', 'ES256'), 'UNAUTHENTICATED', /not published by its issuer/);
});

test('the last good keys serve while fetching fails, and no longer than their window', async () => {
  const world = makeWorld();
  await world.cache.resolve('one', 'ES256');
  world.answer = () => new Response('no', { status: 503 });
  for (world.now = 300_001; world.now <= 900_000; world.now += 100_000) await world.cache.resolve('one', 'ES256');
  world.now = 900_001;
  await assertRefusedAsync(
    () => world.cache.resolve('one', 'ES256'),
    'ENCLAVE_UNAVAILABLE',
    /signing keys cannot be fetched/,
  );
});

test('a failing authority is asked once per cool-down', async () => {
  const world = makeWorld();
  world.answer = () => Promise.reject(new Error('down'));
  for (let i = 0; i < 20; i++) {
    await assertRefusedAsync(() => world.cache.resolve('one', 'ES256'), 'ENCLAVE_UNAVAILABLE', /cannot be fetched/);
  }
  assert.equal(world.fetches, 1);
});

test('the algorithm has to be the key’s own', async () => {
  const { cache } = makeWorld();
  await assertRefusedAsync(() => cache.resolve('one', 'EdDSA'), 'UNAUTHENTICATED', /not the one of its key/);
});

test('a token without kid or alg is refused without a fetch', async () => {
  const world = makeWorld();
  await assertRefusedAsync(() => world.cache.resolve(undefined, 'ES256'), 'UNAUTHENTICATED', /names no key/);
  await assertRefusedAsync(() => world.cache.resolveFor(first.jws({}, {}), 8_192), 'UNAUTHENTICATED', /names no key/);
  await assertRefusedAsync(() => world.cache.resolveFor('x.y', 8_192), 'UNAUTHENTICATED', /not well-formed/);
  assert.equal(world.fetches, 0);
});

const BAD: readonly [string, () => Response][] = [
  [
    'another status',
    () => new Response('{"keys":[]}', { status: 404, headers: { 'content-type': 'application/json' } }),
  ],
  ['another type', () => new Response('{"keys":[]}', { headers: { 'content-type': 'text/html' } })],
  ['no JSON', () => new Response('{', { headers: { 'content-type': 'application/json' } })],
  ['no set', () => Response.json([first.jwk])],
  [
    'duplicate members',
    () => new Response('{"keys":[],"keys":[]}', { headers: { 'content-type': 'application/json' } }),
  ],
  ['too many keys', () => keySet(...Array.from({ length: 65 }, () => ({})))],
  ['one id twice', () => keySet({ ...first.jwk, kid: 'one' }, { ...second.jwk, kid: 'one' })],
  ['a private key', () => keySet({ ...first.jwk, kid: 'one' }, first.privateKey.export({ format: 'jwk' }))],
  ['a symmetric key', () => keySet({ ...first.jwk, kid: 'one' }, { kty: 'oct', k: 'AAAA', kid: 'two' })],
  [
    'an announced small and sent large body',
    () =>
      new Response(`{"keys":[],"pad":"${'x'.repeat(70_000)}"}`, {
        headers: { 'content-type': 'application/json', 'content-length': '20' },
      }),
  ],
];
for (const [what, answer] of BAD) {
  test(`a key set is refused whole: ${what}`, async () => {
    const world = makeWorld();
    world.answer = answer;
    await assertRefusedAsync(() => world.cache.resolve('one', 'ES256'), 'ENCLAVE_UNAVAILABLE', /cannot be fetched/);
  });
}

test('an endless body is cut off at the bound', async () => {
  const world = makeWorld();
  let pulled = 0;
  world.answer = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(8_192));
        },
      }),
      { headers: { 'content-type': 'application/json' } },
    );
  await assertRefusedAsync(() => world.cache.resolve('one', 'ES256'), 'ENCLAVE_UNAVAILABLE', /cannot be fetched/);
  assert.ok(pulled < 20, `${pulled} chunks were read`);
});

test('a fetch that never answers and overlooks its signal is given up in time', async () => {
  const world = makeWorld({ timeoutMs: 20 });
  world.answer = () => new Promise<Response>(() => undefined);
  await assertRefusedAsync(() => world.cache.resolve('one', 'ES256'), 'ENCLAVE_UNAVAILABLE', /cannot be fetched/);
});

test('keys of other kinds are passed over', () => {
  const text = JSON.stringify({
    keys: [
      { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'r' },
      { ...first.jwk, use: 'enc', kid: 'e' },
      first.jwk,
      { ...second.jwk, kid: 'two', use: 'sig' },
    ],
  });
  assert.deepEqual([...parseKeySet(text).keys()], ['two']);
});

test('redirects are not followed, with the platform’s own fetch over HTTP', async () => {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/from') outgoing.writeHead(302, { location: '/to' }).end();
    else
      outgoing
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ keys: [{ ...first.jwk, kid: 'one' }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const direct = new JwksCache({ url: `${base}/to`, fetch, now: () => 0 });
    assert.equal((await direct.resolve('one', 'ES256')).jkt, first.jkt);
    const redirected = new JwksCache({ url: `${base}/from`, fetch, now: () => 0 });
    await assertRefusedAsync(() => redirected.resolve('one', 'ES256'), 'ENCLAVE_UNAVAILABLE', /cannot be fetched/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a token is verified by the key its issuer publishes', async () => {
  const { cache } = makeWorld();
  const claims = {
    iss: 'https://auth.example',
    sub: 'a',
    aud: 'https://mcp.example/mcp',
    client_id: 'c',
    exp: 160,
    iat: 100,
    jti: 'j',
    cnf: { jkt: second.jkt },
    grant_id: 'g',
    'ddls:org': 'o',
  };
  const options = { issuer: claims.iss, audience: claims.aud, now: 100 };
  const token = first.jws({ typ: 'at+jwt', kid: 'one' }, claims);
  assert.equal((await verifyAccessTokenWith(cache, token, options)).sub, 'a');
  const forged = second.jws({ typ: 'at+jwt', kid: 'one', alg: 'ES256' }, claims);
  await assertRefusedAsync(
    () => verifyAccessTokenWith(cache, forged, options),
    'UNAUTHENTICATED',
    /signature that does not verify/,
  );
});

test('contradictions in the configuration are sentences', () => {
  const base = { url: JWKS_URL, fetch: () => Promise.reject(new Error('unused')), now: () => 0 };
  assert.throws(() => new JwksCache({ ...base, url: 'nowhere' }), { name: 'TypeError', message: /absolute URL/ });
  assert.throws(() => new JwksCache({ ...base, maxAgeMs: 2, lastGoodMs: 1 }), {
    name: 'TypeError',
    message: /lastGoodMs/,
  });
  assertRefused(() => parseKeySet('{}'), 'INVALID_REQUEST', /key set is not well-formed/);
});
