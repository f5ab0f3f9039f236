/** The scheme `mtls`: what an envelope may say of a client certificate, and where it may go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from './base64url.ts';
import { joinEnvelope, parseEnvelope } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { certificateOf, injectedFields, isScheme, parseInjections, searchedFields, slotKeys } from './inject.ts';
import { encodeUtf8 } from './utf8.ts';

const MTLS = { scheme: 'mtls', certificate: '{certificate}', private_key: '{key}' };
const HEADER = { in: 'header', name: 'x-api-key', value: '{token}' };
const RULE = { origin: 'https://api.example', methods: ['POST'], paths: ['/**'] };

function refused(parse: () => unknown, message: RegExp): void {
  assert.throws(
    parse,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

function envelope(allow: unknown, inject: unknown): string {
  const dauth = {
    ...{ handle: 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a', ver: 1, iss: 'https://auth.example' },
    ...{ org: 'default', owner: 'ada', connection: 'bank', servers: ['https://mcp.example/mcp'], allow, inject },
    ...{ iat: 1_795_000_000, exp: 1_826_536_000 },
  };
  const kid = 'Sen_7JRKR8K8SlGfHt0CH5YaQ-fR7Fkf6S5tGQVp3GM';
  const header = { alg: 'HPKE-3', kid, typ: 'dauth-credential+jwe', crit: ['dauth'], dauth };
  const segment = encodeBase64url(encodeUtf8(JSON.stringify(header)));
  return joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80));
}

test('a client certificate is read as it stands; it occupies no slot, and answers are not searched for its fields', () => {
  const parsed = parseInjections([MTLS, HEADER]);
  assert.deepEqual(parsed, [MTLS, HEADER]);
  const [certified] = parsed;
  assert.deepEqual([slotKeys(certified!), isScheme(certified!), certificateOf(parsed)], [[], false, certified]);
  assert.equal(certificateOf(parsed.slice(1)), undefined);
  assert.deepEqual([...injectedFields(parsed)], ['certificate', 'key', 'token']);
  assert.deepEqual([...searchedFields(parsed)], ['token']);
});

test('slots stand beside a client certificate, in the body too', () => {
  const body = { in: 'body', pointer: '/auth/token', value: '{token}' };
  assert.equal(parseEnvelope(envelope([RULE], [MTLS, body])).header.dauth.inject.length, 2);
});

const WRONG: readonly (readonly [what: string, inject: readonly object[], message: RegExp])[] = [
  ['an unknown member', [{ ...MTLS, ca: '{ca}' }], /has exactly|member|mtls/],
  ['no key', [{ scheme: 'mtls', certificate: '{certificate}' }], /mtls|private_key/],
  ['text around the certificate', [{ ...MTLS, certificate: 'x{certificate}' }], /"certificate" is one field/],
  ['text around the key', [{ ...MTLS, private_key: '{key}\n' }], /./],
  ['one field for both', [{ ...MTLS, private_key: '{certificate}' }], /are two fields/],
  ['a slot with its key', [MTLS, { ...HEADER, value: '{key}' }], /named nowhere else/],
  ['a slot with its certificate', [MTLS, { ...HEADER, value: '{certificate}' }], /named nowhere else/],
  ['a second certificate', [MTLS, { ...MTLS, private_key: '{other}' }], /more than one scheme/],
  [
    'a scheme that asks for a token',
    [
      MTLS,
      { scheme: 'client_credentials', endpoint: 'https://login.example/token', client_id: 'a', client_secret: '{s}' },
    ],
    /more than one scheme/,
  ],
];
for (const [what, inject, message] of WRONG)
  test(`[seal.bound] a client certificate with ${what} is refused`, () =>
    refused(() => parseInjections(inject), message));

test('[seal.bound] a client certificate goes to https origins only', () => {
  parseEnvelope(envelope([RULE], [MTLS]));
  for (const origin of ['http://localhost:8080', 'postgres://db.example']) {
    const rule = origin.startsWith('postgres') ? { origin, methods: ['READ'], paths: ['/shop'] } : { ...RULE, origin };
    refused(() => parseEnvelope(envelope([RULE, rule], [MTLS])), /https origins only|goes with origins/);
  }
});
