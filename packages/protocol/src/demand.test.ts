import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { explain, meets, type Demands } from './demand.ts';

interface Three {
  readonly a: boolean;
  readonly b: boolean;
  readonly c: boolean;
}
const DEMANDS: Demands<Three, null> = [
  ['a', (rule) => rule.a],
  ['b', (rule) => rule.b],
  ['c', (rule) => rule.c],
];
const rules = fc.array(fc.record({ a: fc.boolean(), b: fc.boolean(), c: fc.boolean() }), { maxLength: 5 });

test('[dispatch.bound] what explains never says anything else than what decides', () => {
  fc.assert(
    fc.property(rules, (all) => {
      const decision = explain(DEMANDS, all, null);
      const first = all.findIndex((rule) => meets(DEMANDS, rule, null));
      assert.equal(decision.isAllowed, first >= 0);
      if (decision.isAllowed) assert.deepEqual([decision.rule, decision.unmet], [first, []]);
      else assert.equal(decision.unmet.length === 0, all.length === 0);
    }),
    { numRuns: 2_000 },
  );
});

test('the nearest rule has the fewest unmet demands, and of two it is left latest', () => {
  const [none, onlyA, butA, butC] = [
    { a: false, b: false, c: false },
    { a: true, b: false, c: false },
    { a: false, b: true, c: true },
    { a: true, b: true, c: false },
  ];
  const nearest = (...all: Three[]) => explain(DEMANDS, all, null);
  assert.deepEqual(nearest(none, onlyA), { isAllowed: false, rule: 1, unmet: ['b', 'c'] });
  assert.deepEqual(nearest(butA, butC), { isAllowed: false, rule: 1, unmet: ['c'] });
  assert.deepEqual(nearest(butC, butC), { isAllowed: false, rule: 0, unmet: ['c'] });
  assert.deepEqual(nearest(), { isAllowed: false, rule: undefined, unmet: [] });
});
