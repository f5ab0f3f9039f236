/** `dauth doctor`: every check with ok, warn or fail and what to do. Reads modes and answers; never a key or a credential. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fetchExecutor, MemorySeqStore } from '@dauth/client';
import { proxiesIn } from './environment.ts';
import { openHome, type Home } from './home.ts';
import { readLogin, type Login } from './login-file.ts';
import { EXIT, print } from './output.ts';
import type { GlobalFlags } from './reach.ts';
import { bearerClients } from './registry.ts';

interface Check {
  readonly check: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly fix?: string;
}

/** `stack.json`; one of an earlier version names no database. */
interface StackFile {
  readonly authority: string;
  readonly executor: string;
  readonly database?: string;
}

/** @returns the exit code: 0 unless a check failed */
export async function doctor(flags: GlobalFlags): Promise<number> {
  const home = openHome(flags.data);
  const checks: Check[] = [checkNode(), checkProxies(), checkTls(), checkAuthorities()];
  const stack = readStack(home.stackFile);
  const signIn = signInOf(home);
  // Where a person signed in somewhere else there is no stack, and nothing is missing.
  const isPersons = signIn !== undefined && stack === undefined && !existsSync(home.operatorKey);
  // Whoever names authority and key needs no directory here.
  const isElsewhere = flags.authority !== undefined && flags.key !== undefined;
  if (!isElsewhere || existsSync(home.dir)) checks.push(checkMode('data directory', home.dir, 0o077));
  if (flags.key !== undefined) checks.push(checkMode('key', flags.key, 0o177));
  else if (!isPersons) checks.push(checkMode('operator key', home.operatorKey, 0o177));
  if (existsSync(home.loginFile))
    checks.push(checkMode('sign-in', home.loginFile, 0o177), checkMode('sign-in key', home.loginKey, 0o177));
  if (signIn !== undefined) checks.push(checkSignIn(signIn));
  const authority = flags.authority ?? stack?.authority ?? signIn?.authority;
  if (authority === undefined)
    checks.push({ check: 'stack', result: 'fail', detail: 'no stack was started here', fix: 'run "dauth start"' });
  else {
    checks.push(await checkReady('authority', authority));
    if (stack !== undefined) checks.push(await checkReady('executor', stack.executor));
    if (stack?.database !== undefined) checks.push(checkDatabase(stack.database));
    checks.push(
      await checkClock(authority),
      await checkIdentity(authority, flags.executorIdentity ?? readPin(home.executorPin), isPersons),
    );
    if (flags.authority === undefined && existsSync(home.operatorKey)) checks.push(await checkBearer(flags));
  }
  print(flags.json === true, checks, () =>
    checks
      .map(
        (each) =>
          `${each.result.padEnd(4)}  ${each.check}: ${each.detail}${each.fix === undefined ? '' : `\n      fix: ${each.fix}`}`,
      )
      .join('\n'),
  );
  return checks.some((each) => each.result === 'fail') ? EXIT.unexpected : EXIT.ok;
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const check = `node ${process.version}`;
  if (major < 20 || (major === 20 && minor < 19))
    return { check, result: 'fail', detail: 'too old', fix: 'use Node 24' };
  if (major < 22) return { check, result: 'warn', detail: 'past its end of life', fix: 'use Node 24' };
  return { check, result: 'ok', detail: 'supported' };
}

function checkProxies(): Check {
  const check = 'environment proxies';
  const set = proxiesIn(process.env);
  return set.length === 0
    ? { check, result: 'ok', detail: 'none' }
    : { check, result: 'warn', detail: `${set.join(', ')} set; the executor never uses one` };
}

function checkTls(): Check {
  const check = 'TLS checks';
  return process.env.NODE_TLS_REJECT_UNAUTHORIZED === undefined
    ? { check, result: 'ok', detail: 'on' }
    : { check, result: 'fail', detail: 'NODE_TLS_REJECT_UNAUTHORIZED is set', fix: 'unset it' };
}

/** Trust that this process has and the rooms do not: they start with a clean environment. */
function checkAuthorities(): Check {
  const check = 'certificate authorities';
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return extra === undefined
    ? { check, result: 'ok', detail: "Node's own (NODE_EXTRA_CA_CERTS is not set)" }
    : {
        check,
        result: 'ok',
        detail: `Node's own and ${extra} (NODE_EXTRA_CA_CERTS), for this command; upstreams use executor.upstream.ca`,
      };
}

