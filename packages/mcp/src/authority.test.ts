/** What the authority answers is checked: its name, its endpoints, its tokens, its size; its troubles are not the caller's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthorityClient } from './authority.ts';
import { checkConfig } from './config.ts';
import {
  assertRefusedAsync,
  both,
  CONFIG,
  fetchOver,
  makeGate,
  METADATA,
  NOW,
  post,
  said,
} from './gate.test-support.ts';

type Answer = () => Response | Promise<Response>;
const GOOD_TOKEN = { access_token: 'a.b.c', token_type: 'DPoP', expires_in: 120 };
const UNREACHABLE = 'The authority could not be reached. Try again shortly.';
const NO_ANSWER = 'The authority gave no usable answer. Try again shortly.';
const NO_TOKEN = 'The authority gave no usable dispatch token.';
const REFUSED = 'The authority refused to let this server act for the caller.';

/** A client of an authority that answers so; `asked` are the URLs, `at` moves its clocks to a millisecond. */
function makeAuthority(answers: { metadata?: Answer; token?: Answer }) {
  const { metadata = () => Response.json(METADATA), token = () => Response.json(GOOD_TOKEN) } = answers;
  const asked: string[] = [];
  let ms = 0;
  const fetch = fetchOver((url, init) => {
    assert.equal(init.redirect, 'error');
    asked.push(url);
    return url === METADATA.token_endpoint ? token() : metadata();
  });
  const settings = checkConfig(CONFIG);
  const { executor, server } = settings;
  const client = new AuthorityClient(settings, {
    fetch,
    now: () => NOW + Math.floor(ms / 1_000),
    monotonic: () => ms,
  });
  return {
    client,
    asked,
    at: (moment: number) => void (ms = moment),
    ask: () => client.dispatchToken({ url: executor!, server: server! }, 'token', 'p.r.f'),
  };
}

