/**
 * An agent runner: takes a request together with credentials sealed elsewhere, gets a token under its own key, calls the MCP
 * server, returns the result. It can open nothing: what it holds is ciphertext to the executor, pinned to this runner's key.
 */
import { readFileSync } from 'node:fs';
import { createClient, importKey, type SealedCredential } from '@dauth/client';
import { serve } from '@hono/node-server';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { z } from 'zod';

const Job = z.strictObject({
  tool: z.string().max(128),
  credentials: z.array(z.looseObject({ envelope: z.string(), seal_proof: z.string() })).max(8),
});
const resource = process.env.MCP_RESOURCE!;
const dauth = createClient({
  issuer: process.env.DAUTH_ISSUER!,
  clientId: process.env.RUNNER_ID!,
  key: await importKey(JSON.parse(readFileSync('runner.jwk', 'utf8'))),
});

async function run(credentials: readonly Pick<SealedCredential, 'envelope' | 'seal_proof'>[], tool: string) {
  const client = new Client({ name: 'runner', version: '1.0.0' });
  const fetch = dauth.fetch({ resource, credentials });
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { fetch }));
  try {
    return await client.callTool({ name: tool });
  } finally {
    await client.close();
  }
}

const fetch = async (request: Request): Promise<Response> => {
  const job = Job.safeParse(await request.json().catch(() => undefined));
  if (!job.success) return Response.json({ error: 'Send {"tool", "credentials"}.' }, { status: 400 });
  try {
    return Response.json(await run(job.data.credentials, job.data.tool));
  } catch (error) {
    return Response.json({ error: (error as Error).message }, { status: 502 });
  }
};
serve({ fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) }, () => console.log('{"event":"listening"}'));
