/** A hostile authority gives an owner something else to seal again than what that owner sealed. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { DAuthError, encodeEnvelopeHeader, parseEnvelope, TYP, type EnvelopePolicy } from '@dauth/protocol';
import { SignJWT } from 'jose';
import { fetchExecutor, MemorySeqStore, type VerifiedExecutor } from './directory.ts';
import { generateKey, sha256, signEndorsement, signSealProof, type ClientKey } from './key.ts';
import { seal, type SealedCredential, type SealPolicy } from './seal.ts';
import { nextPolicy, verifySeal, type ExpectedSeal, type StoredSeal } from './sealed.ts';
import { breakSignature, makeExecutor, NOW, replaceHeader } from './signer.test-support.ts';

const issuer = 'https://auth.example';
const POLICY: SealPolicy = {
  ...{ issuer, org: 'acme', owner: 'ada', connection: 'github', servers: ['https://mcp.example/mcp'] },
  allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
  inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
  expiresAt: 4_000_000_000,
};
const UNKNOWN = 'The envelope that was given back was not sealed by a key that is known here.';
const OTHER = 'The seal proof is for another handle, version or envelope.';

let executor: VerifiedExecutor;
let key: ClientKey;
let foreign: ClientKey;
let sealed: SealedCredential;
before(async () => {
  const world = await makeExecutor();
  const directory = await world.sign();
  executor = await fetchExecutor({
    ...{ url: 'https://executor.example', identities: [world.identity.jkt], now: () => NOW },
    ...{ seqStore: new MemorySeqStore(), fetch: async () => new Response(directory) },
  });
  [key, foreign] = [await generateKey(), await generateKey()];
  sealed = await sealBy(key);
});

const sealBy = (by: ClientKey, over: Partial<SealPolicy> = {}) =>
  seal({ executor, key: by, fields: { token: Buffer.from('ghp_secret') }, policy: { ...POLICY, ...over } });
const verify = (stored: StoredSeal, over: Partial<ExpectedSeal> = {}) =>
  verifySeal(stored, { handle: sealed.handle, issuer, sealers: [key.jkt], ...over });
const denied =
  (sentence: string, code = 'POLICY_DENIED') =>
  (error: unknown) => {
    assert.ok(error instanceof DAuthError, String(error));
    assert.deepEqual([error.code, error.publicMessage], [code, sentence]);
    return true;
  };

/** The same ciphertext under a header the authority wrote. */
function withHeader(envelope: string, over: Partial<EnvelopePolicy>): string {
  const { header } = parseEnvelope(envelope);
  const segment = encodeEnvelopeHeader({ ...header, dauth: { ...header.dauth, ...over } });
  return [segment, ...envelope.split('.').slice(1)].join('.');
}
const AIMED_ELSEWHERE = { servers: ['https://evil.example/mcp'] };

test('[seal.bound] what this key sealed is read back as it was sealed (control)', async () => {
  const { policy, jkt } = await verify(sealed);
  assert.equal(jkt, key.jkt);
  assert.deepEqual(policy, parseEnvelope(sealed.envelope).header.dauth);
});

test('[seal.bound] the header of another policy over the same ciphertext is refused', async () => {
  const envelope = withHeader(sealed.envelope, AIMED_ELSEWHERE);
  await assert.rejects(verify({ ...sealed, envelope }), denied(OTHER));
});

test('[seal.bound] an envelope of another policy with a proof by a key of the authority is refused', async () => {
  const replaces = { handle: sealed.handle, ver: 2 };
  await assert.rejects(verify(await sealBy(foreign, { ...AIMED_ELSEWHERE, replaces })), denied(UNKNOWN));
});

test('[seal.bound] another connection of the same owner is refused', async () => {
  const wider = await sealBy(key, AIMED_ELSEWHERE);
  await assert.rejects(verify(wider), denied('The envelope that was given back is that of another connection.'));
  // The other handle pasted into the same header no longer fits what was signed.
  const envelope = withHeader(wider.envelope, { handle: sealed.handle });
  await assert.rejects(verify({ ...wider, envelope }), denied(OTHER));
});

test('[seal.bound] an envelope for another authority is refused', async () => {
  const replaces = { handle: sealed.handle, ver: 2 };
  const elsewhere = await sealBy(key, { issuer: 'https://other.example', replaces });
  await assert.rejects(verify(elsewhere), denied('The envelope that was given back was sealed for another authority.'));
});

test('[seal.bound] an older version than one seen before is refused', async () => {
  assert.equal((await verify(sealed, { atLeast: 1 })).policy.ver, 1);
  await assert.rejects(
    verify(sealed, { atLeast: 2 }),
    denied('The envelope that was given back is older than one seen before.'),
  );
});

