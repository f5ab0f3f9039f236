import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { DAuthError } from './errors.ts';
import { assertRequestPath, coversPattern, matchesPath, parsePathPattern } from './path.ts';

const pattern = parsePathPattern;

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/paths.json', import.meta.url), 'utf8')) as {
  matches: [string, string, boolean][];
  covers: [string, string, boolean][];
  refused_request_paths: { code: string; paths: string[] };
  plain_request_paths: string[];
  refused_patterns: { code: string; patterns: string[] };
};

for (const [of, path, wanted] of vectors.matches) {
  test(`[dispatch.bound] pattern ${of} ${wanted ? 'takes' : 'does not take'} ${path}`, () => {
    assert.equal(matchesPath(pattern(of), path), wanted);
  });
}

for (const [outer, inner, wanted] of vectors.covers) {
  test(`[token.bound] pattern ${outer} ${wanted ? 'covers' : 'does not cover'} ${inner}`, () => {
    assert.equal(coversPattern(pattern(outer), pattern(inner)), wanted);
  });
}

for (const path of [...vectors.refused_request_paths.paths, '/' + 'a'.repeat(5_000)]) {
  test(`[dispatch.bound] the request path ${JSON.stringify(path.slice(0, 24))} is refused`, () => {
    assert.throws(
      () => assertRequestPath(path),
      (error: unknown) =>
        error instanceof DAuthError && error.code === vectors.refused_request_paths.code && error.status === 403,
    );
  });
}

for (const path of vectors.plain_request_paths) {
  test(`the request path ${path} is plain`, () => assertRequestPath(path));
}

for (const text of vectors.refused_patterns.patterns) {
  test(`the pattern ${JSON.stringify(text)} is refused`, () => {
    assert.throws(
      () => pattern(text),
      (error: unknown) => error instanceof DAuthError && error.code === vectors.refused_patterns.code,
    );
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
