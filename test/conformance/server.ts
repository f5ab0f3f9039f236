/**
 * The conformance suite at one MCP server, twice: bare, and with `protect` in front. The suite cannot sign, so what stands
 * between it and the protected server signs each request for it and touches nothing else of it.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKey, signProof } from '@dauth/client';
import { protect } from '@dauth/mcp';
import { toListener } from '@dauth/mcp/node';
import {
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { makeEverything } from './everything/server.ts';
import type { Check, Found } from './result.ts';
import type { ServerRun } from './server-runs.ts';
import { runSuite } from './suite.ts';

const ISSUER = 'https://auth.example';

interface Twice extends AsyncDisposable {
  try(run: ServerRun): Promise<{ readonly bare: Found; readonly shielded: Found }>;
}

export async function serveTwice(): Promise<Twice> {
  const servers: Server[] = [];
  // One each: what happens at one is not heard of at the other.
  const bare = await listen(servers, async () => {
    const handler = await makeEverything();
    return (request) => handler.fetch(request);
  });
  const shielded = await listen(servers, async (resource) => {
    const [signing, client] = [await generateKeyPair('ES256'), await generateKey()];
    const config = { resource, authorizationServers: [ISSUER], requiredClaims: [] } as const;
    const protection = protect(config, { fetch: issuer(await exportJWK(signing.publicKey)) });
    const inner = protection.handler(await makeEverything());
    return async (request) => {
      const accessToken = await issue(signing.privateKey, await calculateJwkThumbprint(client.jwk), resource);
      const headers = new Headers(request.headers);
      headers.set('authorization', `DPoP ${accessToken}`);
      headers.set('dpop', await signProof(client, { method: request.method, url: resource, accessToken }));
      return inner.fetch(new Request(request, { headers }));
    };
  });
  return {
    async try({ calls }) {
      const [without, withIt] = await Promise.all([bare, shielded].map((url) => runAll(url, calls)));
      return { bare: without!, shielded: withIt! };
    },
    [Symbol.asyncDispose]() {
      for (const server of servers) server.close().closeAllConnections();
      return Promise.resolve();
    },
  };
}

async function runAll(url: string, calls: readonly (readonly string[])[]): Promise<Found> {
  const found = new Map<string, readonly Check[]>();
  for (const args of calls)
    for (const [scenario, checks] of await runSuite(['server', '--url', url, ...args])) found.set(scenario, checks);
  return found;
}

type Handle = (request: Request) => Promise<Response>;

/** What the SDK gives a server on this machine against other sites' pages: it has to know its own names. */
const isElsewhere = (request: Request): Response | undefined =>
  hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
  originValidationResponse(request, localhostAllowedOrigins());

/** Serves at a free port what `make` makes for the address there. */
async function listen(servers: Server[], make: (resource: string) => Handle | Promise<Handle>): Promise<string> {
  let handle: Handle | undefined;
  const server = createServer(toListener({ fetch: async (request) => isElsewhere(request) ?? handle!(request) }));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const resource = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  handle = await make(resource);
  return resource;
}

/** An authorization server that is two documents. */
function issuer(jwk: object): typeof fetch {
  const keys = { keys: [{ ...jwk, kid: 'one', alg: 'ES256', use: 'sig' }] };
  const metadata = { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks`, token_endpoint: `${ISSUER}/token` };
  return (url) => Promise.resolve(Response.json(url === metadata.jwks_uri ? keys : metadata));
}

function issue(key: CryptoKey, jkt: string, resource: string): Promise<string> {
  return new SignJWT({ client_id: 'suite', cnf: { jkt } })
    .setProtectedHeader({ typ: 'at+jwt', alg: 'ES256', kid: 'one' })
    .setIssuer(ISSUER)
    .setSubject('suite')
    .setAudience(resource)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('300s')
    .sign(key);
}
