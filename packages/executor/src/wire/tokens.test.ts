/** Credentials that are exchanged for a token: a real token endpoint and API over TLS, right ones and every wrong one. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ServerResponse } from 'node:http';
import { DAuthError, type ErrorCode } from '@dauth/protocol';
import { HANDLE, refusalOf, upstreamFor } from '../support/calls.test-support.ts';
import { Endpoints } from '../support/endpoints.test-support.ts';
import {
  bearer,
  CLIENT,
  clientCredentials,
  clientOf,
  Dispatches,
  type Asked,
  type Provider,
} from '../support/tokens.test-support.ts';

const endpoints = Endpoints.forEach(1);
let provider: Provider;
let dispatches: Dispatches;
beforeEach(() => {
  [provider] = endpoints.providers as [Provider];
  ({ dispatches } = endpoints);
});

const run = (members: object = {}, options: Parameters<Dispatches['run']>[2] = {}) =>
  dispatches.run(provider.server.origin, clientCredentials(provider.endpoint, members), options);

for (const auth of ['client_secret_basic', 'client_secret_post']) {
  test(`a credential is exchanged by ${auth}, and the token goes into the request`, async () => {
    const answer = await run({ auth, scope: 'read write', audience: 'https://api.example', resource: ['a:1', 'b&2'] });
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'done']);
    assert.deepEqual(provider.seen, [`Bearer ${provider.given[0]}`]);
    const [asked] = provider.asked as [Asked];
    assert.deepEqual([asked.method, asked.target], ['POST', '/oauth/token']);
    assert.equal(asked.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.deepEqual(clientOf(asked), [CLIENT.id, CLIENT.secret]);
    assert.equal(asked.headers.authorization === undefined, auth === 'client_secret_post');
    const named = [...asked.form].filter(([name]) => !name.startsWith('client_'));
    assert.deepEqual(named, [
      ['grant_type', 'client_credentials'],
      ['scope', 'read write'],
      ['audience', 'https://api.example'],
      ['resource', 'a:1'],
      ['resource', 'b&2'],
    ]);
  });
}

test('the client id may be a field, and other slots are filled beside the token', async () => {
  const shown: string[] = [];
  provider.api = (request, response) => {
    shown.push(String(request.headers['x-key']));
    response.end();
  };
  const [scheme] = clientCredentials(provider.endpoint, { client_id: '{id}' });
  await dispatches.run(provider.server.origin, [scheme!, { in: 'header', name: 'x-key', value: '{key}' }], {
    fields: { id: CLIENT.id, secret: CLIENT.secret, key: 'key-0123456789' },
  });
  assert.deepEqual([provider.seen, shown], [[`Bearer ${provider.given[0]}`], ['key-0123456789']]);
});

test('[dispatch.bound] nothing that the caller sends reaches the token endpoint', async () => {
  await run({}, { method: 'POST' as never, body: Buffer.from('grant_type=x'), headers: [['x-evil', '1']] });
  const [asked] = provider.asked as [Asked];
  assert.equal(asked.headers['x-evil'], undefined);
  assert.deepEqual([...asked.form.keys()], ['grant_type']);
});

test('[response.clean] an API that echoes the token or the client secret gives neither away', async () => {
  provider.api = (request, response) => {
    const token = request.headers.authorization!;
    response.setHeader('x-echo', token);
    response.end(JSON.stringify([token, Buffer.from(token).toString('base64'), CLIENT.secret]));
  };
  const answer = await run();
  const all = JSON.stringify([answer.headers, answer.body.toString()]);
  for (const secret of [provider.given[0]!, CLIENT.secret, JSON.stringify(CLIENT.secret).slice(1, -1)])
    assert.equal(all.includes(secret), false);
  assert.equal(Buffer.from(answer.body.toString(), 'latin1').includes(provider.given[0]!.slice(4, 20)), false);
  assert.ok(answer.outcome.redactions >= 4);
});

test('[response.clean] a refusal says nothing of what the token endpoint said', async () => {
  const error = await refusalOf(run({}, { fields: { secret: 'another secret 123' } }));
  assert.equal(error.code, 'DOWNSTREAM_AUTH_FAILURE');
  assert.match(error.publicMessage, /^The token endpoint refused the credential/);
  assert.equal(JSON.stringify([error.message, error.stack, error.cause ?? '']).includes('another secret'), false);
  assert.deepEqual(provider.seen, [], 'the API was asked without a token');
});

const json =
  (status: number, body: string, headers: object = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  };
const UNUSABLE: readonly (readonly [name: string, answer: (token: string) => (response: ServerResponse) => void])[] = [
  ['a redirect', (token) => json(302, bearer(token), { location: '/elsewhere' })],
  ['a redirect that keeps the method', (token) => json(307, bearer(token), { location: '/api' })],
  ['201', (token) => json(201, bearer(token))],
  ['no JSON', () => json(200, 'access_token=abc&token_type=bearer')],
  ['JSON with something behind it', (token) => json(200, `${bearer(token)}x`)],
  ['no object', (token) => json(200, `[${bearer(token)}]`)],
  ['no token', () => json(200, '{"token_type":"Bearer"}')],
  ['a token that is no string', () => json(200, '{"access_token":{"a":1},"token_type":"Bearer"}')],
  ['two tokens', (token) => json(200, `{"access_token":"first-of-two-tokens",${bearer(token).slice(1)}`)],
  ['another token type', (token) => json(200, bearer(token, { token_type: 'mac' }))],
  ['a DPoP token', (token) => json(200, bearer(token, { token_type: 'DPoP' }))],
  ['no token type', (token) => json(200, bearer(token, { token_type: undefined }))],
  ['a token with a line end', (token) => json(200, bearer(`${token}\r\nx-evil: 1`))],
  ['a token with a space', (token) => json(200, bearer(`${token} ${token}`))],
  ['a token beyond ASCII', (token) => json(200, bearer(`${token}é`))],
  ['a token that cannot be found again', () => json(200, bearer('abc'))],
  ['a token that is too long to be found again', () => json(200, bearer('x1'.repeat(9_000)))],
  ['a token that repeats itself', () => json(200, bearer('ab'.repeat(99)))],
];
for (const [name, answer] of UNUSABLE) {
  test(`[dispatch.bound] a token endpoint that answers with ${name} is refused, and the API is not asked`, async () => {
    provider.answer = (response, _, token) => answer(token)(response);
    const error = await refusalOf(run());
    assert.equal(error.code, 'DOWNSTREAM_AUTH_FAILURE');
    assert.match(error.publicMessage, /^The token endpoint did not answer with a bearer token/);
    assert.deepEqual([provider.asked.length, provider.seen], [1, []]);
  });
}

const FAILURES: readonly (readonly [name: string, answer: (response: ServerResponse) => void, code: ErrorCode])[] = [
  ['429', json(429, ''), 'DOWNSTREAM_RATE_LIMITED'],
  ['408', json(408, ''), 'DOWNSTREAM_TIMEOUT'],
  ['500', json(500, bearer('at-0123456789abcdef')), 'DOWNSTREAM_UNREACHABLE'],
  ['403', json(403, bearer('at-0123456789abcdef')), 'DOWNSTREAM_AUTH_FAILURE'],
  ['more than is read of it', json(200, bearer('at-0123456789', { more: ' '.repeat(65_536) })), 'RESPONSE_TOO_LARGE'],
  ['a part of a body', json(206, bearer('at-0123456789abcdef')), 'RESPONSE_UNSCANNABLE'],
  ['silence', () => undefined, 'DOWNSTREAM_TIMEOUT'],
  [
    'half an answer',
    (response) => void response.writeHead(200, { 'content-length': 100 }).write('{"acc', () => response.destroy()),
    'DOWNSTREAM_UNREACHABLE',
  ],
];
for (const [name, answer, code] of FAILURES) {
  test(`[dispatch.bound] a token endpoint that answers with ${name} ends the dispatch with ${code}`, async () => {
    provider.answer = answer;
    assert.equal((await refusalOf(run({}, { timeoutMs: 2_000 }))).code, code);
    assert.deepEqual(provider.seen, []);
  });
}

test('[dispatch.bound] an endless answer of a token endpoint is cut off', async () => {
  provider.answer = (response) => {
    response.writeHead(200);
    const more = setInterval(() => response.write(' '.repeat(16_384)), 1);
    response.on('close', () => clearInterval(more));
  };
  assert.equal((await refusalOf(run())).code, 'RESPONSE_TOO_LARGE');
});

test('[dispatch.bound] a token endpoint on a private address is not asked', async () => {
  const strict = upstreamFor(endpoints.authority, {
    dangerouslyAllowLoopback: false,
    resolve: () => Promise.resolve(['10.0.0.1']),
  });
  try {
    const [scheme] = clientCredentials('https://auth.example/oauth/token');
    const error = await refusalOf(new Dispatches(strict).run('https://api.example', [scheme!]));
    assert.equal(error.code, 'POLICY_DENIED');
  } finally {
    await strict.close();
  }
});

// --- keeping

test('a token is asked for once, and used until shortly before its end', async () => {
  provider.answer = (response, _, token) => json(200, bearer(token, { expires_in: 100 }))(response);
  await run();
  dispatches.nowMs = 69_000;
  await run();
  assert.equal(provider.asked.length, 1);
  dispatches.nowMs = 70_000;
  await run();
  assert.equal(provider.asked.length, 2);
  assert.deepEqual(
    provider.seen.map((shown) => shown.slice(7)),
    [provider.given[0], provider.given[0], provider.given[1]],
  );
});

test('a token that says nothing of its end, or too little, is used once', async () => {
  for (const expires of [undefined, 30, 0, -5, '3600', 1.5, null]) {
    const before = provider.asked.length;
    provider.answer = (response, _, token) => json(200, bearer(token, { expires_in: expires }))(response);
    await run();
    await run();
    assert.equal(provider.asked.length, before + 2, String(expires));
  }
});

test('a token is kept for an hour at most, whatever its endpoint says', async () => {
  for (const expires of ['86400', '9007199254740993', '999999999999999', '1e300']) {
    dispatches.tokens.drop();
    provider.answer = (response, _, token) => json(200, bearer(token).replace('3600', expires))(response);
    const before = provider.asked.length;
    await run();
    dispatches.nowMs += 3_600_000;
    await run();
    assert.equal(provider.asked.length, before + 2, expires);
  }
});

test('[dispatch.bound] many dispatches at once ask for one token', async () => {
  await Promise.all(Array.from({ length: 20 }, () => run()));
  assert.deepEqual([provider.asked.length, provider.seen.length, new Set(provider.seen).size], [1, 20, 1]);
});

test('a credential that is refused is shown once for all that wait', async () => {
  const fields = { secret: 'another secret 123' };
  const errors = await Promise.all(Array.from({ length: 5 }, () => refusalOf(run({}, { fields }))));
  assert.deepEqual(
    [provider.asked.length, ...errors.map(({ code }) => code)],
    [1, ...errors.map(() => 'DOWNSTREAM_AUTH_FAILURE')],
  );
});

test('whoever waits for a token is not ended by what ends its asker', async () => {
  const caller = new AbortController();
  provider.answer = (response, _, token) => {
    caller.abort();
    setTimeout(() => json(200, bearer(token))(response), 50);
  };
  const gone = refusalOf(run({}, { signal: caller.signal }));
  const revoked = refusalOf(
    run(
      {},
      {
        beforeSend: () => {
          throw new DAuthError('CONNECTION_REVOKED');
        },
      },
    ),
  );
  const waiting = run();
  assert.deepEqual(
    [(await gone).code, (await revoked).code, (await waiting).status],
    ['ENCLAVE_UNAVAILABLE', 'CONNECTION_REVOKED', 200],
  );
});

test('whoever waits for a token waits no longer than it said', async () => {
  provider.answer = (response, _, token) => setTimeout(() => json(200, bearer(token))(response), 500);
  const [slow, hasty] = [run(), refusalOf(run({}, { timeoutMs: 50 }))];
  assert.equal((await hasty).code, 'DOWNSTREAM_TIMEOUT');
  assert.equal((await slow).status, 200);
});

test('an API that does not take the token is asked once, and the next dispatch has a new one', async () => {
  await run();
  provider.refused.add(provider.given[0]!);
  assert.equal((await run()).status, 401);
  assert.deepEqual([provider.asked.length, provider.seen.length], [1, 2]);
  assert.equal((await run()).status, 200);
  assert.equal(provider.asked.length, 2);
});

test('[revoke.fast] what changes a connection ends its tokens, also one that is being asked for', async () => {
  await run();
  dispatches.tokens.drop(HANDLE);
  provider.answer = (response, _, token) => {
    dispatches.tokens.drop(HANDLE);
    json(200, bearer(token))(response);
  };
  await run();
  assert.equal(provider.asked.length, 2);
  provider.answer = null;
  await run();
  assert.equal(provider.asked.length, 3, 'a token that was asked for before the change was kept');
});

test('[seal.bound] a token is kept for one version of one connection', async () => {
  await run();
  await run({}, { connection: { handle: HANDLE, ver: 2 } });
  await run({}, { connection: { handle: HANDLE.replace('0123456789ab', '0123456789ac') as never, ver: 1 } });
  assert.equal(provider.asked.length, 3);
});

test('[seal.bound] a kept token is read by nobody who does not open its envelope', async () => {
  await run();
  const error = await refusalOf(run({}, { keeping: 8 }));
  assert.equal(error.code, 'DECRYPTION_FAILED');
  assert.equal(provider.seen.length, 1);
});

test('[revoke.fast] what was revoked while a token was asked for is not sent', async () => {
  let looks = 0;
  const error = await refusalOf(
    run(
      {},
      {
        beforeSend: () => {
          if (++looks === 2) throw new DAuthError('CONNECTION_REVOKED');
        },
      },
    ),
  );
  assert.deepEqual([error.code, provider.asked.length, provider.seen], ['CONNECTION_REVOKED', 1, []]);
});
