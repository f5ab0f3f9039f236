/** `requireDpop: false`: tokens that are bound to no key are taken as Bearer, and bound ones never. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bearer,
  authorityAnswer,
  both,
  CONFIG,
  EXECUTOR,
  fetchOver,
  makeGate,
  makeProof,
  makeProtection,
  makeToken,
  METADATA,
  NOW,
  post,
  said,
} from './gate.test-support.ts';
import { connection } from './handle.ts';
import { protect } from './protect.ts';
import { caller } from './session.ts';

const LENIENT = { ...CONFIG, requireDpop: false };
const META = 'resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"';
const ALGS = 'algs="ES256 Ed25519 EdDSA"';
const quiet = { warn: () => {} };
const lenient = () => makeGate(LENIENT, undefined, quiet);
const shown = (token: string) => ({ authorization: `Bearer ${token}` });

test('[token.bound] a token without a key gets in as Bearer where that was asked for, and only there', async () => {
  const answer = await lenient().fetch(post(bearer()));
  assert.equal(answer.status, 200, await answer.clone().text());
  const { status, detail, challenge } = await said(await makeGate().fetch(post(bearer())));
  assert.deepEqual([status, detail], [401, 'Use the DPoP scheme with a proof; bearer tokens are not taken.']);
  assert.match(challenge, /^DPoP error="invalid_token"/);
  assert.doesNotMatch(challenge, /Bearer/);
});

test('a tool knows whether its caller proved a key', async () => {
  const bound = async (headers: Record<string, string>) => {
    const authInfo = await makeProtection(LENIENT, quiet).gate(post(headers));
    assert.ok(!(authInfo instanceof Response));
    return caller({ authInfo }).bound;
  };
  assert.deepEqual([await bound(both()), await bound(bearer())], [true, false]);
});

const BOTH = new RegExp(`^Bearer error="invalid_token".*${META}, DPoP error="invalid_token".*${ALGS}$`);
const ONLY_DPOP = new RegExp(`^DPoP error="invalid_token", (?:(?!Bearer ).)*${ALGS}$`);
const NOT_BEARER = 'The access token is bound to a key. Show it with the DPoP scheme and a proof by that key.';
const REFUSED: readonly (readonly [
  what: string,
  headers: () => Record<string, string>,
  sentence: string,
  challenge: RegExp,
])[] = [
  ['a bound token as Bearer', () => shown(makeToken()), NOT_BEARER, ONLY_DPOP],
  [
    'a bound token as Bearer, with its proof',
    () => {
      const token = makeToken();
      return { ...shown(token), dpop: makeProof(token) };
    },
    NOT_BEARER,
    ONLY_DPOP,
  ],
  [
    'an unbound token as Bearer with a proof',
    () => ({ ...bearer(), dpop: makeProof('x') }),
    'A bearer token comes without a proof: nothing says whose key that would be.',
    BOTH,
  ],
  [
    'an unbound token as DPoP',
    () => both(makeToken({ cnf: undefined })),
    'The access token is bound to no key, so a proof says nothing. Use the Bearer scheme.',
    BOTH,
  ],
  [
    'a token bound to a certificate as Bearer',
    () => bearer({ cnf: { 'x5t#S256': 'A'.repeat(43) } }),
    'The access token is not well-formed. "cnf.jkt" must be a SHA-256 value in base64url (43 characters).',
    BOTH,
  ],
  [
    'an expired token as Bearer',
    () => bearer({ iat: NOW - 100, exp: NOW - 10 }),
    'The access token has expired.',
    BOTH,
  ],
  [
    'a long token as Bearer',
    () => bearer({ exp: NOW + 296 }),
    'The access token is valid for longer than allowed.',
    BOTH,
  ],
];
for (const [what, headers, sentence, challenge] of REFUSED) {
  test(`[token.bound] without "requireDpop" still refused: ${what}`, async () => {
    const answer = await said(await lenient().fetch(post(headers())));
    assert.deepEqual([answer.status, answer.code, answer.detail], [401, 'UNAUTHENTICATED', sentence]);
    assert.match(answer.challenge, challenge);
  });
}

test('a bound token with a bad proof is told about DPoP alone', async () => {
  const { challenge } = await said(await lenient().fetch(post(both(makeToken(), { htm: 'GET' }))));
  assert.match(challenge, /^DPoP error="invalid_dpop_proof"/);
  assert.doesNotMatch(challenge, /Bearer/);
});

test('who shows nothing, or lacks a scope, is offered both schemes', async () => {
  const nothing = await said(await lenient().fetch(post({})));
  assert.equal(nothing.challenge, `Bearer scope="mcp:use", ${META}, DPoP scope="mcp:use", ${META}, ${ALGS}`);
  const { status, challenge } = await said(await lenient().fetch(post(bearer({ scope: 'other' }))));
  assert.equal(status, 403);
  assert.match(challenge, /^Bearer error="insufficient_scope".*, DPoP error="insufficient_scope"/);
});

test('what is given away is said at the start, once, and in the metadata', async () => {
  const said: string[] = [];
  const warn = (sentence: string) => void said.push(sentence);
  assert.equal((protect(CONFIG, { warn }).metadata as Record<string, unknown>).dpop_bound_access_tokens_required, true);
  assert.deepEqual(said, []);
  const { metadata } = protect(LENIENT, { warn });
  assert.equal((metadata as Record<string, unknown>).dpop_bound_access_tokens_required, false);
  const sentence =
    '"requireDpop" is false: this server also takes tokens that are bound to no key. Whoever gets hold of one can use it until it ends.';
  assert.deepEqual(said, [sentence]);
});

test('without another ear it is a warning of the process', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  protect(LENIENT);
  const { name, message } = await warned;
  assert.equal(name, 'DAuthWarning');
  assert.match(message, /^"requireDpop" is false: /);
});

test('[dispatch.bound] the exchange for an unbound call carries no proof, and that for a bound one carries its own', async () => {
  const detail = {
    type: 'dauth_connection',
    identifier: 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a',
    name: 'github',
    locations: ['https://api.example'],
    actions: ['GET /**'],
  };
  const forms: URLSearchParams[] = [];
  const fetch = fetchOver((url, init) => {
    if (url.startsWith(EXECUTOR)) return new Response('hi', { headers: { 'dauth-upstream': '1' } });
    if (url !== METADATA.token_endpoint) return authorityAnswer(url);
    forms.push(init.body as URLSearchParams);
    return Response.json({ access_token: 'a.b.c', token_type: 'DPoP', expires_in: 120 });
  });
  const protection = makeProtection(LENIENT, { fetch, ...quiet });
  const claims = { authorization_details: [detail] };
  const proven = both(makeToken(claims));
  for (const headers of [bearer(claims), proven]) {
    const authInfo = await protection.gate(post(headers));
    assert.ok(!(authInfo instanceof Response));
    assert.equal(await (await connection({ authInfo }, 'github').fetch('/user')).text(), 'hi');
  }
  assert.deepEqual(
    forms.map((form) => form.getAll('subject_dpop')),
    [[], [proven.dpop]],
  );
});
