/**
 * Holds each package's doors to what npm would publish (publint): every file that `exports` and `bin` name is packed, has
 * the form its name says, and its types; nothing of the tests or the build's own notes is packed. Changes nothing.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from './setup.mjs';

const problems = [];
for (const packed of listPacked()) await checkDoors(packed);
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);

/** What npm would publish of each package, without writing it. */
function listPacked() {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['pack', '--dry-run', '--json', '--workspaces', '--ignore-scripts', '--loglevel=error'];
  const { status, stdout, stderr } = spawnSync(npm, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  return JSON.parse(stdout);
}

async function checkDoors({ name, files }) {
  const home = join(root, 'packages', name.replace(/^@dauth\//, '').replace(/^dauth$/, 'cli'));
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const say = (sentence) => problems.push(`${name}: ${sentence}`);
  for (const { path } of files) if (/\.test[.-]|\.tsbuildinfo|\.map$/.test(path)) say(`${path} would be published.`);
  const contents = files.map(({ path }) => ({ name: `package/${path}`, data: readFileSync(join(home, path)) }));
  const { messages } = await publint({ pkgDir: 'package', pack: { files: contents }, strict: true });
  for (const message of messages) say(formatMessage(message, manifest, { color: false }));
}
