/** Clients that prove who they are with a sealed key: their assertions, verified by somebody else's code, for each scheme. */
import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { DAuthError, parseInjections, tokenSchemeOf } from '@dauth/protocol';
import { plaintextOf } from '../support/calls.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { signAndFill } from '../support/token-request.test-support.ts';

const NOW = 1_795_000_000;
const ENDPOINT = 'https://login.example/oauth/token?tenant=a';
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const PAIRS = { RS256: makePair('RSA-2048'), ES256: makePair('P-256'), Ed25519: makePair('Ed25519') };
type Alg = keyof typeof PAIRS;
const pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }) as string;

const CREDENTIAL = 'a-credential-0123456789';
const SCHEMES: Readonly<Record<string, readonly [members: object, asked: readonly string[]]>> = {
  client_credentials: [{ scope: 'read' }, ['scope']],
  oauth2: [{ refresh_token: '{token}' }, ['refresh_token']],
  token_exchange: [{ subject_token: '{token}', subject_token_type: 'urn:x' }, ['subject_token', 'subject_token_type']],
};

function ask(scheme: string, members: object, fields: Record<string, string>): URLSearchParams {
  const common = { scheme, endpoint: ENDPOINT, client_id: 'reports', private_key: '{key}' };
  const injections = parseInjections([{ ...common, ...SCHEMES[scheme]![0], ...members }]);
  const token = JSON.stringify(injections).includes('{token}') ? { token: CREDENTIAL } : {};
  using plaintext = plaintextOf({ ...token, ...fields });
  const { body, lines, secrets } = signAndFill(plaintext, injections, tokenSchemeOf(injections)!, NOW);
  assert.equal(lines.toString().includes('authorization'), false, 'nothing of the client is in a header');
  const form = new URLSearchParams(body!.toString('latin1'));
  const assertion = form.get('client_assertion') ?? '';
  assert.ok(
    secrets.some((secret) => secret.toString('latin1') === assertion),
    'what answers are not read with',
  );
  return form;
}

for (const [scheme, [, own]] of Object.entries(SCHEMES)) {
  for (const alg of Object.keys(PAIRS) as Alg[]) {
    test(`[token.bound] a client of ${scheme} proves itself by ${alg}, to its endpoint alone and for a minute`, async () => {
      const key = pem(PAIRS[alg].privateKey);
      const form = ask(scheme, { alg, kid: 'k-1' }, { key });
      const members = ['grant_type', 'client_id', 'client_assertion_type', 'client_assertion', ...own];
      assert.deepEqual([...form.keys()].toSorted(), members.toSorted());
      assert.deepEqual([form.get('client_id'), form.get('client_assertion_type')], ['reports', TYPE]);
      const at = { algorithms: [alg], currentDate: new Date(NOW * 1_000) };
      const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion')!, PAIRS[alg].publicKey, at);
      assert.deepEqual(protectedHeader, { alg, typ: 'JWT', kid: 'k-1' });
      const { jti, ...claims } = payload;
      assert.match(jti!, /^[0-9a-f]{32}$/);
      assert.deepEqual(claims, { iat: NOW, exp: NOW + 60, iss: 'reports', sub: 'reports', aud: ENDPOINT });
      const again = await jwtVerify(ask(scheme, { alg }, { key }).get('client_assertion')!, PAIRS[alg].publicKey, at);
      assert.notEqual(again.payload.jti, jti, 'each is another one');
    });
  }

  test(`[dispatch.bound] a client of ${scheme} with a key of another kind proves nothing`, () => {
    assert.throws(
      () => ask(scheme, { alg: 'ES256' }, { key: pem(PAIRS.RS256.privateKey) }),
      (error: unknown) =>
        error instanceof DAuthError && error.code === 'POLICY_DENIED' && /no key for ES256/.test(error.publicMessage),
    );
  });
}

test('an issuer may stand in the place of the endpoint, and the client in a field', async () => {
  const fields = { key: pem(PAIRS.ES256.privateKey), id: 'a "client" \\ of ours', issuer: 'https://login.example' };
  const form = ask('client_credentials', { alg: 'ES256', client_id: '{id}', aud: '{issuer}' }, fields);
  const at = { audience: fields.issuer, issuer: fields.id, subject: fields.id, currentDate: new Date(NOW * 1_000) };
  await jwtVerify(form.get('client_assertion')!, PAIRS.ES256.publicKey, at);
  assert.equal(form.get('client_id'), fields.id);
});
