/**
 * `npm run prove`: takes each defence of `test/mutants/` out of a copy of the tree, rebuilds, and requires the named test
 * to fail by its assertion there, and to pass where nothing was taken out. The tree itself is never changed.
 * `npm run prove -- WORD` takes the mutants whose claim or file contains WORD; `--root DIR` proves another tree, built.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseOutcomes } from './outcomes.mjs';
import { root as home, setUp } from './setup.mjs';

const at = process.argv.indexOf('--root');
const root = at > 0 ? resolve(process.argv[at + 1]) : home;
const word = at > 0 ? '' : (process.argv[2] ?? '');
if (at < 0) setUp();
const { MUTANTS } = await import(pathToFileURL(join(root, 'test/dist/mutants/all.js')).href);
const mutants = MUTANTS.filter(({ claim, file }) => claim.includes(word) || file.includes(word));
const copy = mkdtempSync(join(tmpdir(), 'dauth-prove-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
copyTree();

let failures = 0;
const controls = new Map();
for (const [index, mutant] of mutants.entries()) {
  const { claim, file, test } = mutant;
  const key = `${test.file} ${test.name}`;
  if (!controls.has(key)) controls.set(key, runTest(test));
  const control = controls.get(key);
  const verdict = control?.verdict === 'pass' ? tryMutant(mutant) : `the control did not pass (${say(control)})`;
  if (verdict !== undefined) failures++;
  console.log(
    `${verdict === undefined ? 'ok  ' : 'FAIL'} ${index + 1}/${mutants.length} [${claim}] ${file}: ${test.name}`,
  );
  if (verdict !== undefined) console.log(`     ${verdict}`);
}
console.log(`\n${mutants.length - failures} of ${mutants.length} defences are missed by their test when they are gone`);
process.exit(failures === 0 && mutants.length > 0 ? 0 : 1);

/** @returns what is wrong, or undefined where the test failed by its assertion */
function tryMutant({ file, find, replace, test }) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) return 'the defence is not there exactly once; bring test/mutants/ up to date';
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    const built = build();
    if (built !== undefined) return `the mutant does not compile: ${built}`;
    const outcome = runTest(test);
    return outcome?.verdict === 'fail' && outcome.error === 'ERR_ASSERTION'
      ? undefined
      : `without the defence the test did not fail by its assertion (${say(outcome)})`;
  } finally {
    writeFileSync(path, source);
    build();
  }
}

function runTest({ file, name }) {
  const pattern = `/^${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`;
  const flags = [
    '--test',
    '--test-timeout=180000',
    `--test-name-pattern=${pattern}`,
    '--test-reporter=./tools/outcomes.mjs',
  ];
  const { stdout } = spawnSync(process.execPath, [...flags, file], { cwd: copy, encoding: 'utf8', maxBuffer: 2 ** 28 });
  return parseOutcomes(stdout).find((outcome) => outcome.name === name);
}

function say(outcome) {
  return outcome === undefined
    ? 'it did not run'
    : `${outcome.verdict} ${outcome.error ?? outcome.reason ?? ''}`.trim();
}

function build() {
  const { status, stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], {
    cwd: copy,
    encoding: 'utf8',
  });
  return status === 0 ? undefined : stdout.trim().split('\n')[0];
}

/** Files and builds are copied; dependencies are linked, but our own packages are those of the copy. */
function copyTree() {
  const skipped = new Set(['.git', 'node_modules', '.dauth']);
  for (const name of readdirSync(root)) {
    if (!skipped.has(name)) cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true });
  }
  const modules = join(root, 'node_modules');
  mkdirSync(join(copy, 'node_modules', '@dauth'), { recursive: true });
  for (const name of readdirSync(modules)) {
    if (name !== '@dauth' && !name.startsWith('.')) symlinkSync(join(modules, name), join(copy, 'node_modules', name));
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    symlinkSync(join(copy, 'packages', name), join(copy, 'node_modules', '@dauth', name));
  }
}
