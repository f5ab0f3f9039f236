/** A minimal client: the official MCP client, with a `fetch` that brings tokens and proofs. It names a connection by handle. */
import { readFileSync } from 'node:fs';
import { createClient, importKey } from '@dauth/client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const resource = process.env.MCP_RESOURCE!;
const key = JSON.parse(readFileSync('laptop.jwk', 'utf8'));
const dauth = createClient({
  issuer: process.env.DAUTH_ISSUER!,
  clientId: key.client_id,
  key: await importKey(key),
});
const fetch = dauth.fetch({ resource, connections: [process.env.CONNECTION!] });

const client = new Client({ name: 'example', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(resource), { fetch }));
const { content } = await client.callTool({ name: 'whoami' });
console.log(JSON.stringify(content));
await client.close();
