/**
 * Checks the pages: a fence `file=PATH` or `file=PATH#REGION` equals that file or region, a fence `diff file=A..B` is the
 * whole way from file A to file B (but for the comment each opens with), commands and configuration are run by a test, and
 * every relative link leads somewhere. Prints one sentence per untruth. Never rewrites a page.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = process.argv.indexOf('--root');
const root = at > 0 ? resolve(process.argv[at + 1]) : dirname(dirname(fileURLToPath(import.meta.url)));
const IGNORED = new Set(['node_modules', 'dist', '.git', '.dauth']);
/** What CI runs, line by line, and the scripts that exist. */
const ciLines = new Set(readIfThere('.ci/run').split('\n'));
const { scripts = {} } = JSON.parse(readIfThere('package.json') || '{}');
const problems = [];
for (const page of findPages(root)) checkPage(page);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function findPages(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED.has(entry.name)) return [];
    const path = join(directory, entry.name);
    return entry.isDirectory() ? findPages(path) : entry.name.endsWith('.md') ? [path] : [];
  });
}

function checkPage(page) {
  const text = readFileSync(page, 'utf8');
  const fences = /^```(\w*)[ \t]*([^\n]*)\n([\s\S]*?)^```$/gm;
  for (const [, language, info, body] of text.matchAll(fences)) {
    const [, wanted] = /\bfile=(\S+)/.exec(info) ?? [];
    if (wanted !== undefined) {
      const isTrue = wanted.includes('..') ? isDifference(body, wanted) : body.trim() === expected(wanted)?.trim();
      if (!isTrue) say(page, `the snippet is not what stands in ${wanted}`);
    }
    if (language === 'sh' || language === 'yaml') checkRuns(page, language, info, body);
  }
  for (const [, link] of text.replaceAll(fences, '').matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [path, anchor] = link.split('#', 2);
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(target)) say(page, `the link to ${link} leads nowhere`);
    else if (anchor !== undefined && !anchorsOf(target).has(anchor)) say(page, `the link to ${link} names no heading`);
  }
}

/**
 * `test=FILE#NAME` in a fence says which test takes the fence by that name and runs it. Without one each command has to be
 * a line of what CI runs, or, on the page for contributors, a script of this repository.
 */
function checkRuns(page, language, info, body) {
  const [, file, name] = /\btest=([^\s#]+)#(\S+)/.exec(info) ?? [];
  if (file !== undefined) {
    const isTaken = readIfThere(file).includes(`fence('${relative(root, page)}', '${name}')`);
    if (!isTaken) say(page, `${file} does not run the fence ${name}`);
  } else if (language === 'yaml') say(page, 'no test reads a yaml fence; name one with test=FILE#NAME');
  else for (const command of commandsIn(body)) if (!isRun(page, command)) say(page, `nothing runs "${command}"`);
}

function isRun(page, command) {
  const [, script] = /^npm (?:run )?([\w-]+)(?: -- .*)?$/.exec(command) ?? [];
  return ciLines.has(command) || (page.endsWith('CONTRIBUTING.md') && script in scripts);
}

function commandsIn(body) {
  return body.split('\n').flatMap((line) => line.replace(/(?:^|\s)#.*$/, '').trim() || []);
}

/** Whether the lines kept and taken away are the one file, and the lines kept and added the other. */
function isDifference(body, wanted) {
  const [before, after] = wanted.split('..').map((path) => expected(path)?.replace(/^\/\*\*.*\n/, ''));
  const lines = body.replace(/\n$/, '').split('\n');
  const side = (sign) =>
    lines
      .filter((line) => line === '' || line[0] === ' ' || line[0] === sign)
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  return side('-') === before && side('+') === after;
}

/** The text of a file or of its regions of that name, without their common indentation. */
function expected(wanted) {
  const [path, region] = wanted.split('#', 2);
  if (!existsSync(join(root, path))) return undefined;
  const source = readFileSync(join(root, path), 'utf8');
  if (region === undefined) return source;
  const [, inside] =
    new RegExp(`// #region ${region}\\n([\\s\\S]*?)[ \\t]*// #endregion ${region}\\n`).exec(source) ?? [];
  const indent = Math.min(
    ...(inside ?? '')
      .split('\n')
      .filter(Boolean)
      .map((line) => /^ */.exec(line)[0].length),
  );
  return inside
    ?.split('\n')
    .map((line) => line.slice(indent))
    .join('\n');
}

function anchorsOf(page) {
  if (!page.endsWith('.md')) return new Set();
  const headings = readFileSync(page, 'utf8').matchAll(/^#+ +(.*)$/gm);
  const slug = (heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
  return new Set([...headings].map(([, heading]) => slug(heading)));
}

function readIfThere(path) {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
}

function say(page, sentence) {
  problems.push(`${relative(root, page)}: ${sentence}.`);
}
