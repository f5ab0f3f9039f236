/** The page is what its results say, and nothing else. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { ALL } from './benchmarks.ts';
import { PAGE, renderPage, RESULTS, type Kept, type Results } from './page.ts';

const KEPT: Kept = {
  ...{ title: 'A thing', date: '2026-01-02', machine: '2 × processor', quick: true },
  ratios: [{ bench: 'b', measure: 'cost', against: 'peer', missing: 'nobody was there' }],
  tables: [{ title: 'numbers', head: ['', 'ms'], rows: [['ours', '1']] }],
  held: ['this held', 'that held'],
};

suite('the page of performance', () => {
  test('says of each version of Node what each benchmark came to, when and on what', () => {
    const page = renderPage({ '24.1.0': { b: KEPT }, '20.1.0': { b: KEPT } });
    assert.ok(page.indexOf('## b, Node 20.1.0') < page.indexOf('## b, Node 24.1.0'));
    assert.match(page, /A thing\. 2026-01-02, 2 × processor, with `--quick`\./);
    assert.match(page, /\| cost \| {2}\| peer \| {2}\| not measured \| nobody was there \|/);
    assert.match(page, /### b, Node 20\.1\.0: numbers\n\n\| {2}\| ms \|\n/);
    assert.match(page, /In the same run: this held; that held\./);
  });

  test('names what has no figures, for each version, and nothing where all have', () => {
    const all = Object.fromEntries(ALL.map(({ name }) => [name, KEPT]));
    const { start: _, ...others } = all;
    const page = renderPage({ '24.1.0': all, '20.1.0': others });
    assert.match(
      page,
      /## Not measured yet on Node 20\.1\.0\n\n- start: The executor, from nothing to listening\.\n\n## /,
    );
    assert.doesNotMatch(page, /Not measured yet on Node 24/);
  });

  test('is the one that its results give', async () => {
    const results = JSON.parse(await readFile(RESULTS, 'utf8')) as Results;
    assert.equal(await readFile(PAGE, 'utf8'), renderPage(results));
  });
});
