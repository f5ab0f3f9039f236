/**
 * `npm run prove`: takes each defence of `test/mutants/` out of a copy of the tree, builds that file again, and requires the
 * named test to fail by its assertion there, and to pass where nothing was taken out. The tree itself is never changed.
 * `npm run prove -- WORD` takes the mutants whose claim or file contains WORD; `--root DIR` proves another tree, built.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { transform } from 'esbuild';
import { parseOutcomes } from './outcomes.mjs';
import { root as home, setUp } from './setup.mjs';

/** Mutants tried at a time, each in a tree of its own. Tests wait for time to pass as much as they compute. */
const WORKERS = availableParallelism() + 1;

/** How long a process may take to end by itself, in milliseconds, so that Node keeps what it compiled: a sixth of a start goes there. */
const ENDING_MS = 3_000;

/** How long the tests of a file may take, in milliseconds: those that look through memory take minutes on a busy machine. */
const LATEST_MS = 600_000;

const { values, positionals } = parseArgs({ options: { root: { type: 'string' } }, allowPositionals: true });
const root = resolve(values.root ?? home);
const word = positionals[0] ?? '';
if (values.root === undefined) setUp();
const { MUTANTS } = await import(pathToFileURL(join(root, 'test/dist/mutants/all.js')).href);
const mutants = MUTANTS.filter(({ claim, file }) => claim.includes(word) || file.includes(word));
const made = [];
const running = new Set();
process.on('exit', () => {
  running.forEach(end);
  made.forEach((dir) => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** Where nothing is ever taken out: each test has to pass there first. */
const clean = copyTree();
const compiled = makeDirectory();
let done = 0;
/** Said once more at the end, where they are looked for. */
const failures = [];
/** The mutants of a test file go together: without any of them its tests run once. */
const waiting = new Map();
/** What looks through memory takes longest, and first: last, all but one would wait for it. */
const isLong = ({ test }) => test.file.includes('memory');
for (const mutant of [...mutants].sort((a, b) => isLong(b) - isLong(a)))
  waiting.set(mutant.test.file, [...(waiting.get(mutant.test.file) ?? []), mutant]);
await Promise.all(Array.from({ length: Math.min(WORKERS, waiting.size) }, work));
console.log(
  `\n${failures.join('')}${mutants.length - failures.length} of ${mutants.length} defences are missed by their test when they are gone`,
);
process.exit(failures.length === 0 && mutants.length > 0 ? 0 : 1);

/** Takes one test file after the other, in a copy of its own. */
async function work() {
  const copy = copyTree();
  for (const [file, together] of waiting) {
    waiting.delete(file);
    const controls = await runTests(clean, file, new Set(together.map(({ test }) => test.name)));
    for (const mutant of together) {
      const control = controls.find(({ name }) => name === mutant.test.name);
      const passed = control?.verdict === 'pass';
      report(mutant, passed ? await tryMutant(copy, mutant) : `the control did not pass (${say(control)})`);
    }
  }
}

/** Says how one mutant went, as soon as it is known. */
function report({ claim, file, test }, wrong) {
  done++;
  const line = `${wrong === undefined ? 'ok  ' : 'FAIL'} ${done}/${mutants.length} [${claim}] ${file}: ${test.name}`;
  const lines = wrong === undefined ? line : `${line}\n     ${wrong}`;
  console.log(lines);
  if (wrong !== undefined) failures.push(`${lines}\n`);
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
  const [outcome] = await runTests(copy, test.file, new Set([test.name]));
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

/**
 * The outcomes of the named tests of a file, run by themselves. What they leave open is not waited for: without its defence
 * a test may leave servers and their files, so its processes are a group and what it writes has a directory, and both go.
 */
async function runTests(copy, file, names) {
  const directory = makeDirectory();
  const patterns = [...names].map(
    (name) => `--test-name-pattern=/^${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`,
  );
  const child = spawn(process.execPath, ['--test-reporter=./tools/outcomes.mjs', ...patterns, file], {
    cwd: copy,
    env: { ...process.env, TMPDIR: directory, NODE_COMPILE_CACHE: compiled },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  running.add(child);
  const closed = once(child, 'close');
  const late = setTimeout(() => end(child), LATEST_MS);
  const outcomes = [];
  for await (const line of createInterface({ input: child.stdout })) {
    outcomes.push(...parseOutcomes(line).filter(({ name }) => names.has(name)));
    if (outcomes.length === names.size) break;
  }
  clearTimeout(late);
  child.stdout.resume();
  const ending = setTimeout(() => end(child), copy === clean ? ENDING_MS : 0);
  await closed;
  clearTimeout(ending);
  end(child);
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  return outcomes;
}

function makeDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'dauth-prove-'));
  made.push(directory);
  return directory;
}

/** Ends a test's process and all that it started. */
function end(child) {
  running.delete(child);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It had ended.
  }
}

function say(outcome) {
  if (outcome === undefined) return 'it did not run';
  const { verdict, error, reason, message = '' } = outcome;
  return [verdict, error ?? reason, message.trim().replaceAll(/\s+/g, ' ')].filter(Boolean).join(' ');
}

/** Files and builds are copied; dependencies are linked, but our own packages are those of the copy. */
function copyTree() {
  const copy = makeDirectory();
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
