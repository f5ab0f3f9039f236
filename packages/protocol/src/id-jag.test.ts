/** The scheme `id_jag`: what an envelope may say of two servers that are asked one after the other, and that neither is a target. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from './base64url.ts';
import { joinEnvelope, parseEnvelope, type Envelope } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { idJagRequest, type IdJag } from './id-jag.ts';
import { injectedFields, parseInjections, searchedFields } from './inject.ts';
import { endpointsOf, type TokenScheme } from './token-scheme.ts';
import { encodeUtf8 } from './utf8.ts';

const IDP = {
  ...{ endpoint: 'https://idp.example/token', client_id: 'agent', client_secret: '{idp_secret}' },
  ...{ subject_token: '{token}', subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
};
const SCHEME = {
  ...{ scheme: 'id_jag', endpoint: 'https://login.example/token', audience: 'https://login.example' },
  ...{ client_id: 'agent-there', private_key: '{key}', alg: 'ES256', idp: IDP },
};

function refused(parse: () => unknown, message: RegExp): void {
  assert.throws(
    parse,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

test('a scheme is read as it stands, with what has a default, and what either server is shown is searched for', () => {
  const full = {
    ...SCHEME,
    ...{
      auth: 'private_key_jwt',
      kid: 'k',
      aud: 'https://login.example',
      scope: 'a b',
      resource: ['https://api.example'],
    },
    idp: { ...IDP, auth: 'client_secret_post' },
  };
  const parsed = parseInjections([full]);
  assert.deepEqual(parsed, [full]);
  assert.deepEqual([...searchedFields(parsed)].toSorted(), ['idp_secret', 'token']);
  assert.deepEqual([...injectedFields(parsed)].toSorted(), ['idp_secret', 'key', 'token']);
  assert.deepEqual(endpointsOf(parsed[0] as TokenScheme), [SCHEME.endpoint, IDP.endpoint]);
  const [short] = parseInjections([SCHEME]);
  assert.deepEqual(short, {
    ...{ ...SCHEME, auth: 'private_key_jwt', aud: SCHEME.endpoint },
    idp: { ...IDP, auth: 'client_secret_basic' },
  });
});

test('the identity provider is asked by token exchange, for an ID-JAG for the server of the API', () => {
  const wishes = { scope: 'a b', resource: ['https://api.example'] };
  const [parsed] = parseInjections([{ ...SCHEME, ...wishes }]);
  assert.deepEqual(idJagRequest(parsed as IdJag), {
    ...{ scheme: 'token_exchange', requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag' },
    ...{ audience: SCHEME.audience, ...wishes, ...IDP, auth: 'client_secret_basic' },
  });
});

const idp = (change: object): object => ({ idp: { ...IDP, ...change } });
const WRONG: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no identity provider', { idp: undefined }, /needs the member "idp"/],
  ['an identity provider by name', { idp: 'https://idp.example' }, /"idp" must be an object/],
  ['no audience', { audience: undefined }, /needs the member "audience"/],
  ['an audience with a space', { audience: 'a b' }, /visible ASCII/],
  ['a public client', { private_key: undefined, alg: undefined }, /proves who it is/],
  ['a public client by name', { private_key: undefined, alg: undefined, auth: 'none' }, /proves who it is/],
  ['a public client at the identity provider', idp({ client_secret: undefined }), /proves who it is/],
  ['a subject in the open', idp({ subject_token: 'eyJ' }), /must name a field/],
  ['a subject without a type', idp({ subject_token_type: undefined }), /needs the member/],
  ['a type that is no URI', idp({ subject_token_type: 'id_token' }), /absolute URI/],
  ['another token', idp({ requested_token_type: 'urn:x' }), /not defined/],
  ['an audience of the identity provider', idp({ audience: 'x' }), /not defined/],
  ['a subject beside the identity provider', { subject_token: '{token}' }, /not defined/],
  ['an assertion', { assertion: '{token}' }, /not defined/],
  ['plain http', idp({ endpoint: 'http://idp.example/token' }), /exact https URL/],
  ['a key that the identity provider is shown', idp({ subject_token: '{key}' }), /shown to nobody/],
  ['a key that the other server is shown', { client_id: '{own}', ...idp(ownKey()) }, /shown to nobody/],
];
function ownKey(): object {
  return { client_secret: undefined, private_key: '{own}', alg: 'ES256' };
}
for (const [what, change, message] of WRONG)
  test(`[seal.bound] a scheme of ID-JAGs with ${what} is refused`, () => {
    refused(() => parseInjections([JSON.parse(JSON.stringify({ ...SCHEME, ...change }))]), message);
  });

test('[seal.bound] one key for both servers is fine, and a slot with it is refused', () => {
  const both = shared({ aud: SCHEME.audience }, { aud: 'https://idp.example' });
  const parsed = parseInjections([both]);
  assert.deepEqual([...searchedFields(parsed)], ['token']);
  refused(() => parseInjections([both, { in: 'header', name: 'x-key', value: '{key}' }]), /shown to nobody/);
});

/** One key for both servers. */
function shared(own: object, change: object): unknown {
  const said = { ...SCHEME, ...own, ...idp({ ...ownKey(), private_key: '{key}', ...change }) };
  return JSON.parse(JSON.stringify(said));
}
const APART: readonly (readonly [what: string, own: object, change: object])[] = [
  ['both servers alike', { aud: 'https://other.example' }, { aud: 'https://other.example' }],
  ['both endpoints alike', { endpoint: IDP.endpoint }, {}],
  ["the identity provider's endpoint", { aud: IDP.endpoint }, { aud: 'urn:idp' }],
  ["the identity provider's issuer", { aud: 'https://idp.example' }, { aud: 'https://idp.example' }],
  ["the API's endpoint", { aud: 'urn:api', audience: 'urn:login' }, { aud: SCHEME.endpoint }],
  ["the API's issuer", { aud: 'urn:api', audience: 'urn:login' }, { aud: 'urn:login' }],
  ["the identity provider's endpoint in other letters", { aud: 'https://IDP.example:443/%74oken/' }, {}],
  ["the identity provider's issuer in other letters", { aud: 'https://IDP.example/' }, {}],
  ["the API's issuer in other letters", {}, { aud: 'https://Login.example:443//' }],
  ['who knows whom', { aud: 'https://idp.example@login.example' }, {}],
];
for (const [what, own, change] of APART)
  test(`[seal.bound] one key for both servers, with assertions that name ${what}, is refused`, () => {
    refused(() => parseInjections([shared(own, change)]), /"aud" of each has to name that server alone/);
    // Under a key of its own it is good at that server alone.
    assert.ok(parseInjections([shared(own, { ...change, private_key: '{own}' })]));
  });

