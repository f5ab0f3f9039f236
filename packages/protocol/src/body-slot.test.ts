/** Slots in bodies: the pointers and fields that an envelope may name, and those that no body could have together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pointerNames } from './body-slot.ts';
import { encodeBase64url } from './base64url.ts';
import { joinEnvelope, parseEnvelope } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { bodySlots, injectedFields, parseInjections } from './inject.ts';
import { encodeUtf8 } from './utf8.ts';

const value = '{token}';
const pointers = (...all: string[]) => all.map((pointer) => ({ in: 'body', pointer, value }));
const fields = (...all: string[]) => all.map((field) => ({ in: 'body', field, value }));

function refused(slots: readonly object[], message: RegExp): void {
  assert.throws(
    () => parseInjections(slots),
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

test('body slots are read as they stand, several of one kind, beside slots of other kinds', () => {
  for (const slots of [
    pointers('/auth/token'),
    pointers('/a', '/b/c', '/b/d', '/a~1b/~01x', '/with space/["]'.replace('"', '')),
    fields('client_secret', 'client_id', 'a[b].c~-'),
    [...fields('client_secret'), { in: 'header', name: 'x-key', value: 'k {token}' }],
  ]) {
    const parsed = parseInjections(slots);
    assert.deepEqual(parsed, slots);
    assert.deepEqual([...injectedFields(parsed)], ['token']);
    assert.equal(bodySlots(parsed).length, slots.filter((slot) => slot.in === 'body').length);
  }
});

const PAIRS: readonly (readonly [name: string, slots: readonly object[], message: RegExp])[] = [
  ['JSON and a form', [...pointers('/a'), ...fields('b')], /all pointers into JSON, or all fields/],
  ['the same pointer twice', pointers('/a/b', '/a/b'), /same entry twice/],
  ['a pointer in other letters', pointers('/a/key', '/a/KEY'), /same entry twice/],
  ['a field in other letters', fields('key', 'Key'), /same entry twice/],
  ['a slot inside another one', pointers('/auth/key', '/auth'), /inside another/],
  ['a slot deep inside another one', pointers('/a', '/A/b/c'), /inside another/],
  [
    'a scheme that signs the body',
    [...pointers('/a'), { scheme: 'aws_sigv4', access_key: 'AKID', secret_key: '{s}', region: 'r', service: 's3' }],
    /signs the body that the caller sent/,
  ],
  ['one member in two spellings', pointers('/auth/key', '/Auth/id'), /in two ways/],
];
for (const [name, slots, message] of PAIRS) {
  test(`[seal.bound] body slots that no body could have are refused: ${name}`, () => refused(slots, message));
}

test('[seal.bound] a pointer has one spelling, a name in each step, and printable ASCII that JSON need not escape', () => {
  for (const pointer of ['', '/', 'a', '#/a', '/a/', '//a', '/a~', '/a~2', '/"', '/\\', '/ä', '/\n', '/a\0'])
    refused(pointers(pointer), /is a JSON pointer in printable ASCII/);
  refused([{ in: 'body', pointer: 7, value }], /is a JSON pointer/);
  refused(pointers(`/${'a'.repeat(256)}`), /is a JSON pointer/);
  refused(pointers('/a'.repeat(17)), /too deep/);
  assert.equal(parseInjections(pointers('/a'.repeat(16))).length, 1);
});

test('[seal.bound] a body slot has one name and no member of another slot', () => {
  const OF_TWO = /one of the two/;
  refused([{ in: 'body', value }], OF_TWO);
  refused([{ in: 'body', pointer: '/a', field: 'a', value }], OF_TWO);
  refused([{ in: 'body', name: 'a', value }], /not defined/);
  refused([{ in: 'body', pointer: '/a', segment: 0, value }], /not defined/);
  refused([{ in: 'header', name: 'a', pointer: '/a', value }], /not defined/);
  refused([{ in: 'body', pointer: '/a' }], /needs the member "value"/);
  refused([{ in: 'body', pointer: '/a', value: 'fixed' }], /name a field/);
  for (const field of ['a b', 'a&b', 'a=b', 'ä', 'a%20']) refused(fields(field), /need encoding/);
});

test('[dispatch.bound] a method override is never a body slot', () => {
  for (const field of ['_method', '_METHOD[]', '.method', 'X-HTTP-Method-Override']) refused(fields(field), /method/);
  for (const pointer of ['/_method', '/a/_Method', '/x-method-override']) refused(pointers(pointer), /method/);
  for (const slots of [fields('payment_method'), pointers('/method')]) assert.equal(parseInjections(slots).length, 1);
});

test('[seal.bound] a credential in the body is sealed for methods that have one', () => {
  const parse = (inject: readonly object[], methods: readonly string[]) => {
    const dauth = {
      ...{ handle: 'ddls:conn:01900000-0000-7000-8000-000000000000', ver: 1, iss: 'https://auth.example' },
      ...{ org: 'default', owner: 'ada', connection: 'api', servers: ['https://mcp.example/mcp'], inject },
      ...{ allow: [{ origin: 'https://api.example', methods, paths: ['/token'] }], iat: 1, exp: 2 },
    };
    const header = { alg: 'HPKE-3', kid: 'A'.repeat(43), typ: 'dauth-credential+jwe', crit: ['dauth'], dauth };
    const segment = encodeBase64url(encodeUtf8(JSON.stringify(header)));
    return parseEnvelope(joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80)));
  };
  for (const methods of [['GET'], ['POST', 'HEAD']])
    for (const slots of [pointers('/a'), fields('a')])
      assert.throws(() => parse(slots, methods), { code: 'INVALID_REQUEST', message: /not GET, not HEAD/ });
  assert.deepEqual(parse(fields('a'), ['POST', 'DELETE', 'PATCH']).header.dauth.inject, fields('a'));
});

test('a pointer names what it was made of, whatever that is (RFC 6901)', () => {
  const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/["\\]/.test(text));
  const names = fc.array(name, { minLength: 1, maxLength: 8 }).filter((all) => !/method$/i.test(all.at(-1)!));
  const holds = fc.property(names, (all) => {
    const pointer = all.map((one) => `/${one.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    assert.deepEqual(pointerNames(pointer), all);
    assert.equal(parseInjections(pointers(pointer)).length, 1);
  });
  fc.assert(holds, { numRuns: 200 });
});
