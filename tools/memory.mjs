/**
 * `npm run memory`: uses each kind of credential 1, 100 and 10,000 times in a process of its own, searches that process's memory
 * and its core image for what was sealed and for the keys that would open it, and writes the table of docs/memory.md for this
 * version of Node. `-- WORD` measures the kinds whose name contains WORD; `--times N` each so often, and the worst counts;
 * `--dispatches 1,100` goes no further than that; `--json` prints what was found as one document. Exits 1 where anything was left, or could not be looked for.
 * `--check` is what CI does: in processes that are started like the executor, without core images, and writes nothing;
 * `--within SECONDS` begins with a kind by chance, measures that one whatever the time, and says which it did not get to. By chance,
 * because days come around: whoever runs it once a week would never get to some.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { must, root, setUp } from './setup.mjs';

const { values, positionals } = parseArgs({
  options: {
    ...{ json: { type: 'boolean' }, times: { type: 'string', default: '1' }, dispatches: { type: 'string' } },
    ...{ check: { type: 'boolean', default: false }, within: { type: 'string', default: 'Infinity' } },
  },
  allowPositionals: true,
});
const [word = ''] = positionals;
const numbersIn = (list) => list.split(',').map((text) => (text.trim() === '' ? NaN : Number(text)));
// What is no number would measure nothing, and find nothing left.
for (const [name, least] of Object.entries({ times: 1, dispatches: 1, within: 0 })) {
  const given = values[name] === undefined ? [] : numbersIn(values[name]);
  const isFew = name === 'dispatches' || given.length <= 1;
  if (isFew && given.every((number) => number >= least)) continue;
  console.error(`--${name} takes ${least} or more.`);
  process.exit(2);
}

setUp();
const load = (name) =>
  import(pathToFileURL(join(root, 'packages/executor/dist/support', `${name}.test-support.js`)).href);
const [{ KINDS }, { measureKinds }, { MARKS, NUMBERS, isClean, renderTable }] = await Promise.all(
  ['memory-kinds', 'memory-run', 'memory-table'].map(load),
);
const kinds = Object.values(KINDS).flat();
const numbers = values.dispatches === undefined ? NUMBERS : numbersIn(values.dispatches);
const named = kinds.filter(({ name }) => name.includes(word));
const first = values.check && named.length > 0 ? randomInt(named.length) : 0;
const chosen = [...named.slice(first), ...named.slice(0, first)];
const endsAt = Date.now() + Number(values.within) * 1_000;
if (chosen.length === 0) {
  console.error('No kind matches.');
  process.exit(2);
}

const { node } = process.versions;
const file = join(root, 'docs/memory.json');
const page = join(root, 'docs/memory.md');
const found = {};
// The table's are measured one after the other, with nothing beside them.
const aside = values.check ? Math.min(2, availableParallelism()) : 1;
const left = [...chosen];
await Promise.all(
  Array.from({ length: aside }, async () => {
    for (let kind = left.shift(); kind !== undefined; kind = left.shift()) await measure(kind);
  }),
);

console.error(`Measured ${Object.keys(found).length} of ${chosen.length} kinds.`);
if (!values.check) format();
if (values.json) console.log(JSON.stringify({ node, kinds: found }));
process.exitCode = Object.values(found).every(isClean) ? 0 : 1;

async function measure(kind) {
  if (kind !== chosen[0] && Date.now() >= endsAt) {
    console.error(`${kind.name}: NOT CHECKED: no time was left`);
    return;
  }
  for (let time = 1; time <= Number(values.times); time++) {
    const outcome = await measureKinds([kind], { numbers, withCore: !values.check, asStarted: values.check });
    console.error(`${kind.name}: ${isClean(outcome) ? 'nothing left' : JSON.stringify(outcome)}`);
    if (time === 1 || isClean(found[kind.name])) found[kind.name] = outcome;
  }
  if (!values.check) keep(kind.name, found[kind.name]);
}

function format() {
  must(process.execPath, [
    join(root, 'node_modules/prettier/bin/prettier.cjs'),
    '--log-level=warn',
    '--write',
    page,
    file,
  ]);
}

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
