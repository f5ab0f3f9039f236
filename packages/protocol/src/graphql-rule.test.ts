import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonBody } from './body-condition.ts';
import { DAuthError } from './errors.ts';
import { parseJson } from './json.ts';
import { allowsRequest, dependsOnBody, explainAllow, parseAllow, type Target } from './policy.ts';

const RULE = { origin: 'https://api.example', methods: ['GET', 'POST'], paths: ['/graphql'] };
const QUERY = { operations: ['query'] };

for (const [what, graphql] of [
  ['null', null],
  ['an empty object', {}],
  ['no operation', { operations: [] }],
  ['an unknown operation', { operations: ['delete'] }],
  ['an operation twice', { operations: ['query', 'query'] }],
  ['an unknown member', { ...QUERY, types: ['A'] }],
  ['no name', { ...QUERY, names: [] }],
  ['a name that is none', { ...QUERY, names: ['a-b'] }],
  ['a pattern for a name', { ...QUERY, names: ['*'] }],
  ['no field', { ...QUERY, fields: [] }],
  ['a field twice', { ...QUERY, fields: ['a', 'a'] }],
  ['anonymity that is not', { ...QUERY, anonymous: false }],
] as const) {
  test(`[seal.bound] a rule with ${what} for "graphql" is refused`, () => {
    assert.throws(
      () => parseAllow([{ ...RULE, graphql }]),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  });
}

test('[seal.bound] a rule with "graphql" has the methods that GraphQL has', () => {
  for (const method of ['PUT', 'HEAD', 'DELETE'])
    assert.throws(() => parseAllow([{ ...RULE, methods: ['POST', method], graphql: QUERY }]), DAuthError);
});

const rules = (graphql: object, more: object = {}) => parseAllow([{ ...RULE, ...more, graphql }]);
const at = (method: string, query: string, body?: string): Target =>
  ({
    ...{ origin: RULE.origin, method, path: '/graphql', query },
    body: body === undefined ? null : new JsonBody(parseJson(body, 10_000, 'kept')),
  }) as Target;
const post = (request: unknown, query = '') => at('POST', query, JSON.stringify(request));
const get = (parameters: Record<string, string>) => at('GET', `?${String(new URLSearchParams(parameters))}`);

const A = { query: 'query A { a }' };
const BOTH = 'query A { a } mutation B { b }';
for (const [what, graphql, target, met] of [
  ['a query', QUERY, post(A), true],
  ['a query in the URL', QUERY, get(A), true],
  [
    'a query in the URL with all of it',
    QUERY,
    get({ ...A, operationName: 'A', variables: '{}', extensions: '{}' }),
    true,
  ],
  ['a mutation', QUERY, post({ query: 'mutation A { a }' }), false],
  ['a mutation in the URL', QUERY, get({ query: 'mutation A { a }' }), false],
  ['a subscription', QUERY, post({ query: 'subscription A { a }' }), false],
  ['a mutation that is listed', { operations: ['mutation'] }, post({ query: 'mutation A { a }' }), true],
  ['a mutation in a comment', QUERY, post({ query: '# mutation B { b }\nquery A { a }' }), true],
  ['a mutation in a string', QUERY, post({ query: 'query A { a(b: "} mutation B { b") }' }), true],
  [
    'a mutation behind what only looks like a string',
    QUERY,
    post({ query: 'query A { a } #"\nmutation B { b } #"' }),
    false,
  ],
  ['a query that is meant beside a mutation', QUERY, post({ query: BOTH, operationName: 'A' }), false],
  [
    'several operations that are all listed',
    { operations: ['query', 'mutation'] },
    post({ query: BOTH, operationName: 'A' }),
    true,
  ],
  ['several operations, none of them meant', { operations: ['query', 'mutation'] }, post({ query: BOTH }), false],
  ['the name of another operation', QUERY, post({ ...A, operationName: 'B' }), false],
  ['an empty name', QUERY, post({ ...A, operationName: '' }), false],
  ['a name that is no text', QUERY, post({ ...A, operationName: ['A'] }), false],
  ['no name in so many words', QUERY, post({ ...A, operationName: null, variables: null, extensions: null }), true],
  ['an anonymous query', QUERY, post({ query: '{ a }' }), false],
  ['an anonymous query that may be', { ...QUERY, anonymous: true }, post({ query: '{ a }' }), true],
  ['a name that is listed', { ...QUERY, names: ['A'] }, post(A), true],
  ['a name in other letters', { ...QUERY, names: ['a'] }, post(A), false],
  ['no name where some are listed', { ...QUERY, names: ['A'] }, post({ query: '{ a }' }), false],
  ['a field that is listed', { ...QUERY, fields: ['a'] }, post(A), true],
  ['a field under the alias of a listed one', { ...QUERY, fields: ['a'] }, post({ query: 'query A { a: b }' }), false],
  [
    'a field in a fragment',
    { ...QUERY, fields: ['a'] },
    post({ query: 'query A { a ...F } fragment F on Q { b }' }),
    false,
  ],
  ['a field further down', { ...QUERY, fields: ['a'] }, post({ query: 'query A { a { b } }' }), true],
  ['a batch', QUERY, post([A]), false],
  ['no document', QUERY, post({ operationName: 'A' }), false],
  ['a hash in place of it', QUERY, post({ extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }), false],
  ['a hash beside it', QUERY, post({ ...A, extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }), false],
  ['a hash in other letters', QUERY, post({ ...A, extensions: { PersistedQuery: {} } }), false],
  ['another extension', QUERY, post({ ...A, extensions: { clientLibrary: { name: 'x' } } }), true],
  ['extensions that are no object', QUERY, post({ ...A, extensions: [{ persistedQuery: {} }] }), false],
  ['the id of a document', QUERY, post({ ...A, documentId: 'x' }), false],
  ['a document in other letters', QUERY, post({ ...A, Query: 'mutation B { b }' }), false],
  ['a document in the URL beside the body', QUERY, post(A, '?query=mutation+B{b}'), false],
  ['a name in the URL beside the body', QUERY, post(A, '?operationName=B'), false],
  ['something else in the URL', QUERY, post(A, '?x=1'), false],
  ['a document in the URL twice', QUERY, at('GET', '?query=mutation+B{b}&query=query+A{a}'), false],
  ['a document behind a semicolon', QUERY, at('GET', '?query=query+A{a}%23;query=mutation+B{b}'), false],
  ['an encoded name in the URL', QUERY, at('GET', '?query=query+A{a}&%71uery=mutation+B{b}'), false],
  ['a name with brackets in the URL', QUERY, at('GET', '?query=query+A{a}&query[]=mutation+B{b}'), false],
  ['a document that is no UTF-8', QUERY, at('GET', '?query=query+A{a}%ff'), false],
  ['extensions in the URL that are no JSON', QUERY, get({ ...A, extensions: '{' }), false],
  ['a hash in the URL', QUERY, get({ ...A, extensions: '{"persistedQuery":{}}' }), false],
  ['no document in the URL', QUERY, get({ operationName: 'A' }), false],
  ['an empty URL query', QUERY, at('GET', '?'), false],
  ['a body beside a document in the URL', QUERY, { ...get(A), body: post({ query: 'mutation B { b }' }).body! }, false],
  ['a POST without a body', QUERY, { ...post(A), body: null }, false],
  ['a body that nobody looked at', QUERY, { ...post(A), body: undefined } as unknown as Target, false],
] as const) {
  test(`[dispatch.bound] a GraphQL rule ${met ? 'takes' : 'does not take'} ${what}`, () => {
    assert.equal(allowsRequest(rules(graphql), target), met);
    if (!met) assert.deepEqual(explainAllow(rules(graphql), target).unmet, ['graphql']);
  });
}

test('[dispatch.bound] a GraphQL rule takes other names of the URL where it lists them, and its own never beside a body', () => {
  const listed = rules(QUERY, { query: ['key', 'query'] });
  assert.equal(allowsRequest(listed, post(A, '?key=1')), true);
  assert.equal(allowsRequest(listed, post(A, '?query=1')), false);
  assert.equal(allowsRequest(listed, at('GET', '?key=1&query=query+A{a}')), true);
});

test('a rule keeps what it says of GraphQL, and decides on the body', () => {
  const graphql = { operations: ['query', 'mutation'], names: ['A'], fields: ['a', '__typename'], anonymous: true };
  const kept = rules(graphql);
  assert.deepEqual(kept[0]?.graphql, graphql);
  const { body: _, ...unread } = post(A);
  assert.deepEqual([allowsRequest(kept, unread), dependsOnBody(kept, unread)], [false, true]);
});
