/** Signatures that are remembered: what is skipped the second time, and what never is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from './digest.ts';
import { verifyJws } from './jws.ts';
import { importKey, type VerifyKey } from './key.ts';
import { verifySealProof } from './seal.ts';
import { assertRefused, makeSigner } from './signer.test-support.ts';
import { VerifiedSignatures } from './verified.ts';

const OPTIONS = { typ: 'at+jwt', maxLength: 8_192 };
const [signer, other] = [makeSigner(), makeSigner()];
const token = signer.jws({ typ: 'at+jwt', kid: 'k' }, { sub: 'ada' });

/** A key, and how often a signature was verified by it. */
function counted(): { readonly key: VerifyKey; readonly times: () => number } {
  const known = importKey(signer.publicJwk);
  let times = 0;
  const key = Object.defineProperty({ ...known }, 'octets', { get: () => (times++, known.octets) });
  return { key, times: () => times };
}

test('a token that is shown again costs no second verification, and says what it said', () => {
  const { key, times } = counted();
  const verified = new VerifiedSignatures();
  const [once, again] = [0, 1].map(() => verifyJws(token, { ...OPTIONS, keys: key, verified }));
  assert.deepEqual([once!.claims, times(), verified.size], [again!.claims, 1, 1]);
  assert.notEqual(once!.claims, again!.claims, 'nobody is given what another one may have changed');
});

test('[token.bound] a token with another signature is another token, and is verified', () => {
  const verified = new VerifiedSignatures();
  const keys = importKey(signer.publicJwk);
  verifyJws(token, { ...OPTIONS, keys, verified });
  const cut = token.lastIndexOf('.') + 1;
  const forged = token.slice(0, cut) + signer.jws({ typ: 'at+jwt', kid: 'k' }, { sub: 'eve' }).split('.')[2]!;
  for (let i = 0; i < 2; i++)
    assertRefused(() => verifyJws(forged, { ...OPTIONS, keys, verified }), 'UNAUTHENTICATED', /does not verify/);
  assert.equal(verified.size, 1);
});

test('[token.bound] a token that verified by one key is verified again by another', () => {
  const verified = new VerifiedSignatures();
  verifyJws(token, { ...OPTIONS, keys: signer.jwk, verified });
  assertRefused(
    () => verifyJws(token, { ...OPTIONS, keys: other.jwk, verified }),
    'UNAUTHENTICATED',
    /does not verify/,
  );
});

test('[seal.bound] a seal that is shown again is still compared with the handle, the version and the envelope', () => {
  const verified = new VerifiedSignatures();
  const seal = { handle: 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057', ver: 2, envelope: 'sealed' };
  const proof = signer.proof('dauth-seal+jwt', {
    ...{ handle: seal.handle, ver: 2, sha256: sha256Base64url(seal.envelope) },
  });
  for (let i = 0; i < 2; i++) assert.equal(verifySealProof(proof, { ...seal, verified }).jkt, signer.jkt);
  assert.equal(verified.size, 1);
  for (const change of [{ handle: `${seal.handle}8` }, { ver: 3 }, { envelope: 'other' }])
    assertRefused(() => verifySealProof(proof, { ...seal, ...change, verified }), 'POLICY_DENIED', /is for another/);
});

test('the oldest makes room', () => {
  const { key, times } = counted();
  const verified = new VerifiedSignatures(2);
  const tokens = ['a', 'b', 'c'].map((sub) => signer.jws({ typ: 'at+jwt', kid: 'k' }, { sub }));
  for (const one of tokens) verifyJws(one, { ...OPTIONS, keys: key, verified });
  assert.deepEqual([verified.size, times()], [2, 3]);
  for (const one of [tokens[2]!, tokens[0]!]) verifyJws(one, { ...OPTIONS, keys: key, verified });
  assert.equal(times(), 4);
});
