import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DAuthError } from './errors.ts';
import { parseAllow } from './policy.ts';
import { isQueryWithin, parseQueryNames } from './query.ts';

const RULE = { origin: 'https://api.example', methods: ['GET'], paths: ['/a'] };

for (const [what, query] of [
  ['null', null],
  ['a string', 'q'],
  ['a name with a space', ['a b']],
  ['a name that is percent-encoded', ['%71']],
  ['a name with a plus', ['a+b']],
  ['an empty name', ['']],
  ['a name with "="', ['a=b']],
  ['a number', [1]],
  ['a name twice', ['q', 'q']],
  ['65 names', Array.from({ length: 65 }, (_, index) => `n${index}`)],
  ['a name of 129 characters', ['n'.repeat(129)]],
] as const) {
  test(`[seal.bound] a rule with ${what} for its query names is refused`, () => {
    assert.throws(
      () => parseAllow([{ ...RULE, query }]),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  });
}

test('a rule keeps the names it lists, the empty list, and that it lists none', () => {
  for (const query of [[], ['q'], ['filter[state]', 'a.b-c~d_e']])
    assert.deepEqual(parseAllow([{ ...RULE, query }])[0]?.query, query);
  assert.equal('query' in parseAllow([RULE])[0]!, false);
});

const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'A', 'a[]', 'a.b'), { maxLength: 4 }).map(parseQueryNames);
const query = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', 'A', '[', ']', '.', '&', ';', '=', '%', '6', '1', '+', '?') }),
  fc.array(fc.constantFrom('a=1', 'b', 'A=', 'a[]=2', '%61=1', 'a.b=3', '')).map((pairs) => pairs.join('&')),
);

test('[dispatch.bound] whatever a query within a rule is read as, it has listed names only, and each once', () => {
  fc.assert(
    fc.property(names, query, (listed, text) => {
      if (!isQueryWithin(listed, `?${text}`)) return;
      // The reading of the URL standard, and that of a server which takes ";" for "&" too.
      for (const read of [text, text.replaceAll(';', '&')]) {
        const seen = [...new URLSearchParams(read).keys()];
        assert.ok(seen.every((name) => listed.includes(name)));
        assert.equal(new Set(seen).size, seen.length);
      }
    }),
    { numRuns: 5_000 },
  );
});

test('[dispatch.bound] a shorter list never takes a query that the longer one does not', () => {
  fc.assert(
    fc.property(names, names, query, (one, other, text) => {
      const both = one.filter((name) => other.includes(name));
      if (isQueryWithin(both, `?${text}`))
        assert.ok(isQueryWithin(one, `?${text}`) && isQueryWithin(other, `?${text}`));
    }),
    { numRuns: 2_000 },
  );
});
