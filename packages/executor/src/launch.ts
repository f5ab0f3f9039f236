/**
 * Starts the executor's process the one way it may run: Node's permission model with nothing but its own files, no core
 * dump, no debugger, an environment of its own. Holds no key and reads none; ends when its child ends.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configSentence, parseConfig, type ExecutorConfig } from './config.ts';
import { OVERWRITING } from './freed.ts';
import { INSTRUCTIONS } from './instructions.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const NEEDED = ['@dauth/protocol', '@dauth/verify', 'undici', 'ipaddr.js'];
const [MAJOR = 0, MINOR = 0] = process.versions.node.split('.').map(Number);

/**
 * Node's flags for this version and these files. The strictest that work: no child, worker, addon or WASI, no code from
 * strings, no `__proto__`, files by name. Before 25 the model has no word for the network.
 */
export function nodeFlags(config: Pick<ExecutorConfig, 'data' | 'upstream'>): readonly string[] {
  const data = resolve(config.data);
  const readable = [
    ...codePaths(),
    '/proc/self/limits',
    '/proc/*/limits',
    '/proc/self/coredump_filter',
    ...config.upstream.ca.map((path) => resolve(path)),
  ];
  return [
    hasStablePermission() ? '--permission' : '--experimental-permission',
    ...[...readable, join(data, '*')].map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${join(data, '*')}`,
    ...(MAJOR >= 25 ? ['--allow-net'] : []),
    ...(hasSigusr1Switch() ? ['--disable-sigusr1'] : []),
    '--no-addons',
    '--disallow-code-generation-from-strings',
    '--disable-proto=delete',
    '--no-warnings=ExperimentalWarning',
  ];
}

/** The code: this package, what it imports, and the places where Node looks for them. */
function codePaths(): readonly string[] {
  const require = createRequire(import.meta.url);
  const paths = new Set<string>();
  const visit = (directory: string): void => void paths.add(join(directory, '*'));
  visit(HOME);
  for (const name of NEEDED) visit(packageRoot(require, name));
  for (let at = HOME; ; at = dirname(at)) {
    // Resolution asks each ancestor for a package and for its manifest; reading either tells nothing.
    paths.add(join(at, 'package.json'));
    for (const name of NEEDED) visit(join(at, 'node_modules', name));
    if (at === dirname(at)) return [...paths];
  }
}

function packageRoot(require: NodeJS.Require, name: string): string {
  let at = dirname(realpathSync(require.resolve(name)));
  while (!existsSync(join(at, 'package.json'))) at = dirname(at);
  return at;
}

function hasStablePermission(): boolean {
  return MAJOR > 23 || (MAJOR === 23 && MINOR >= 5) || (MAJOR === 22 && MINOR >= 13);
}

function hasSigusr1Switch(): boolean {
  return MAJOR > 23 || (MAJOR === 23 && MINOR >= 7) || (MAJOR === 22 && MINOR >= 14);
}

/** A configuration that contradicts itself is for whoever wrote it to mend. */
const EXIT_CONFIG = 2;

/**
 * A core dump that the system pipes into a program is made whatever its size may be (core(5)), and a limit can be raised from
 * outside: so it is empty as well, where the system has a filter.
 */
const NO_CORE = '{ echo 0 > /proc/self/coredump_filter; } 2>/dev/null; ulimit -c 0';

function launch(): void {
  const json = process.env.DAUTH_RESOLVED_CONFIG ?? '';
  let config: ExecutorConfig;
  try {
    config = parseConfig(json);
    mkdirSync(config.data, { recursive: true, mode: 0o700 });
  } catch (error) {
    process.stderr.write(`${JSON.stringify({ event: 'refused', reason: configSentence(error) })}\n`);
    process.exit(EXIT_CONFIG);
  }
  const command = [process.execPath, ...nodeFlags(config), join(HOME, 'dist', 'main.js'), '--end-with-stdin'];
  // Of the shell's environment nothing goes in: not a proxy, not a debugger, not a key log.
  const env = { DAUTH_RESOLVED_CONFIG: json, ...OVERWRITING, ...INSTRUCTIONS };
  const child =
    process.platform === 'win32'
      ? spawn(command[0]!, command.slice(1), { env, stdio: ['pipe', 'inherit', 'inherit'] })
      : spawn('/bin/sh', ['-c', `${NO_CORE} && exec "$@"`, 'sh', ...command], {
          env,
          stdio: ['pipe', 'inherit', 'inherit'],
        });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void child.kill('SIGTERM'));
  child.on('error', () => process.exit(1));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}

launch();
