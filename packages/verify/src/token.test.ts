/** Access tokens: typed claims out, every malformed or foreign one refused by name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { verifyAccessToken, verifySubjectToken } from './token.ts';
import { assertRefused, makeSigner } from './signer.test-support.ts';

const NOW = 1_795_000_000;
const issuer = makeSigner();
const client = makeSigner('Ed25519');
const OPTIONS = { issuer: 'https://auth.example', audience: 'https://mcp.example/mcp', keys: issuer.jwk, now: NOW };
const DETAIL = {
  type: 'dauth_connection',
  identifier: 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057',
  name: 'github',
  locations: ['https://api.github.com'],
  actions: ['GET /repos/**'],
};
const CLAIMS = {
  iss: OPTIONS.issuer,
  sub: 'alice',
  aud: OPTIONS.audience,
  client_id: 'client',
  scope: 'mcp:read mcp:write',
  exp: NOW + 300,
  iat: NOW,
  jti: 'token-1',
  cnf: { jkt: client.jkt },
  grant_id: 'grant-1',
  'ddls:org': 'default',
  authorization_details: [DETAIL],
};

function token(changes: object = {}, header: object = {}): string {
  return issuer.jws({ typ: 'at+jwt', kid: 'k', ...header }, { ...CLAIMS, ...changes });
}

test('[token.bound] an access token gives typed claims', () => {
  const claims = verifyAccessToken(token(), OPTIONS);
  const { raw, details, ...rest } = claims;
  assert.deepEqual(rest, {
    iss: OPTIONS.issuer,
    sub: 'alice',
    aud: OPTIONS.audience,
    client_id: 'client',
    scope: ['mcp:read', 'mcp:write'],
    exp: NOW + 300,
    iat: NOW,
    jti: 'token-1',
    cnf: { jkt: client.jkt },
    grant_id: 'grant-1',
    org: 'default',
  });
  assert.equal(details[0]?.identifier, DETAIL.identifier);
  assert.equal(raw.scope, CLAIMS.scope);
});

test('[token.bound] a dispatch token gives its actor and carried proof', () => {
  const claims = verifyAccessToken(
    token({ act: { sub: 'https://mcp.example/mcp' }, subject_jti: 's-1', 'ddls:subject_dpop': 'a.b.c' }),
    OPTIONS,
  );
  assert.deepEqual(
    [claims.act?.sub, claims.subjectJti, claims.subjectDpop],
    ['https://mcp.example/mcp', 's-1', 'a.b.c'],
  );
});

test('[token.bound] a token made by jose verifies', async () => {
  const jwt = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(issuer.privateKey);
  assert.equal(verifyAccessToken(jwt, OPTIONS).sub, 'alice');
});

test('[token.bound] no scope and no details mean none', () => {
  const claims = verifyAccessToken(token({ scope: undefined, authorization_details: undefined }), OPTIONS);
  assert.deepEqual([claims.scope, claims.details], [[], []]);
});

const REFUSALS: readonly [string, () => string, RegExp][] = [
  ['another typ', () => token({}, { typ: 'JWT' }), /another type \(typ\)/],
  ['an ID token', () => token({}, { typ: undefined }), /another type \(typ\)/],
  ['another issuer', () => token({ iss: 'https://evil.example' }), /another issuer \(iss\)/],
  ['the issuer with a slash', () => token({ iss: `${OPTIONS.issuer}/` }), /another issuer \(iss\)/],
  ['no issuer', () => token({ iss: undefined }), /usable "iss" claim/],
  ['another audience', () => token({ aud: 'https://other.example/mcp' }), /another audience \(aud\)/],
  ['the audience with a slash', () => token({ aud: `${OPTIONS.audience}/` }), /another audience \(aud\)/],
  ['no audience', () => token({ aud: undefined }), /usable "aud" claim/],
  ['the audience in a list of one', () => token({ aud: [OPTIONS.audience] }), /usable "aud" claim/],
  ['two audiences', () => token({ aud: [OPTIONS.audience, 'https://other.example/mcp'] }), /usable "aud" claim/],
  ['an expired token', () => token({ iat: NOW - 300, exp: NOW - 5 }), /has expired/],
  ['no expiry', () => token({ exp: undefined }), /needs "exp" in whole seconds/],
  ['an expiry in text', () => token({ exp: `${NOW + 60}` }), /needs "exp" in whole seconds/],
  ['a fractional expiry', () => token({ exp: NOW + 60.5 }), /needs "exp" in whole seconds/],
  ['no issue time', () => token({ iat: undefined }), /needs "iat" in whole seconds/],
  ['an issue time in the future', () => token({ iat: NOW + 6, exp: NOW + 60 }), /issued in the future/],
  ['a life that is too long', () => token({ exp: NOW + 301 }), /valid for longer than allowed/],
  ['a life that ends before it begins', () => token({ iat: NOW + 3, exp: NOW + 2 }), /valid for longer than allowed/],
  ['not valid yet', () => token({ nbf: NOW + 6 }), /not valid yet/],
  ['no subject', () => token({ sub: undefined }), /usable "sub" claim/],
  ['a subject with a line break', () => token({ sub: 'alice\nbob' }), /usable "sub" claim/],
  ['no client', () => token({ client_id: '' }), /usable "client_id" claim/],
  ['no id', () => token({ jti: undefined }), /usable "jti" claim/],
  ['no grant', () => token({ grant_id: undefined }), /usable "grant_id" claim/],
  ['no org', () => token({ 'ddls:org': undefined }), /usable "ddls:org" claim/],
  ['no key', () => token({ cnf: undefined }), /not bound to exactly one key/],
  ['an empty confirmation', () => token({ cnf: {} }), /not bound to exactly one key/],
  [
    'two confirmations',
    () => token({ cnf: { jkt: client.jkt, 'x5t#S256': client.jkt } }),
    /not bound to exactly one key/,
  ],
  ['a thumbprint that is none', () => token({ cnf: { jkt: 'abc' } }), /"cnf.jkt" must be a SHA-256 value/],
  ['a scope list', () => token({ scope: ['mcp:read'] }), /usable "scope" claim/],
  ['a scope with two spaces', () => token({ scope: 'a  b' }), /usable "scope" claim/],
  ['a scope with a quote', () => token({ scope: 'a"b' }), /usable "scope" claim/],
  [
    '65 scopes',
    () => token({ scope: Array.from({ length: 65 }, (_, i) => `s${i}`).join(' ') }),
    /usable "scope" claim/,
  ],
  [
    'a detail with a member nobody knows',
    () => token({ authorization_details: [{ ...DETAIL, extra: 1 }] }),
    /not defined/,
  ],
  ['details that are no list', () => token({ authorization_details: DETAIL }), /must be an array/],
  [
    'nine details',
    () => token({ authorization_details: Array.from({ length: 9 }, () => DETAIL) }),
    /more than 8 entries/,
  ],
  ['an actor chain', () => token({ act: { sub: 'a', act: { sub: 'b' } } }), /exactly one actor/],
  ['an actor that is text', () => token({ act: 'a' }), /exactly one actor/],
  ['an actor without a name', () => token({ act: { iss: 'a' } }), /usable "sub" claim/],
  ['another signer', () => makeSigner().jws({ typ: 'at+jwt' }, CLAIMS), /signature that does not verify/],
  ['larger than allowed', () => token({ pad: 'x'.repeat(32_768) }), /larger than allowed/],
];
for (const [what, make, sentence] of REFUSALS) {
  test(`[token.bound] an access token is refused: ${what}`, () => {
    assertRefused(() => verifyAccessToken(make(), OPTIONS), 'UNAUTHENTICATED', sentence);
  });
}

test('[token.bound] a token without a key is read only where it is asked for by name, and everything else holds', () => {
  const { cnf, sub } = verifySubjectToken(token({ cnf: undefined }), OPTIONS);
  assert.deepEqual([cnf, sub], [undefined, verifySubjectToken(token({}), OPTIONS).sub]);
  assert.deepEqual(verifySubjectToken(token({}), OPTIONS).cnf, { jkt: client.jkt });
  for (const [what, make, sentence] of REFUSALS) {
    if (what !== 'no key') assertRefused(() => verifySubjectToken(make(), OPTIONS), 'UNAUTHENTICATED', sentence);
  }
});

test('[token.bound] the leeway is 5 seconds unless the caller says otherwise', () => {
  const expired = token({ iat: NOW - 60, exp: NOW - 4 });
  assert.equal(verifyAccessToken(expired, OPTIONS).exp, NOW - 4);
  assertRefused(() => verifyAccessToken(expired, { ...OPTIONS, leeway: 0 }), 'UNAUTHENTICATED', /has expired/);
});

test('[token.bound] a key in the token’s own header is never used', () => {
  const stranger = makeSigner();
  assertRefused(
    () => verifyAccessToken(stranger.jws({ typ: 'at+jwt', jwk: stranger.jwk, kid: 'k' }, CLAIMS), OPTIONS),
    'UNAUTHENTICATED',
    /signature that does not verify/,
  );
});
