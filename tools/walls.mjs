/**
 * Holds the packages to `architecture.json`: neighbours, outside packages, capabilities per room, windows (which files may
 * hold a power at all), what is forbidden everywhere, and no circles. One line per violation. `--root DIR` checks another tree.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFacts } from './walls/source.mjs';

const at = process.argv.indexOf('--root');
const root = at > 0 ? resolve(process.argv[at + 1]) : dirname(dirname(fileURLToPath(import.meta.url)));
const law = JSON.parse(readFileSync(join(root, 'architecture.json'), 'utf8'));
/** Power → the capability that holds it. A power may be in several. */
const holders = new Map();
for (const [capability, powers] of Object.entries(law.capabilities))
  for (const power of powers) holders.set(power, [...(holders.get(power) ?? []), capability]);

const problems = [];
for (const name of readdirSync(join(root, 'packages'))) {
  if (!(name in law.rooms)) say(`packages/${name}`, 1, 'the room stands nowhere in architecture.json');
}
let count = 0;
for (const [room, rules] of Object.entries(law.rooms)) checkRoom(room, rules);
for (const problem of problems) console.error(problem);
console.error(problems.length === 0 ? `Walls stand: ${count} files in ${Object.keys(law.rooms).length} rooms.` : '');
process.exit(problems.length === 0 ? 0 : 1);

function checkRoom(room, rules) {
  const home = join(root, 'packages', room);
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const declared = { ...manifest.dependencies, ...manifest.optionalDependencies };
  // A room that is started as a process is installed beside its starter and never imported.
  const started = new Set((rules.starts ?? []).map((name) => `@dauth/${name}`));
  const allowed = new Set([...rules.neighbours.map((name) => `@dauth/${name}`), ...rules.outside, ...started]);
  for (const [name, version] of Object.entries(declared)) {
    if (!allowed.has(name)) say(`packages/${room}/package.json`, 1, `${room} may not depend on ${name}`);
    if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version))
      say(`packages/${room}/package.json`, 1, `${name} is not pinned to an exact version`);
  }
  checkReferences(room, rules);
  const graph = new Map();
  const used = new Set();
  for (const file of readdirSync(join(home, 'src'), { recursive: true })) {
    if (!file.endsWith('.ts') || /\.test(?:-support)?\.ts$/.test(file)) continue;
    count++;
    const path = `${room}/src/${file.replaceAll('\\', '/')}`;
    const facts = readFacts(file, readFileSync(join(home, 'src', file), 'utf8'));
    graph.set(
      path,
      facts.imports.filter((each) => !each.typeOnly).flatMap((each) => neighbourOf(path, each.specifier)),
    );
    for (const each of facts.imports) checkImport(room, rules, path, each, declared, used);
    for (const { path: global, line, isEmptyNew } of facts.globals)
      checkGlobal(room, rules, path, global, line, isEmptyNew);
  }
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!used.has(name) && !started.has(name))
      say(`packages/${room}/package.json`, 1, `${name} is declared and never imported`);
  }
  for (const circle of findCircles(graph))
    say(`packages/${circle[0]}`, 1, `files import each other in a circle: ${circle.join(' → ')}`);
}

function checkReferences(room, { neighbours }) {
  const { references = [] } = JSON.parse(readFileSync(join(root, 'packages', room, 'tsconfig.json'), 'utf8'));
  const given = references.map(({ path }) => path.replace('../', '')).sort();
  if (given.join() !== [...neighbours].sort().join())
    say(
      `packages/${room}/tsconfig.json`,
      1,
      `its references are not its neighbours (${neighbours.join(', ') || 'none'})`,
    );
}

function checkImport(room, rules, path, { specifier, names, typeOnly, line }, declared, used) {
  // Computed at run time: only where a window says so.
  if (specifier === undefined) {
    if (!Object.values(law.windows).some((files) => files.includes(path)))
      say(`packages/${path}`, line, 'an import is computed at run time');
    return;
  }
  if (specifier.startsWith('.')) {
    if (join(dirname(path), specifier).split('/')[0] !== room)
      say(`packages/${path}`, line, 'a relative import leaves the package; use its public name');
    for (const name of typeOnly ? [] : names) checkWindow(path, `./${specifier.split('/').at(-1)}#${name}`, line);
    return;
  }
  const name = specifier.startsWith('node:')
    ? specifier
    : specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  used.add(name);
  if (name.startsWith('@dauth/')) {
    if (!rules.neighbours.includes(name.slice(7))) say(`packages/${path}`, line, `${room} may not import ${name}`);
    if (specifier !== name)
      say(`packages/${path}`, line, `${specifier} reaches into another package; use its public name`);
  } else if (name.startsWith('node:')) {
    if (!typeOnly) checkPower(room, rules, path, name, line);
  } else if (!rules.outside.includes(name) || !(name in declared)) {
    say(`packages/${path}`, line, `${room} may not import ${name}`);
  }
  if (!typeOnly) checkWindow(path, name, line);
}

/** `new Date(x)` and types are no powers; the name that is reached is. */
function checkGlobal(room, rules, path, global, line, isEmptyNew) {
  const steps = global.split('.');
  if (law.forbidden.includes(steps[0])) return say(`packages/${path}`, line, `${steps[0]} is forbidden everywhere`);
  const power = [steps.slice(0, 2).join('.'), steps[0]].find((each) => holders.has(each));
  if (power !== undefined) checkPower(room, rules, path, power, line);
  else if (global === 'Date' && isEmptyNew) checkPower(room, rules, path, 'Date.now', line);
}

function checkPower(room, rules, path, power, line) {
  const capabilities = holders.get(power);
  if (capabilities === undefined) return say(`packages/${path}`, line, `${power} is a power that no capability names`);
  if (!capabilities.some((each) => rules.capabilities.includes(each)))
    say(`packages/${path}`, line, `${room} does not hold the capability ${capabilities.join(' or ')} (${power})`);
}

function checkWindow(path, name, line) {
  const files = law.windows[name];
  if (files !== undefined && !files.some((file) => path === file || path.startsWith(`${file}/`)))
    say(`packages/${path}`, line, `${name} may be used only in ${files.join(', ')}`);
}

function neighbourOf(path, specifier) {
  if (!specifier?.startsWith('.')) return [];
  const target = join(dirname(path), specifier);
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

function say(file, line, sentence) {
  problems.push(`${file}:${line} ${sentence}.`);
}
