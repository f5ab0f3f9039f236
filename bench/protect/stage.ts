/** The same MCP server three times, each a process of its own: bare, and protected on the SDK's adapter and on ours. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, importKey } from '@dauth/client';
import type { AuthorizationConfig } from '@dauth/mcp';
import { freePort, makeTempDir, start } from '#test/support/process.js';
import { startStack, type Stack } from '#test/world/stack.js';
import { startCaller, type Caller } from '../load/caller.ts';
import type { Signer, Target } from '../load/job.ts';
import type { Entrant } from '../stage/entrants.ts';
import { startAll, type Started } from '../stage/started.ts';
import { learnCall, type Call } from './call.ts';
import type { ServerSetup } from './server-main.ts';

export const NAMES = {
  bare: 'the SDK alone',
  sdk: 'protected, the SDK’s adapter',
  dauth: 'protected, our adapter',
} as const;
export type Name = keyof typeof NAMES;

export interface ProtectStage extends AsyncDisposable {
  readonly caller: Caller;
  readonly entrants: Readonly<Record<Name, Entrant>>;
}

/** Less than the life of an access token, in milliseconds. */
const TOKEN_MS = 120_000;

export function raiseProtectStage(): Promise<ProtectStage> {
  return startAll(async (started) => {
    const directory = started.use(await makeTempDir('dauth-bench-'));
    const stack = started.use(await startStack({ dir: join(directory.path, 'stack') }));
    const bare = await startBare(started);
    const call = await learnCall(`${bare.origin}/mcp`, 'answer');
    const entrant = async (name: 'sdk' | 'dauth'): Promise<Entrant> =>
      startProtected(started, { name, stack, dir: directory.path, call });
    return {
      caller: started.use(await startCaller()),
      entrants: {
        bare: {
          ...{ name: NAMES.bare, pids: { server: bare.pid }, proves: false },
          target: async () => targetOf(bare.origin, call),
        },
        sdk: await entrant('sdk'),
        dauth: await entrant('dauth'),
      },
    };
  });
}

async function startBare(started: Started): Promise<{ pid: number; origin: string }> {
  const port = await freePort();
  const { pid } = await startServer(started, { port, adapter: 'sdk' });
  return { pid, origin: `http://127.0.0.1:${port}` };
}

/** A protected server with a resource of its own, and a client whose token names a connection sealed for it. */
async function startProtected(
  started: Started,
  { name, stack, dir, call }: { name: 'sdk' | 'dauth'; stack: Stack; dir: string; call: Call },
): Promise<Entrant> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const resource = `${origin}/mcp`;
  const { authority: issuer, executor } = stack.ready;
  const [serverFile, clientFile] = [join(dir, `${name}-server.jwk`), join(dir, `${name}-client.jwk`)];
  const add = async (...args: string[]) => (await stack.dauth<{ client_id: string }>(args)).client_id;
  const serverId = await add('servers', 'add', '--resource', resource, '--generate', serverFile, '--scope', 'use');
  const clientId = await add('clients', 'add', '--name', name, '--generate', clientFile);
  const own = ['--server', resource, '--key', clientFile, '--client-id', clientId];
  const connect = ['connect', 'api', '--origin', 'https://localhost:1', ...own];
  const { handle } = await stack.dauth<{ handle: string }>(connect, 'a credential that nobody uses');

  const config: AuthorizationConfig = {
    ...{ resource, authorizationServers: [issuer], executor, requiredScopes: ['use'] },
    server: { clientId: serverId, key: await readJwk(serverFile) },
  };
  const { pid } = await startServer(started, { port, adapter: name, config });
  const key = await readJwk(clientFile);
  const client = createClient({ issuer, clientId, key: await importKey(key) });
  let held: { readonly signer: Signer; readonly until: number } | undefined;
  const target = async (): Promise<Target> => {
    if (held === undefined || held.until <= Date.now()) {
      const { accessToken: token } = await client.token({ resource, scope: ['use'], connections: [handle] });
      held = { signer: { key, token, htu: resource }, until: Date.now() + TOKEN_MS };
    }
    return targetOf(origin, call, held.signer);
  };
  return { name: NAMES[name], pids: { server: pid }, target, proves: true };
}

/** The answer has the length it had for the SDK's client, so it is the tool's and no error's. */
function targetOf(origin: string, { headers, body, octets }: Call, signer?: Signer): Target {
  const shown = signer === undefined ? headers : [...headers, 'authorization', `DPoP ${signer.token}`];
  const wanted = [{ path: '/mcp', headers: shown, ...(signer === undefined ? {} : { signer }) }];
  return { origin, method: 'POST', body, octets, wanted };
}

async function startServer(started: Started, setup: ServerSetup): Promise<{ readonly pid: number }> {
  return started.use(
    await start({
      file: process.execPath,
      args: [fileURLToPath(new URL('./server-main.js', import.meta.url))],
      // The key of the server is in it: not by its environment.
      input: `${JSON.stringify(setup)}\n`,
      keepStdin: true,
    }),
  );
}

async function readJwk(path: string): Promise<Record<string, string>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
}
