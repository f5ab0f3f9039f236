import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonBody, parseBodyConditions, type BodyCondition } from './body-condition.ts';
import { DAuthError } from './errors.ts';
import { parseJson } from './json.ts';
import { allowsRequest, dependsOnBody, explainAllow, parseAllow } from './policy.ts';

const RULE = { origin: 'https://api.example', methods: ['POST'], paths: ['/a'] };
const P = { pointer: '/a' };

for (const [what, body] of [
  ['null', null],
  ['no condition', []],
  ['an object', { ...P, equals: 1 }],
  ['a condition without a comparison', [P]],
  ['a condition with two comparisons', [{ ...P, equals: 1, absent: true }]],
  ['an unknown member', [{ ...P, equals: 1, not: 2 }]],
  ['an unknown comparison', [{ ...P, matches: '.*' }]],
  ['no pointer', [{ equals: 1 }]],
  ['a pointer without a slash', [{ pointer: 'a', equals: 1 }]],
  ['the pointer to the whole', [{ pointer: '', equals: 1 }]],
  ['an object to compare with', [{ ...P, equals: {} }]],
  ['a fraction to compare with', [{ ...P, equals: 1.5 }]],
  ['an unsafe integer to compare with', [{ ...P, equals: 2 ** 53 }]],
  ['a text of 513 characters', [{ ...P, equals: 'x'.repeat(513) }]],
  ['a lone surrogate', [{ ...P, equals: '\ud800' }]],
  ['nothing to be one of', [{ ...P, one_of: [] }]],
  ['the same scalar twice', [{ ...P, one_of: [1, 1] }]],
  ['a list in a list', [{ ...P, one_of: [[1]] }]],
  ['absence that is not', [{ ...P, absent: false }]],
  [
    'two conditions on one member',
    [
      { ...P, equals: 1 },
      { ...P, equals: 2 },
    ],
  ],
  [
    'two conditions on one member in other letters',
    [
      { ...P, equals: 1 },
      { pointer: '/A', equals: 2 },
    ],
  ],
  ['17 conditions', Array.from({ length: 17 }, (_, index) => ({ pointer: `/n${index}`, equals: 1 }))],
] as const) {
  test(`[seal.bound] a rule with ${what} for conditions on the body is refused`, () => {
    assert.throws(
      () => parseAllow([{ ...RULE, body }]),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  });
}

const meets = (body: string, condition: object): boolean => {
  const [parsed] = parseBodyConditions([condition]);
  return new JsonBody(parseJson(body, 10_000, 'kept')).meets(parsed!);
};

for (const [what, body, condition, met] of [
  ['the text', '{"a":"x"}', { ...P, equals: 'x' }, true],
  ['the text with escapes', '{"\\u0061":"\\u0078"}', { ...P, equals: 'x' }, true],
  ['another text', '{"a":"y"}', { ...P, equals: 'x' }, false],
  ['the text in a list', '{"a":["x"]}', { ...P, equals: 'x' }, false],
  ['a number for a text', '{"a":1}', { ...P, equals: '1' }, false],
  ['false for 0', '{"a":false}', { ...P, equals: 0 }, false],
  ['null', '{"a":null}', { ...P, equals: null }, true],
  ['nothing for null', '{}', { ...P, equals: null }, false],
  ['one of', '{"a":2}', { ...P, one_of: [1, 2] }, true],
  ['none of', '{"a":3}', { ...P, one_of: [1, 2] }, false],
  ['a member inside', '{"a":{"b":true}}', { pointer: '/a/b', equals: true }, true],
  ['a member elsewhere', '{"b":true}', { pointer: '/a/b', equals: true }, false],
  ['absence', '{"b":1}', { ...P, absent: true }, true],
  ['absence of the object around it', '{}', { pointer: '/a/b', absent: true }, true],
  ['absence where it is null', '{"a":null}', { ...P, absent: true }, false],
  ['absence in other letters', '{"A":1}', { ...P, absent: true }, false],
  ['absence inside an object in other letters', '{"A":{"b":1}}', { pointer: '/a/b', absent: true }, false],
  ['absence inside a list', '{"a":[{"b":1}]}', { pointer: '/a/b', absent: true }, false],
  ['absence in a body that is a list', '[{"a":1}]', { ...P, absent: true }, false],
  ['a second member in other letters', '{"a":"x","A":"y"}', { ...P, equals: 'x' }, false],
  ['a second member in other letters in front', '{"A":"y","a":"x"}', { ...P, equals: 'x' }, false],
  ['a second member with the sign of Kelvin', '{"k":"x","\u212a":"y"}', { pointer: '/k', equals: 'x' }, false],
  ['absence as Protocol Buffers read it', '{"is_admin":true}', { pointer: '/isAdmin', absent: true }, false],
  ['a second member as Protocol Buffers read it', '{"userId":1,"user_id":2}', { pointer: '/userId', equals: 1 }, false],
  ['a second member as readers in C read it', '{"a\\u0000":"y","a":"x"}', { ...P, equals: 'x' }, false],
  ['absence beside the object, as Rails wraps it', '{"b":1}', { pointer: '/a/b', absent: true }, false],
  ['a member that every object inherits', '{}', { pointer: '/toString', absent: true }, true],
] as const) {
  test(`[dispatch.bound] a body with ${what} ${met ? 'meets' : 'does not meet'} the condition`, () => {
    assert.equal(meets(body, condition), met);
  });
}

test('a rule keeps its conditions as they were, and decides on the body only where no other rule allows the request', () => {
  const body = [
    { pointer: '/a', equals: '' },
    { pointer: '/b', one_of: [null, true, 0, 'x'] },
    { pointer: '/c', absent: true },
  ];
  const rules = parseAllow([{ ...RULE, body }]);
  assert.deepEqual(rules[0]?.body, body);
  const target = { origin: rules[0]!.origin, method: rules[0]!.methods[0]!, path: '/a', query: '' };
  assert.deepEqual([allowsRequest(rules, target), dependsOnBody(rules, target)], [false, true]);
  assert.equal(dependsOnBody(rules, { ...target, path: '/b' }), false);
  const both = parseAllow([{ ...RULE, body }, RULE]);
  assert.deepEqual([allowsRequest(both, target), dependsOnBody(both, target)], [true, false]);
});

test('[dispatch.bound] whatever reads a body without case finds what a condition said it holds', () => {
  const name = fc.constantFrom('a', 'A', 'b', 'B');
  const scalar = fc.constantFrom(1, 2, 'x', null);
  const document = fc.array(fc.tuple(name, fc.oneof(scalar, fc.array(fc.tuple(name, scalar), { maxLength: 3 }))), {
    maxLength: 4,
  });
  const conditions: readonly BodyCondition[] = parseBodyConditions([
    { pointer: '/a', equals: 1 },
    { pointer: '/b/a', one_of: [1, 'x'] },
    { pointer: '/b/b', absent: true },
  ]);
  const lower = (value: unknown): unknown =>
    Array.isArray(value)
      ? Object.fromEntries((value as [string, unknown][]).map(([n, v]) => [n.toLowerCase(), lower(v)]))
      : value;
  const plain = (value: unknown): unknown =>
    Array.isArray(value) ? Object.fromEntries((value as [string, unknown][]).map(([n, v]) => [n, plain(v)])) : value;
  fc.assert(
    fc.property(document, (members) => {
      const body = new JsonBody(parseJson(JSON.stringify(plain(members)), 10_000));
      const read = lower(members) as { a?: unknown; b?: { a?: unknown; b?: unknown } };
      if (body.meets(conditions[0]!)) assert.equal(read.a, 1);
      if (body.meets(conditions[1]!)) assert.ok(read.b?.a === 1 || read.b?.a === 'x');
      if (body.meets(conditions[2]!)) assert.equal(read.b?.b, undefined);
    }),
    { numRuns: 5_000 },
  );
});

for (const query of [
  '?a=2',
  '?x=1&A=2',
  '?x;a=2',
  '?%61=2',
  '?a[]=2',
  '?[a]=2',
  '?a.b=2',
  '?+a',
  '?a%00=2',
  '?a&b',
  '?%ff=1',
  '?%',
]) {
  test(`[dispatch.bound] a query that names what a condition on the body is about is not taken: ${query}`, () => {
    const rules = parseAllow([{ ...RULE, body: [{ pointer: '/a/c', equals: 1 }] }]);
    const target = { origin: rules[0]!.origin, method: rules[0]!.methods[0]!, path: '/a', query };
    const body = new JsonBody(parseJson('{"a":{"c":1}}', 100, 'kept'));
    assert.equal(allowsRequest(rules, { ...target, body }), false);
    assert.equal(dependsOnBody(rules, target), false, 'nor is the body read');
    assert.deepEqual(explainAllow(rules, { ...target, body }).unmet, ['query']);
    assert.equal(allowsRequest(rules, { ...target, query: '?b=2&ab=3', body }), true);
  });
}
