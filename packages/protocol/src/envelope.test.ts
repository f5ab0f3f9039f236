import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from './base64url.ts';
import { encodeEnvelopeHeader, joinEnvelope, parseEnvelope, type EnvelopeHeader } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { encodeUtf8 } from './utf8.ts';

const THUMB = 'A'.repeat(42) + 'A';
const policy = (over: object = {}) => ({
  handle: 'ddls:conn:01900000-0000-7000-8000-000000000000',
  ver: 1,
  iss: 'https://auth.example',
  org: 'default',
  owner: 'ada',
  connection: 'github',
  servers: ['https://mcp.example/mcp'],
  allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
  inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
  bearer: false,
  iat: 1_795_000_000,
  exp: 1_826_536_000,
  ...over,
});
const header = (over: object = {}, dauth: object = {}) => ({
  ...{ alg: 'HPKE-3', kid: THUMB, typ: 'dauth-credential+jwe', crit: ['dauth'], dauth: policy(dauth) },
  ...over,
});
const seal = (value: unknown) =>
  joinEnvelope(
    encodeBase64url(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value))),
    new Uint8Array(32),
    new Uint8Array(80),
  );

test('a header is written in one form that reads back as itself', () => {
  const segment = encodeEnvelopeHeader(header() as unknown as EnvelopeHeader);
  const envelope = parseEnvelope(joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80)));
  assert.equal(encodeEnvelopeHeader(envelope.header), segment);
  assert.equal(envelope.protectedSegment, segment);
});

const without = (name: string) => {
  const copy: Record<string, unknown> = policy();
  delete copy[name];
  return header({ dauth: copy });
};

for (const [what, value, message] of [
  ['an unknown JOSE member', header({ zip: 'DEF' }), /not defined/],
  ['an epk beside enc', header({ epk: {} }), /not defined/],
  ['an unknown algorithm', header({ alg: 'HPKE-9' }), /algorithm/],
  ['alg none', header({ alg: 'none' }), /algorithm/],
  ['alg from the prototype', header({ alg: '__proto__' }), /algorithm/],
  ['another typ', header({ typ: 'JWE' }), /type/],
  ['no crit', header({ crit: [] }), /critical/],
  ['a second crit', header({ crit: ['dauth', 'b64'] }), /critical/],
  ['a kid that is not a thumbprint', header({ kid: 'key-1' }), /key id/],
  ['an unknown policy member', header({}, { admin: true }), /not defined/],
  ['no servers', header({}, { servers: [] }), /"servers" must not be empty/],
  ['no allow', header({}, { allow: [] }), /"allow" must not be empty/],
  ['missing exp', without('exp'), /needs the member "exp"/],
  ['missing servers', without('servers'), /needs the member "servers"/],
  ['a time that is not an integer', header({}, { exp: 1_826_536_000.5 }), /integer/],
  ['exp before iat', header({}, { exp: 1 }), /later/],
  ['an empty pin', header({}, { pin: {} }), /at least one/],
  ['an empty pin list', header({}, { pin: { jkt: [] } }), /must not be empty/],
  ['bearer null', header({}, { bearer: null }), /"bearer" must be true or false/],
  ['a time written as 1.0', JSON.stringify(header()).replace(/"iat":(\d+)/, '"iat":$1.0'), /plain digits/],
  ['a version written as 1e0', JSON.stringify(header()).replace('"ver":1', '"ver":1e0'), /plain digits/],
  ['bearer with a pin', header({}, { bearer: true, pin: { jkt: [THUMB] } }), /exclude/],
  [
    'an origin with a path',
    header({}, { allow: [{ origin: 'https://a.example/', methods: ['GET'], paths: ['/'] }] }),
    /origin/,
  ],
  [
    'an uppercase origin',
    header({}, { allow: [{ origin: 'https://A.example', methods: ['GET'], paths: ['/'] }] }),
    /origin/,
  ],
  [
    'a default port',
    header({}, { allow: [{ origin: 'https://a.example:443', methods: ['GET'], paths: ['/'] }] }),
    /origin/,
  ],
  [
    'an IPv4 origin',
    header({}, { allow: [{ origin: 'https://127.0.0.1', methods: ['GET'], paths: ['/'] }] }),
    /origin/,
  ],
  [
    'an IPv4 origin in disguise',
    header({}, { allow: [{ origin: 'https://0x7f.1', methods: ['GET'], paths: ['/'] }] }),
    /origin/,
  ],
  ['an IPv6 origin', header({}, { allow: [{ origin: 'https://[::1]', methods: ['GET'], paths: ['/'] }] }), /origin/],
  [
    'a trailing dot',
    header({}, { allow: [{ origin: 'https://a.example.', methods: ['GET'], paths: ['/'] }] }),
    /origin/,
  ],
  ['userinfo', header({}, { allow: [{ origin: 'https://u@a.example', methods: ['GET'], paths: ['/'] }] }), /origin/],
  ['CONNECT', header({}, { allow: [{ origin: 'https://a.example', methods: ['CONNECT'], paths: ['/'] }] }), /method/],
  [
    'a method wildcard',
    header({}, { allow: [{ origin: 'https://a.example', methods: ['*'], paths: ['/'] }] }),
    /method/,
  ],
  ['a Host slot', header({}, { inject: [{ in: 'header', name: 'host', value: '{token}' }] }), /never be/],
  ['a DAuth slot', header({}, { inject: [{ in: 'header', name: 'dauth-origin', value: '{token}' }] }), /never be/],
  [
    'a forwarded slot',
    header({}, { inject: [{ in: 'header', name: 'x-forwarded-for', value: '{token}' }] }),
    /never be/,
  ],
  ['CR LF in a template', header({}, { inject: [{ in: 'header', name: 'x', value: 'a\r\nb: {token}' }] }), /control/],
  ['a template without a field', header({}, { inject: [{ in: 'header', name: 'x', value: 'fixed' }] }), /name a field/],
  ['a stray brace', header({}, { inject: [{ in: 'header', name: 'x', value: '{token}}' }] }), /brace/],
  [
    'the same slot twice',
    header(
      {},
      {
        inject: [
          { in: 'basic', user: 'u', pass: '{p}' },
          { in: 'header', name: 'authorization', value: '{t}' },
        ],
      },
    ),
    /same entry twice/,
  ],
  ['a duplicate member', JSON.stringify(header()).replace('"ver":1', '"ver":1,"ver":2'), /duplicate/],
] as const) {
  test(`[seal.bound] an envelope header with ${what} is refused`, () => {
    assert.throws(
      () => parseEnvelope(seal(value)),
      (error: unknown) =>
        error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
    );
  });
}

test('[seal.bound] an envelope is exactly five segments with an empty iv and tag and a padded ciphertext', () => {
  const good = seal(header());
  parseEnvelope(good);
  const [head, enc, , ct] = good.split('.');
  for (const bad of [
    `${head}.${enc}.${ct}`,
    `${head}.${enc}.AAAA.${ct}.`,
    `${head}.${enc}..${ct}.AAAA`,
    `${head}.${enc}..${ct}..`,
    `${head}.AAAA..${ct}.`,
    `${head}.${enc}..${encodeBase64url(new Uint8Array(81))}.`,
    `${head}.${enc}..${encodeBase64url(new Uint8Array(16))}.`,
    `${head}=.${enc}..${ct}.`,
  ]) {
    assert.throws(
      () => parseEnvelope(bad),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  }
  assert.throws(
    () => parseEnvelope('A'.repeat(100_001)),
    (error: unknown) => error instanceof DAuthError && error.code === 'PAYLOAD_TOO_LARGE' && error.status === 413,
  );
});
