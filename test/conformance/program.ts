/**
 * The MCP client of a program that the conformance suite tries: the official SDK's client with the `fetch` of `createClient`,
 * for a key or an assertion that the suite hands to it. No person anywhere, and never a token that anybody could use.
 */
import { createPrivateKey } from 'node:crypto';
import { createClient, generateKey, importKey } from '@dauth/client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Told } from './host.ts';

/** Whether the suite gives what programs have: a key that is registered, or what a platform says of a workload. */
export function isForProgram({ context }: Told): boolean {
  return context.private_key_pem !== undefined || context.valid_jwt !== undefined;
}

/** Does what a program does: connects and reads the list of tools. @param gone ends all requests */
export async function useAsProgram({ server, context }: Told, gone: AbortSignal): Promise<void> {
  const { client_id: clientId, private_key_pem: pem, valid_jwt: said } = context;
  const send: typeof fetch = (input, init) => fetch(new Request(input, init), { signal: gone });
  const key =
    pem === undefined ? await generateKey() : await importKey({ ...createPrivateKey(pem).export({ format: 'jwk' }) });
  const program = createClient({
    ...{ issuer: await issuerOf(server, send), key, fetch: send },
    ...(said === undefined ? { clientId: clientId! } : { assertion: () => said }),
  });
  const transport = new StreamableHTTPClientTransport(new URL(server), { fetch: program.fetch({ resource: server }) });
  const client = new Client({ name: 'dauth-conformance', version: '1.0.0' });
  try {
    await client.connect(transport);
    await client.listTools();
  } finally {
    await client.close();
  }
}

/** A program is told its issuer; the suite says it in the server's own document only (RFC 9728 §3.1). */
async function issuerOf(server: string, send: typeof fetch): Promise<string> {
  const { origin, pathname } = new URL(server);
  const response = await send(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const { authorization_servers: servers } = (await response.json()) as { authorization_servers: string[] };
  return servers[0]!;
}
