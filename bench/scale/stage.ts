/** The same stack twice, with few and with many connections in its store, and in what its executor was told. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, importKey } from '@dauth/client';
import { makeTempDir } from '#test/support/process.js';
import { startStack, type Stack } from '#test/world/stack.js';
import { takeStanding } from '#test/world/standing.js';
import { cpuSeconds, memoryOctets } from '../method/machine.ts';
import type { Target } from '../load/job.ts';
import type { Entrant } from '../stage/entrants.ts';
import { heldFor } from '../stage/held.ts';
import { addClient, addServer, askTokens, RESOURCE, SCOPE, sealUnused, type Party } from '../stage/registered.ts';
import { startAll } from '../stage/started.ts';
import { startUpstream } from '../stage/upstream.ts';
import { fillStore } from './fill.ts';

export const KINDS = ['dispatch', 'token', 'lookup'] as const;
export type Kind = (typeof KINDS)[number];

export interface Filled extends AsyncDisposable {
  readonly entrants: Readonly<Record<Kind, Entrant>>;
  /** Octets that each has in memory. */
  readonly memory: () => { readonly authority: number; readonly executor: number };
}

/** Connections that are asked for in turn. */
const OWN = 64;
const OCTETS = 1_024;
/** Less than the life of an access token, in milliseconds. */
const TOKEN_MS = 120_000;

/** @param name of the contestants, all of which are of this stack */
export function startFilled(name: string, count: number): Promise<Filled> {
  return startAll(async (started) => {
    const { path: dir } = started.use(await makeTempDir('dauth-bench-'));
    const stack = started.use(await startStack({ dir: join(dir, 'stack') }));
    const upstream = started.use(await startUpstream(stack.leaf, await readFile(stack.caFile, 'utf8'), [OCTETS]));
    const { executor, authority, pids, data } = stack.ready;
    await addServer(stack, dir);
    const client = await addClient(stack, dir);
    const like = await sealUnused(stack, client);
    const path = join(data, 'authority', 'authority.db');
    const handles = await fillStore({ path, count, like, own: OWN });
    // The executor is told of rows that another process wrote with the next one that the authority writes itself.
    await stack.dauth(['connections', 'suspend', like]);
    await settle(stack);

    const resource = 'http://127.0.0.1:2/mcp';
    const standing = await takeStanding(stack, { dir, origin: upstream.origin, resource });
    const handle = await standing.seal(upstream.credential, ['--method', 'GET', '--path', '/*']);
    const dispatch = async (): Promise<Target> => {
      const token = await standing.token();
      const at = `/connections/${handle}/${OCTETS}`;
      const signer = { key: standing.key, token, htu: executor + at };
      const wanted = [{ path: at, headers: ['authorization', `DPoP ${token}`], signer }];
      return { origin: executor, method: 'GET', wanted, octets: OCTETS };
    };
    const token = async (): Promise<Target> => {
      const form = { grant_type: 'client_credentials', resource: RESOURCE, scope: SCOPE };
      const who = { clientId: client.id, key: client.key, audience: authority };
      const wish = (identifier: string) => JSON.stringify([{ type: 'dauth_connection', identifier }]);
      return askTokens(
        authority,
        handles.map((each) => ({ form: { ...form, authorization_details: wish(each) }, ...who })),
      );
    };
    return {
      entrants: {
        dispatch: { name, pids: { server: pids.executor, authority: pids.authority }, proves: true, target: dispatch },
        token: { name, pids: { server: pids.authority }, proves: false, target: token },
        lookup: {
          name,
          pids: { server: pids.authority },
          proves: false,
          target: await lookups(stack, client, handles),
        },
      },
      memory: () => ({
        authority: memoryOctets(pids.authority, 'VmRSS'),
        executor: memoryOctets(pids.executor, 'VmRSS'),
      }),
    };
  });
}

/** The owner reads connections, one after the other. */
async function lookups(
  { ready }: Stack,
  { id: clientId, key }: Party,
  handles: readonly string[],
): Promise<() => Promise<Target>> {
  const { authority: issuer } = ready;
  const client = createClient({ issuer, clientId, key: await importKey(key) });
  const held = heldFor(TOKEN_MS, () => client.token({ resource: issuer, scope: ['dauth:connections.read'] }));
  return async () => {
    const { accessToken: token } = await held();
    const wanted = handles.map((handle) => {
      const path = `/connections/${handle}`;
      return { path, headers: ['authorization', `DPoP ${token}`], signer: { key, token, htu: issuer + path } };
    });
    return { origin: issuer, method: 'GET', wanted };
  };
}

/** Until both have nothing to do but their heartbeats: then the executor was told of everything. */
async function settle({ ready: { pids } }: Stack): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    const before = cpuSeconds(pids.executor) + cpuSeconds(pids.authority);
    await sleep(1_000);
    quiet = cpuSeconds(pids.executor) + cpuSeconds(pids.authority) - before < 0.15 ? quiet + 1 : 0;
  }
}
