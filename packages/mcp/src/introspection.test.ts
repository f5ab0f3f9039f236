/** `introspection: true`: the authority is asked about each token, and who cannot be asked about does not get in. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { parsePublicJwk } from '@dauth/protocol';
import { verifyJws } from '@dauth/verify';
import {
  authorityAnswer,
  bearer,
  both,
  CONFIG,
  fetchOver,
  ISSUER,
  jwksAnswer,
  makeGate,
  makeToken,
  METADATA,
  NOW,
  post,
  said,
} from './gate.test-support.ts';

const ENDPOINT = `${ISSUER}/introspect`;
const ASKING = { ...CONFIG, introspection: true };
const SILENT = 'The authority did not say whether the token is active.';
type Answer = () => Response | Promise<Response>;
const active: Answer = () => Response.json({ active: true });

/** Something to wait for, and what makes it happen. */
function signal(): readonly [happened: Promise<void>, happen: () => void] {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => (happen = resolve));
  return [happened, () => happen()];
}

/** A server that asks an authority which answers so; `forms` is what it asked. */
function makeAsking(answer: Answer, config = ASKING, metadata: object = { introspection_endpoint: ENDPOINT }) {
  const forms: URLSearchParams[] = [];
  const state = { answer, ms: 0 };
  const fetch = fetchOver((url, init) => {
    if (url === METADATA.jwks_uri) return jwksAnswer();
    if (url === `${ISSUER}/.well-known/oauth-authorization-server`) return Response.json({ ...METADATA, ...metadata });
    if (url !== ENDPOINT) return authorityAnswer(url);
    assert.deepEqual([init.method, init.redirect], ['POST', 'error']);
    forms.push(init.body as URLSearchParams);
    return state.answer();
  });
  const gate = makeGate(config, undefined, { fetch, monotonic: () => state.ms, warn: () => {} });
  return { forms, state, call: (token = makeToken()) => gate.fetch(post(both(token))), gate };
}

test('an active token gets in (control), and the authority was asked in this server’s own name', async () => {
  const { forms, call } = makeAsking(active);
  const token = makeToken();
  const answer = await call(token);
  assert.equal(answer.status, 200, await answer.clone().text());
  const { client_assertion: assertion, ...form } = Object.fromEntries(forms[0]!);
  assert.deepEqual(form, {
    token,
    token_type_hint: 'access_token',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  });
  const keys = parsePublicJwk(createPublicKey(CONFIG.server.key).export({ format: 'jwk' }));
  const { claims } = verifyJws(assertion!, { typ: 'client-authentication+jwt', maxLength: 8_192, keys });
  const { jti, ...rest } = claims;
  assert.deepEqual({ ...rest }, { iss: 'server', sub: 'server', aud: ISSUER, iat: NOW, exp: NOW + 60 });
  assert.ok(jti);
});

test('nobody is asked where the configuration does not say so', async () => {
  const { forms, call } = makeAsking(active, { ...CONFIG, introspection: false });
  assert.equal((await call()).status, 200);
  assert.deepEqual(forms, []);
});

test('[token.bound] a token that is not active any more is refused, and not remembered', async () => {
  const { forms, state, call } = makeAsking(() => Response.json({ active: false }));
  const token = makeToken();
  const { status, code, detail, challenge } = await said(await call(token));
  assert.deepEqual([status, code, detail], [401, 'UNAUTHENTICATED', 'The access token is not active any more.']);
  assert.match(challenge, /^DPoP error="invalid_token"/);
  state.answer = active;
  assert.equal((await call(token)).status, 200);
  assert.equal(forms.length, 2);
});

test('[token.bound] an unbound token is asked about too', async () => {
  const { gate } = makeAsking(() => Response.json({ active: false }), {
    ...ASKING,
    requireDpop: false,
  } as typeof ASKING);
  assert.equal((await said(await gate.fetch(post(bearer())))).detail, 'The access token is not active any more.');
});

test('[token.bound] "active" is believed for a second and no longer, for that token only', async () => {
  const { forms, state, call } = makeAsking(active);
  const token = makeToken();
  assert.equal((await call(token)).status, 200);
  state.ms = 999;
  assert.equal((await call(token)).status, 200);
  assert.equal(forms.length, 1);
  assert.equal((await call()).status, 200);
  assert.equal(forms.length, 2, 'another token is another question');
  state.answer = () => Response.json({ active: false });
  state.ms = 1_000;
  assert.equal((await call(token)).status, 401);
  assert.equal(forms.length, 3);
});

test('calls at once with one token share one question', async () => {
  const { forms, call } = makeAsking(active);
  const token = makeToken();
  const answers = await Promise.all([call(token), call(token), call(token)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(forms.length, 1);
});

test('[token.bound] a question whose answer is late is not shared past its second', async () => {
  const [answered, release] = signal();
  const [asked, ask] = signal();
  const { forms, state, call } = makeAsking(async () => {
    ask();
    await answered;
    return active();
  });
  const token = makeToken();
  const first = call(token);
  await asked;
  state.ms = 1_000;
  state.answer = () => Response.json({ active: false });
  const second = call(token);
  release();
  assert.deepEqual([(await first).status, (await second).status], [200, 401]);
  assert.equal(forms.length, 2);
});

const AWAY: readonly (readonly [what: string, answer: Answer, sentence: string, status?: number])[] = [
  [
    'cannot be reached',
    () => Promise.reject(new TypeError('fetch failed')),
    'The authority could not be reached. Try again shortly.',
  ],
  ['fails', () => Response.json({}, { status: 500 }), 'The authority gave no usable answer. Try again shortly.'],
  ['answers with a page', () => new Response('<html>'), 'The authority could not be reached. Try again shortly.'],
  ['says nothing', () => Response.json({}), SILENT],
  ['says "true" as text', () => Response.json({ active: 'true' }), SILENT],
  ['says 1', () => Response.json({ active: 1 }), SILENT],
  [
    'does not let this server ask',
    () => Response.json({ error: 'invalid_client' }, { status: 401 }),
    'The authority does not let this server ask about tokens.',
  ],
  [
    'limits the rate',
    () => Response.json({}, { status: 429 }),
    'The authority limits the rate of requests. Try again later.',
    429,
  ],
];
for (const [what, answer, sentence, expected = 503] of AWAY) {
  test(`[token.bound] nobody gets in while the endpoint ${what}, and the proof is not burnt`, async () => {
    const { gate, state } = makeAsking(answer);
    const headers = both();
    const refused = await gate.fetch(post(headers));
    assert.equal(refused.headers.get('retry-after'), '1');
    const { status, detail } = await said(refused);
    assert.deepEqual([status, detail], [expected, sentence]);
    state.answer = active;
    assert.equal((await gate.fetch(post(headers))).status, 200);
  });
}

for (const endpoint of [undefined, 'http://auth.example/introspect']) {
  test(`[token.bound] an authority whose endpoint is ${String(endpoint)} cannot be asked, so nobody gets in`, async () => {
    const { call, forms } = makeAsking(active, ASKING, { introspection_endpoint: endpoint });
    const { status, detail } = await said(await call());
    assert.deepEqual([status, detail], [503, 'The authority describes itself in a way that cannot be used.']);
    assert.deepEqual(forms, []);
  });
}
