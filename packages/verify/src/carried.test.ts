/** Carried proofs: by the caller's key, for this server, with this token, inside the call window. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyCarriedProof } from './carried.ts';
import { sha256Base64url } from './digest.ts';
import { assertRefused, makeSigner } from './signer.test-support.ts';

const NOW = 1_795_000_000;
const client = makeSigner();
const CLAIMS = { htm: 'POST', htu: 'https://mcp.example/mcp', iat: NOW, jti: 'one', ath: sha256Base64url('token') };
const OPTIONS = { jkt: client.jkt, htu: 'https://mcp.example/mcp', accessToken: 'token', now: NOW };

function proof(changes: object = {}): string {
  return client.proof('dpop+jwt', { ...CLAIMS, ...changes });
}

test('[token.bound] a carried proof gives its key, id and the end of the call window', () => {
  const verified = verifyCarriedProof(proof(), OPTIONS);
  assert.deepEqual([verified.jkt, verified.jti, verified.windowEnd], [client.jkt, 'one', NOW + 300]);
});

test('[token.bound] any HTTP method of the call will do, and nothing that is none', () => {
  for (const htm of ['GET', 'DELETE']) assert.equal(verifyCarriedProof(proof({ htm }), OPTIONS).jti, 'one');
  assertRefused(() => verifyCarriedProof(proof({ htm: 'CONNECT' }), OPTIONS), 'UNAUTHENTICATED', /A method must be/);
});

test('[token.bound] one of the pinned keys is enough', () => {
  assert.equal(verifyCarriedProof(proof(), { ...OPTIONS, jkt: [makeSigner().jkt, client.jkt] }).jkt, client.jkt);
});

test('[token.bound] the window is 300 s back and 5 s ahead, ends included', () => {
  for (const iat of [NOW - 300, NOW + 5]) assert.equal(verifyCarriedProof(proof({ iat }), OPTIONS).iat, iat);
});

test('[token.bound] without the token at hand the hash is not asked for', () => {
  const { accessToken: _, ...options } = OPTIONS;
  assert.equal(verifyCarriedProof(proof({ ath: undefined }), options).jti, 'one');
});

const REFUSALS: readonly [string, object, object, RegExp][] = [
  ['after the call window', { iat: NOW - 301 }, {}, /too old/],
  ['from the future', { iat: NOW + 6 }, {}, /signed in the future/],
  ['made for another server', { htu: 'https://other.example/mcp' }, {}, /another URL/],
  ['made with another token', { ath: sha256Base64url('other') }, {}, /another access token/],
  ['made without a token', { ath: undefined }, {}, /usable "ath" claim/],
  ['by another key', {}, { jkt: makeSigner().jkt }, /key that may not make this call/],
  ['where no key is pinned', {}, { jkt: [] }, /key that may not make this call/],
];
for (const [what, claims, options, sentence] of REFUSALS) {
  test(`[token.bound] a carried proof is refused: ${what}`, () => {
    assertRefused(() => verifyCarriedProof(proof(claims), { ...OPTIONS, ...options }), 'UNAUTHENTICATED', sentence);
  });
}
