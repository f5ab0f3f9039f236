/** Places of slots in bodies, against the parsers of the platform: what is filled in is read as the owner meant it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError, parseInjections, type ErrorCode, type Injection } from '@dauth/protocol';
import fc from 'fast-check';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { inject } from '../secret/inject.ts';
import { placeSlots } from './body-slots.ts';

const json = (...pointers: string[]): readonly Injection[] =>
  parseInjections(pointers.map((pointer) => ({ in: 'body', pointer, value: '{token}' })));
const form = (...fields: string[]): readonly Injection[] =>
  parseInjections(fields.map((field) => ({ in: 'body', field, value: '{token}' })));

function filled(body: string | Uint8Array, slots: readonly Injection[], token: string | Uint8Array = 's3cret-value') {
  using plaintext = plaintextOf({ token });
  return inject(plaintext, slots, fillable(), placeSlots(Buffer.from(body as string), slots)).body!;
}

const JSON_BODIES: readonly (readonly [name: string, body: string, pointers: readonly string[], sent: string])[] = [
  ['an empty object', '{}', ['/key'], '{"key":"s3cret-value"}'],
  ['an object with space in it', ' { \r\n\t} ', ['/key'], ' {"key":"s3cret-value" \r\n\t} '],
  ['an object with members', '{"a":1}', ['/key'], '{"key":"s3cret-value","a":1}'],
  ['an object inside', '{"a":[],"auth":{}}', ['/auth/key'], '{"a":[],"auth":{"key":"s3cret-value"}}'],
  [
    'two members of one object',
    '{"auth":{}}',
    ['/auth/id', '/auth/key'],
    '{"auth":{"id":"s3cret-value","key":"s3cret-value"}}',
  ],
  [
    'members of two objects',
    '{"b":{"c":{}},"a":{"x":null}}',
    ['/a/k', '/b/c/k', '/k'],
    '{"k":"s3cret-value","b":{"c":{"k":"s3cret-value"}},"a":{"k":"s3cret-value","x":null}}',
  ],
  ['escapes of a pointer', '{"a/b":{"~":{}}}', ['/a~1b/~0/x~01'], '{"a/b":{"~":{"x~1":"s3cret-value"}}}'],
  ['a name that is written with escapes', '{"\\u0061uth":{}}', ['/auth/k'], '{"\\u0061uth":{"k":"s3cret-value"}}'],
  [
    'texts that look like structure',
    '{"a":"}{\\"auth\\":{","auth":{"b":"\\\\"}}',
    ['/auth/k'],
    '{"a":"}{\\"auth\\":{","auth":{"k":"s3cret-value","b":"\\\\"}}',
  ],
  [
    'a member of the name elsewhere, and numbers as they came',
    '{"list":[{"key":1}],"auth":{"n":1.0e400},"n":12345678901234567890}',
    ['/key'],
    '{"key":"s3cret-value","list":[{"key":1}],"auth":{"n":1.0e400},"n":12345678901234567890}',
  ],
];

for (const [name, body, pointers, sent] of JSON_BODIES) {
  test(`[dispatch.bound] a JSON body is filled in one place and nothing else of it changes: ${name}`, () => {
    assert.equal(filled(body, json(...pointers)).toString(), sent);
  });
}

const TAKEN = /names a slot that the sealed credential fills/;
const NO_OBJECT = /has no object where the sealed credential goes/;
const MALFORMED = /well-formed|duplicate|nested/;

const REFUSED: readonly (readonly [name: string, body: string | Uint8Array, code: ErrorCode, says: RegExp])[] = [
  ['the member itself', '{"auth":{"key":"mine"}}', 'POLICY_DENIED', TAKEN],
  ['the member as null', '{"auth":{"key":null}}', 'POLICY_DENIED', TAKEN],
  ['the member in other letters', '{"auth":{"KEY":"mine"}}', 'POLICY_DENIED', TAKEN],
  ['the member with the sign of Kelvin', '{"auth":{"\u212aey":"mine"}}', 'POLICY_DENIED', TAKEN],
  ['the member up to a zero, where readers in C end a name', '{"auth":{"key\\u0000x":"mine"}}', 'POLICY_DENIED', TAKEN],
  ['the member with escapes', '{"auth":{"\\u006bey":"mine"}}', 'POLICY_DENIED', TAKEN],
  ['the object beside it in other letters', '{"auth":{},"AUTH":{"key":"mine"}}', 'POLICY_DENIED', TAKEN],
  ['the object in other letters alone', '{"Auth":{}}', 'POLICY_DENIED', TAKEN],
  ['no object', '{}', 'POLICY_DENIED', NO_OBJECT],
  ['a list in its place', '{"auth":[{}]}', 'POLICY_DENIED', NO_OBJECT],
  ['a text in its place', '{"auth":"{}"}', 'POLICY_DENIED', NO_OBJECT],
  ['null in its place', '{"auth":null,"b":{}}', 'POLICY_DENIED', NO_OBJECT],
  ['the object one step too far in', '{"a":{"auth":{}}}', 'POLICY_DENIED', NO_OBJECT],
  ['a list around it', '[{"auth":{}}]', 'POLICY_DENIED', NO_OBJECT],
  ['a number alone', '1', 'POLICY_DENIED', NO_OBJECT],
  ['two members of a name', '{"auth":{},"a":1,"a":2}', 'INVALID_REQUEST', MALFORMED],
  ['two objects of the name', '{"auth":{},"auth":{}}', 'INVALID_REQUEST', MALFORMED],
  ['two objects of the name, one with escapes', '{"auth":{},"\\u0061uth":{}}', 'INVALID_REQUEST', MALFORMED],
  ['a comma too much', '{"auth":{},}', 'INVALID_REQUEST', MALFORMED],
  ['a comment', '{"auth":{}/**/}', 'INVALID_REQUEST', MALFORMED],
  ['two documents', '{"auth":{}}{"auth":{}}', 'INVALID_REQUEST', MALFORMED],
  ['a byte order mark', '\ufeff{"auth":{}}', 'INVALID_REQUEST', MALFORMED],
  ['no end', '{"auth":{', 'INVALID_REQUEST', MALFORMED],
  [
    'octets that are no UTF-8',
    Buffer.from('7b2261757468223a7b7d2c2278223a22ff227d', 'hex'),
    'INVALID_REQUEST',
    /UTF-8/,
  ],
  ['UTF-16', Buffer.from('{"auth":{}}', 'utf16le'), 'INVALID_REQUEST', MALFORMED],
  [
    'more values than are read while others wait',
    `{"auth":{},"a":[${'1,'.repeat(65_540)}1]}`,
    'INVALID_REQUEST',
    /more values/,
  ],
  ['more depth than any document has', `{"auth":{},"a":${'['.repeat(40)}`, 'INVALID_REQUEST', MALFORMED],
];

