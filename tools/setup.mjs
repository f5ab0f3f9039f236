/**
 * Sets up whatever is missing: dependencies by the lock file, without install scripts, then the build. Plain JavaScript, no
 * dependency: this is what runs first on a fresh machine. Never asks for a compiler or anything beyond the package registry.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.dauth-setup');

/** Runs a command in the repository; ends this process with its exit code where it fails. */
export function must(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error !== undefined || status !== 0) {
    console.error(`\n${command} ${args.join(' ')} failed.${error === undefined ? '' : ` ${error.message}`}`);
    process.exit(status ?? 1);
  }
}

/** Installs where `node_modules` is not what the lock file says, and builds. */
export function setUp() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node 20.19 or newer is needed; this is ${process.version}. Node 24 is recommended.`);
    process.exit(2);
  }
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    console.error('Installing dependencies (npm ci, no install scripts) …');
    must(
      process.platform === 'win32' ? 'npm.cmd' : 'npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      { stdio: ['ignore', 2, 2] },
    );
    writeFileSync(stamp, wanted);
  }
  console.error('Building …');
  must(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], { stdio: ['ignore', 2, 2] });
  if (process.platform !== 'win32') linkCommand();
}

/** Makes `npx dauth` work in a clone: npm links a command at install time only where its file is built already. */
function linkCommand() {
  const bin = join(root, 'node_modules', '.bin');
  chmodSync(join(root, 'packages', 'cli', 'dist', 'main.js'), 0o755);
  mkdirSync(bin, { recursive: true });
  if (!existsSync(join(bin, 'dauth'))) symlinkSync('../../packages/cli/dist/main.js', join(bin, 'dauth'));
}
