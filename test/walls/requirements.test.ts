/** The page says what the rows and the suite's results say, and the check at the end of `npm test` names each row that nothing holds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { renderSuite } from '../conformance/page.ts';
import { readResults } from '../conformance/results.ts';
import { REQUIREMENTS } from '../requirements.ts';
import { findUnheld, type Outcome } from '../requirements/held.ts';
import { renderPage } from '../requirements/page.ts';
import type { Proof, Requirement } from '../requirements/requirement.ts';
import { makeTempDir } from '../support/process.ts';

const ROOT = new URL('../../../', import.meta.url);
/** By its address: it is plain JavaScript, without types of its own. */
const REPORTER = new URL('tools/outcomes.mjs', ROOT).href;
const { parseOutcomes } = (await import(REPORTER)) as { parseOutcomes: (text: string) => readonly Outcome[] };

test('no requirement stands twice', () => {
  const said = REQUIREMENTS.map(({ document, section, party, text }) => `${document} ${section} ${party} ${text}`);
  assert.equal(new Set(said).size, said.length);
});

test('docs/conformance.md is what the rows and the results of the suite say', () => {
  const page = readFileSync(new URL('docs/conformance.md', ROOT), 'utf8');
  assert.equal(page, renderPage(REQUIREMENTS, renderSuite(readResults())), 'run "npm run conformance"');
});

const row = (proof: Proof): Requirement => ({
  ...{ document: 'RFC 1', section: '2', party: 'AS', level: 'MUST', text: 'be kind' },
  proof,
});
const of = (file: string, name: string, verdict: Outcome['verdict'] = 'pass'): Outcome => ({
  file: join('/x', ...file.split('/')),
  name,
  verdict,
});
const WHAT = 'RFC 1 §2 "be kind"';
const KIND = row(['packages/a/src/b/a.test.ts', 'it is kind']);
const EACH = row(['test/e2e/a.test.ts', 'it is ${what}, always']);

suite('the check of the requirements', () => {
  test('takes a test that passed, each one of a name with a gap, an entry of the battery, and a reason', () => {
    const outcomes = [
      of('packages/a/dist/b/a.test.js', 'it is kind'),
      of('test/dist/e2e/a.test.js', 'it is mild, always'),
      of('test/dist/e2e/a.test.js', 'it is calm\nand soft, always'),
      of('test/dist/attacks/authority/battery.test.js', 'par.get: a request by GET (RFC 9126 §2.1)'),
    ];
    const rows = [KIND, EACH, row({ entry: 'par.get' }), row({ notApplicable: 'Nobody asks.' })];
    assert.deepEqual(findUnheld(rows, outcomes), []);
  });

  for (const verdict of ['fail', 'skipped', 'todo'] as const)
    test(`names a requirement whose test ended as ${verdict}, or one of whose tests did`, () => {
      assert.deepEqual(findUnheld([KIND], [of('packages/a/dist/b/a.test.js', 'it is kind', verdict)]), [
        `${WHAT} is not held: "it is kind" in packages/a/src/b/a.test.ts ended as ${verdict}.`,
      ]);
      const two = ['mild', 'calm'].map((word, index) =>
        of('test/dist/e2e/a.test.js', `it is ${word}, always`, index === 0 ? 'pass' : verdict),
      );
      assert.deepEqual(findUnheld([EACH], two), [
        `${WHAT} is not held: "it is calm, always" in test/e2e/a.test.ts ended as ${verdict}.`,
      ]);
      const battery = of('test/dist/attacks/authority/battery.test.js', 'par.get: by GET (RFC 1)', verdict);
      assert.equal(findUnheld([row({ entry: 'par.get' })], [battery]).length, 1);
    });

  test('names a requirement whose test did not run: elsewhere, under another name, or not at all', () => {
    const none = `${WHAT} is not held: packages/a/src/b/a.test.ts ran no test "it is kind".`;
    for (const outcomes of [
      [],
      [of('packages/a/dist/a.test.js', 'it is kind')],
      [of('packages/a/dist/b/a.test.js', 'it is kinder')],
      [of('packages/a/dist/b/a.test.js', 'what it is kind')],
    ])
      assert.deepEqual(findUnheld([KIND], outcomes), [none]);
    const other = of('test/dist/attacks/authority/battery.test.js', 'par.get-late: by GET (RFC 1)');
    assert.equal(findUnheld([row({ entry: 'par.get' })], [other]).length, 1);
  });

  test('names one that is said not to apply, and not why', () => {
    assert.deepEqual(findUnheld([row({ notApplicable: '' })], []), [`${WHAT} is said not to apply, and not why.`]);
  });

  test('takes what the runner says of real tests, and nothing that only stands in a file', async () => {
    await using dir = await makeTempDir();
    const file = join(dir.path, 'packages', 'a', 'dist', 'a.test.mjs');
    mkdirSync(join(file, '..'), { recursive: true });
    const names = [
      'passes',
      'fails',
      'is skipped',
      'skips itself',
      'is to do',
      'is in a skipped suite',
      'is a comment',
    ];
    writeFileSync(
      file,
      `import { suite, test } from 'node:test';
test('passes', () => {});
test('fails', () => { throw new Error(); });
test('is skipped', { skip: true }, () => {});
test('skips itself', (t) => t.skip('no'));
test('is to do', { todo: true }, () => {});
suite('left out', { skip: true }, () => { test('is in a skipped suite', () => {}); });
// test('is a comment', () => {});
`,
    );
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const reporter = `--test-reporter=${fileURLToPath(REPORTER)}`;
    const { stdout } = spawnSync(process.execPath, ['--test', reporter, file], { encoding: 'utf8', env });
    const outcomes = parseOutcomes(stdout).map((outcome) => ({ ...outcome, file: outcome.file.replace(/mjs$/, 'js') }));
    const held = names.filter((name) => findUnheld([row(['packages/a/src/a.test.ts', name])], outcomes).length === 0);
    assert.deepEqual(held, ['passes'], stdout);
  });
});
