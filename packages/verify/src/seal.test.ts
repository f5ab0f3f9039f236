/** Seal proofs and the chain of sealing keys: one handle, one version, one envelope, one line of trust. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from './digest.ts';
import { verifySealChain, verifySealProof } from './seal.ts';
import { assertRefused, makeSigner, type Signer } from './signer.test-support.ts';

const HANDLE = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057';
const OTHER = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8058';
const ENVELOPE = 'eyJh.ZW5j..Y3Q.';
const OPTIONS = { handle: HANDLE, ver: 1, envelope: ENVELOPE };
const [first, second, third] = [makeSigner(), makeSigner('Ed25519'), makeSigner()];

function proof(by: Signer = first, changes: object = {}): string {
  return by.proof('dauth-seal+jwt', { handle: HANDLE, ver: 1, sha256: sha256Base64url(ENVELOPE), ...changes });
}

function endorse(by: Signer, key: Signer, handle = HANDLE): string {
  return by.proof('dauth-seal-key+jwt', { handle, jkt: key.jkt });
}

test('[seal.bound] a seal proof names the key that sealed', () => {
  assert.deepEqual(verifySealProof(proof(), OPTIONS), { jkt: first.jkt });
});

const FOREIGN: readonly [string, object, object][] = [
  ['another handle', { handle: OTHER }, {}],
  ['another version', { ver: 2 }, {}],
  ['another envelope', { sha256: sha256Base64url(`${ENVELOPE}x`) }, {}],
  ['an envelope changed after sealing', {}, { envelope: `${ENVELOPE}x` }],
  ['a version in text', { ver: '1' }, {}],
];
for (const [what, claims, options] of FOREIGN) {
  test(`[seal.bound] a seal proof is refused: ${what}`, () => {
    assertRefused(
      () => verifySealProof(proof(first, claims), { ...OPTIONS, ...options }),
      'POLICY_DENIED',
      /another handle, version or envelope/,
    );
  });
}

test('[seal.bound] a seal proof with a claim nobody defined, or without one, is refused', () => {
  assertRefused(() => verifySealProof(proof(first, { iat: 1 }), OPTIONS), 'POLICY_DENIED', /not defined for it/);
  assertRefused(
    () => verifySealProof(proof(first, { ver: undefined }), OPTIONS),
    'POLICY_DENIED',
    /needs the member "ver"/,
  );
});

test('[seal.bound] an endorsement is no seal proof', () => {
  assertRefused(() => verifySealProof(endorse(first, first), OPTIONS), 'POLICY_DENIED', /another type \(typ\)/);
});

test('[seal.bound] a forged seal proof is refused', () => {
  const [, claims, signature] = proof().split('.') as [string, string, string];
  const [header] = proof(second).split('.') as [string];
  assertRefused(
    () => verifySealProof(`${header}.${claims}.${signature}`, OPTIONS),
    'POLICY_DENIED',
    /^The seal proof /,
  );
});

test('[seal.bound] the caller may choose the code', () => {
  assertRefused(
    () => verifySealProof('x', { ...OPTIONS, refusal: 'INVALID_REQUEST' }),
    'INVALID_REQUEST',
    /^The seal proof /,
  );
});

test('[seal.bound] a later version by the same key is taken', () => {
  const verified = verifySealChain(proof(), { ...OPTIONS, trusted: [first.jkt] });
  assert.deepEqual(verified, { jkt: first.jkt, trusted: [first.jkt] });
});

test('[seal.bound] a version by another key is refused unless a trusted key signed for it', () => {
  const options = { ...OPTIONS, trusted: [first.jkt] };
  assertRefused(
    () => verifySealChain(proof(second), options),
    'POLICY_DENIED',
    /key that is not trusted for this handle/,
  );
  const verified = verifySealChain(proof(second), { ...options, endorsements: [endorse(first, second)] });
  assert.deepEqual(verified, { jkt: second.jkt, trusted: [first.jkt, second.jkt] });
});

test('[seal.bound] a chain of endorsements is followed in order and not out of order', () => {
  const options = { ...OPTIONS, trusted: [first.jkt] };
  const chain = [endorse(first, second), endorse(second, third)];
  assert.equal(verifySealChain(proof(third), { ...options, endorsements: chain }).jkt, third.jkt);
  assertRefused(
    () => verifySealChain(proof(third), { ...options, endorsements: chain.toReversed() }),
    'POLICY_DENIED',
    /^An endorsement is by a key that is not trusted/,
  );
});

test('[seal.bound] a key cannot vouch for itself', () => {
  assertRefused(
    () => verifySealChain(proof(second), { ...OPTIONS, trusted: [first.jkt], endorsements: [endorse(second, second)] }),
    'POLICY_DENIED',
    /^An endorsement is by a key that is not trusted/,
  );
});

test('[seal.bound] an endorsement for another handle is refused', () => {
  assertRefused(
    () =>
      verifySealChain(proof(second), {
        ...OPTIONS,
        trusted: [first.jkt],
        endorsements: [endorse(first, second, OTHER)],
      }),
    'POLICY_DENIED',
    /^An endorsement is for another handle/,
  );
});

test('[seal.bound] nine endorsements are refused before any is looked at', () => {
  assertRefused(
    () => verifySealChain(proof(), { ...OPTIONS, trusted: [first.jkt], endorsements: Array<string>(9).fill('x') }),
    'POLICY_DENIED',
    /more than 8 entries/,
  );
});

test('[seal.bound] with nothing trusted nothing is taken', () => {
  assertRefused(
    () => verifySealChain(proof(), { ...OPTIONS, trusted: [] }),
    'POLICY_DENIED',
    /not trusted for this handle/,
  );
});
