/** The reader of forms, against the platform's own and with what nobody would write on purpose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '@dauth/protocol';
import fc from 'fast-check';
import { OAuthError } from './errors.ts';
import { parseForm } from './form.ts';

const word = fc.string({
  unit: fc.constantFrom('a', 'B', '0', ' ', '+', '%', '&', '=', 'ä', '€', '𝄞', '\u0000', '_'),
  maxLength: 8,
});
const pairs = fc.uniqueArray(fc.tuple(word, word), { maxLength: 8, selector: ([name]) => name });

test('whatever the platform writes as a form is read as it was, but for what is empty', () => {
  fc.assert(
    fc.property(pairs, (given) => {
      const form = parseForm(encodeUtf8(new URLSearchParams(given).toString()));
      assert.deepEqual(new Map(Object.entries(form)), new Map(given.filter(([, value]) => value !== '')));
    }),
    { numRuns: 3_000 },
  );
});

test('a form is read as the platform reads it, or refused', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', '=', '&', '%', '4', '1', '+', 'C', 'ä', ';'),
    maxLength: 24,
  });
  fc.assert(
    fc.property(text, (body) => {
      const form = readOrRefuse(encodeUtf8(body));
      if (form === undefined) return;
      const platform = [...new URLSearchParams(body)].filter(([, value]) => value !== '');
      assert.deepEqual(new Map(Object.entries(form)), new Map(platform));
      assert.equal(Object.keys(form).length, platform.length);
    }),
    { numRuns: 5_000 },
  );
});

test('octets are read or refused with invalid_request, and nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => void readOrRefuse(octets)),
    { numRuns: 3_000 },
  );
});

test('a parameter named like a member of every object is one like any other', () => {
  const form = parseForm(encodeUtf8('__proto__=a&constructor=b'));
  assert.deepEqual(Object.entries(form), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});

function readOrRefuse(octets: Uint8Array): object | undefined {
  try {
    return parseForm(octets);
  } catch (error) {
    assert.ok(error instanceof OAuthError && error.code === 'invalid_request', String(error));
    return undefined;
  }
}
