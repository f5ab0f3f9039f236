/**
 * The upstream of tests and the demo as seen from outside: starts its process, hands it its tokens on stdin, asks it what
 * reached its wire. No part of it runs in the caller's process.
 */
import { fileURLToPath } from 'node:url';
import type { Leaf } from './ca.ts';
import { start, type Running } from './process.ts';
import type { Wire, WireConnection, WireRequest } from './wire.ts';

/** First line on the process's stdin. */
export interface UpstreamSetup {
  readonly leaf: Leaf;
  /** The tokens its front takes, compared exactly. An API without one is not served. */
  readonly tokens: { readonly github?: string; readonly slack?: string };
  /** A GitHub App, whose installation is asked for tokens. They are taken like `tokens.github`. */
  readonly app?: { readonly id: number; readonly installation: number; readonly privateKey: string };
  /** Port on 127.0.0.1. Default: a free one. */
  readonly port?: number;
}

export interface Upstream extends AsyncDisposable {
  readonly pid: number;
  /** `https://localhost:PORT`; Slack's API is under `/api/`. */
  readonly origin: string;
  readonly port: number;
  /** The user the GitHub token belongs to; it owns `hello-world`. */
  readonly login: string;
  /** What reached it so far: raw bytes per connection after TLS, and every request as parsed. */
  wire(): Promise<Wire>;
  stop(): Promise<void>;
}

/** Starts the upstream process. */
export async function startUpstream(setup: UpstreamSetup): Promise<Upstream> {
  const running = await start({
    file: process.execPath,
    args: [fileURLToPath(new URL('./upstream-main.js', import.meta.url))],
    input: `${JSON.stringify(setup)}\n`,
    keepStdin: true,
    readyMs: 30_000,
  });
  const { url, login } = JSON.parse(running.readyLine) as { url: string; login: string };
  let asked = 0;
  return {
    pid: running.pid,
    origin: url,
    port: Number(new URL(url).port),
    login,
    wire: () => askWire(running, ++asked),
    stop: async () => void (await running.stop()),
    [Symbol.asyncDispose]: async () => void (await running.stop()),
  };
}

async function askWire(running: Running, id: number): Promise<Wire> {
  running.send(`${JSON.stringify({ get: 'wire', id })}\n`);
  const line = await running.line((text) => text.startsWith(`{"event":"wire","id":${id},`));
  const answer = JSON.parse(line) as {
    connections: (Omit<WireConnection, 'raw'> & { raw: string })[];
    requests: WireRequest[];
  };
  return {
    connections: answer.connections.map((connection) => ({
      ...connection,
      raw: Buffer.from(connection.raw, 'base64'),
    })),
    requests: answer.requests,
  };
}
