/**
 * A host with `mcpProvider` where nothing is DAuth's but the two libraries: oidc-provider, unmodified, signs a person in on its
 * own pages. The host knows the server's URL; the rest is found. Both protocol eras.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { generateKey } from '@dauth/client';
import { caller, protect, type ToolContext } from '@dauth/mcp';
import { serveOn } from '@dauth/mcp/node';
import { auth } from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import { ERAS, makeHost, REDIRECT } from '../support/host.ts';
import { Person } from '../support/person.ts';
import { freePort } from '../support/process.ts';

const SCOPES = 'mcp:use mcp:write offline_access';
const LOGIN = { login: 'ada', password: 'anything' };

function makeProvider(issuer: string, signingJwk: object): Provider {
  return new Provider(issuer, {
    jwks: { keys: [signingJwk] },
    clients: [
      {
        client_id: 'host',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: [REDIRECT],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: SCOPES,
        dpop_bound_access_tokens: true,
      },
    ],
    scopes: SCOPES.split(' '),
    features: {
      dPoP: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'mcp:use mcp:write',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}

function makeTools(): McpServer {
  const server = new McpServer({ name: 'own', version: '1.0.0' });
  const say = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] });
  server.registerTool('whoami', { description: 'Who calls?' }, (ctx) => {
    const { subject, clientId, bound, scopes } = caller(ctx as ToolContext);
    return say({ subject, clientId, bound, scopes });
  });
  server.registerTool('write', { description: 'Writes' }, () => say('written'));
  return server;
}

async function listen(server: Server, port: number): Promise<Server> {
  server.listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

describe('a host that knows a URL, before a foreign authorization server', { timeout: 120_000 }, () => {
  const servers: Server[] = [];
  let issuer: string;
  let server: string;
  before(async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const [at, resourceAt] = [await freePort(), await freePort()];
    issuer = `http://127.0.0.1:${at}`;
    server = `http://127.0.0.1:${resourceAt}/mcp`;
    const signingJwk = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' };
    servers.push(await listen(createServer(makeProvider(issuer, signingJwk).callback()), at));
    const protection = protect({
      resource: server,
      authorizationServers: [issuer],
      requiredClaims: [],
      requiredScopes: ['mcp:use'],
      tools: { write: { requiredScopes: ['mcp:write'] } },
    });
    servers.push(await listen(serveOn(createServer(), protection.handler(createMcpHandler(makeTools))), resourceAt));
  });
  after(async () => {
    for (const each of servers) {
      const closed = new Promise((resolve) => each.close(resolve));
      each.closeAllConnections();
      await closed;
    }
  });

  /** Signs in and says yes, on whatever pages come, until the way leads back. */
  async function consent(address: URL): Promise<URL> {
    const browser = new Person(issuer);
    let shown = await browser.visit(address);
    for (const answers of [LOGIN, {}]) {
      assert.ok(!(shown instanceof URL), JSON.stringify(shown));
      shown = await browser.submit(shown, answers);
    }
    assert.ok(shown instanceof URL, JSON.stringify(shown));
    return shown;
  }

  for (const era of ERAS)
    test(`[token.bound] it signs a person in, calls, steps up and refreshes (${era} era)`, async () => {
      const key = await generateKey();
      const asked: URL[] = [];
      const person = (address: URL) => consent((asked.push(address), address));
      const { provider, call } = makeHost({ server, key, era, person, more: { clientId: 'host', issuer } });
      const who = { subject: 'ada', clientId: 'host', bound: true };
      assert.deepEqual(JSON.parse(await call('whoami')), { ...who, scopes: ['mcp:use'] });
      assert.equal(await call('write'), '"written"');
      const scopes = asked.map(({ searchParams }) => searchParams.get('scope'));
      assert.deepEqual(scopes, ['mcp:use offline_access', 'mcp:use mcp:write offline_access']);
      const before = await provider.tokens();
      assert.equal(await auth(provider, { serverUrl: server }), 'AUTHORIZED');
      const refreshed = await provider.tokens();
      assert.notEqual(refreshed!.access_token, before!.access_token);
      assert.deepEqual(JSON.parse(await call('whoami')), { ...who, scopes: ['mcp:use', 'mcp:write'] });
      assert.equal(asked.length, 2, 'the person was asked twice');
    });

  test('where nobody registered it, it registers itself', async () => {
    const host = makeHost({ server, key: await generateKey(), era: 'modern', person: consent });
    const { clientId, bound } = JSON.parse(await host.call('whoami')) as { clientId: string; bound: boolean };
    assert.equal(clientId, (await host.provider.clientInformation())?.client_id);
    assert.equal(bound, true);
    assert.ok((await host.tools()).includes('whoami'));
  });
});