function checkMode(check: string, path: string, forbidden: number): Check {
  try {
    const { mode } = statSync(path);
    if (process.platform !== 'win32' && (mode & forbidden) !== 0)
      return { check, result: 'fail', detail: 'readable by others', fix: `chmod go= ${path}` };
    return { check, result: 'ok', detail: 'private' };
  } catch {
    return { check, result: 'warn', detail: 'not there', fix: 'run "dauth start"' };
  }
}

/** A sign-in that cannot be used is none; that its file is there is checked beside. */
function signInOf(home: Home): Login | undefined {
  try {
    return readLogin(home);
  } catch {
    return undefined;
  }
}

function checkSignIn({ authority, owner, expires_at: end }: Login): Check {
  const check = 'signed in';
  const fix = 'run "dauth logout" and "dauth login"';
  if (end !== null && end * 1_000 <= Date.now())
    return { check, result: 'fail', detail: `at ${authority} as ${owner}, and it has ended`, fix };
  const until =
    end === null ? '' : `, until ${new Date(end * 1_000).toISOString().slice(0, 10)} and longer with each use`;
  return { check, result: 'ok', detail: `at ${authority} as ${owner}${until}` };
}

/** Where the ciphertext and the registrations are: what a backup has to hold. */
function checkDatabase(path: string): Check {
  const { result, detail, fix } = checkMode('database', path, 0o077);
  if (result === 'warn')
    return { check: 'database', result: 'fail', detail: `${path} is not there`, fix: 'restore it from a backup' };
  return { check: 'database', result, detail: `${path}, ${detail}`, ...(fix === undefined ? {} : { fix }) };
}

async function checkReady(check: string, base: string): Promise<Check> {
  try {
    const response = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(3_000) });
    return response.ok
      ? { check, result: 'ok', detail: 'ready' }
      : { check, result: 'fail', detail: 'running, but not ready', fix: 'look at its log' };
  } catch {
    return { check, result: 'fail', detail: 'not reachable', fix: 'start it, or check the address' };
  }
}

async function checkClock(authority: string): Promise<Check> {
  const check = 'clock';
  try {
    const date = Date.parse(
      (await fetch(`${authority}/livez`, { signal: AbortSignal.timeout(3_000) })).headers.get('date') ?? '',
    );
    const off = Math.round(Math.abs(Date.now() - date) / 1_000);
    return off <= 3
      ? { check, result: 'ok', detail: 'agrees with the authority' }
      : { check, result: 'fail', detail: `${off} s from the authority's`, fix: 'synchronize clocks' };
  } catch {
    return { check, result: 'warn', detail: 'could not be compared' };
  }
}

/** @param isPersons where only sealing needs one */
async function checkIdentity(authority: string, identity: string | undefined, isPersons: boolean): Promise<Check> {
  const check = 'executor identity';
  if (identity === undefined && isPersons)
    return {
      ...{ check, result: 'warn', detail: 'none is known, so nothing can be sealed from here' },
      fix: 'give --executor-identity THUMBPRINT, as the operator told you',
    };
  if (identity === undefined)
    return { check, result: 'fail', detail: 'none is pinned', fix: 'give --executor-identity' };
  // Where nobody served a directory it is an outage, and no sign of a wrong executor.
  let isServed = false;
  try {
    const { level } = await fetchExecutor({
      ...{ url: authority, identities: [identity], seqStore: new MemorySeqStore() },
      async fetch(input, init) {
        const response = await fetch(input, init);
        isServed = response.ok;
        return response;
      },
    });
    return {
      check,
      result: level === 'development' ? 'warn' : 'ok',
      detail: `matches its signed directory; level ${level}`,
    };
  } catch (error) {
    return {
      check,
      result: 'fail',
      detail: (error as { publicMessage?: string }).publicMessage ?? 'could not be checked',
      fix: isServed ? 'do not seal until this is explained' : 'start it, or check the address',
    };
  }
}

/** Tokens that work for whoever has them: for no client unless an operator said so, and then said again here. */
async function checkBearer(flags: GlobalFlags): Promise<Check> {
  const check = 'clients without keys';
  try {
    const marked = await bearerClients(flags);
    return marked.length === 0
      ? { check, result: 'ok', detail: 'none; every token is bound to a key' }
      : { check, result: 'warn', detail: `marked Bearer: ${marked.join(', ')}`, fix: 'dauth clients bind ID' };
  } catch {
    return { check, result: 'warn', detail: 'could not be asked' };
  }
}

function readStack(path: string): StackFile | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as StackFile;
  } catch {
    return undefined;
  }
}

function readPin(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
