/**
 * Starts the executor's process the one way it may run: Node's permission model with nothing but its own files, no core
 * dump, no debugger, an environment of its own. Holds no key and reads none; ends when its child ends.
 * Loads nothing but this: who starts waits for two processes of Node, and the second one judges the configuration.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OVERWRITING } from './freed.ts';
import { INSTRUCTIONS } from './instructions.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const NEEDED = ['@dauth/protocol', '@dauth/verify', 'undici', 'ipaddr.js'];
const [MAJOR = 0, MINOR = 0] = process.versions.node.split('.').map(Number);

/**
 * Node's flags for this version and these files. The strictest that work: no child, worker, addon or WASI, no code from
 * strings, no `__proto__`, files by name. Before 25 the model has no word for the network.
 */
function nodeFlags({ data, ca }: Places): readonly string[] {
  const own = data.map((path) => join(resolve(path), '*'));
  const readable = [
    ...codePaths(),
    '/proc/self/limits',
    '/proc/*/limits',
    '/proc/self/coredump_filter',
    ...ca.map((path) => resolve(path)),
    ...own,
  ];
  return [
    hasStablePermission() ? '--permission' : '--experimental-permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    ...own.map((path) => `--allow-fs-write=${path}`),
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

/** What a configuration names of the file system. */
interface Places {
  /** The data directory, or nothing. */
  readonly data: readonly string[];
  readonly ca: readonly string[];
}

/**
 * Nothing is judged by it: the executor parses the same text strictly, before it makes or reads anything, and ends where a place is
 * missing here because it is none.
 */
function placesIn(json: string): Places {
  const texts = (values: unknown): readonly string[] =>
    Array.isArray(values)
      ? values.filter((path): path is string => typeof path === 'string' && !path.includes('\0'))
      : [];
  try {
    const config = JSON.parse(json) as {
      readonly data?: unknown;
      readonly upstream?: { readonly ca?: unknown };
    } | null;
    return { data: texts([config?.data]), ca: texts(config?.upstream?.ca) };
  } catch {
    return { data: [], ca: [] };
  }
}

/**
 * A core dump that the system pipes into a program is made whatever its size may be (core(5)), and a limit can be raised from
 * outside: so it is empty as well, where the system has a filter.
 */
const NO_CORE = '{ echo 0 > /proc/self/coredump_filter; } 2>/dev/null; ulimit -c 0';

function launch(): void {
  const json = process.env.DAUTH_RESOLVED_CONFIG ?? '';
  const command = [process.execPath, ...nodeFlags(placesIn(json)), join(HOME, 'dist', 'main.js'), '--end-with-stdin'];
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
