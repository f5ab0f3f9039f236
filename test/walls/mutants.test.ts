/** Every mutant still finds its defence, and its test file: a stale one would otherwise be told only by the long run of `prove`. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from '../mutants/all.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('each defence of the mutants stands exactly once, and the test that must miss it exists', () => {
  const stale = MUTANTS.flatMap(({ file, find, test: { file: testFile } }) => {
    const times = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8').split(find).length - 1 : 0;
    const isThere = existsSync(join(root, testFile));
    return times === 1 && isThere ? [] : [`${file}: ${JSON.stringify(find)} stands ${times} times; ${testFile}`];
  });
  assert.deepEqual(stale, []);
});

test('each mutant changes something, and none is listed twice', () => {
  const keys = MUTANTS.map(({ file, find, replace, test: { name } }) => JSON.stringify([file, find, replace, name]));
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(
    MUTANTS.filter(({ find, replace }) => find === replace),
    [],
  );
});
