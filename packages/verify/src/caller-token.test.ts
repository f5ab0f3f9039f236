/** A caller's token: strict for DAuth's authority, RFC 9068 for any other, unbound only where that was asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyCallerToken, type CallerTokenOptions } from './caller-token.ts';
import { JwksCache } from './jwks.ts';
import { assertRefusedAsync, makeForeignSigner, makeSigner, type Signer } from './signer.test-support.ts';

const NOW = 1_795_000_000;
const client = makeSigner();
const DETAIL = {
  type: 'dauth_connection',
  identifier: 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057',
  locations: ['https://api.github.com'],
  actions: ['GET /repos/**'],
};
const RFC9068 = {
  iss: 'https://login.example/realms/a',
  sub: 'ada',
  aud: 'https://mcp.example/mcp',
  client_id: 'laptop',
  exp: NOW + 300,
  iat: NOW,
  jti: 'token-1',
  cnf: { jkt: client.jkt },
};
const DAUTH = { ...RFC9068, grant_id: 'grant-1', 'ddls:org': 'default', authorization_details: [DETAIL] };
const OTHER: CallerTokenOptions = {
  ...{ issuer: RFC9068.iss, audience: RFC9068.aud, now: NOW },
  ...{ isDauth: false, requiredClaims: [], allowUnbound: false },
};
const STRICT: CallerTokenOptions = { ...OTHER, isDauth: true, requiredClaims: ['grant_id', 'ddls:org'] };
const es256 = makeSigner();

/** Verifies claims signed by an issuer that publishes the key so. */
async function verify(
  claims: object,
  options: CallerTokenOptions,
  { header = {}, by = es256 }: { header?: object; by?: Pick<Signer, 'jws' | 'publicJwk'> } = {},
) {
  const keys = { keys: [{ ...by.publicJwk, kid: 'k' }] };
  const fetch = async () => Response.json(keys);
  const jwks = new JwksCache({ url: 'https://login.example/keys', fetch, now: () => 0, rsa: !options.isDauth });
  return verifyCallerToken(jwks, by.jws({ typ: 'at+jwt', kid: 'k', ...header }, claims), options);
}

test('[token.bound] another issuer’s token of RFC 9068 has what it says, and neither org nor grant', async () => {
  const { raw, ath, ...claims } = await verify(RFC9068, OTHER);
  const { aud, iss, sub, client_id, exp, iat, jti, cnf } = RFC9068;
  assert.deepEqual(claims, { aud, iss, sub, client_id, exp, iat, jti, cnf, scope: [], details: [] });
  assert.deepEqual([raw.sub, ath.length], ['ada', 43]);
});

test('a DAuth token has its org, its grant and its connections', async () => {
  const { org, grant_id, details } = await verify(DAUTH, STRICT);
  assert.deepEqual([org, grant_id, details[0]?.identifier], ['default', 'grant-1', DETAIL.identifier]);
});

test('[token.bound] a connection that another issuer names is none', async () => {
  assert.deepEqual((await verify(DAUTH, OTHER)).details, []);
  assert.deepEqual((await verify({ ...DAUTH, authorization_details: [{ type: 'payment' }] }, OTHER)).details, []);
});

test('claims that are not required are not read, those that are have to be there', async () => {
  const { org, grant_id } = await verify({ ...DAUTH, grant_id: 7 }, OTHER);
  assert.deepEqual([org, grant_id], [undefined, undefined]);
  const required = { ...OTHER, requiredClaims: ['ddls:org', 'amr'] };
  assert.equal((await verify({ ...DAUTH, amr: ['hwk'] }, required)).org, 'default');
});

for (const [what, claims, options] of [
  ['without its grant', { ...DAUTH, grant_id: undefined }, STRICT],
  ['without its org', { ...DAUTH, 'ddls:org': undefined }, STRICT],
  ['with null for its org', { ...DAUTH, 'ddls:org': null }, STRICT],
  ['of another issuer without a claim', RFC9068, { ...OTHER, requiredClaims: ['amr'] }],
] as const) {
  test(`[token.bound] a token ${what} is refused where the claim is required`, async () => {
    const sentence = /^The access token lacks a claim that this server requires\.$/;
    await assertRefusedAsync(() => verify(claims, options), 'UNAUTHENTICATED', sentence);
  });
}

for (const [what, claims, sentence] of [
  ['no key', { ...RFC9068, cnf: undefined }, /not bound to exactly one key/],
  ['a certificate', { ...RFC9068, cnf: { 'x5t#S256': client.jkt } }, /is not well-formed/],
  ['two keys', { ...RFC9068, cnf: { jkt: client.jkt, 'x5t#S256': client.jkt } }, /not bound to exactly one key/],
  ['two audiences', { ...RFC9068, aud: [RFC9068.aud, 'https://other.example'] }, /usable "aud" claim/],
  ['no audience', { ...RFC9068, aud: [] }, /usable "aud" claim/],
  ['another audience in a list', { ...RFC9068, aud: ['https://other.example'] }, /another audience \(aud\)/],
  ['another issuer', { ...RFC9068, iss: 'https://login.example/realms/b' }, /another issuer \(iss\)/],
  ['no client', { ...RFC9068, client_id: undefined }, /usable "client_id" claim/],
  ['a life that is too long', { ...RFC9068, exp: NOW + 301 }, /valid for longer than allowed/],
] as const) {
  test(`[token.bound] another issuer’s token with ${what} is refused`, async () => {
    await assertRefusedAsync(() => verify(claims, OTHER), 'UNAUTHENTICATED', sentence);
  });
}

test('another issuer may write its one audience as a list, and the type in full; DAuth’s may not', async () => {
  const listed = { ...DAUTH, aud: [DAUTH.aud] };
  const full = { header: { typ: 'application/at+jwt' } };
  assert.equal((await verify(listed, OTHER, full)).aud, RFC9068.aud);
  await assertRefusedAsync(() => verify(listed, STRICT), 'UNAUTHENTICATED', /usable "aud" claim/);
  await assertRefusedAsync(() => verify(DAUTH, STRICT, full), 'UNAUTHENTICATED', /another type \(typ\)/);
});

test('[token.bound] unbound tokens are taken where that was asked for, and otherwise bound ones never', async () => {
  const options = { ...OTHER, allowUnbound: true };
  assert.equal((await verify({ ...RFC9068, cnf: undefined }, options)).cnf, undefined);
  assert.deepEqual((await verify(RFC9068, options)).cnf, { jkt: client.jkt });
  for (const cnf of [null, {}, { 'x5t#S256': client.jkt }, 'x'])
    await assertRefusedAsync(
      () => verify({ ...RFC9068, cnf }, options),
      'UNAUTHENTICATED',
      /exactly one key|well-formed/,
    );
});

test('[token.bound] RSA is for other issuers only, one algorithm a key', async () => {
  for (const alg of ['RS256', 'PS256'] as const) {
    const by = makeForeignSigner(alg);
    assert.equal((await verify(RFC9068, OTHER, { by })).sub, 'ada');
    await assertRefusedAsync(() => verify(DAUTH, STRICT, { by }), 'UNAUTHENTICATED', /not published by its issuer/);
    const swapped = alg === 'RS256' ? 'PS256' : 'RS256';
    const named = { by, header: { alg: swapped } };
    await assertRefusedAsync(() => verify(RFC9068, OTHER, named), 'UNAUTHENTICATED', /not the one of its key/);
  }
});
