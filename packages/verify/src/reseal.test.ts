/** Reseal statements: by one key, about one version and envelope; and seal proofs over a version that is not there any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from './digest.ts';
import { verifyReseal } from './reseal.ts';
import { verifySealProof } from './seal.ts';
import { assertRefused, makeSigner } from './signer.test-support.ts';

const HANDLE = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057';
const OTHER = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8058';
const [identity, another] = [makeSigner(), makeSigner()];
const BASE = { ver: 1, sha256: sha256Base64url('first') };
const STATED = { handle: HANDLE, base: BASE, from: BASE, to: { ver: 2, sha256: sha256Base64url('second') } };
const OPTIONS = { handle: HANDLE, ver: 2, envelope: 'second', identity: identity.jkt };

function stated(claims: object = {}, by = identity, typ = 'dauth-reseal+jwt'): string {
  return by.proof(typ, { ...STATED, ...claims });
}

test('[seal.bound] a reseal statement by the executor names what a version was made out of', () => {
  assert.deepEqual(verifyReseal(stated(), OPTIONS), STATED);
});

const WRONG: readonly [string, string, object, RegExp][] = [
  ['by another key', stated({}, another), {}, /is not by the executor/],
  ['of another type', stated({}, identity, 'dauth-seal+jwt'), {}, /another type \(typ\)/],
  ['for another handle', stated({ handle: OTHER }), {}, /another handle, version or envelope/],
  ['for another version', stated(), { ver: 3 }, /another handle, version or envelope/],
  ['for another envelope', stated(), { envelope: 'first' }, /another handle, version or envelope/],
  ['that leaves a version out', stated({ to: { ...STATED.to, ver: 3 } }), { ver: 3 }, /the one after it/],
  ['with a claim nobody defined', stated({ iat: 1 }), {}, /not defined for it/],
];
for (const [what, statement, options, message] of WRONG)
  test(`[seal.bound] a reseal statement ${what} is refused`, () => {
    assertRefused(() => verifyReseal(statement, { ...OPTIONS, ...options }), 'POLICY_DENIED', message);
  });

test('[seal.bound] a seal proof is good for a digest, and for nothing where neither digest nor envelope is known', () => {
  const proof = another.proof('dauth-seal+jwt', { handle: HANDLE, ...BASE });
  assert.deepEqual(verifySealProof(proof, { handle: HANDLE, ...BASE }), { jkt: another.jkt });
  const refused = (options: object) =>
    assertRefused(
      () => verifySealProof(proof, { handle: HANDLE, ver: 1, ...options }),
      'POLICY_DENIED',
      /another handle, version or envelope/,
    );
  refused({ sha256: STATED.to.sha256 });
  refused({});
  refused({ envelope: 'second', sha256: BASE.sha256 });
});
