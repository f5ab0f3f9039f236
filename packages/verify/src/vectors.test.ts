import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DAuthError, parsePublicJwk } from '@dauth/protocol';
import { verifyDpopProof } from './dpop.ts';
import { verifyAccessToken } from './token.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), 'utf8'));

const proofs = read('proof.json') as {
  now: number;
  method: string;
  url: string;
  window_seconds: number;
  access_token: string;
  jkt: string;
  code: string;
  accepted: { name: string; proof: string }[];
  refused: { name: string; proof: string }[];
};
const checkProof = (proof: string) =>
  verifyDpopProof(proof, {
    ...{ htm: proofs.method, htu: proofs.url, now: proofs.now, windowSeconds: proofs.window_seconds },
    ...{ accessToken: proofs.access_token, requireJkt: proofs.jkt },
  });

for (const { name, proof } of proofs.accepted) {
  test(`vector: a proof with ${name} is accepted`, () => void assert.equal(checkProof(proof).jkt, proofs.jkt));
}
for (const { name, proof } of proofs.refused) {
  test(`[token.bound] vector: a proof with ${name} is refused`, () => {
    assert.throws(
      () => checkProof(proof),
      (error: unknown) => error instanceof DAuthError && error.code === proofs.code,
    );
  });
}

const tokens = read('token.json') as {
  now: number;
  issuer: string;
  audience: string;
  jwk: unknown;
  code: string;
  accepted: { name: string; token: string }[];
  refused: { name: string; token: string }[];
};
const checkToken = (token: string) =>
  verifyAccessToken(token, {
    issuer: tokens.issuer,
    audience: tokens.audience,
    now: tokens.now,
    keys: parsePublicJwk(tokens.jwk),
  });

for (const { name, token } of tokens.accepted) {
  test(`vector: a token with ${name} is accepted`, () => void assert.equal(checkToken(token).sub, 'ada'));
}
for (const { name, token } of tokens.refused) {
  test(`[token.bound] vector: a token with ${name} is refused`, () => {
    assert.throws(
      () => checkToken(token),
      (error: unknown) => error instanceof DAuthError && error.code === tokens.code,
    );
  });
}
