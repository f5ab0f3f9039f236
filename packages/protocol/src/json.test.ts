import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DAuthError } from './errors.ts';
import { parseJson } from './json.ts';

const refused = (text: string, message: RegExp, code = 'INVALID_REQUEST') =>
  assert.throws(
    () => parseJson(text, 1_000),
    (error: unknown) => error instanceof DAuthError && error.code === code && message.test(error.publicMessage),
  );

/** JSON.parse with null prototypes, to compare by structure. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('strict JSON reads whatever JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('"__proto__"') && text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
      assert.deepEqual(plain(parseJson(text, 100_000)), plain(value));
    }),
  );
});

test('strict JSON never takes a text that JSON.parse refuses', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 12, unit: fc.constantFrom(...'{}[]":,0123e.-+ \\utrfalsn\n'.split('')) }),
      (text) => {
        let mine: unknown;
        try {
          mine = parseJson(text, 100);
        } catch {
          return;
        }
        assert.deepEqual(plain(mine), plain(JSON.parse(text)));
      },
    ),
    { numRuns: 5_000 },
  );
});

test('[seal.bound] a duplicate JSON member is refused, however it is spelled', () => {
  refused('{"a":1,"a":2}', /duplicate/);
  refused('{"a":1,"\\u0061":2}', /duplicate/);
  refused('{"x":{"a":1,"b":2,"a":3}}', /duplicate/);
});

test('a __proto__ member is refused and objects have no prototype', () => {
  refused('{"__proto__":{"admin":true}}', /forbidden/);
  refused('{"\\u005f_proto__":1}', /forbidden/);
  const parsed = parseJson('{"constructor":1}', 100) as object;
  assert.equal(Object.getPrototypeOf(parsed), null);
});

test('[seal.bound] an integer has one spelling, so no two readers of a signed time can differ', () => {
  for (const text of ['1.0', '9e0', '1E3', '-0', '0.0', '-0.0', '1000e-3', '12345678901234567890', '{"iat":[1.0]}'])
    refused(text, /not in plain digits/);
  for (const text of ['0', '-1', '1795000000', '0.5', '1.5e-3', '9007199254740991'])
    assert.equal(parseJson(text, 100), Number(text));
});

test('size is compared before anything is parsed', () => {
  refused(' '.repeat(1_001), /larger/, 'PAYLOAD_TOO_LARGE');
});

test('nesting beyond 32 levels is refused, not recursed into', () => {
  refused('['.repeat(40) + ']'.repeat(40), /nested/);
});

for (const text of [
  '',
  '01',
  '1.',
  '+1',
  '.5',
  "{'a':1}",
  '[1,]',
  '{"a":1,}',
  'nul',
  '"\t"',
  '"\\x"',
  '1 2',
  '\ufeff1',
  '1e999',
  '"\\ud800"',
  'undefined',
  '{a:1}',
]) {
  test(`strict JSON refuses ${JSON.stringify(text)}`, () => refused(text, /./));
}

test('a number that a double cannot keep is refused where it is written again, however else it is spelled', () => {
  for (const text of ['0.30000000000000004', '1.10', '1e21', '1.0', '9e0', '100000000000000000000'])
    assert.equal(parseJson(text, 100, 'kept'), Number(text));
  for (const text of ['9007199254740993', '12345678901234567890', '0.1234567890123456789', '1e-400'])
    assert.throws(() => parseJson(text, 100, 'kept'), /more digits than can be kept; write it as a string/);
  for (const text of ['0.1234567890123456789', '9007199254740991.4', '1e-400'])
    refused(text, /more digits|plain digits/);
});

test('a document that goes on as it came may spell its numbers as it likes, and nothing else', () => {
  for (const text of ['9007199254740993', '1.0', '-0', '1e-400', '0.1234567890123456789', '1e999'])
    assert.equal(parseJson(text, 100, 'any'), Number(text));
  for (const text of ['01', '+1', '.5', 'NaN', '1.', '{"a":1,"a":1}'])
    assert.throws(() => parseJson(text, 100, 'any'), { code: 'INVALID_REQUEST' });
});

test('a document has a bounded number of values, each of which takes time of everybody else', () => {
  const list = (values: number) => `[${'1,'.repeat(values - 2)}1]`;
  assert.equal((parseJson(list(250_000), 2_000_000) as unknown[]).length, 249_999);
  assert.throws(() => parseJson(list(250_001), 2_000_000), /more values than allowed/);
});
