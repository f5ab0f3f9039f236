/** The same MCP server three times, each a process of its own: bare, and protected on the SDK's adapter and on ours. */
import { join } from 'node:path';
import { createClient, importKey } from '@dauth/client';
import type { AuthorizationConfig } from '@dauth/mcp';
import { freePort, makeTempDir } from '#test/support/process.js';
import { startStack, type Stack } from '#test/world/stack.js';
import { startCaller, type Caller } from '../load/caller.ts';
import type { Signer, Target } from '../load/job.ts';
import type { Entrant } from '../stage/entrants.ts';
import { heldFor } from '../stage/held.ts';
import { addClient, addServer, SCOPE, sealUnused } from '../stage/registered.ts';
import { startAll, startSetUp, type Started } from '../stage/started.ts';
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
  const server = await addServer(stack, dir, resource, `${name}-server`);
  const owner = await addClient(stack, dir, `${name}-client`);
  const { id: clientId, key } = owner;
  const handle = await sealUnused(stack, owner, resource);

  const config: AuthorizationConfig = {
    ...{ resource, authorizationServers: [issuer], executor, requiredScopes: [SCOPE] },
    server: { clientId: server.id, key: server.key },
  };
  const { pid } = await startServer(started, { port, adapter: name, config });
  const client = createClient({ issuer, clientId, key: await importKey(key) });
  const signer = heldFor(TOKEN_MS, async (): Promise<Signer> => {
    const { accessToken: token } = await client.token({ resource, scope: [SCOPE], connections: [handle] });
    return { key, token, htu: resource };
  });
  const target = async (): Promise<Target> => targetOf(origin, call, await signer());
  return { name: NAMES[name], pids: { server: pid }, target, proves: true };
}

/** The answer has the length it had for the SDK's client, so it is the tool's and no error's. */
function targetOf(origin: string, { headers, body, octets }: Call, signer?: Signer): Target {
  const shown = signer === undefined ? headers : [...headers, 'authorization', `DPoP ${signer.token}`];
  const wanted = [{ path: '/mcp', headers: shown, ...(signer === undefined ? {} : { signer }) }];
  return { origin, method: 'POST', body, octets, wanted };
}

function startServer(started: Started, setup: ServerSetup): Promise<{ readonly pid: number }> {
  return startSetUp(started, new URL('./server-main.js', import.meta.url), setup);
}
