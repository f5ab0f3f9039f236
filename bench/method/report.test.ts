/** Tables of rows that are written down here. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Missing, Ratio } from './ratio.ts';
import { ratioTable, renderMarkdown, renderPlain, say } from './report.ts';

const RATIO: Ratio = {
  ...{ bench: 'dispatch', measure: 'throughput per core', against: 'nginx', unit: 'requests/CPU s' },
  ...{ ours: 1_612, peer: 40_123, ratio: 0.0402, spread: { low: 0.0391, high: 0.041 } },
  ...{ n: 5, disturbed: 0, failed: 0, quiet: true, node: 'v20.20.2', must: 0.08, aim: 0.12, met: 'no' },
};
const MISSING: Missing = { bench: 'dispatch', measure: 'throughput per core', against: 'nginx', missing: 'no nginx' };

suite('a report', () => {
  test('has a row for each ratio, with its targets and what it reached', () => {
    const { head, rows } = ratioTable([RATIO]);
    assert.deepEqual(rows, [
      [
        ...['throughput per core', '1,612 requests/CPU s', 'nginx', '40,123', '0.0402', '0.0391–0.0410'],
        ...['0.0800', '0.120', 'not reached', '5'],
      ],
    ]);
    assert.equal(rows[0]!.length, head.length);
  });

  test('says which numbers are not from a quiet machine, and how many heats were lost', () => {
    const { rows } = ratioTable([{ ...RATIO, disturbed: 7, failed: 1, quiet: false }]);
    assert.deepEqual(rows[0]!.slice(-2), ['not reached?', '5, 7 disturbed, 1 failed, NOT QUIET']);
  });

  test('says what was not measured, and why', () => {
    const { head, rows } = ratioTable([MISSING]);
    assert.equal(rows[0]!.length, head.length);
    assert.deepEqual(rows[0]!.slice(4, 6), ['not measured', 'no nginx']);
  });

  test('stands in columns, whatever letters are in them', () => {
    const table = {
      title: 't',
      head: ['a', 'b'],
      rows: [
        ['µs×', '1'],
        ['x', '2'],
      ],
    };
    assert.equal(renderPlain(table), 't\n  a    b\n  ───  ─\n  µs×  1\n  x    2');
    assert.equal(renderMarkdown(table), '| a | b |\n| --- | --- |\n| µs× | 1 |\n| x | 2 |');
  });

  test('says numbers with the digits that count', () => {
    assert.deepEqual([0, 0.04021, 1.5, 12.34, 999.4, 1_234.5, 1_234_567, Number.NaN].map(say), [
      ...['0', '0.0402', '1.50', '12.3', '999', '1,235', '1,234,567', '–'],
    ]);
  });
});
