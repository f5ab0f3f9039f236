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
import { createMcpHandler } from '@modelcontextprotocol/server';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { makeEverything } from './everything-server.ts';
import { SERVER_SCENARIOS } from './scenarios.ts';
import { findNode, runServerSuite } from './suite.ts';

const ISSUER = 'https://auth.example';
const node = findNode();
const skip = node === undefined ? 'needs Node 22 or later: DAUTH_NODE24 may name one' : false;

describe("MCP's conformance suite at a protected server", { skip, timeout: 600_000 }, () => {
  const servers: Server[] = [];
  let [bare, shielded] = ['', ''];
  before(async () => {
    const handler = createMcpHandler(makeEverything);
    bare = await listen(servers, () => (request) => handler.fetch(request));
    shielded = await listen(servers, async (resource) => {
      const [signing, client] = [await generateKeyPair('ES256'), await generateKey()];
      const config = { resource, authorizationServers: [ISSUER], requiredClaims: [] } as const;
      const protection = protect(config, { fetch: issuer(await exportJWK(signing.publicKey)) });
      const inner = protection.handler(handler);
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

  for (const revision of ['2025-11-25', '2026-07-28'])
    test(`every scenario of ${revision} ends with protection as it does without`, async () => {
      const [without, withIt] = await Promise.all([bare, shielded].map((url) => runServerSuite(node!, url, revision)));
      assert.deepEqual(new Set(withIt!.keys()), new Set(without!.keys()));
      for (const [scenario, checks] of withIt!) assert.deepEqual(checks, without!.get(scenario), scenario);
      for (const scenario of SERVER_SCENARIOS) {
        const checks = withIt!.get(scenario) ?? [];
        assert.ok(
          checks.some((check) => check.endsWith(' SUCCESS')),
          scenario,
        );
        assert.ok(!checks.some((check) => check.endsWith(' FAILURE')), scenario);
      }
    });
});

type Handle = (request: Request) => Promise<Response>;

/** Serves at a free port what `make` makes for the address there. */
async function listen(servers: Server[], make: (resource: string) => Handle | Promise<Handle>): Promise<string> {
  let handle: Handle | undefined;
  const server = createServer(toListener({ fetch: (request) => handle!(request) }));
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
