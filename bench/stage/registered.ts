/** Parties of a stack that a benchmark speaks for, and how they ask its token endpoint. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from '#test/world/stack.js';
import type { AssertedForm, Target, Wanted } from '../load/job.ts';

export type Jwk = Readonly<Record<string, string>>;

export interface Party {
  readonly id: string;
  readonly file: string;
  readonly key: Jwk;
}

export const [RESOURCE, SCOPE] = ['http://127.0.0.1:1/mcp', 'use'] as const;

/** Registers an MCP server: one that nobody calls, where no other is said. @param name of the file with its key */
export function addServer(stack: Stack, dir: string, resource: string = RESOURCE, name = 'server'): Promise<Party> {
  return add(stack, join(dir, `${name}.jwk`), ['servers', 'add', '--resource', resource, '--scope', SCOPE]);
}

export function addClient(stack: Stack, dir: string, name = 'client', more: readonly string[] = []): Promise<Party> {
  return add(stack, join(dir, `${name}.jwk`), ['clients', 'add', '--name', name, ...more]);
}

/** Seals a credential of a client for that server. @returns the handle */
export async function sealUnused(stack: Stack, { id, file }: Party, resource: string = RESOURCE): Promise<string> {
  const where = ['--origin', 'https://localhost:1', '--server', resource, '--key', file, '--client-id', id];
  const { handle } = await stack.dauth<{ handle: string }>(['connect', 'api', ...where], 'nobody uses this');
  return handle;
}

/** Asks a token endpoint; the proof is by the key that the client shows itself with. */
export function askTokens(origin: string, forms: readonly AssertedForm[]): Target {
  const headers = ['content-type', 'application/x-www-form-urlencoded'];
  const wanted = forms.map((form): Wanted => {
    const signer = { key: form.key, htu: `${origin}/token` };
    return { path: '/token', headers, signer, form };
  });
  return { origin, method: 'POST', wanted };
}

async function add(stack: Stack, file: string, command: readonly string[]): Promise<Party> {
  const { client_id: id } = await stack.dauth<{ client_id: string }>([...command, '--generate', file]);
  return { id, file, key: JSON.parse(await readFile(file, 'utf8')) as Jwk };
}