test('[seal.bound] one key for both servers, with an assertion for whom a field says, is refused', () => {
  const inAField = [shared({ aud: '{for}' }, {}), shared({}, { aud: 'https://{tenant}.example' })];
  for (const scheme of inAField) refused(() => parseInjections([scheme]), /"aud" of each is fixed text/);
  assert.ok(parseInjections([shared({ aud: '{for}' }, { private_key: '{own}' })]));
});

test('[seal.bound] an envelope with one key for both servers, whose names are one, is read by nobody', () => {
  const inject = [shared({ aud: 'https://IDP.example:443/' }, {})];
  refused(seal('https://api.example', '/**', { inject }), /"aud" of each has to name that server alone/);
});

function seal(origin: string, path: string, more: object = {}): () => Envelope {
  const dauth = {
    ...{ handle: 'ddls:conn:01900000-0000-7000-8000-000000000000', ver: 1, iss: 'https://auth.example' },
    ...{ org: 'default', owner: 'ada', connection: 'api', servers: ['https://mcp.example/mcp'], inject: [SCHEME] },
    ...{ allow: [{ origin, methods: ['GET'], paths: [path] }], iat: 1, exp: 2, ...more },
  };
  const header = { alg: 'HPKE-3', kid: 'A'.repeat(43), typ: 'dauth-credential+jwe', crit: ['dauth'], dauth };
  const segment = encodeBase64url(encodeUtf8(JSON.stringify(header)));
  return () => parseEnvelope(joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80)));
}

test('[seal.bound] an envelope that allows either of its token endpoints is refused, and either may be pinned', () => {
  for (const origin of ['https://idp.example', 'https://login.example']) {
    refused(seal(origin, '/**'), /includes the token endpoint/);
    assert.ok(seal(origin, '/api/**')());
    const spki = [{ origin, sha256: ['A'.repeat(43)] }];
    assert.equal(seal('https://api.example', '/**', { spki })().header.dauth.spki?.length, 1);
  }
});
