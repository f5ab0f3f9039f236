import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DAuthError } from './errors.ts';
import { assertRequestPath, coversPattern, matchesPath, parsePathPattern } from './path.ts';

const pattern = parsePathPattern;

for (const [of, path, wanted] of [
  ['/user', '/user', true],
  ['/user', '/user/', false],
  ['/user', '/User', false],
  ['/repos/*', '/repos/a', true],
  ['/repos/*', '/repos/', false],
  ['/repos/*', '/repos/a/b', false],
  ['/repos/**', '/repos/a/b/c', true],
  ['/repos/**', '/repos', false],
  ['/**', '/', true],
  ['/*', '/', false],
  ['/', '/', true],
  ['/a/', '/a/', true],
  ['/repos/*', '/repos/a%2Fb', false],
  ['/repos/**', '/repos/a%2Fb', true],
  ['/repos/*/x', '/repos/a%5cb/x', false],
  ['/repos/%41', '/repos/A', false],
] as const) {
  test(`[dispatch.bound] pattern ${of} ${wanted ? 'takes' : 'does not take'} ${path}`, () => {
    assert.equal(matchesPath(pattern(of), path), wanted);
  });
}

for (const path of [
  ...['', 'user', '//', '/a//b', '/./a', '/a/..', '/a/%2e%2E/b', '/a/.%2e', '/a/..;x=1/b', '/a/.;/b', '/%2e', '/a/..%2f..', '/a/%5c..%5c'],
  ...['/a b', '/a\r\nX: y', '/a\u0000', '/a\\b', '/a?b', '/a#b', '/caf\u00e9', '/%zz', '/%4', '/a[0]', '/a{b}', '/a..%00'.replace('a', '')],
  '/' + 'a'.repeat(5_000),
]) {
  test(`[dispatch.bound] the request path ${JSON.stringify(path.slice(0, 24))} is refused`, () => {
    assert.throws(
      () => assertRequestPath(path),
      (error: unknown) => error instanceof DAuthError && error.code === 'POLICY_DENIED' && error.status === 403,
    );
  });
}

for (const path of ['/', '/a', '/a/', '/repos/o/r', '/a%20b', '/a;v=1', '/...', '/a..b', "/!$&'()+,=:@-._~"]) {
  test(`the request path ${path} is plain`, () => assertRequestPath(path));
}

for (const text of ['', 'a', '/a*', '/**/a', '/a//b', '/a/..', '/%2f', '/a?b', '/***', '/ ']) {
  test(`the pattern ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => pattern(text), (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST');
  });
}

const segment = fc.constantFrom('a', 'b', 'c', '*');
const patterns = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('a', '*', '**', ''))
  .map(([head, last]) => pattern('/' + [...head, last].join('/')));
const paths = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
  .chain((segments) => fc.constantFrom('/' + segments.join('/'), '/' + [...segments, ''].join('/')))
  .filter((path) => !path.includes('//'));

test('[token.bound] a pattern that covers another takes every path the other takes', () => {
  fc.assert(
    fc.property(patterns, patterns, paths, (outer, inner, path) => {
      if (coversPattern(outer, inner) && matchesPath(inner, path)) assert.equal(matchesPath(outer, path), true);
    }),
    { numRuns: 20_000 },
  );
});

test('covering is reflexive and transitive', () => {
  fc.assert(
    fc.property(patterns, patterns, patterns, (a, b, c) => {
      assert.equal(coversPattern(a, a), true);
      if (coversPattern(a, b) && coversPattern(b, c)) assert.equal(coversPattern(a, c), true);
    }),
    { numRuns: 5_000 },
  );
});
