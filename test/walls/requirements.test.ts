/** Every requirement names a test that exists, the page says what the rows say, and the check names each row that does not. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ENTRIES } from '../attacks/authority/entries.ts';
import { renderSuite } from '../conformance/page.ts';
import { REQUIREMENTS } from '../requirements.ts';
import { findUnheld } from '../requirements/held.ts';
import { renderPage } from '../requirements/page.ts';
import type { Proof, Requirement } from '../requirements/requirement.ts';

const ROOT = new URL('../../../', import.meta.url);
const read = (file: string): string | undefined =>
  existsSync(new URL(file, ROOT)) ? readFileSync(new URL(file, ROOT), 'utf8') : undefined;

test('every requirement is held by a test that exists, or says why none can', () => {
  assert.deepEqual(findUnheld(REQUIREMENTS, read, new Set(ENTRIES.map(({ id }) => id))), []);
});

test('no requirement stands twice', () => {
  const said = REQUIREMENTS.map(({ document, section, party, text }) => `${document} ${section} ${party} ${text}`);
  assert.equal(new Set(said).size, said.length);
});

test('docs/conformance.md is what the rows say', () => {
  assert.equal(read('docs/conformance.md'), renderPage(REQUIREMENTS, renderSuite()), 'run "npm run conformance"');
});

const row = (proof: Proof): Requirement => ({
  ...{ document: 'RFC 1', section: '2', party: 'AS', level: 'MUST', text: 'be kind' },
  proof,
});
const sources = (file: string): string | undefined =>
  file === 'a.test.ts'
    ? "test('it is kind', () => {});\ntest(\n  \"it's mild\",\n  () => {},\n);\n// 'it is left out',"
    : undefined;

test('the check takes a row whose test is there, also over several lines, and one that says why none can be', () => {
  const held = [
    row(['a.test.ts', 'it is kind']),
    row(['a.test.ts', "it's mild"]),
    row({ notApplicable: 'Nobody asks.' }),
    row({ entry: 'par.get' }),
  ];
  assert.deepEqual(findUnheld(held, sources, new Set(['par.get'])), []);
});

test('the check names a row without a reason, without a file, without its entry, and without its test', () => {
  const what = 'RFC 1 §2 "be kind"';
  for (const [proof, sentence] of [
    [{ notApplicable: '' }, `${what} is said not to apply, and not why.`],
    [['b.test.ts', 'it is kind'], `${what} names b.test.ts, which is not there.`],
    [{ entry: 'par' }, `${what} names no entry of the battery: par`],
    [['a.test.ts', 'it is'], `${what} names a test that a.test.ts does not have: it is`],
    [['a.test.ts', 'it is left out'], `${what} names a test that a.test.ts does not have: it is left out`],
  ] as const)
    assert.deepEqual(findUnheld([row(proof)], sources, new Set(['par.get'])), [sentence]);
});