for (const [name, body, code, says] of REFUSED) {
  test(`[dispatch.bound] a JSON body is refused that has ${name}`, () => {
    assert.throws(
      () => placeSlots(Buffer.from(body as string), json('/auth/key')),
      (error: unknown) => error instanceof DAuthError && error.code === code && says.test(error.publicMessage),
    );
  });
}

const FORM_NAMES: readonly (readonly [name: string, body: string])[] = [
  ['as it is', 'a=1&client_secret=mine'],
  ['without a value', 'client_secret'],
  ['in other letters', 'Client_Secret=mine'],
  ['percent-encoded', '%63lient%5fsecret=mine'],
  ['with a blank before it', '+client_secret=mine'],
  ['as a list', 'client_secret%5B%5D=mine'],
  ['behind a semicolon', 'a=1;client_secret=mine'],
  ['as PHP reads it', 'client.secret=mine'],
  ['as PHP reads a bracket that nothing closes', 'client[secret=mine'],
  ['in brackets, as Rack and qs read it', '%5Bclient_secret%5D=mine'],
  ['with a bracket before it', '[client_secret=mine'],
];

for (const [name, body] of FORM_NAMES) {
  test(`[dispatch.bound] a form cannot name the slot for itself: ${name}`, () => {
    assert.throws(() => placeSlots(Buffer.from(body), form('client_secret')), {
      code: 'POLICY_DENIED',
      message: TAKEN,
    });
  });
}

