/**
 * What must hold before this process may hold a key: no debugger, no core dump, no environment that reroutes or records
 * TLS, and Node's permission model in force. Never a warning: each finding is a sentence and an end.
 */
import { readFileSync } from 'node:fs';
import { INSTRUCTIONS, isStartedForThem } from './instructions.ts';

/** The start of a process, as data, so that each finding can be tested. */
export interface StartFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execArgv: readonly string[];
  /** `process.permission.has`, or `undefined` where the permission model is off. */
  readonly permission: ((scope: string) => boolean) | undefined;
  /** Text of `/proc/self/limits`, or `undefined` where the system has none. */
  readonly processLimits: string | undefined;
  /** Text of `/proc/self/coredump_filter`, likewise. */
  readonly coreFilter: string | undefined;
}

/** Environment variables that hand this process's traffic, secrets or code to somebody else, and why. */
const REFUSED_ENV: readonly (readonly [name: RegExp, why: string])[] = [
  [/^NODE_TLS_REJECT_UNAUTHORIZED$/, 'it turns certificate checks off'],
  [/^NODE_EXTRA_CA_CERTS$/, 'it widens whom TLS trusts; name the files in "upstream.ca" instead'],
  [/^NODE_USE_(?:ENV_PROXY|SYSTEM_CA|OPENSSL_CA)$/, 'it changes whom the process talks to or trusts'],
  [/^(?:https?|all|no|ftp)_proxy$/i, 'the executor dials the address it checked and never a proxy'],
  [/^NODE_OPTIONS$/, 'it can load code and open a debugger'],
  [/^NODE_(?:PATH|COMPILE_CACHE\w*)$/, 'it brings code from elsewhere, compiled already where nobody reads it'],
  [/^(?:GCONV_PATH|DYLD_INSERT_LIBRARIES)$/, 'it loads foreign code'],
  [/^(?:NODE_REDIRECT_WARNINGS|MALLOC_TRACE|LD_(?:PROFILE|DEBUG_OUTPUT))$/, 'it writes to disk what nobody asked for'],
  [/^NODE_DEBUG(?:_NATIVE)?$/, 'it prints what passes through the process'],
  [/^NODE_V8_COVERAGE$/, 'it writes from the heap to disk'],
  [/^SSLKEYLOGFILE$/, 'it records TLS keys'],
  [/^(?:OPENSSL_\w+|SSL_CERT_(?:FILE|DIR))$/, 'it replaces cryptographic code or trust'],
  [/^LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)$/, 'it loads foreign code'],
];

const REFUSED_FLAGS: readonly (readonly [flag: RegExp, why: string])[] = [
  [/^--(?:inspect|debug)/, 'a debugger reads all memory'],
  [/^--(?:heapsnapshot|heap-prof|cpu-prof|prof|report-|abort-on)/, 'it writes memory to disk'],
  [/^--(?:openssl-|use-(?:openssl|system)-ca|use-env-proxy|tls-min)/, 'it changes how TLS is done, or with whom'],
  [/^--(?:snapshot-blob|env-file|experimental-(?:default-)?config-file)/, 'it brings code or settings of its own'],
  [/^--tls-keylog/, 'it records TLS keys'],
  [/^--(?:require|import|loader|experimental-loader|eval|print)|^-[rep]/, 'it loads code besides the executor'],
  [/^--allow-(?:addons|child-process|worker|wasi|inspector|ffi)/, 'the executor needs no such right'],
];

/** A sentence for each reason not to start; empty where there is none. */
export function findRefusals(facts: StartFacts): readonly string[] {
  const refusals: string[] = [];
  for (const name of Object.keys(facts.env)) {
    if (Object.hasOwn(INSTRUCTIONS, name)) continue;
    const [, why] = REFUSED_ENV.find(([pattern]) => pattern.test(name)) ?? [];
    if (why !== undefined) refusals.push(`The environment variable ${name} is set: ${why}. Unset it.`);
  }
  for (const argument of facts.execArgv) {
    // Node takes either for the other.
    const flag = argument.replaceAll('_', '-');
    const [, why] = REFUSED_FLAGS.find(([pattern]) => pattern.test(flag)) ?? [];
    if (why !== undefined) refusals.push(`Node was started with ${argument.split('=', 1)[0]}: ${why}. Leave it out.`);
  }
  if (dumpsCore(facts.processLimits)) {
    refusals.push('Core dumps are enabled: a crash would write keys to disk. Start with "ulimit -c 0".');
  }
  if (/[1-9a-f]/i.test(facts.coreFilter ?? ''))
    refusals.push(
      'Core dumps would hold memory where the system pipes them. Start the executor through its launch script.',
    );
  if (!isStartedForThem(facts.env))
    refusals.push('OpenSSL may keep octets of what it decrypted. Start the executor through its launch script.');
  refusals.push(...findMissingPermissionModel(facts.permission));
  return refusals;
}

function findMissingPermissionModel(has: StartFacts['permission']): readonly string[] {
  if (has === undefined) return ["Node's permission model is off. Start the executor through its launch script."];
  return ['child', 'worker', 'fs.read', 'fs.write']
    .filter((scope) => has(scope))
    .map(
      (scope) => `Node's permission model grants "${scope}" as a whole. Start the executor through its launch script.`,
    );
}

function dumpsCore(limits: string | undefined): boolean {
  const [, soft] = /^Max core file size\s+(\S+)/m.exec(limits ?? '') ?? [];
  return soft !== undefined && soft !== '0';
}

/** The facts of this process. */
export function readStartFacts(): StartFacts {
  const permission = (process as { permission?: { has(scope: string): boolean } }).permission;
  return {
    env: process.env,
    execArgv: process.execArgv,
    permission: permission === undefined ? undefined : (scope) => permission.has(scope),
    processLimits: readOwn('limits'),
    coreFilter: readOwn('coredump_filter'),
  };
}

function readOwn(file: string): string | undefined {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Takes SIGUSR1 from Node, which would open the inspector on it: whoever may signal this process could then read its
 * memory. Called before anything else is loaded.
 */
export function keepInspectorShut(): void {
  process.on('SIGUSR1', () => undefined);
}

/**
 * Takes the last words from Node, which would print an error with its message, its cause and whatever hangs on it: a value of
 * somebody's request may be in any of them. The process ends as it would have.
 */
export function dieQuietly(): void {
  process.on('uncaughtException', (error: unknown) => {
    const name = error instanceof Error ? error.name : '';
    const kind = /^[A-Za-z]{1,40}$/.test(name) ? name : 'Error';
    process.stderr.write(`${JSON.stringify({ event: 'crashed', kind })}\n`, () => process.exit(1));
  });
}
