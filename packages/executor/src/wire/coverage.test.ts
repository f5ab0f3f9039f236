/** The table of docs/answers.md against what the calls end as. `npm run coverage` writes it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { cover, FORMS, PLACES, renderCoverage, type Ending } from '../support/coverage.test-support.ts';

const page = readFileSync(new URL('../../../../docs/answers.md', import.meta.url), 'utf8');

let endings: readonly (readonly Ending[])[];
before(async () => {
  // While the upstream closes, nothing else keeps the process going, and it would end before (seen on Node 24).
  const awake = setInterval(() => undefined, 1_000);
  endings = await cover();
  clearInterval(awake);
});

test('[response.clean] no form of a credential comes back from any place of an answer', () => {
  const leaked = endings.flatMap((row, form) =>
    row.flatMap((ending, place) => (ending === 'LEAKED' ? [`${FORMS[form]!.name}: ${PLACES[place]!.name}`] : [])),
  );
  assert.deepEqual(leaked, []);
});

test('[response.clean] the page says of each form and place what the call to it ends as', () => {
  const [, table] = /<!-- coverage -->\n\n([\s\S]*?)\n\n<!-- \/coverage -->/.exec(page) ?? [];
  const unspaced = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-');
  assert.equal(unspaced(table ?? ''), unspaced(renderCoverage(endings)));
});
