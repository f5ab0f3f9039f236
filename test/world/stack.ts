/**
 * A whole DAuth stack in a directory of its own: `dauth start` as a process, `dauth` commands against it, everything real.
 * Knows no product internals: it runs the published commands and reads what they print.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCa, type Leaf } from '../support/ca.ts';
import { run, start, type Running } from '../support/process.ts';

const DAUTH = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

export interface Ready {
  readonly authority: string;
  readonly executor: string;
  readonly data: string;
  readonly pids: { readonly authority: number; readonly executor: number };
  readonly executor_identity: string;
  /** While there is nobody. */
  readonly first_run?: { readonly url: string; readonly code: string };
}

export interface Stack extends AsyncDisposable {
  readonly ready: Ready;
  readonly process: Running;
  /** Leaf of the test CA that the executor trusts. */
  readonly leaf: Leaf;
  readonly caFile: string;
  /** Runs `dauth … --data DIR --json`; a credential goes in by stdin. @throws Error with what it said unless it exits 0 */
  dauth<T>(args: readonly string[], input?: string | Uint8Array): Promise<T>;
  /** The same without judging the exit code. */
  tryDauth(
    args: readonly string[],
    input?: string | Uint8Array,
  ): Promise<{ code: number | null; stdout: string; stderr: string }>;
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly dir: string;
  /** Added to the configuration. */
  readonly executor?: object;
  /** PEM files the executor trusts besides the test CA, and whether it may call this machine. Default none, and true. */
  readonly upstream?: { readonly ca?: readonly string[]; readonly loopback?: boolean };
  readonly authority?: object;
  /** Of the authority; the executor takes the next one. Default: free ones. */
  readonly port?: number;
}

/** Starts authority and executor; where upstreams on this machine are allowed, the level is `development`. */
export async function startStack(options: StackOptions): Promise<Stack> {
  await mkdir(options.dir, { recursive: true });
  const ca = await createCa();
  const leaf = await ca.issue();
  const caFile = join(options.dir, 'ca.pem');
  await writeFile(caFile, ca.root);
  const config = join(options.dir, 'dauth.json');
  const { ca: more = [], loopback = true } = options.upstream ?? {};
  const upstream = { ca: [caFile, ...more], dangerouslyAllowLoopback: loopback };
  await writeFile(
    config,
    JSON.stringify({ authority: options.authority ?? {}, executor: { upstream, ...options.executor } }),
  );
  const data = join(options.dir, 'data');
  const args = [DAUTH, 'start', '--data', data, '--port', String(options.port ?? 0), '--config', config, '--json'];
  const process_ = await start({
    file: process.execPath,
    args,
    isReady: (line) => line.startsWith('{"event":"ready"'),
    readyMs: 60_000,
  });
  const tryDauth: Stack['tryDauth'] = (command, input = '') =>
    run({ file: process.execPath, args: [DAUTH, ...command, '--data', data, '--json'], input });
  return {
    ready: JSON.parse(process_.readyLine) as Ready,
    process: process_,
    leaf,
    caFile,
    tryDauth,
    async dauth<T>(command: readonly string[], input?: string | Uint8Array): Promise<T> {
      const ended = await tryDauth(command, input);
      if (ended.code !== 0) throw new Error(`dauth ${command.join(' ')} exited ${ended.code}: ${ended.stderr}`);
      return JSON.parse(ended.stdout) as T;
    },
    stop: async () => void (await process_.stop('SIGTERM', 15_000)),
    [Symbol.asyncDispose]: async () => void (await process_.stop('SIGTERM', 15_000)),
  };
}