test('[seal.bound] a proof with a wrong signature, another type or no algorithm is refused', async () => {
  const header = { typ: TYP.seal, alg: 'ES256', jwk: key.jwk };
  const claims = { handle: sealed.handle, ver: 1, sha256: await sha256(sealed.envelope) };
  const sign = (over: object, more: object = {}) =>
    new SignJWT({ ...claims, ...more }).setProtectedHeader({ ...header, ...over }).sign(key.privateKey);
  for (const [seal_proof, says] of [
    [breakSignature(sealed.seal_proof), 'The signature of the seal proof is wrong.'],
    [replaceHeader(sealed.seal_proof, { ...header, jwk: foreign.jwk }), 'The signature of the seal proof is wrong.'],
    [await sign({ typ: TYP.endorsement }), 'What was given is not a seal proof.'],
    [
      replaceHeader(sealed.seal_proof, { ...header, alg: 'none' }),
      'The seal proof is signed with an algorithm that is not known here.',
    ],
    ['x', 'The seal proof is not valid. A token or proof is not a compact JWS.'],
    [await signSealProof(key, { ...sealed, ver: 2 }), OTHER],
  ] as const)
    await assert.rejects(verify({ ...sealed, seal_proof }), denied(says));
  const extra = await sign({}, { note: 'x' });
  await assert.rejects(
    verify({ ...sealed, seal_proof: extra }),
    denied('A seal proof has a member that is not defined for it.', 'INVALID_REQUEST'),
  );
});

test('[seal.bound] a version by a device this key vouched for is believed, one by a device that vouches for itself is not', async () => {
  const replaces = { handle: sealed.handle, ver: 2 };
  const second = await sealBy(foreign, { replaces });
  const vouched = await signEndorsement(key, sealed.handle, foreign.jkt);
  assert.equal((await verify({ ...second, endorsements: [vouched] })).policy.ver, 2);
  assert.equal((await verify(second, { sealers: [foreign.jkt] })).jkt, foreign.jkt, 'or one that was named');
  const itself = await signEndorsement(foreign, sealed.handle, foreign.jkt);
  const elsewhere = await signEndorsement(key, (await sealBy(key)).handle, foreign.jkt);
  for (const endorsement of [itself, elsewhere])
    await assert.rejects(verify({ ...second, endorsements: [endorsement] }), denied(UNKNOWN));
  await assert.rejects(
    verify({ ...second, endorsements: [breakSignature(vouched)] }),
    denied('The signature of the endorsement is wrong.'),
  );
  await assert.rejects(
    verify({ ...second, endorsements: Array<string>(9).fill(vouched) }),
    denied('There are more endorsements than allowed.'),
  );
});

test('[seal.bound] the next policy keeps how often a credential may be used', async () => {
  const limits = { rate: { count: 60, seconds: 60 }, budget: { count: 1_000, seconds: 86_400 } };
  const verified = await verify(await sealBy(key, { replaces: { handle: sealed.handle, ver: 2 }, limits }));
  assert.deepEqual([verified.policy.limits, nextPolicy(verified, { now: NOW }).limits], [limits, limits]);
});

test('[seal.bound] the next version keeps the policy, and lasts no longer than the old one did', async () => {
  const verified = await verify(
    await sealBy(key, { replaces: { handle: sealed.handle, ver: 3 }, pin: { jkt: [key.jkt] } }),
  );
  const { iat, exp } = verified.policy;
  const next = nextPolicy(verified, { now: iat + 1_000 });
  assert.deepEqual(next, {
    ...{ issuer, org: 'acme', owner: 'ada', connection: 'github', servers: POLICY.servers, allow: POLICY.allow },
    ...{ inject: POLICY.inject, pin: { jkt: [key.jkt] }, expiresAt: exp + 1_000 },
    replaces: { handle: sealed.handle, ver: 4 },
  });
  assert.equal(nextPolicy(verified, { now: NOW, lifeSeconds: 60 }).expiresAt, NOW + 60);
  const open = await verify(await sealBy(key, { replaces: { handle: sealed.handle, ver: 3 }, bearer: true }));
  assert.deepEqual([open.policy.bearer, nextPolicy(open, { now: NOW }).bearer], [true, true]);
});

test('[seal.bound] the next version keeps the pinned keys of certificates, the headers that go back and the answers that do not', async () => {
  const narrowed = {
    spki: [{ origin: POLICY.allow[0]!.origin, sha256: ['A'.repeat(43)] }],
    responseHeaders: ['set-cookie'],
    echoes: 'refused',
  } as const;
  const { policy, ...rest } = await verify(
    await sealBy(key, { ...narrowed, replaces: { handle: sealed.handle, ver: 2 } }),
  );
  const { spki, response_headers: responseHeaders, echoes } = policy;
  assert.deepEqual({ spki, responseHeaders, echoes }, narrowed);
  const next = nextPolicy({ policy, ...rest }, { now: policy.iat });
  assert.deepEqual({ spki: next.spki, responseHeaders: next.responseHeaders, echoes: next.echoes }, narrowed);
});