test('[dispatch.bound] a form with octets that two readers could decode differently is refused', () => {
  for (const body of ['a=b c', 'a=ö', 'a=b\r\n', 'a=\0'])
    assert.throws(() => placeSlots(Buffer.from(body), form('k')), { code: 'INVALID_REQUEST', message: /percent-enc/ });
  assert.throws(() => placeSlots(Buffer.from('%ff=1'), form('k')), { code: 'POLICY_DENIED', message: /UTF-8/ });
});

test('[dispatch.bound] a form with parameters that would hold up all other calls is refused', () => {
  const few = { code: 'INVALID_REQUEST', message: /at most 1000 parameters/ };
  for (const separator of '&;')
    assert.throws(() => placeSlots(Buffer.from(`a${separator}`.repeat(1_000)), form('k')), few);
  assert.equal(placeSlots(Buffer.from('a&'.repeat(999)), form('k')).places.length, 1);
});

test('[dispatch.bound] values that their body could not carry are refused', () => {
  const says = (message: RegExp) => ({ code: 'POLICY_DENIED', message });
  for (const control of ['\n', '\0', '\x7f']) {
    assert.throws(() => filled('{}', json('/k'), `abcdefgh${control}ijkl`), says(/slot cannot carry/));
    assert.throws(() => filled('a=1', form('k'), `abcdefgh${control}ijkl`), says(/slot cannot carry/));
  }
  for (const octets of ['ff', 'c080', 'eda080', 'f4908080', 'e28c', '80', 'f08080af'])
    assert.throws(
      () => filled('{}', json('/k'), Buffer.concat([Buffer.from('abcdefgh'), Buffer.from(octets, 'hex')])),
      says(/no UTF-8/),
    );
  const latin1 = Buffer.from('abcdefgh\xff', 'latin1');
  assert.equal(filled('a=1', form('k'), latin1).toString(), 'k=abcdefgh%FF&a=1');
});

test('[dispatch.bound] a slot without a place is a defect, and nothing is filled', () => {
  using plaintext = plaintextOf({ token: 's3cret-value' });
  assert.throws(() => inject(plaintext, json('/k'), fillable()), TypeError);
});

/** Whatever may be a credential's value in a body. */
const value = fc
  .string({ unit: 'grapheme', minLength: 12, maxLength: 60 })
  .filter((text) => !/^ | $|\p{Cc}|\p{Cs}/u.test(text) && Buffer.byteLength(text) < 1_000);
/** Without what JSON does not keep. */
const member = fc.jsonValue().map((any) => JSON.parse(JSON.stringify(any)) as unknown);

test('[dispatch.bound] JSON.parse reads what the caller sent and the value in its place, whatever both are', () => {
  const one = fc.property(
    fc.dictionary(fc.string({ unit: 'grapheme' }), member, { maxKeys: 5 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), member, { maxKeys: 5 }),
    value,
    fc.constantFrom(undefined, 1, '\t', '\r\n'),
    (outer, inner, token, space) => {
      const clean = (of: object): object =>
        Object.fromEntries(Object.entries(of).filter(([name]) => !/^(?:__proto__|auth|key)$/i.test(name)));
      const sent = { ...clean(outer), auth: clean(inner), ...clean({ z: inner }) };
      const text = JSON.stringify(sent, null, space).replaceAll('"__proto__"', '"proto"');
      const read = JSON.parse(filled(text, json('/auth/key'), token).toString()) as object;
      const meant = JSON.parse(text) as { auth: object };
      assert.deepEqual(read, { ...meant, auth: { ...meant.auth, key: token } });
    },
  );
  fc.assert(one, { numRuns: 300 });
});

test('[dispatch.bound] URLSearchParams reads what the caller sent and the value in its field, whatever both are', () => {
  const pair = fc.tuple(
    fc.string({ unit: 'grapheme' }).filter((name) => !/^[\s[\]]*key|method/i.test(name)),
    fc.string({ unit: 'grapheme' }),
  );
  const one = fc.property(fc.array(pair, { minLength: 1, maxLength: 6 }), value, (pairs, token) => {
    const sent = new URLSearchParams(pairs);
    fc.pre(sent.toString() !== '');
    const read = new URLSearchParams(filled(sent.toString(), form('key'), token).toString());
    assert.deepEqual([...read], [['key', token.toWellFormed()], ...sent]);
  });
  fc.assert(one, { numRuns: 300 });
});
