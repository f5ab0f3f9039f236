/**
 * The MCP client of the end-to-end tests and the demo, as a process of its own: the official client with our `fetch`.
 * Takes one command per line on stdin, answers one line each. It names a connection by handle; it never held the credential.
 */
import { createInterface } from 'node:readline';
import { createClient, importKey } from '@dauth/client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

export interface ClientSetup {
  readonly issuer: string;
  readonly clientId: string;
  readonly key: Record<string, unknown>;
  readonly resource: string;
  readonly scope: readonly string[];
  readonly connections: readonly string[];
  /** Protocol era: the 2025 handshake, or 2026-07-28. */
  readonly era: 'legacy' | 'modern';
}

const setup = JSON.parse(process.env.WORLD_SETUP ?? 'null') as ClientSetup;
const { issuer, clientId, resource, scope, connections } = setup;
const dauth = createClient({ issuer, clientId, key: await importKey(setup.key) });
const protectedFetch = dauth.fetch({ resource, scope, connections });
const client = new Client(
  { name: 'world', version: '1.0.0' },
  setup.era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {},
);
await client.connect(new StreamableHTTPClientTransport(new URL(resource), { fetch: protectedFetch }));
process.stdout.write(`${JSON.stringify({ event: 'connected', pid: process.pid })}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { id, tool, args } = JSON.parse(line) as { id: number; tool?: string; args?: Record<string, unknown> };
  try {
    const result =
      tool === undefined
        ? (await client.listTools()).tools.map((each) => each.name)
        : await client.callTool({ name: tool, arguments: args ?? {} });
    process.stdout.write(`${JSON.stringify({ id, result })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`);
  }
}
process.exit(0);
