/** Tokens and proofs as an attacker would make them: with a key of their own, or with one they stole. */
import { generateKey, importKey, signProof, createClient, type ClientKey, type StoredConnection } from '@dauth/client';
import type { World } from './world.ts';

/** A token of the world's client, as somebody who stole it would hold it (without the key). */
export async function stealToken(world: World): Promise<{ token: string; owner: ClientKey }> {
  const owner = await importKey(world.clientKey);
  const client = createClient({ issuer: world.stack.ready.authority, clientId: world.clientId, key: owner });
  const { accessToken } = await client.token({
    resource: world.resource,
    scope: ['mcp:use'],
    connections: [world.handle],
  });
  return { token: accessToken, owner };
}

/** The world's connection as its owner reads it back: its row, and what it was sealed into. */
export async function readStored({ stack, clientId, clientKey, handle }: World): Promise<StoredConnection> {
  const key = await importKey(clientKey);
  return createClient({ issuer: stack.ready.authority, clientId, key }).connections.get(handle);
}

export { generateKey, signProof };

/** The claims of a JWT, unverified. */
export function readClaims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')) as Record<string, unknown>;
}

/** A POST to the MCP server with whatever headers an attacker likes. */
export function postMcp(world: World, headers: Record<string, string>): Promise<Response> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
  const standard = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  return fetch(world.resource, { method: 'POST', headers: { ...standard, ...headers }, body });
}
