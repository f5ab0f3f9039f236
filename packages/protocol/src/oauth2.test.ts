/** The scheme `oauth2`, and reseals: what an envelope may say of a refresh token, and the one header that comes after another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnvelopeHeader, parseEnvelope, type Envelope, type EnvelopeHeader } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { injectedFields, parseInjections, searchedFields, tokenSchemeOf } from './inject.ts';
import { refreshField, type OAuth2 } from './oauth2.ts';
import { assertResealed, nextHeader, parseReseal } from './reseal.ts';
import { TYP } from './typ.ts';

const SCHEME = {
  ...{ scheme: 'oauth2', endpoint: 'https://login.example/oauth/token', client_id: 'app' },
  ...{ client_secret: '{secret}', refresh_token: '{refresh}' },
};

function refused(parse: () => unknown, message: RegExp): void {
  assert.throws(
    parse,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

test('a scheme is read as it stands, with what has a default', () => {
  const full = { ...SCHEME, auth: 'client_secret_post', scope: 'a b', resource: ['urn:a'] };
  assert.deepEqual(parseInjections([full]), [full]);
  const [scheme] = parseInjections([SCHEME]);
  assert.deepEqual(scheme, { ...SCHEME, auth: 'client_secret_basic' });
  assert.deepEqual([...injectedFields([scheme!])].toSorted(), ['refresh', 'secret']);
  assert.deepEqual([...searchedFields([scheme!])].toSorted(), ['refresh', 'secret']);
  assert.equal(refreshField(tokenSchemeOf([scheme!]) as OAuth2), 'refresh');
  const { client_secret: _, ...open } = SCHEME;
  assert.deepEqual(parseInjections([open]), [{ ...open, auth: 'none' }]);
});

test('[seal.bound] a scheme has its members in one order, however they were written: a reseal compares octets', () => {
  const full = {
    ...SCHEME,
    auth: 'client_secret_post',
    redirect_uri: 'https://a.example/cb',
    scope: 'a',
    resource: ['x'],
  };
  const turned = Object.fromEntries(Object.entries(full).toReversed());
  const order = ['scheme', 'endpoint', 'client_id', 'client_secret', 'refresh_token', 'auth'];
  assert.deepEqual(Object.keys(parseInjections([turned])[0]!), [...order, 'redirect_uri', 'scope', 'resource']);
});

test('a scheme that begins with a code says where the browser came back to', () => {
  for (const redirect_uri of ['http://127.0.0.1:7001/callback', 'https://app.example/callback?x=1']) {
    const full = { ...SCHEME, auth: 'client_secret_basic', redirect_uri };
    assert.deepEqual(parseInjections([full]), [full]);
  }
});

const WRONG: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no refresh token', { refresh_token: undefined }, /needs the member|non-empty/],
  ['a refresh token in the open', { refresh_token: 'rt-in-the-open' }, /must name a field/],
  ['a refresh token with text around it', { refresh_token: 'x{refresh}' }, /one field and nothing else/],
  ['two refresh tokens in one', { refresh_token: '{refresh}{more}' }, /one field and nothing else/],
  ['a refresh token that is the secret', { client_secret: '{refresh}' }, /named nowhere else/],
  ['a refresh token that is in the id', { client_id: 'a{refresh}' }, /named nowhere else/],
  ['a secret in the open', { client_secret: 'hunter22' }, /must name a field/],
  ['a redirect URI in plain http', { redirect_uri: 'http://app.example/callback' }, /loopback/],
  ['a redirect URI with a fragment', { redirect_uri: 'https://app.example/callback#x' }, /./],
  ['a redirect URI that is none', { redirect_uri: 7 }, /./],
  ['a secret of a public client', { auth: 'none' }, /goes with an "auth"/],
  ['another way to authenticate', { auth: 'tls' }, /"auth" is/],
  ['null for a default', { auth: null }, /"auth" is/],
  ['an empty id', { client_id: '' }, /must not be empty/],
  ['an audience', { audience: 'x' }, /not defined/],
  ['an access token', { access_token: '{access}' }, /not defined/],
  ['plain http', { endpoint: 'http://login.example/oauth/token' }, /exact https URL/],
];
for (const [what, change, message] of WRONG)
  test(`[seal.bound] an envelope with ${what} is refused`, () => {
    refused(() => parseInjections([JSON.parse(JSON.stringify({ ...SCHEME, ...change }))]), message);
  });

test('[seal.bound] a confidential client without its secret is refused, and a slot with the refresh token', () => {
  const { client_secret: _, ...open } = SCHEME;
  refused(() => parseInjections([{ ...open, auth: 'client_secret_basic' }]), /goes with an "auth"/);
  refused(
    () => parseInjections([SCHEME, { in: 'header', name: 'x-refresh', value: '{refresh}' }]),
    /named nowhere else/,
  );
  parseInjections([SCHEME, { in: 'header', name: 'x-key', value: '{secret}' }]);
});

const HANDLE = 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057';
const [A, B, C] = ['A', 'B', 'C'].map((letter) => letter.repeat(42) + 'A') as [string, string, string];
const version = (ver: number, sha256: string): object => ({ ver, sha256 });
const STATED = { handle: HANDLE, base: version(1, A), from: version(3, B), to: version(4, C) };

test('[seal.bound] a reseal statement is about one version and the next, from what its owner sealed', () => {
  assert.deepEqual(parseReseal(STATED), STATED);
  assert.equal(parseReseal({ ...STATED, base: version(3, B) }).base.ver, 3);
  for (const [change, message] of [
    [{ to: version(5, C) }, /the one after it/],
    [{ to: version(3, C) }, /the one after it/],
    [{ base: version(4, A) }, /begins with the version/],
    [{ base: version(3, A) }, /begins with the version/],
    [{ base: { ver: 1 } }, /needs the member/],
    [{ base: { ...STATED.base, iat: 1 } }, /not defined/],
    [{ from: version(0, B) }, /out of range/],
    [{ handle: 'x' }, /./],
    [{ iat: 1 }, /not defined/],
  ] as const)
    refused(() => parseReseal({ ...STATED, ...change }), message);
});

const POLICY = {
  ...{ handle: HANDLE, ver: 2, iss: 'https://auth.example', org: 'default', owner: 'ada', connection: 'mail' },
  ...{ servers: ['https://mcp.example/mcp'], bearer: false, iat: 1_795_000_000, exp: 1_826_536_000 },
  allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/a'], query: ['q'] }],
  inject: [SCHEME],
  pin: { jkt: [A] },
};

function envelope(policy: object = {}, head: object = {}): Envelope {
  const dauth = { ...POLICY, ...policy };
  const header = { alg: 'HPKE-3', kid: A, typ: TYP.credential, crit: ['dauth'], dauth, ...head };
  return made(encodeEnvelopeHeader(header as unknown as EnvelopeHeader));
}

function made(segment: string): Envelope {
  const octets = (length: number): string => Buffer.alloc(length, 7).toString('base64url');
  return parseEnvelope(`${segment}.${octets(32)}..${octets(80)}.`);
}

test('[seal.bound] a reseal changes version, key and algorithm of a header, and nothing else', () => {
  const current = envelope();
  assertResealed(current, made(nextHeader(current.header, { kid: B, alg: 'HPKE-4' })));
  assert.equal(made(nextHeader(current.header, { kid: B, alg: 'HPKE-3' })).header.kid, B);
  for (const change of [
    { ver: 2 },
    { ver: 4 },
    { owner: 'bob' },
    { servers: ['https://mcp.example/mcp', 'https://evil.example/mcp'] },
    { allow: [{ ...POLICY.allow[0], query: ['q', 'r'] }] },
    { inject: [{ ...SCHEME, endpoint: 'https://evil.example/oauth/token' }] },
    { pin: { jkt: [B] } },
    { pin: undefined, bearer: true },
    { exp: POLICY.exp + 1 },
  ])
    refused(() => assertResealed(current, envelope({ ver: 3, ...change })), /nothing else of a header/);
});
