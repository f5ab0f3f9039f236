/**
 * DAuth on the stage: authority and executor as their users start them, with the audit durable, and servers that have a standing
 * with them. Two of each, because no owner and no server may have more than a quarter of the executor's places.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '#test/support/process.js';
import { startStack, type Stack } from '#test/world/stack.js';
import { takeStanding, type Standing } from '#test/world/standing.js';
import type { Target, Wanted } from '../load/job.ts';
import { startAll } from './started.ts';
import { startUpstream, type Upstream } from './upstream.ts';

export interface Dauth extends AsyncDisposable {
  readonly stack: Stack;
  readonly upstream: Upstream;
  /** The streaming form, for an answer of so many octets, under tokens that live for a minute or longer. */
  streaming(octets: number): Promise<Target>;
  /** The buffered form, likewise. */
  buffered(octets: number): Promise<Target>;
}

interface Party {
  readonly standing: Standing;
  readonly handle: string;
}

const PARTIES = ['one', 'two'] as const;

export function startDauth(sizes: readonly number[]): Promise<Dauth> {
  return startAll(async (started) => {
    const directory = started.use(await makeTempDir('dauth-bench-'));
    const stack = started.use(await startStack({ dir: join(directory.path, 'stack') }));
    const upstream = started.use(await startUpstream(stack.leaf, await readFile(stack.caFile, 'utf8'), sizes));
    const parties: Party[] = [];
    for (const [at, name] of PARTIES.entries()) {
      const resource = `http://127.0.0.1:${at + 1}/mcp`;
      const standing = await takeStanding(stack, { dir: directory.path, origin: upstream.origin, name, resource });
      const handle = await standing.seal(upstream.credential, ['--method', 'GET', '--path', '/*']);
      parties.push({ standing, handle });
    }
    const { executor } = stack.ready;
    return {
      ...{ stack, upstream },
      async streaming(octets: number) {
        const wanted = await Promise.all(
          parties.map(({ standing, handle }) => sign(standing, executor, `/connections/${handle}/${octets}`)),
        );
        return { origin: executor, method: 'GET' as const, wanted, octets };
      },
      async buffered(octets: number) {
        const [{ standing, handle }] = parties as [Party];
        const wanted = [await sign(standing, executor, '/dispatch', ['content-type', 'application/json'])];
        const body = JSON.stringify({ connection_handle: handle, request: { method: 'GET', path: `/${octets}` } });
        return { origin: executor, method: 'POST' as const, body, wanted };
      },
    };
  });
}

/** A request, and what its proofs are made of. */
async function sign(standing: Standing, executor: string, path: string, more: readonly string[] = []): Promise<Wanted> {
  const token = await standing.token();
  const signer = { key: standing.key, token, htu: executor + path };
  return { path, headers: ['authorization', `DPoP ${token}`, ...more], signer };
}
