/** Headers of proofs that are remembered: what is not read again, and what is checked each time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rememberedHeads } from './heads.ts';
import { verifyEmbeddedJws } from './jws.ts';
import { assertRefused, makeSigner } from './signer.test-support.ts';

const OPTIONS = { typ: 'dpop+jwt', maxLength: 8_192 };
const signatureOf = (jws: string) => jws.slice(jws.lastIndexOf('.'));
const signedOf = (jws: string) => jws.slice(0, jws.lastIndexOf('.'));

test('the header of a second proof by the same key is the first one’s, and what it says is its own', () => {
  const signer = makeSigner();
  const [one, other] = [1, 2].map((n) => verifyEmbeddedJws(signer.proof(OPTIONS.typ, { n }), OPTIONS));
  assert.equal(one!.header, other!.header);
  assert.deepEqual([one!.claims.n, other!.claims.n, one!.jkt, other!.jkt], [1, 2, signer.jkt, signer.jkt]);
});

test('[token.bound] each proof is verified, whatever is remembered of its header', () => {
  const signer = makeSigner();
  const [one, other] = [signer.proof(OPTIONS.typ, { n: 1 }), signer.proof(OPTIONS.typ, { n: 2 })];
  verifyEmbeddedJws(one, OPTIONS);
  for (const forged of [signedOf(one) + signatureOf(other), signedOf(other) + signatureOf(one)])
    assertRefused(() => verifyEmbeddedJws(forged, OPTIONS), 'UNAUTHENTICATED', /does not verify/);
  assert.equal(verifyEmbeddedJws(other, OPTIONS).claims.n, 2, 'control');
});

test('[token.bound] a header that begins like another one is another one, with a key of its own', () => {
  const [signer, stranger] = [makeSigner(), makeSigner()];
  assert.equal(verifyEmbeddedJws(signer.proof(OPTIONS.typ, {}), OPTIONS).jkt, signer.jkt);
  assert.doesNotThrow(() => {
    assert.equal(verifyEmbeddedJws(stranger.proof(OPTIONS.typ, {}), OPTIONS).jkt, stranger.jkt);
  });
});

test('[token.bound] the header of a proof that did not verify is not remembered', () => {
  const signer = makeSigner();
  const proof = signer.proof(OPTIONS.typ, {});
  const forged = signedOf(proof) + signatureOf(makeSigner().proof(OPTIONS.typ, {}));
  const before = rememberedHeads();
  assertRefused(() => verifyEmbeddedJws(forged, OPTIONS), 'UNAUTHENTICATED', /does not verify/);
  assert.equal(rememberedHeads(), before);
  verifyEmbeddedJws(proof, OPTIONS);
  assert.equal(rememberedHeads(), before + 1, 'control');
});

test('[token.bound] a header that is remembered is still of the wrong type for another reader', () => {
  const signer = makeSigner();
  const proof = signer.proof(OPTIONS.typ, {}, { kid: 'k' });
  verifyEmbeddedJws(proof, OPTIONS);
  const refused = (options: object, why: RegExp) =>
    assertRefused(() => verifyEmbeddedJws(proof, { ...OPTIONS, ...options }), 'UNAUTHENTICATED', why);
  refused({ typ: 'dauth-seal+jwt' }, /another type/);
  refused({ allowedHeader: [] }, /not defined for it/);
  refused({ maxLength: proof.length - 1 }, /larger than allowed/);
});

test('[token.bound] a header that is remembered can be changed by nobody', () => {
  const signer = makeSigner();
  for (let i = 0; i < 2; i++) {
    const { header } = verifyEmbeddedJws(signer.proof(OPTIONS.typ, {}), OPTIONS);
    assert.throws(() => Object.assign(header.jwk as object, makeSigner().jwk), TypeError);
    assert.throws(() => Object.assign(header, { alg: 'none' }), TypeError);
  }
});

test('remembered headers are bounded in size and number, and one in use stays', () => {
  const used = makeSigner('Ed25519');
  const readUsed = () => verifyEmbeddedJws(used.proof(OPTIONS.typ, {}), OPTIONS).header;
  const header = readUsed();
  for (let i = 0; i < 1_100; i++) {
    verifyEmbeddedJws(used.proof(OPTIONS.typ, {}, { n: i }), OPTIONS);
    if (i % 500 === 0) readUsed();
  }
  assert.equal(rememberedHeads(), 1_024);
  assert.equal(readUsed(), header);
  const large = () => verifyEmbeddedJws(used.proof(OPTIONS.typ, {}, { n: 'x'.repeat(1_024) }), OPTIONS).header;
  assert.notEqual(large(), large());
});
