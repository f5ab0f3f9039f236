import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  detailAllows,
  detailsFromAllow,
  detailWithinAllow,
  isNarrower,
  parseDetails,
  parseDetailsRequest,
} from './details.ts';
import { DAuthError } from './errors.ts';
import { parseHandle } from './handle.ts';
import { allowsRequest, parseAllow } from './policy.ts';
import { parseOrigin } from './origin.ts';
import { parseMethod } from './method.ts';

const HANDLE = parseHandle('ddls:conn:01900000-0000-7000-8000-000000000000');
const OTHER = parseHandle('ddls:conn:01900000-0000-7000-8000-000000000001');
const detail = (over: object = {}) => ({
  type: 'dauth_connection',
  identifier: HANDLE,
  locations: ['https://api.github.com'],
  actions: ['GET /repos/**'],
  ...over,
});

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/dispatch.json', import.meta.url), 'utf8')) as {
  allow: unknown;
  details: unknown;
  requests: { origin: string; method: string; path: string; allowed: boolean; why?: string }[];
};

for (const { origin, method, path, allowed, why } of vectors.requests) {
  test(`[dispatch.bound] ${method} ${origin}${path} is ${allowed ? 'allowed' : `denied: ${why}`}`, () => {
    const request = { origin: parseOrigin(origin), method: parseMethod(method), path, query: '' };
    const both =
      allowsRequest(parseAllow(vectors.allow), request) && detailAllows(parseDetails(vectors.details), HANDLE, request);
    assert.equal(both, allowed);
  });
}

const origins = fc.constantFrom('https://a.example', 'https://b.example');
const methods = fc.uniqueArray(fc.constantFrom('GET', 'POST', 'DELETE'), { minLength: 1, maxLength: 3 });
const pathPatterns = fc.uniqueArray(fc.constantFrom('/**', '/a', '/a/*', '/a/**', '/b/*/c', '/*'), {
  minLength: 1,
  maxLength: 3,
});
const allow = fc
  .array(fc.record({ origin: origins, methods, paths: pathPatterns }), { minLength: 1, maxLength: 3 })
  .map(parseAllow);
const target = fc.record({
  origin: origins.map(parseOrigin),
  method: fc.constantFrom('GET', 'POST', 'DELETE').map(parseMethod),
  path: fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/b/x/c', '/c'),
  query: fc.constantFrom('', '?q=1'),
});

test('[token.bound] the details of an envelope allow exactly what the envelope allows', () => {
  fc.assert(
    fc.property(allow, target, (rules, request) => {
      const details = detailsFromAllow(HANDLE, 'x', rules);
      assert.equal(detailAllows(details, HANDLE, request), allowsRequest(rules, request));
      assert.equal(detailAllows(details, OTHER, request), false);
      assert.ok(details.every((each) => detailWithinAllow(each, rules)));
    }),
    { numRuns: 2_000 },
  );
});

const lists = fc.option(fc.constantFrom([], ['q'], ['q', 'page']), { nil: undefined });
const listed = fc
  .array(fc.record({ origin: origins, methods, paths: pathPatterns, query: lists }), { minLength: 1, maxLength: 3 })
  .map((rules) => rules.map(({ query, ...rule }) => (query === undefined ? rule : { ...rule, query })))
  .map(parseAllow);

test('[token.bound] query names only ever narrow a rule, and no detail widens what they leave or takes of it', () => {
  fc.assert(
    fc.property(listed, target, (rules, request) => {
      if (!allowsRequest(rules, request)) return;
      const unlisted = rules.map(({ origin, methods: all, paths }) => ({ origin, methods: all, paths }));
      assert.ok(allowsRequest(unlisted, request));
      assert.ok(detailAllows(detailsFromAllow(HANDLE, 'x', rules), HANDLE, request));
      for (const rule of rules.filter((each) => allowsRequest([each], request)))
        assert.ok(rule.query === undefined || request.query === '' || rule.query.includes('q'));
    }),
    { numRuns: 2_000 },
  );
});

test('[token.bound] narrower details never allow what the wider ones do not', () => {
  fc.assert(
    fc.property(allow, allow, target, (wide, narrow, request) => {
      const [outer, inner] = [detailsFromAllow(HANDLE, 'x', wide), detailsFromAllow(HANDLE, 'x', narrow)];
      if (isNarrower(inner, outer) && detailAllows(inner, HANDLE, request)) {
        assert.equal(detailAllows(outer, HANDLE, request), true);
      }
    }),
    { numRuns: 5_000 },
  );
});

test('a detail of another connection or origin is not narrower', () => {
  const outer = parseDetails([detail()]);
  assert.equal(isNarrower(parseDetails([detail({ actions: ['GET /repos/a'] })]), outer), true);
  assert.equal(isNarrower(parseDetails([detail({ identifier: OTHER })]), outer), false);
  assert.equal(isNarrower(parseDetails([detail({ locations: ['https://evil.example'] })]), outer), false);
  assert.equal(isNarrower(parseDetails([detail({ actions: ['POST /repos/a'] })]), outer), false);
});

for (const [what, value] of [
  ['an unknown member', [detail({ datatypes: [] })]],
  ['an unknown type', [detail({ type: 'payment' })]],
  ['two locations', [detail({ locations: ['https://a.example', 'https://b.example'] })]],
  ['no action', [detail({ actions: [] })]],
  ['an action with two spaces', [detail({ actions: ['GET  /a'] })]],
  ['a handle of another form', [detail({ identifier: 'ddls:conn:1' })]],
  ['more than eight details', Array.from({ length: 9 }, () => detail())],
  ['an object for an array', detail()],
] as const) {
  test(`[token.bound] authorization_details with ${what} are refused`, () => {
    assert.throws(
      () => parseDetails(value),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  });
}

test('a wish names locations and actions together or neither', () => {
  const [wish] = parseDetailsRequest([{ type: 'dauth_connection', identifier: HANDLE }]);
  assert.deepEqual({ ...wish }, { type: 'dauth_connection', identifier: HANDLE });
  assert.throws(
    () => parseDetailsRequest([{ type: 'dauth_connection', identifier: HANDLE, actions: ['GET /a'] }]),
    /locations and actions together/,
  );
});
