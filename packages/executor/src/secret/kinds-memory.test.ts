/** What stays of every kind of credential that the codec knows; more calls of each, and of each in more ways, beside it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KINDS } from '../support/memory-kinds.test-support.ts';
import { measureKinds } from '../support/memory-run.test-support.ts';
import { isClean, MARKS, renderTable, type Results } from '../support/memory-table.test-support.ts';
import { canLook } from '../support/scanner.test-support.ts';

const docs = (name: string): string => readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');
const measurable = Object.values(KINDS).flat();

for (const [number, word] of [
  [1, 'one dispatch'],
  [100, 'a hundred dispatches'],
] as const) {
  // By itself: what takes a defence out is tried with one.
  test(`[memory.clean] ${word} of every kind of credential leaves no copy of it or its keys`, async (t) => {
    for (const kinds of [
      measurable.filter(({ isOverwritten }) => isOverwritten),
      measurable.filter(({ isOverwritten }) => !isOverwritten),
    ]) {
      const measured = await measureKinds(kinds, { numbers: [number] });
      if (typeof measured === 'string') return t.skip(measured);
      assert.ok(isClean(measured), JSON.stringify(measured));
    }
  });
}

test('[memory.clean] a look that is forbidden is skipped with its reason, and fails where everything must be checked', (t) => {
  const { CI } = process.env;
  t.after(() => (CI === undefined ? delete process.env.CI : (process.env.CI = CI)));
  // No process has this number.
  const nobody = 2 ** 30;
  process.env.CI = '';
  assert.match(canLook(nobody) ?? '', /^NOT CHECKED: .*ENOENT/);
  process.env.CI = 'true';
  assert.throws(() => canLook(nobody), /^Error: NOT CHECKED/);
});

test('the page has a row for every kind that the codec knows, as it was measured', () => {
  const results = JSON.parse(docs('memory.json')) as Results;
  const [table = ''] = MARKS.exec(docs('memory.md')) ?? [];
  const cells = (text: string): string[] =>
    text.split('\n').map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---'));
  assert.deepEqual(
    cells(table).filter((line) => line.startsWith('|')),
    cells(renderTable(results)),
  );
  assert.deepEqual(Object.keys(results).length, 2);
});
