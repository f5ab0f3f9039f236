/** The gate: who gets in, who is told what, and that a proof is good once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryReplayStore } from '@dauth/verify';
import {
  CONFIG,
  both,
  client,
  ISSUER,
  makeGate,
  makeProof,
  makeProtection,
  makeToken,
  NOW,
  pair,
  post,
  RESOURCE,
  said,
} from './gate.test-support.ts';

test('[token.bound] a token with its proof gets in (control), and its claims reach the server', async () => {
  const token = makeToken();
  const response = await makeGate().fetch(post({ authorization: `DPoP ${token}`, dpop: makeProof(token) }));
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(await response.json(), 'ada');
});

test('nothing at all is answered with where to look', async () => {
  const { status, code, id, challenge } = await said(await makeGate().fetch(post({})));
  assert.deepEqual([status, code], [401, 'UNAUTHENTICATED']);
  assert.ok(id);
  assert.match(challenge, /^DPoP /);
  assert.match(challenge, /resource_metadata="https:\/\/mcp\.example\/\.well-known\/oauth-protected-resource\/mcp"/);
  assert.match(challenge, /scope="mcp:use"/);
});

const other = pair();
const BAD: readonly (readonly [
  what: string,
  headers: () => Record<string, string>,
  error: string,
  sentence: string,
])[] = [
  [
    'a bearer token',
    () => ({ authorization: `Bearer ${makeToken()}` }),
    'invalid_token',
    'Use the DPoP scheme with a proof; bearer tokens are not taken.',
  ],
  [
    'a token without a proof',
    () => ({ authorization: `DPoP ${makeToken()}` }),
    'invalid_token',
    'The request has no DPoP header. Sign a proof for it.',
  ],
  [
    'alg none',
    () => both(`${makeToken({}, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`),
    'invalid_token',
    'The access token is not well-formed. A token or proof is not a compact JWS.',
  ],
  [
    'a wrong typ',
    () => both(makeToken({}, { typ: 'JWT' })),
    'invalid_token',
    'The access token is of another type (typ).',
  ],
  [
    'an unknown crit',
    () => both(makeToken({}, { crit: ['x'], x: 1 })),
    'invalid_token',
    'The access token has critical header members (crit) that are not known here.',
  ],
  [
    'another audience',
    () => both(makeToken({ aud: 'https://other.example/mcp' })),
    'invalid_token',
    'The access token is for another audience (aud).',
  ],
  [
    'two audiences',
    () => both(makeToken({ aud: [RESOURCE, 'https://other.example/mcp'] })),
    'invalid_token',
    'The access token needs a usable "aud" claim.',
  ],
  [
    'another issuer',
    () => both(makeToken({ iss: 'https://evil.example' })),
    'invalid_token',
    'The access token is by another issuer (iss).',
  ],
  ['an expired token', () => both(makeToken({ exp: NOW - 100 })), 'invalid_token', 'The access token has expired.'],
  [
    'a token by a key nobody knows',
    () => both(makeToken({}, { kid: 'A'.repeat(43) })),
    'invalid_token',
    'The access token is signed by a key that is not published by its issuer.',
  ],
  [
    'a proof by another key',
    () => proven((t) => makeProof(t, {}, {}, other)),
    'invalid_dpop_proof',
    'The DPoP proof is by another key than the token is bound to.',
  ],
  [
    'a proof for another URL',
    () => proven((t) => makeProof(t, { htu: 'https://mcp.example/other' })),
    'invalid_dpop_proof',
    'The DPoP proof is for another URL (htu).',
  ],
  [
    'a proof for another method',
    () => proven((t) => makeProof(t, { htm: 'GET' })),
    'invalid_dpop_proof',
    'The DPoP proof is for another method (htm).',
  ],
  [
    'a proof for another token',
    () => proven((t) => makeProof(t, { ath: 'A'.repeat(43) })),
    'invalid_dpop_proof',
    'The DPoP proof is for another access token (ath).',
  ],
  [
    'an old proof',
    () => proven((t) => makeProof(t, { iat: NOW - 400 })),
    'invalid_dpop_proof',
    'The DPoP proof is too old (iat). Sign a fresh proof for each request.',
  ],
  [
    'a proof with a private key in it',
    () => proven((t) => makeProof(t, {}, { jwk: client.privateKey.export({ format: 'jwk' }) })),
    'invalid_dpop_proof',
    'The DPoP proof is not well-formed. A key holds private members; send the public half only.',
  ],
  [
    'a proof with alg none',
    () => proven((t) => makeProof(t, {}, { alg: 'none' })),
    'invalid_dpop_proof',
    'The DPoP proof uses an algorithm that is not taken here.',
  ],
  [
    'a proof with an unknown crit',
    () => proven((t) => makeProof(t, {}, { crit: ['x'], x: 1 })),
    'invalid_dpop_proof',
    'The DPoP proof has critical header members (crit) that are not known here.',
  ],
  [
    'a proof of another typ',
    () => proven((t) => makeProof(t, {}, { typ: 'JWT' })),
    'invalid_dpop_proof',
    'The DPoP proof is of another type (typ).',
  ],
];
function proven(make: (token: string) => string): Record<string, string> {
  const token = makeToken();
  return { authorization: `DPoP ${token}`, dpop: make(token) };
}
for (const [what, headers, error, sentence] of BAD) {
  test(`[token.bound] ${what} is refused with 401 ${error}`, async () => {
    const given = headers();
    const response = await makeGate().fetch(post(given));
    const text = await response.clone().text();
    const { status, code, detail, id, challenge } = await said(response);
    assert.deepEqual([status, code], [401, 'UNAUTHENTICATED']);
    assert.equal(detail, sentence);
    assert.ok(id);
    assert.match(challenge, new RegExp(`^DPoP error="${error}"`));
    for (const value of Object.values(given)) assert.ok(!text.includes(value), 'nothing that was sent comes back');
  });
}

test('[token.bound] a proof is good once', async () => {
  const gate = makeGate();
  const headers = proven((token) => makeProof(token));
  assert.equal((await gate.fetch(post(headers))).status, 200);
  const { status, code } = await said(await gate.fetch(post(headers)));
  assert.deepEqual([status, code], [401, 'REPLAY_DETECTED']);
});

test('[token.bound] the Host header decides nothing: htu is the configured resource', async () => {
  const url = 'https://evil.example/mcp';
  const headers = proven((token) => makeProof(token, { htu: url }));
  assert.equal((await makeGate().fetch(post(headers, url))).status, 401);
});

test('a scope that lacks is a 403 that names all that is needed', async () => {
  const token = makeToken({ scope: 'other' });
  const { status, challenge } = await said(await makeGate().fetch(post(both(token))));
  assert.equal(status, 403);
  assert.match(challenge, /^DPoP error="insufficient_scope".*scope="mcp:use"/);
});

test('[token.bound] a store in memory takes no proof older than its process: an earlier one may have seen it', async () => {
  const headers = both(makeToken(), { iat: NOW - 1 });
  const { status, code, detail, challenge } = await said(await makeGate().fetch(post(headers)));
  assert.deepEqual([status, code], [401, 'UNAUTHENTICATED']);
  assert.equal(detail, 'The DPoP proof is older than this server process. Sign a fresh proof for each request.');
  assert.match(challenge, /^DPoP error="invalid_dpop_proof"/);
  const shared = makeGate(CONFIG, undefined, { replay: new MemoryReplayStore({ now: () => NOW }) });
  assert.equal((await shared.fetch(post(headers))).status, 200, 'control: a store that outlives the process knows');
});

test('[token.bound] two nodes with one store take a proof once between them', async () => {
  const replay = new MemoryReplayStore({ now: () => NOW });
  const nodes = [makeGate(CONFIG, undefined, { replay }), makeGate(CONFIG, undefined, { replay })];
  const headers = both();
  assert.equal((await nodes[0]!.fetch(post(headers))).status, 200);
  const { status, code } = await said(await nodes[1]!.fetch(post(headers)));
  assert.deepEqual([status, code], [401, 'REPLAY_DETECTED']);
});

test('the metadata document says what this server is, needs and would like', async () => {
  const github = {
    purpose: 'Open issues',
    origins: ['https://api.github.com'],
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
  };
  const config = { ...CONFIG, tools: { create_issue: { requiredScopes: ['issues:write'] } }, connections: { github } };
  const answer = await makeGate(config).fetch(new Request('http://any/.well-known/oauth-protected-resource/mcp'));
  assert.equal(answer.headers.get('cache-control'), 'public, max-age=300');
  assert.deepEqual(await answer.json(), {
    resource: RESOURCE,
    authorization_servers: [ISSUER],
    scopes_supported: ['mcp:use', 'issues:write'],
    bearer_methods_supported: ['header'],
    dpop_bound_access_tokens_required: true,
    dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA'],
    authorization_details_types_supported: ['dauth_connection'],
    dauth_connections: { github },
  });
});

const bearer403 = (challenge: string) =>
  makeGate(CONFIG, {
    fetch: async () => new Response('{}', { status: 403, headers: { 'www-authenticate': challenge } }),
  });

test("a scope challenge of the SDK behind says DPoP, with the SDK's scopes and our metadata", async () => {
  const gate = bearer403('Bearer error="insufficient_scope", scope="a b", resource_metadata="https://evil.example"');
  const answer = await gate.fetch(post(both()));
  assert.equal(answer.status, 403);
  assert.equal(
    answer.headers.get('www-authenticate'),
    'DPoP error="insufficient_scope", scope="a b", ' +
      'resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp", algs="ES256 Ed25519 EdDSA"',
  );
});

test('another challenge of the server behind stays as it is', async () => {
  assert.equal(
    (await bearer403('Basic realm="x"').fetch(post(both()))).headers.get('www-authenticate'),
    'Basic realm="x"',
  );
});

test('a handler that throws is answered for: code, sentence, request id, and nothing of the error', async () => {
  const gate = makeGate(CONFIG, { fetch: () => Promise.reject(new Error('secret detail')) });
  const answer = await gate.fetch(post(both()));
  const text = await answer.clone().text();
  const { status, code, detail } = await said(answer);
  assert.deepEqual([status, code], [500, 'INTERNAL']);
  assert.equal(detail, 'Something went wrong on our side. Quote the request id when you report it.');
  assert.ok(!text.includes('secret detail'));
});

test('the gate alone gives who calls, or the answer to send', async () => {
  const protection = makeProtection();
  const gate = (request: Request) => protection.gate(request);
  const caught = await gate(post({}));
  assert.ok(caught instanceof Response);
  assert.equal(caught.status, 401);
  const let_in = await gate(post(both()));
  assert.ok(!(let_in instanceof Response));
  assert.deepEqual([let_in.clientId, let_in.scopes], ['laptop', ['mcp:use']]);
});
