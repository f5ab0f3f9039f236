import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DAuthError, LIMITS, parsePublicJwk, parseStatus, TYP } from '@dauth/protocol';
import { verifyCarriedProof } from './carried.ts';
import { verifyDpopProof } from './dpop.ts';
import { verifyJws } from './jws.ts';
import { verifySealChain, verifySealProof } from './seal.ts';
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
  carried: {
    now: number;
    jkt: string[];
    htu: string;
    access_token: string;
    accepted: { name: string; proof: string; window_end: number }[];
    refused: { name: string; proof: string; code: string }[];
  };
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

const { carried } = tokens;
const checkCarried = (proof: string) =>
  verifyCarriedProof(proof, {
    ...{ jkt: carried.jkt, htu: carried.htu, accessToken: carried.access_token, now: carried.now },
  });

for (const { name, proof, window_end: windowEnd } of carried.accepted) {
  test(`vector: a carried proof ${name} is accepted`, () => {
    assert.equal(checkCarried(proof).windowEnd, windowEnd);
  });
}
for (const { name, proof, code } of carried.refused) {
  test(`[token.bound] vector: a carried proof ${name} is refused`, () => refused(() => checkCarried(proof), code));
}

const envelopes = read('envelope.json') as {
  seal_proof: {
    handle: string;
    ver: number;
    envelope: string;
    accepted: { name: string; proof: string; jkt: string }[];
    refused: { name: string; proof: string; code: string }[];
  };
  endorsements: {
    handle: string;
    ver: number;
    envelope: string;
    trusted: string[];
    accepted: { name: string; proof: string; endorsements: string[]; trusted: string[] }[];
    refused: { name: string; proof: string; endorsements: string[]; code: string }[];
  };
};
const { seal_proof: seal, endorsements: chain } = envelopes;

for (const { name, proof, jkt } of seal.accepted) {
  test(`vector: a seal proof by ${name} is accepted`, () => assert.equal(verifySealProof(proof, seal).jkt, jkt));
}
for (const { name, proof, code } of seal.refused) {
  test(`[seal.bound] vector: a seal proof with ${name} is refused`, () =>
    refused(() => verifySealProof(proof, seal), code));
}
for (const { name, proof, endorsements, trusted } of chain.accepted) {
  test(`vector: a seal chain of ${name} is accepted`, () =>
    assert.deepEqual(verifySealChain(proof, { ...chain, endorsements }).trusted, trusted));
}
for (const { name, proof, endorsements, code } of chain.refused) {
  test(`[seal.bound] vector: a seal chain with ${name} is refused`, () =>
    refused(() => verifySealChain(proof, { ...chain, endorsements }), code));
}

const status = read('status.json') as {
  jwk: unknown;
  accepted: { name: string; message: string; claims: object }[];
  refused: { name: string; message: string; code: string }[];
};
const readStatus = (message: string) =>
  parseStatus(
    verifyJws(message, { typ: TYP.status, maxLength: LIMITS.status, keys: parsePublicJwk(status.jwk) }).claims,
  );

for (const { name, message, claims } of status.accepted) {
  test(`vector: a status message with ${name} is accepted`, () => assert.deepEqual(readStatus(message), claims));
}
for (const { name, message, code } of status.refused) {
  test(`[revoke.fast] vector: a status message with ${name} is refused`, () =>
    refused(() => readStatus(message), code));
}

function refused(run: () => unknown, code: string): void {
  assert.throws(run, (error: unknown) => error instanceof DAuthError && error.code === code);
}
