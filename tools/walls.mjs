/**
 * Holds the packages to `architecture.json`: neighbours, outside packages, capabilities per room, windows (which files may
 * hold a power at all), who may touch a plaintext and how, what is forbidden everywhere, and no circles. One line per
 * violation. `--root DIR` checks another tree.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeImports, sourceOf } from './walls/imports.mjs';
import { makePowers } from './walls/powers.mjs';
import { readFacts } from './walls/source.mjs';

const at = process.argv.indexOf('--root');
const root = at > 0 ? resolve(process.argv[at + 1]) : dirname(dirname(fileURLToPath(import.meta.url)));
const law = JSON.parse(readFileSync(join(root, 'architecture.json'), 'utf8'));
const problems = [];
const powers = makePowers(law, say);
const checkImport = makeImports(law, say, powers.checkPower);

/** What stands in a package's directory; code stands in `src` alone. */
const FURNITURE = new Set([
  'package.json',
  'tsconfig.json',
  'tsconfig.test.json',
  'README.md',
  'src',
  'dist',
  'node_modules',
]);

for (const name of readdirSync(join(root, 'packages'))) {
  if (!(name in law.rooms)) say(name, 1, 'the room stands nowhere in architecture.json');
}
for (const file of Object.keys(law.plaintext.files)) {
  if (!existsSync(join(root, 'packages', file))) say(file, 1, 'architecture.json names a file that is not there');
}
let count = 0;
for (const room of Object.keys(law.rooms)) checkRoom(room);
for (const problem of problems) console.error(problem);
console.error(problems.length === 0 ? `Walls stand: ${count} files in ${Object.keys(law.rooms).length} rooms.` : '');
process.exit(problems.length === 0 ? 0 : 1);

function checkRoom(room) {
  const home = join(root, 'packages', room);
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const declared = { ...manifest.dependencies, ...manifest.optionalDependencies };
  // A room that is started as a process is installed beside its starter and never imported.
  const started = new Set((law.rooms[room].starts ?? []).map((name) => `@dauth/${name}`));
  checkManifest(room, declared, started);
  checkReferences(room);
  for (const name of readdirSync(home)) if (!FURNITURE.has(name)) say(`${room}/${name}`, 1, 'it stands outside src');
  const used = checkSources(room, home, declared);
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!used.has(name) && !started.has(name)) say(`${room}/package.json`, 1, `${name} is declared and never imported`);
  }
}

function checkManifest(room, declared, started) {
  const { neighbours, outside } = law.rooms[room];
  const allowed = new Set([...neighbours.map((name) => `@dauth/${name}`), ...outside, ...started]);
  for (const [name, version] of Object.entries(declared)) {
    if (!allowed.has(name)) say(`${room}/package.json`, 1, `${room} may not depend on ${name}`);
    if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version))
      say(`${room}/package.json`, 1, `${name} is not pinned to an exact version`);
  }
}

function checkReferences(room) {
  const { neighbours } = law.rooms[room];
  const { references = [] } = JSON.parse(readFileSync(join(root, 'packages', room, 'tsconfig.json'), 'utf8'));
  const given = references.map(({ path }) => path.replace('../', '')).sort();
  if (given.join() !== [...neighbours].sort().join())
    say(`${room}/tsconfig.json`, 1, `its references are not its neighbours (${neighbours.join(', ') || 'none'})`);
}

/** @returns the packages that the room's files import */
function checkSources(room, home, declared) {
  const graph = new Map();
  const used = new Set();
  for (const name of readdirSync(join(home, 'src'), { recursive: true }).sort()) {
    const file = join(home, 'src', name);
    if (statSync(file).isDirectory()) continue;
    const path = `${room}/src/${name.replaceAll('\\', '/')}`;
    // Another dialect would be built or loaded all the same, and read by nobody here.
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) {
      say(path, 1, 'only .ts files may stand in src');
      continue;
    }
    if (/\.test(?:-support)?\.ts$/.test(file)) continue;
    count++;
    const facts = readFacts(file, readFileSync(file, 'utf8'));
    const runtime = facts.imports.filter((each) => !each.typeOnly);
    graph.set(
      path,
      runtime.flatMap((each) => neighbourOf(path, each.specifier)),
    );
    for (const each of facts.imports) checkImport(room, path, each, declared, used);
    powers.checkFacts(room, path, facts);
  }
  for (const circle of findCircles(graph))
    say(circle[0], 1, `files import each other in a circle: ${circle.join(' → ')}`);
  return used;
}

function neighbourOf(path, specifier) {
  if (!specifier?.startsWith('.')) return [];
  const target = sourceOf(path, specifier);
  return existsSync(join(root, 'packages', target)) ? [target] : [];
}

/** @returns each circle once, from its first file in order */
function findCircles(graph) {
  const circles = [];
  const done = new Set();
  const visit = (file, trail) => {
    const start = trail.indexOf(file);
    if (start >= 0) return void circles.push([...trail.slice(start), file]);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}

/** @param path below `packages/` */
function say(path, line, sentence) {
  problems.push(`packages/${path}:${line} ${sentence}.`);
}
