/**
 * The cast: upstream, stack, MCP server and MCP client, each a process of its own, wired by published commands.
 * The owner's token is made here and goes to two places only: the upstream's stdin and `dauth connect`'s stdin.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, start, type Running } from '../support/process.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import type { ClientSetup } from './mcp-client-main.ts';
import type { ServerSetup } from './mcp-server-main.ts';
import { startStack, type Stack, type StackOptions } from './stack.ts';

export interface McpClient {
  readonly pid: number;
  /** Names of the tools it is shown. */
  tools(): Promise<string[]>;
  /** Text of a tool's answer. @throws Error where the call failed */
  call(tool: string, args?: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
}

export interface World extends AsyncDisposable {
  readonly stack: Stack;
  readonly upstream: Upstream;
  readonly token: string;
  /** Base of the API its connection reaches. */
  readonly apiUrl: string;
  readonly resource: string;
  readonly server: Running;
  readonly serverKey: Record<string, unknown>;
  readonly serverClientId: string;
  readonly handle: string;
  /** With `slack`: the second connection, and its token. */
  readonly slack: { readonly handle: string; readonly token: string } | undefined;
  readonly clientId: string;
  readonly clientKey: Record<string, unknown>;
  /** Starts an MCP client process. */
  client(over?: Partial<ClientSetup>): Promise<McpClient>;
}

export interface WorldOptions extends StackOptions {
  /** Flags of `dauth connect` beyond origin and server. */
  readonly connect?: readonly string[];
  /** Also seal a Slack token. */
  readonly slack?: boolean;
  /** False: the MCP server takes tokens without a key, too. */
  readonly requireDpop?: boolean;
  /**
   * Use this token and API (`https://api.github.com`, `https://ghe.example/api/v3`), or this password and database
   * (`postgres://db.example`), instead of the emulated GitHub.
   */
  readonly real?: { readonly token: string; readonly url: string };
}

/** A place that no credential was sealed for. */
export const OTHER_ORIGIN = 'https://localhost:1';
export const SCOPES = ['mcp:use', 'issues:write'];
const ALLOW_ALL = ['GET', 'POST'].flatMap((method) => ['--method', method]);

/** Starts everything and seals one GitHub token for the client; where that fails, stops what had started. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const started: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.splice(0).toReversed()) await part();
  };
  try {
    return await raise(options, started, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function raise(
  options: WorldOptions,
  started: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<World> {
  const token = options.real?.token ?? `ghp_${randomBytes(27).toString('base64url').replace(/[-_]/g, 'x')}`;
  const stack = await startStack(options);
  started.push(() => stack.stop());
  const slackToken = `xoxb-${randomBytes(24).toString('hex')}`;
  const tokens = { github: token, ...(options.slack === true ? { slack: slackToken } : {}) };
  const upstream = await startUpstream({ leaf: stack.leaf, tokens });
  started.push(() => upstream.stop());
  const apiUrl = options.real?.url ?? upstream.origin;
  // Of a database it is the origin itself, in a scheme that URLs know no origins of.
  const origin = apiUrl.startsWith('postgres:') ? apiUrl : new URL(apiUrl).origin;
  const port = await freePort();
  const resource = `http://127.0.0.1:${port}/mcp`;
  const at = (name: string) => join(options.dir, name);

  const scopes = SCOPES.flatMap((scope) => ['--scope', scope]);
  const { client_id: serverClientId } = await stack.dauth<{ client_id: string }>([
    'servers',
    'add',
    '--resource',
    resource,
    '--generate',
    at('server.jwk'),
    ...scopes,
  ]);
  const { client_id: clientId } = await stack.dauth<{ client_id: string }>([
    'clients',
    'add',
    '--name',
    'laptop',
    '--generate',
    at('client.jwk'),
  ]);
  const connect = [
    'connect',
    'github',
    '--origin',
    origin,
    '--server',
    resource,
    '--key',
    at('client.jwk'),
    '--client-id',
    clientId,
    ...(options.connect ?? ALLOW_ALL),
  ];
  const { handle } = await stack.dauth<{ handle: string }>(connect, token);

  const slack =
    options.slack !== true
      ? undefined
      : {
          token: slackToken,
          ...(await stack.dauth<{ handle: string }>(['connect', 'slack', ...connect.slice(2)], slackToken)),
        };

  const serverKey = await readJwk(at('server.jwk'));
  const clientKey = await readJwk(at('client.jwk'));
  const { authority: issuer, executor } = stack.ready;
  const serverSetup: ServerSetup = {
    port,
    resource,
    issuer,
    executor,
    clientId: serverClientId,
    key: serverKey,
    origin,
    apiUrl,
    requireDpop: options.requireDpop ?? true,
  };
  const server = await start({
    file: process.execPath,
    args: [script('mcp-server-main')],
    env: { WORLD_SETUP: JSON.stringify(serverSetup) },
    readyMs: 30_000,
  });
  started.push(() => server.stop());
  return {
    ...{
      stack,
      upstream,
      token,
      apiUrl,
      resource,
      server,
      serverKey,
      serverClientId,
      handle,
      slack,
      clientId,
      clientKey,
    },
    async client(over = {}) {
      const setup: ClientSetup = {
        issuer,
        clientId,
        key: clientKey,
        resource,
        scope: SCOPES,
        connections: [handle, ...(slack === undefined ? [] : [slack.handle])],
        era: 'modern',
        ...over,
      };
      const client = await startClient(setup);
      started.push(() => client.stop());
      return client;
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function startClient(setup: ClientSetup): Promise<McpClient> {
  const process_ = await start({
    file: process.execPath,
    args: [script('mcp-client-main')],
    env: { WORLD_SETUP: JSON.stringify(setup) },
    keepStdin: true,
    readyMs: 30_000,
  });
  let last = 0;
  const ask = async (command: object): Promise<unknown> => {
    const id = ++last;
    process_.send(`${JSON.stringify({ id, ...command })}\n`);
    const line = await process_.line((text) => text.startsWith(`{"id":${id},`), 60_000);
    const { result, error } = JSON.parse(line) as { result?: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  };
  return {
    pid: process_.pid,
    tools: () => ask({}) as Promise<string[]>,
    async call(tool, args = {}) {
      const { content, isError } = (await ask({ tool, args })) as { content: { text: string }[]; isError?: boolean };
      const text = content.map((each) => each.text).join('');
      if (isError === true) throw new Error(text);
      return text;
    },
    stop: async () => void (await process_.stop()),
  };
}

async function readJwk(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
}

function script(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}
