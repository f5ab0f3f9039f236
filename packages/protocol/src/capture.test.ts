import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnvelopeHeader, joinEnvelope, parseEnvelope, type EnvelopeHeader } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { parseReseal } from './reseal.ts';

const [LOGIN, SESSION] = [
  'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab',
  'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ac',
];
const RULE = { origin: 'https://api.example', methods: ['POST'], paths: ['/login'] };
const FIELD = { pointer: '/auth/token', field: 'token' };
const CAPTURE = { into: SESSION, fields: [FIELD] };
const CAPTURED = { from: LOGIN, fields: ['token'], lifetime: 3_600 };
const BODY = [{ in: 'body', pointer: '/pass', value: '{password}' }];
const BEARER = [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }];

function encode(dauth: object): string {
  const whole = {
    ...{ handle: LOGIN, ver: 1, iss: 'https://auth.example', org: 'default', owner: 'ada', connection: 'shop' },
    ...{ servers: ['https://mcp.example/mcp'], allow: [RULE], inject: BODY, bearer: false, iat: 1, exp: 2 },
    ...dauth,
  };
  const said = { alg: 'HPKE-3', kid: 'A'.repeat(43), typ: 'dauth-credential+jwe', crit: ['dauth'], dauth: whole };
  return encodeEnvelopeHeader(said as unknown as EnvelopeHeader);
}

const session = (captured: object = {}, more: object = {}) =>
  encode({ handle: SESSION, inject: BEARER, captured: { ...CAPTURED, ...captured }, ...more });

test('a login and what is captured of it read back as they were sealed', () => {
  const read = (segment: string) =>
    parseEnvelope(joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80))).header.dauth;
  assert.deepEqual(read(encode({ capture: CAPTURE })).capture, CAPTURE);
  assert.deepEqual(read(session()).captured, CAPTURED);
});

const refused = (what: string, make: () => string, says: RegExp): void =>
  void test(`[seal.bound] ${what} is refused`, () => {
    assert.throws(make, (error: unknown) => {
      assert.ok(error instanceof DAuthError && error.code === 'INVALID_REQUEST');
      assert.match(error.publicMessage, says);
      return true;
    });
  });

const capture =
  (members: object, more: object = {}) =>
  () =>
    encode({ capture: { ...CAPTURE, ...members }, ...more });
const rule = (members: object) => ({ allow: [{ ...RULE, ...members }] });

refused('a login that captures into itself', capture({ into: LOGIN }), /another connection/);
refused('a login that captures nothing', capture({ fields: [] }), /must not be empty/);
refused('a login that captures too much', capture({ fields: Array.from({ length: 5 }, () => FIELD) }), /more than 4/);
refused('one pointer twice', capture({ fields: [FIELD, { ...FIELD, field: 'more' }] }), /twice/);
refused('one field twice', capture({ fields: [FIELD, { pointer: '/x', field: 'token' }] }), /twice/);
refused('a pointer to all of an answer', capture({ fields: [{ pointer: '', field: 'token' }] }), /JSON pointer/);
refused('an unknown member of a capture', capture({ when: 'now' }), /not defined/);
refused('an unknown member of a field', capture({ fields: [{ ...FIELD, as: 'x' }] }), /not defined/);
refused('a login at any path', capture({}, rule({ paths: ['/**'] })), /whole paths only/);
refused('a login at any path of some', capture({}, rule({ paths: ['/login', '/v1/*/login'] })), /whole paths only/);
for (const path of ['/graphql', '/api/GraphQL', '/graphql/'])
  refused(`a login at ${path}`, capture({}, rule({ paths: ['/login', path] })), /allows no GraphQL/);
refused(
  'a login that is an operation of GraphQL',
  capture({}, rule({ paths: ['/api'], graphql: { operations: ['mutation'] } })),
  /allows no GraphQL/,
);
refused('a login by HEAD', capture({}, { ...rule({ methods: ['HEAD'] }), inject: BEARER }), /no HEAD/);
refused(
  'a login that opens WebSockets',
  capture({}, { ...rule({ methods: ['GET'], websocket: true }), inject: BEARER }),
  /no WebSocket/,
);
refused('a login whose cookies go back', capture({}, { response_headers: ['set-cookie'] }), /"response_headers"/);
refused(
  'a login that is captured itself',
  capture({}, { captured: { ...CAPTURED, from: SESSION } }),
  /exclude each other/,
);

refused('what is captured of itself', () => session({ from: SESSION }), /another connection/);
refused('what is captured for ever', () => session({ lifetime: 40_000_000 }), /"lifetime"/);
refused('what is captured for no time', () => session({ lifetime: 0 }), /"lifetime"/);
refused('what is captured into no slot', () => session({ fields: ['other'] }), /No injection names/);
refused('one captured field twice', () => session({ fields: ['token', 'token'] }), /twice/);
refused('an unknown member of what is captured', () => session({ scope: 'all' }), /not defined/);
refused(
  'what is captured to be exchanged',
  () =>
    session(
      {},
      {
        inject: [
          { scheme: 'client_credentials', endpoint: 'https://idp.example/t', client_id: 'a', client_secret: '{token}' },
        ],
      },
    ),
  /neither exchanged/,
);

test('a reseal statement says when what it holds was captured, or nothing of it', () => {
  const [base, to] = [1, 2].map((ver) => ({ ver, sha256: 'A'.repeat(43) }));
  const said = { handle: SESSION, base, from: base, to };
  assert.equal(parseReseal(said as never).captured_at, undefined);
  assert.equal(parseReseal({ ...said, captured_at: 7 } as never).captured_at, 7);
  for (const captured_at of [null, '7', 7.5, -1])
    assert.throws(() => parseReseal({ ...said, captured_at } as never), DAuthError);
});
