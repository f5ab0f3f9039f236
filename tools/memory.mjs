/**
 * `npm run memory`: uses each kind of credential 1, 100 and 10,000 times in a process of its own, searches that process's memory
 * and its core image for what was sealed and for the keys that would open it, and writes the table of docs/memory.md for this
 * version of Node. `-- WORD` measures the kinds whose name contains WORD; `--times N` each so often, and the worst counts;
 * `--dispatches 1,100` goes no further than that; `--json` prints what was found as one document. Exits 1 where anything was left, or could not be looked for.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { must, root, setUp } from './setup.mjs';

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, times: { type: 'string', default: '1' }, dispatches: { type: 'string' } },
  allowPositionals: true,
});
const [word = ''] = positionals;

setUp();
const load = (name) =>
  import(pathToFileURL(join(root, 'packages/executor/dist/support', `${name}.test-support.js`)).href);
const [{ KINDS }, { measureKinds }, { MARKS, NUMBERS, isClean, renderTable }] = await Promise.all(
  ['memory-kinds', 'memory-run', 'memory-table'].map(load),
);
const kinds = Object.values(KINDS).flatMap((each) => (typeof each === 'string' ? [] : each));
const numbers = values.dispatches?.split(',').map(Number) ?? NUMBERS;
const chosen = kinds.filter(({ name }) => name.includes(word));
if (chosen.length === 0) {
  console.error('No kind matches.');
  process.exit(2);
}

const { node } = process.versions;
const file = join(root, 'docs/memory.json');
const page = join(root, 'docs/memory.md');
const found = {};
for (const kind of chosen) {
  for (let time = 1; time <= Number(values.times); time++) {
    const outcome = await measureKinds([kind], { numbers, withCore: true });
    console.error(`${kind.name}: ${isClean(outcome) ? 'nothing left' : JSON.stringify(outcome)}`);
    if (time === 1 || isClean(found[kind.name])) found[kind.name] = outcome;
  }
  keep(kind.name, found[kind.name]);
}

must(process.execPath, [
  join(root, 'node_modules/prettier/bin/prettier.cjs'),
  '--log-level=warn',
  '--write',
  page,
  file,
]);
if (values.json) console.log(JSON.stringify({ node, kinds: found }));
process.exitCode = Object.values(found).every(isClean) ? 0 : 1;

/** At once: a run takes an hour, and may be ended before it is whole. */
function keep(name, outcome) {
  const results = JSON.parse(readFileSync(file, 'utf8'));
  results[node] = { ...results[node], [name]: outcome };
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(MARKS, (_, before, behind) => before + renderTable(results) + behind),
  );
}