/** A body that never ends; `read` tells how much of it was taken. */
function endless() {
  const chunk = new TextEncoder().encode(' '.repeat(65_536));
  const taken = { octets: 0 };
  const body = new ReadableStream({
    pull(controller) {
      taken.octets += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return { taken, answer: () => new Response(body, { headers: { 'content-type': 'application/json' } }) };
}

test('a dispatch token is asked for once and kept until shortly before its end (control)', async () => {
  const { ask, asked, at } = makeAuthority({});
  assert.deepEqual(await Promise.all([ask(), ask()]), ['a.b.c', 'a.b.c']);
  at(109_000);
  await ask();
  assert.deepEqual(asked, [`${METADATA.issuer}/.well-known/oauth-authorization-server`, METADATA.token_endpoint]);
  at(110_000);
  await ask();
  assert.equal(asked.length, 3);
});

const METADATA_BAD: readonly (readonly [what: string, metadata: Answer, sentence: string])[] = [
  [
    'names another issuer',
    () => Response.json({ ...METADATA, issuer: 'https://evil.example' }),
    'The authority describes itself as another issuer.',
  ],
  ...[undefined, 'http://auth.example/token', 'token', 5].map((endpoint): (typeof METADATA_BAD)[number] => [
    `names ${String(endpoint)} as an endpoint`,
    () => Response.json({ ...METADATA, token_endpoint: endpoint }),
    'The authority describes itself in a way that cannot be used.',
  ]),
  [
    'names keys over plain http',
    () => Response.json({ ...METADATA, jwks_uri: 'http://auth.example/jwks' }),
    'The authority describes itself in a way that cannot be used.',
  ],
  ['is no JSON', () => new Response('<html>'), UNREACHABLE],
  ['is a list', () => Response.json([]), NO_ANSWER],
  ['is not found', () => Response.json({}, { status: 404 }), NO_ANSWER],
  ['is a failure', () => Response.json({}, { status: 500 }), NO_ANSWER],
  ['cannot be had', () => Promise.reject(new TypeError('fetch failed')), UNREACHABLE],
];
for (const [what, metadata, sentence] of METADATA_BAD) {
  test(`[token.bound] metadata is not believed: it ${what}`, async () => {
    const { ask, asked } = makeAuthority({ metadata });
    await assertRefusedAsync(ask, 'ENCLAVE_UNAVAILABLE', sentence);
    assert.equal(asked.length, 1, 'no token was shown to anybody');
  });
}

const TOKEN_BAD: readonly (readonly [
  what: string,
  token: Answer,
  code: 'ENCLAVE_UNAVAILABLE' | 'FORBIDDEN' | 'RATE_LIMITED',
  sentence: string,
])[] = [
  ['a refusal', () => Response.json({ error: 'invalid_grant' }, { status: 400 }), 'FORBIDDEN', REFUSED],
  ['a refusal of this server', () => Response.json({ error: 'invalid_client' }, { status: 401 }), 'FORBIDDEN', REFUSED],
  [
    'too many requests',
    () => Response.json({}, { status: 429 }),
    'RATE_LIMITED',
    'The authority limits the rate of requests. Try again later.',
  ],
  ['a failure', () => Response.json({}, { status: 502 }), 'ENCLAVE_UNAVAILABLE', NO_ANSWER],
  ['a page of somebody between', () => new Response('<html>', { status: 403 }), 'ENCLAVE_UNAVAILABLE', UNREACHABLE],
  ['half a document', () => new Response('{"access_token":'), 'ENCLAVE_UNAVAILABLE', UNREACHABLE],
  ['a bearer token', () => Response.json({ ...GOOD_TOKEN, token_type: 'Bearer' }), 'ENCLAVE_UNAVAILABLE', NO_TOKEN],
  [
    'a token with a line end',
    () => Response.json({ ...GOOD_TOKEN, access_token: 'a\r\nb' }),
    'ENCLAVE_UNAVAILABLE',
    NO_TOKEN,
  ],
  [
    'a token that is too long',
    () => Response.json({ ...GOOD_TOKEN, access_token: 'a'.repeat(32_769) }),
    'ENCLAVE_UNAVAILABLE',
    NO_TOKEN,
  ],
  ['no token', () => Response.json({ token_type: 'DPoP', expires_in: 1 }), 'ENCLAVE_UNAVAILABLE', NO_TOKEN],
  ...['120', 0, -1, 121].map((life): (typeof TOKEN_BAD)[number] => [
    `a life of ${JSON.stringify(life)}`,
    () => Response.json({ ...GOOD_TOKEN, expires_in: life }),
    'ENCLAVE_UNAVAILABLE',
    NO_TOKEN,
  ]),
];
for (const [what, token, code, sentence] of TOKEN_BAD) {
  test(`an exchange that ends in ${what} is a ${code}, and is not remembered`, async () => {
    let answer = token;
    const { ask } = makeAuthority({ token: () => answer() });
    await assertRefusedAsync(ask, code, sentence);
    answer = () => Response.json(GOOD_TOKEN);
    assert.equal(await ask(), 'a.b.c');
  });
}

for (const where of ['metadata', 'token'] as const) {
  test(`an answer without end (${where}) is given up early`, async () => {
    const { taken, answer } = endless();
    await assertRefusedAsync(makeAuthority({ [where]: answer }).ask, 'ENCLAVE_UNAVAILABLE', UNREACHABLE);
    assert.ok(taken.octets <= 1_048_576, `${taken.octets} octets were read`);
  });
}

test('after a discovery that failed the authority has a second of peace', async () => {
  let isUp = false;
  const metadata = () => (isUp ? Response.json(METADATA) : Response.json({}, { status: 503 }));
  const { ask, asked, at } = makeAuthority({ metadata });
  at(5_000);
  await assertRefusedAsync(ask, 'ENCLAVE_UNAVAILABLE', NO_ANSWER);
  isUp = true;
  at(5_999);
  await assertRefusedAsync(
    ask,
    'ENCLAVE_UNAVAILABLE',
    'The authority could not be reached a moment ago. Try again shortly.',
  );
  assert.equal(asked.length, 1);
  at(6_000);
  assert.equal(await ask(), 'a.b.c');
});

test('a caller is told that the authority is away with a 503, and when to come back', async () => {
  const fetch = fetchOver(() => new Response('<html>', { status: 502 }));
  const answer = await makeGate(CONFIG, undefined, { fetch }).fetch(post(both()));
  assert.equal(answer.headers.get('retry-after'), '1');
  const { status, code, detail } = await said(answer);
  assert.deepEqual([status, code, detail], [503, 'ENCLAVE_UNAVAILABLE', UNREACHABLE]);
});
