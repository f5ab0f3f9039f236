/**
 * Runs the conformance suite of MCP (`@modelcontextprotocol/conformance`, pinned) as a process of its own, offline, and reads
 * the checks that it writes. Changes nothing of the suite.
 *
 *   server --url URL                              an MCP server: the suite is its client
 *   client --command "CMD"                        an MCP client: the suite starts CMD with the address of its server
 *   authorization --url ISSUER --client-id ID     an authorization server: the suite prints an address for a browser
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTempDir, start } from '../support/process.ts';
import type { Check, Found } from './result.ts';

const SUITE = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));
const OLD_NODE = fileURLToPath(new URL('node-20-main.js', import.meta.url));
/** For the whole of a run; the longest takes ten seconds where there is nothing else to do. */
const TIMEOUT_MS = 150_000;

export interface SuiteOptions {
  /** Called with the first line that the suite says of this form. */
  readonly on?: readonly [line: RegExp, what: (line: string) => Promise<unknown>];
}

/** @throws Error with what the suite said where it wrote no checks, or was not done in time */
export async function runSuite(args: readonly string[], { on }: SuiteOptions = {}): Promise<Found> {
  await using dir = await makeTempDir('dauth-conformance-');
  const old = 'globSync' in fs ? [] : ['--import', OLD_NODE];
  const [awaited, what] = on ?? [/./, () => Promise.resolve()];
  await using running = await start({
    file: process.execPath,
    args: [...old, SUITE, ...args, '--output-dir', dir.path],
    cwd: dir.path,
    isReady: (line) => awaited.test(line),
    readyMs: TIMEOUT_MS,
  });
  await what(running.readyLine);
  const timer = setTimeout(() => void running.stop('SIGKILL'), TIMEOUT_MS);
  const { signal } = await running.exited;
  clearTimeout(timer);
  const found = findChecks(dir.path);
  if (signal !== null || found.size === 0)
    throw new Error(`The suite did not end by itself with checks:\n${running.stdout()}${running.stderr()}`);
  return found;
}

/** The suite's package and the version that is installed. */
export function suiteName(): string {
  const file = new URL('../package.json', import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));
  const { name, version } = JSON.parse(fs.readFileSync(file, 'utf8')) as { name: string; version: string };
  return `${name} ${version}`;
}

/** A folder per scenario, with the mode in front and the time behind; names of scenarios may have a `/` in them. */
function findChecks(dir: string): Found {
  const files = fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
  return new Map(
    files.flatMap((file) => {
      const scenario = /^(?:server-|authorization-server-)?(.+)-\d{4}-\d\d-\d\dT[^/]*\/checks\.json$/.exec(file)?.[1];
      return scenario === undefined
        ? []
        : [[scenario, JSON.parse(fs.readFileSync(join(dir, file), 'utf8')) as readonly Check[]]];
    }),
  );
}
