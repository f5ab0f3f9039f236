/**
 * A protected MCP server with somebody else's authorization server: oidc-provider, unmodified, RS256, an issuer with a path.
 * The official SDK on both ends finds its way by discovery alone; what docs/own-authorization-server.md shows is run here.
 */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { caller, protect, type AuthorizationConfig, type ToolContext } from '@dauth/mcp';
import { serveOn } from '@dauth/mcp/node';
import {
  Client,
  DpopSession,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import Provider from 'oidc-provider';
import { freePort } from '../support/process.ts';

/** Everything is on loopback, without TLS. */
const INSECURE = { [oauth.allowInsecureRequests]: true } as const;
const PATH = '/realms/a';
const CALL = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } });

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
const makeKeys = (alg: string): Promise<Keys> => generateKeyPair(alg, { extractable: true });

/** One of oidc-provider for each issuer; all of them sign with the same key, so that only their names differ. */
function makeProvider(issuer: string, clientJwk: object, signingJwk: object): RequestListener {
  // #region provider
  const provider = new Provider(issuer, {
    jwks: { keys: [signingJwk] },
    clients: [
      {
        client_id: 'agent',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'mcp:use',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [clientJwk] },
        dpop_bound_access_tokens: true,
      },
    ],
    scopes: ['mcp:use'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'mcp:use',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  // #endregion provider
  return provider.callback();
}

/** Under a path of its own, as behind a proxy of many realms. */
function under(path: string, listener: RequestListener): RequestListener {
  return (req, res) => {
    const url = req.url ?? '/';
    if (!url.startsWith(`${path}/`)) return void res.writeHead(404).end('<html>Nothing here</html>');
    Object.assign(req, { originalUrl: url, url: url.slice(path.length) });
    listener(req, res);
  };
}

async function listen(server: Server, port: number): Promise<Server> {
  server.listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

async function close(server: Server | undefined): Promise<void> {
  if (server === undefined) return;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

function makeTools(): McpServer {
  const server = new McpServer({ name: 'own', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Who calls?' }, (ctx) => {
    const { subject, clientId, org, grant, bound, scopes, claims } = caller(ctx as ToolContext);
    const known = { subject, clientId, org: org ?? null, grant: grant ?? null, bound, scopes, iss: claims.iss };
    return { content: [{ type: 'text', text: JSON.stringify(known) }] };
  });
  return server;
}

describe('a protected server with an authorization server of its own', { timeout: 120_000 }, () => {
  const servers: Server[] = [];
  /** How far the clock of the protected server is ahead, in seconds. */
  const clock = { ahead: 0 };
  let issuer: string;
  let otherIssuer: string;
  let resource: string;
  let clientKeys: Keys;

  before(async () => {
    clientKeys = await makeKeys('ES256');
    const clientJwk = { ...(await exportJWK(clientKeys.publicKey)), alg: 'ES256', use: 'sig' };
    const signingJwk = { ...(await exportJWK((await makeKeys('RS256')).privateKey)), alg: 'RS256', use: 'sig' };
    const start = async () => {
      const port = await freePort();
      const name = `http://127.0.0.1:${port}${PATH}`;
      servers.push(await listen(createServer(under(PATH, makeProvider(name, clientJwk, signingJwk))), port));
      return name;
    };
    [issuer, otherIssuer] = [await start(), await start()];
    const port = await freePort();
    resource = `http://127.0.0.1:${port}/mcp`;
    // #region protect
    const config: AuthorizationConfig = {
      resource,
      authorizationServers: [issuer],
      requiredClaims: [], // none of DAuth's own: what RFC 9068 asks for, and the key that the token is bound to
      requiredScopes: ['mcp:use'],
    };
    // #endregion protect
    const protection = protect(config, { now: () => Math.floor(Date.now() / 1_000) + clock.ahead });
    servers.push(await listen(serveOn(createServer(), protection.handler(createMcpHandler(makeTools))), port));
  });
  after(async () => {
    await Promise.all(servers.map(close));
  });

  /** A token of an issuer for a resource, and the key it is bound to. */
  async function getToken(from: string, audience: string) {
    const url = new URL(from);
    const discovery = await oauth.discoveryRequest(url, INSECURE);
    const as = await oauth.processDiscoveryResponse(url, discovery);
    const client: oauth.Client = { client_id: 'agent' };
    const keys = await oauth.generateKeyPair('ES256');
    const DPoP = oauth.DPoP(client, keys);
    const authentication = oauth.PrivateKeyJwt(clientKeys.privateKey);
    const parameters = { resource: audience, scope: 'mcp:use' };
    const ask = () =>
      oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, { DPoP, ...INSECURE });
    const answer = await oauth.processClientCredentialsResponse(as, client, await ask());
    return { token: answer.access_token, DPoP };
  }

  /** The headers of one call, signed by oauth4webapi. */
  async function sign({ token, DPoP }: Awaited<ReturnType<typeof getToken>>): Promise<Headers> {
    let shown = new Headers();
    await oauth.protectedResourceRequest(token, 'POST', new URL(resource), undefined, null, {
      ...{ DPoP, ...INSECURE },
      [oauth.customFetch]: (_, { headers }) => {
        shown = new Headers(headers);
        return Promise.resolve(new Response());
      },
    });
    return shown;
  }

  async function call(headers: Headers) {
    headers.set('content-type', 'application/json');
    headers.set('accept', 'application/json, text/event-stream');
    const answer = await fetch(resource, { method: 'POST', headers, body: CALL });
    const text = await answer.text();
    const problem = answer.status === 200 ? {} : (JSON.parse(text) as { code?: string; detail?: string });
    const challenge = answer.headers.get('www-authenticate') ?? '';
    return { status: answer.status, code: problem.code, detail: problem.detail, challenge };
  }

  const refused = async (headers: Headers, code: string, detail: string, error: string) => {
    const answer = await call(headers);
    assert.deepEqual([answer.status, answer.code, answer.detail], [401, code, detail]);
    assert.ok(answer.challenge.startsWith(`DPoP error="${error}"`), answer.challenge);
  };

  test('[token.bound] the official client finds the server it has to ask, and its tool knows who calls', async () => {
    const session = DpopSession.create();
    const privateKey = { ...(await exportJWK(clientKeys.privateKey)) };
    const authProvider = Object.assign(
      new PrivateKeyJwtProvider({
        clientId: 'agent',
        privateKey,
        algorithm: 'ES256',
        scope: 'mcp:use',
        expectedIssuer: issuer,
      }),
      { dpop: () => session },
    );
    const client = new Client({ name: 'agent', version: '1.0.0' });
    await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }));
    try {
      const { content } = await client.callTool({ name: 'whoami', arguments: {} });
      const [answer] = content;
      const text = answer?.type === 'text' ? answer.text : '';
      const who = { subject: 'agent', clientId: 'agent', org: null, grant: null, bound: true };
      assert.deepEqual(JSON.parse(text), { ...who, scopes: ['mcp:use'], iss: issuer });
    } finally {
      await client.close();
    }
  });

  test('[token.bound] a proof is good once', async () => {
    const headers = await sign(await getToken(issuer, resource));
    assert.equal((await call(new Headers(headers))).status, 200, 'control: the same client, without the SDK');
    const sentence = 'This proof or token was used before. Sign a fresh proof for each request.';
    await refused(headers, 'REPLAY_DETECTED', sentence, 'invalid_dpop_proof');
  });

  test('[token.bound] a token for another resource is refused', async () => {
    const headers = await sign(await getToken(issuer, 'https://other.example/mcp'));
    await refused(headers, 'UNAUTHENTICATED', 'The access token is for another audience (aud).', 'invalid_token');
  });

  test('[token.bound] a token of another issuer is refused, though the same key signed it', async () => {
    const headers = await sign(await getToken(otherIssuer, resource));
    await refused(headers, 'UNAUTHENTICATED', 'The access token is by another issuer (iss).', 'invalid_token');
  });

  test('[token.bound] a bound token shown as Bearer is refused, with its proof and without', async () => {
    const bound = await getToken(issuer, resource);
    const sentence = 'Use the DPoP scheme with a proof; bearer tokens are not taken.';
    const headers = await sign(bound);
    headers.set('authorization', `Bearer ${bound.token}`);
    await refused(new Headers(headers), 'UNAUTHENTICATED', sentence, 'invalid_token');
    headers.delete('dpop');
    await refused(headers, 'UNAUTHENTICATED', sentence, 'invalid_token');
  });

  test('[token.bound] a stolen token with a proof by another key is refused', async () => {
    const [mine, stolen] = [await getToken(issuer, resource), await getToken(issuer, resource)];
    const headers = await sign({ token: stolen.token, DPoP: mine.DPoP });
    const sentence = 'The DPoP proof is by another key than the token is bound to.';
    await refused(headers, 'UNAUTHENTICATED', sentence, 'invalid_dpop_proof');
  });

  test('[token.bound] a token that has ended is refused', async () => {
    const headers = await sign(await getToken(issuer, resource));
    clock.ahead = 306;
    try {
      await refused(headers, 'UNAUTHENTICATED', 'The access token has expired.', 'invalid_token');
    } finally {
      clock.ahead = 0;
    }
  });
});
