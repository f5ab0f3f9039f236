/**
 * The conformance suite's mode `authorization` at the authority as a process: the suite is the client and reads metadata, a
 * person signs in and consents, and the code is redeemed.
 */
import { join } from 'node:path';
import { Person } from '../support/person.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';
import type { AuthorizationRun } from './authorization-runs.ts';
import type { Found } from './result.ts';
import { runSuite } from './suite.ts';

const RESOURCE = 'https://mcp.example/mcp';
const ADA = { login: 'ada', password: 'a horse that counts to seven' };

interface Tried extends AsyncDisposable {
  try(run: AuthorizationRun): Promise<Found>;
}

export async function serveAuthority(): Promise<Tried> {
  const dir = await makeTempDir();
  const stack = await startStack({ dir: dir.path });
  const { authority } = stack.ready;
  const end = async (): Promise<void> => {
    await stack.stop();
    await dir[Symbol.asyncDispose]();
  };
  await prepare(stack, join(dir.path, 'server.jwk')).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return {
    async try({ flags }) {
      const port = await freePort();
      const redirect = ['--redirect-uri', `http://127.0.0.1:${port}/callback`, '--scope', 'mcp:use'];
      const add = ['clients', 'add', '--name', 'suite', '--public', ...redirect, ...flags];
      const { client_id: id } = await stack.dauth<{ client_id: string }>(add);
      const args = ['--url', authority, '--client-id', id, '--resource', RESOURCE, '--port', String(port)];
      return runSuite(['authorization', ...args], {
        on: [
          /^http\S+\/authorize\?/,
          async (address) => {
            const { back } = await new Person(authority).allow(new URL(address), ADA);
            await fetch(back);
          },
        ],
      });
    },
    [Symbol.asyncDispose]: end,
  };
}

async function prepare(stack: Stack, keyFile: string): Promise<void> {
  await new Person(stack.ready.authority).setUp(stack.ready.first_run!, ADA);
  await stack.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', keyFile, '--scope', 'mcp:use']);
}
