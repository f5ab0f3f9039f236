/**
 * The owner's device: seals a credential to the executor, pinned to the runner's key, and asks the runner for one tool call.
 * The credential comes in by stdin and leaves only as ciphertext.
 */
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { createClient, fetchExecutor, importKey, MemorySeqStore, seal } from '@dauth/client';

const { DAUTH_ISSUER, DEVICE_ID, EXECUTOR_IDENTITY, GITHUB_API, MCP_RESOURCE, RUNNER_ID, RUNNER_JKT, RUNNER_URL } =
  process.env as Record<string, string>;
const key = await importKey(JSON.parse(readFileSync('device.jwk', 'utf8')));
const dauth = createClient({ issuer: DAUTH_ISSUER!, clientId: DEVICE_ID!, key });
const { sub } = await dauth.whoami();

// The owner's word: this runner may act for me at this server, for an hour.
await dauth.grants.add({ client_id: RUNNER_ID, resource: MCP_RESOURCE, expires_in: 3_600 });

const executor = await fetchExecutor({
  url: DAUTH_ISSUER!,
  identities: [EXECUTOR_IDENTITY!],
  seqStore: new MemorySeqStore(),
});
const sealed = await seal({
  executor,
  key,
  fields: { token: await buffer(process.stdin) },
  policy: {
    issuer: DAUTH_ISSUER!,
    owner: sub,
    connection: 'github',
    servers: [MCP_RESOURCE!],
    allow: [{ origin: GITHUB_API!, methods: ['GET'], paths: ['/user'] }],
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    pin: { jkt: [RUNNER_JKT!] },
    expiresAt: Math.floor(Date.now() / 1_000) + 86_400,
  },
});
const answer = await fetch(RUNNER_URL!, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ tool: 'whoami', credentials: [sealed] }),
});
console.log(await answer.text());
