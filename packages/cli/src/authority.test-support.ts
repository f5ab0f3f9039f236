/** An authority as tests of the command line play it: it says what a test wants, over loopback. Never part of the package. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const DAUTH = fileURLToPath(new URL('./main.js', import.meta.url));

export interface FakeAuthority {
  readonly url: string;
  /** Paths that were asked, with their queries. */
  readonly asked: string[];
  close(): void;
}

/** @param answer body and status for a path (with its query); `undefined`: as usual, or no answer for good; `nothing`: none ever */
export async function startAuthority(
  answer: (path: string) => { readonly status?: number; readonly body: object } | 'nothing' | undefined,
): Promise<FakeAuthority> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    request.resume();
    const said = answer(path) ?? usual(path);
    if (said === undefined || said === 'nothing') return;
    response.writeHead(said.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(said.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const usual = (path: string) => {
    if (path === '/.well-known/oauth-authorization-server')
      return { status: 200, body: { issuer: url, token_endpoint: `${url}/token` } };
    if (path === '/token') return { status: 200, body: { access_token: 'a', token_type: 'DPoP', expires_in: 300 } };
    return undefined;
  };
  return {
    url,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `dauth` is started with: nothing of this process's but where programs are, and what Node compiled before. */
export function environment(home: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE: compiled } = process.env;
  return { PATH, HOME: home, ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }), ...more };
}

/** Starts `dauth`, and reads nothing of what it says. */
export function spawnDauth(args: readonly string[], cwd: string): ChildProcessWithoutNullStreams {
  const env = environment(cwd);
  return spawn(process.execPath, [DAUTH, ...args], { cwd, env, stdio: 'pipe' });
}

/** Runs `dauth` while this process goes on answering. */
export async function runDauth(args: readonly string[], cwd: string, input = ''): Promise<Ended> {
  const child = spawnDauth(args, cwd);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A command that refuses early does not read what is piped into it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}
