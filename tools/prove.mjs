/**
 * `npm run prove`: takes each defence of `test/mutants/` out of a copy of the tree, builds that file again, and requires the
 * named test to fail by its assertion there, and to pass where nothing was taken out. The tree itself is never changed.
 * `npm run prove -- WORD` takes the mutants whose claim or file contains WORD; `--root DIR` proves another tree, built.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { parseOutcomes } from './outcomes.mjs';
import { root as home, setUp } from './setup.mjs';

/** Mutants tried at a time, each in a tree of its own: more would make tests with real processes wait for each other. */
const WORKERS = 2;

const at = process.argv.indexOf('--root');
const root = at > 0 ? resolve(process.argv[at + 1]) : home;
const word = at > 0 ? '' : (process.argv[2] ?? '');
if (at < 0) setUp();
const { MUTANTS } = await import(pathToFileURL(join(root, 'test/dist/mutants/all.js')).href);
const mutants = MUTANTS.filter(({ claim, file }) => claim.includes(word) || file.includes(word));
const made = [];
process.on('exit', () => made.forEach((copy) => rmSync(copy, { recursive: true, force: true })));
process.on('SIGINT', () => process.exit(130));

/** Where nothing is ever taken out: each test has to pass there first, and a file is run there once. */
const clean = copyTree();
const controls = new Map();
const verdicts = [];
let said = 0;
const waiting = [...mutants.entries()];
await Promise.all(Array.from({ length: Math.min(availableParallelism(), WORKERS, waiting.length) }, work));
const failures = verdicts.filter((verdict) => verdict !== undefined).length;
console.log(`\n${mutants.length - failures} of ${mutants.length} defences are missed by their test when they are gone`);
process.exit(failures === 0 && mutants.length > 0 ? 0 : 1);

/** Takes one mutant after the other, in a copy of its own. */
async function work() {
  const copy = copyTree();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [index, mutant] = next;
    const { file, name } = mutant.test;
    if (!controls.has(file)) controls.set(file, runTests(clean, file));
    const control = (await controls.get(file)).find((outcome) => outcome.name === name);
    const passed = control?.verdict === 'pass';
    verdicts[index] = passed ? await tryMutant(copy, mutant) : `the control did not pass (${say(control)})`;
    sayInOrder();
  }
}

function sayInOrder() {
  for (; said in verdicts; said++) {
    const { claim, file, test } = mutants[said];
    const verdict = verdicts[said];
    const mark = verdict === undefined ? 'ok  ' : 'FAIL';
    console.log(`${mark} ${said + 1}/${mutants.length} [${claim}] ${file}: ${test.name}`);
    if (verdict !== undefined) console.log(`     ${verdict}`);
  }
}

/** @returns what is wrong, or undefined where the test failed by its assertion */
async function tryMutant(copy, { file, find, replace, test }) {
  const source = readFileSync(join(copy, file), 'utf8');
  if (source.split(find).length !== 2) return 'the defence is not there exactly once; bring test/mutants/ up to date';
  const built = builtOf(copy, file);
  const before = readFileSync(built);
  try {
    writeFileSync(
      built,
      await toJavaScript(
        file,
        source.replace(find, () => replace),
      ),
    );
  } catch ({ message }) {
    return `the mutant does not compile: ${message.trim().split('\n').at(-1)}`;
  }
  const outcome = await runTest(copy, test);
  writeFileSync(built, before);
  return outcome?.verdict === 'fail' && outcome.error === 'ERR_ASSERTION'
    ? undefined
    : `without the defence the test did not fail by its assertion (${say(outcome)})`;
}

/** The one file that the build made of a source: of `packages/x/src/…` in its `dist`, of `examples/…` in `examples/dist/…`. */
function builtOf(copy, file) {
  const built = file.replace(/^(packages\/[^/]+)\/src\//, '$1/dist/').replace(/^examples\//, 'examples/dist/');
  return join(copy, built.replace(/\.ts$/, '.js'));
}

/** Only the types go: nothing else of a source needs a compiler (`erasableSyntaxOnly`), and a whole build takes seconds. */
async function toJavaScript(sourcefile, source) {
  const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true, target: 'es2023' } };
  const { code } = await transform(source, { sourcefile, loader: 'ts', target: 'es2023', tsconfigRaw });
  return code.replaceAll(/\b(from|import)(\s*\(?\s*")(\.[^"]*)\.ts"/g, '$1$2$3.js"');
}

async function runTest(copy, { file, name }) {
  const pattern = `--test-name-pattern=/^${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`;
  return (await runTests(copy, file, pattern)).find((outcome) => outcome.name === name);
}

async function runTests(copy, file, ...flags) {
  // What a test without its defence leaves open would keep its process until that time.
  const always = ['--test', '--test-force-exit', '--test-timeout=180000', '--test-reporter=./tools/outcomes.mjs'];
  return parseOutcomes((await run(copy, [...always, ...flags, file])).stdout);
}

function run(cwd, args) {
  return new Promise((resolved) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (status) => resolved({ status, stdout: Buffer.concat(chunks).toString('utf8') }));
  });
}

function say(outcome) {
  return outcome === undefined
    ? 'it did not run'
    : `${outcome.verdict} ${outcome.error ?? outcome.reason ?? ''}`.trim();
}

/** Files and builds are copied; dependencies are linked, but our own packages are those of the copy. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'dauth-prove-'));
  made.push(copy);
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
  return copy;
}
