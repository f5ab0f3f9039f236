/**
 * Protection changes nothing: each scenario of MCP's conformance suite ends the same, check by check, at one server with
 * `protect` in front and at the same server without. The suite cannot sign, so what stands between it and the protected
 * server signs each request for it and touches nothing else of it.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
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
import { expectedOf, type Check } from './result.ts';
import { SERVER_RUNS } from './server-results.ts';
import { outcomes, runSuite, type Found } from './suite.ts';

const ISSUER = 'https://auth.example';

describe("MCP's conformance suite at a protected server", { timeout: 170_000 }, () => {
  const servers: Server[] = [];
  let [bare, shielded] = ['', ''];
  before(async () => {
    // One each: what happens at one is not heard of at the other.
    bare = await listen(servers, async () => {
      const handler = await makeEverything();
      return (request) => handler.fetch(request);
    });
    shielded = await listen(servers, async (resource) => {
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
  });
  after(() => servers.forEach((server) => server.close()));

  for (const run of SERVER_RUNS)
    test(`${run.title} ends as docs/conformance.md says, and without protection as with it`, async () => {
      const [without, withIt] = await Promise.all([bare, shielded].map((url) => runAll(url, run.calls)));
      assert.deepEqual(outcomes(withIt!), expectedOf(run));
      const statuses = (found: Found) =>
        Object.fromEntries(
          [...found].map(([name, checks]) => [name, checks.map(({ id, status }) => `${id} ${status}`)]),
        );
      assert.deepEqual(statuses(without!), statuses(withIt!));
    });
});

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
