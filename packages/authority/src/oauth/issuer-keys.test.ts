/** Where the keys of a trusted issuer come from, how often they are looked for, and what an outage does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRsaSigner, makeSigner } from '../signer.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { IDP, keySet, makeFederation, REFUSED, type Federation } from './issuers.test-support.ts';

const METADATA = `${IDP}/.well-known/openid-configuration`;
const KEYS = `${IDP}/keys`;
const UNAVAILABLE = "The issuer's keys cannot be had. Try again shortly.";

async function statuses(made: Federation, times: number, header: object = {}): Promise<number[]> {
  const answers: number[] = [];
  for (let i = 0; i < times; i++) answers.push((await made.askIdJag({}, {}, header)).status);
  return answers;
}

test('keys are found by discovery, and fetched once for many assertions', async () => {
  const made = await makeFederation();
  assert.deepEqual(await statuses(made, 5), [200, 200, 200, 200, 200]);
  assert.deepEqual(made.fetched, [METADATA, KEYS]);
});

test('a configured jwksUri needs no discovery, and configured keys need no fetch at all', async () => {
  const direct = await makeFederation({ idp: { jwksUri: 'https://keys.example/set' } });
  direct.documents.set('https://keys.example/set', () => keySet({ one: direct.idp.jwk }));
  assert.deepEqual([await statuses(direct, 1), direct.fetched], [[200], ['https://keys.example/set']]);

  const made = await makeFederation({ idp: { jwks: keySet({ one: makeSigner().jwk }) } });
  const [entry] = made.world.config.trustedIssuers;
  assert.deepEqual([await statuses(made, 1), made.fetched], [[400], []]);
  entry!.jwks = keySet({ one: made.idp.jwk });
  assert.deepEqual([await statuses(made, 1), made.fetched], [[200], []]);
});

test('an issuer with a path and a trailing slash is discovered below its path', async () => {
  const issuer = 'https://idp.example/tenant/';
  const made = await makeFederation({ idp: { issuer } });
  made.documents.set(`${issuer}.well-known/openid-configuration`, () => ({ issuer, jwks_uri: KEYS }));
  assert.equal((await made.askIdJag({ iss: issuer })).status, 200);
  assert.equal(made.fetched[0], 'https://idp.example/tenant/.well-known/openid-configuration');
});

test('[token.bound] metadata by another issuer, or without a place for keys, is not believed', async () => {
  for (const metadata of [
    { issuer: 'https://other.example', jwks_uri: KEYS },
    { issuer: `${IDP}/`, jwks_uri: KEYS },
    { jwks_uri: KEYS },
    { issuer: IDP },
    { issuer: IDP, jwks_uri: [KEYS] },
    { issuer: IDP, jwks_uri: 'http://idp.example/keys' },
    { issuer: IDP, jwks_uri: 'https://127.0.0.1/keys' },
  ]) {
    const made = await makeFederation();
    made.documents.set(METADATA, () => metadata);
    await assertOAuth(await made.askIdJag(), 503, 'temporarily_unavailable', UNAVAILABLE);
    assert.deepEqual(made.fetched, [METADATA]);
  }
});

test('a key that is not known is looked for once more, and then not again within the pause', async () => {
  const made = await makeFederation();
  const next = makeSigner();
  assert.deepEqual(await statuses(made, 1), [200]);
  made.world.clock.now += 10;
  for (let i = 0; i < 5; i++)
    await assertOAuth(await made.askIdJag({}, {}, { kid: `x${i}` }), 400, 'invalid_grant', REFUSED);
  assert.equal(made.fetched.length, 3);
  // The issuer turns to a new key: within the pause it is not seen, after it at once.
  made.documents.set(KEYS, () => keySet({ one: made.idp.jwk, two: next.jwk }));
  const fresh = next.jws(
    { typ: 'oauth-id-jag+jwt', kid: 'two' },
    JSON.parse(Buffer.from(made.idJag().split('.')[1]!, 'base64url').toString()) as object,
  );
  assert.equal((await made.askIdJag({}, { assertion: fresh })).status, 400);
  made.world.clock.now += 10;
  assert.equal((await made.askIdJag({}, { assertion: fresh })).status, 200);
  assert.equal(made.fetched.length, 4);
});

test('[token.bound] a key that the issuer withdrew works no longer than its document is fresh', async () => {
  const made = await makeFederation();
  assert.deepEqual(await statuses(made, 1), [200]);
  made.documents.set(KEYS, () => keySet({ two: makeSigner().jwk }));
  made.world.clock.now += 119;
  assert.deepEqual(await statuses(made, 1), [200]);
  made.world.clock.now += 1;
  assert.deepEqual(await statuses(made, 1), [400]);
});

test('the last good keys serve through an outage for a quarter of an hour, then nobody is believed', async () => {
  const made = await makeFederation();
  assert.deepEqual(await statuses(made, 1), [200]);
  made.documents.clear();
  made.world.clock.now += 120 + 899;
  assert.deepEqual(await statuses(made, 1), [200]);
  made.world.clock.now += 1;
  const answer = await made.askIdJag();
  assert.equal(answer.headers.get('retry-after'), '1');
  await assertOAuth(answer, 503, 'temporarily_unavailable', UNAVAILABLE);
  const event = made.world.events.findLast((each) => each.event === 'issuer_unavailable');
  assert.deepEqual({ ...event }, { event: 'issuer_unavailable', issuer: IDP, fault: 'status' });
});

test('[token.bound] a key set with a private key, or with one id twice, is not believed at all', async () => {
  for (const set of [
    { keys: [{ ...makeSigner().jwk, kid: 'one', d: 'AA' }] },
    { keys: [1, 2].map(() => ({ ...makeSigner().jwk, kid: 'one' })) },
    { keys: 'none' },
  ]) {
    const made = await makeFederation();
    made.documents.set(KEYS, () => set);
    await assertOAuth(await made.askIdJag(), 503, 'temporarily_unavailable', UNAVAILABLE);
  }
});

test('an issuer may sign with RS256, and an RSA key is for nothing else', async () => {
  const made = await makeFederation();
  const rsa = makeRsaSigner();
  made.documents.set(KEYS, () => keySet({ one: rsa.jwk }));
  const claims = JSON.parse(Buffer.from(made.idJag().split('.')[1]!, 'base64url').toString()) as object;
  const typ = 'oauth-id-jag+jwt';
  assert.equal((await made.askIdJag({}, { assertion: rsa.jws({ typ, kid: 'one' }, claims) })).status, 200);
  for (const alg of ['PS256', 'ES256', 'none'])
    await assertOAuth(
      await made.askIdJag({}, { assertion: rsa.jws({ typ, kid: 'one', alg }, claims) }),
      400,
      'invalid_grant',
      REFUSED,
    );
});
