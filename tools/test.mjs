/**
 * `npm test`: sets up what is missing, checks the house, runs every compiled test with Node's own runner, and ends with the
 * runner's summary. `npm test -- WORD` runs the test files whose path contains WORD.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { stripVTControlCharacters } from 'node:util';
import outcomesOf, { parseOutcomes } from './outcomes.mjs';
import { root, setUp } from './setup.mjs';

/** What the house is held to. Each says nothing, or a line per violation. */
const CHECKS = [
  ['walls', 'tools/walls.mjs'],
  ['pages', 'tools/docs.mjs'],
  ['package doors', 'tools/doors.mjs'],
];

/** Of these every version of Node says the same, and they read nothing but the tree: where it passed them, it is not read again. */
const READINGS = [
  [
    'format (mend with `npm run format`)',
    'node_modules/prettier/bin/prettier.cjs',
    '--check',
    '--cache',
    '--log-level=warn',
    '.',
  ],
  ['lint', 'node_modules/oxlint/bin/oxlint', '--format=unix'],
  ['dead code', 'node_modules/knip/bin/knip.js', '--no-progress'],
];

/** The digest of the tree that passed the readings last. */
const READ = join(root, 'node_modules', '.dauth-read');

/** What is installed, built, or left by runs, wherever it stands. */
const MADE = /^(?:node_modules|dist|coverage|\.git|\.dauth|\.demo|\.scratch)$|\.tsbuildinfo$/;

/** Test files run at a time: one more than two processors, because some wait for time to pass. */
const FILES = 3;

/** How long a file may take, in milliseconds. */
const LATEST_MS = 180_000;

/** The runner's closing lines. */
const SUMMARY = /^ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;
const filter = process.argv[2];

setUp();
const { findUnproven, sayOpenClaims } = await import('./claims.mjs');
const { findUnheld } = await import('../test/dist/requirements/held.js');
const { REQUIREMENTS } = await import('../test/dist/requirements.js');

/** The checks compute where tests wait, so they run beside them; one that fails ends the tests. */
async function checkHouse(endTests) {
  const tree = digestTree();
  const isRead = existsSync(READ) && readFileSync(READ, 'utf8') === tree;
  const checks = isRead ? CHECKS : [...CHECKS, ...READINGS];
  console.error(`Checking ${checks.map(([name]) => name.split(' (')[0]).join(', ')} …`);
  const failed = (await Promise.all(checks.map(check))).filter(({ code }) => code !== 0);
  if (failed.length === 0) {
    // What was mended while it was read was not read as it is now.
    if (digestTree() === tree) writeFileSync(READ, tree);
    return sayOpenClaims();
  }
  endTests();
  for (const { name, output } of failed) console.error(`\n${name}:\n${output.trim()}`);
  process.exit(1);
}

/** Of every file but what is installed or built; the lock file says what reads them. */
function digestTree() {
  const digest = createHash('sha256');
  const visit = (dir) => {
    for (const entry of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(dir, entry.name);
      if (MADE.test(entry.name)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() || entry.isSymbolicLink())
        digest.update(`${path}\0`).update(
          createHash('sha256')
            .update(entry.isFile() ? readFileSync(path) : readlinkSync(path))
            .digest(),
        );
    }
  };
  visit(root);
  return digest.digest('hex');
}

function check([name, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('close', (code) => resolve({ name, code, output }));
  });
}

/** Where Node keeps what it compiled, so that each process compiles what no other did before (22.1 and later). */
function keepCompiled() {
  const directory = mkdtempSync(join(tmpdir(), 'dauth-compiled-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
  process.env.NODE_COMPILE_CACHE = directory;
}

/** Runs them with Node's runner; its summary is held back, so that it is the last thing said. */
async function runTests(files) {
  const ending = new AbortController();
  // One for each file, which is no leak.
  setMaxListeners(0, ending.signal);
  const tests = run({ files, concurrency: FILES, timeout: LATEST_MS, signal: ending.signal });
  const checked = filter === undefined ? checkHouse(() => ending.abort()) : undefined;
  let failed = 0;
  tests.on('test:fail', ({ todo }) => (failed += todo === undefined ? 1 : 0));
  const outcomes = tests.compose(outcomesOf).setEncoding('utf8').toArray();
  const summary = [];
  for await (const line of createInterface({ input: tests.compose(new spec()) })) {
    if (SUMMARY.test(stripVTControlCharacters(line))) summary.push(line);
    else console.log(line);
  }
  await checked;
  return { outcomes: parseOutcomes((await outcomes).join('')), summary, failed };
}

/** Compiled test files whose source is still there. */
function findTests(dir, source) {
  if (!existsSync(join(root, dir))) return [];
  return readdirSync(join(root, dir), { recursive: true })
    .filter((name) => name.endsWith('.test.js') && existsSync(join(root, source, name.replace(/\.js$/, '.ts'))))
    .map((name) => join(dir, name));
}

/** What looks through memory computes all the time: evenly between the others, so that hardly two of them run at once. */
function spread(files) {
  const [long, short] = [true, false].map((is) => files.filter((file) => file.includes('memory') === is));
  return long
    .map((file, at) => ({ file, at: (at + 0.5) / long.length }))
    .concat(short.map((file, at) => ({ file, at: (at + 0.5) / short.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ file }) => file);
}

const packages = readdirSync(join(root, 'packages')).flatMap((name) =>
  findTests(`packages/${name}/dist`, `packages/${name}/src`),
);
const files = [...packages, ...findTests('test/dist', 'test'), ...findTests('bench/dist', 'bench')]
  .filter((file) => filter === undefined || file.includes(filter))
  .sort();
if (files.length === 0) {
  console.error('No test file matches.');
  process.exit(2);
}
keepCompiled();
console.error(`Running ${files.length} test files …`);
const { outcomes, summary, failed } = await runTests(spread(files));
// A file that ran none of its tests passes in the runner's eyes, under its own name.
const silent = outcomes.filter(({ name }) => name.endsWith('.test.js'));
for (const { name } of silent) console.error(`${name} ran no test.`);
const status = failed > 0 || silent.length > 0 || outcomes.length === 0 ? 1 : 0;
const skipped = outcomes.filter(({ verdict }) => verdict === 'skipped');
for (const { name, reason } of skipped) console.error(`NOT CHECKED: ${name} (${reason ?? 'no reason given'})`);
const mustCheck = (process.env.CI ?? '') !== '';
const unproven =
  filter === undefined && status === 0
    ? [...findUnproven(outcomes, undefined, mustCheck), ...findUnheld(REQUIREMENTS, outcomes)]
    : [];
for (const sentence of unproven) console.error(sentence);
console.log(summary.join('\n'));
process.exit(unproven.length > 0 ? 1 : status || (process.exitCode ?? 0));
