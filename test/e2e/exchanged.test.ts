/**
 * A client secret that is exchanged for a token by the sealed executor: between separate processes, with oidc-provider,
 * unmodified, as the token endpoint, and an API that verifies what it gave.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import { writeCa } from '../support/ca.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const API = 'https://api.example';

describe('a client secret that is exchanged for a token', { timeout: 180_000 }, () => {
  const secret = randomBytes(24).toString('base64url');
  const shown: string[] = [];
  let asked = 0;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let server: Server;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'provider'));
    const origin = `https://localhost:${await freePort()}`;
    const keys = await generateKeyPair('RS256', { extractable: true });
    const signing = { ...(await exportJWK(keys.privateKey)), alg: 'RS256', use: 'sig' };
    const provider = makeProvider(origin, signing, secret).callback();
    /** The API: whoever comes with a token of that provider for it, and for reading. */
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
      const { payload } = await jwtVerify(token, keys.publicKey, { issuer: origin, audience: API });
      shown.push(token);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ login: `${String(payload.client_id)} may ${String(payload.scope)}`, echo: token }));
    };
    const identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
    server = createServer(identity, (request, response) => {
      if (request.url === '/user') return void answer(request, response).catch(() => response.writeHead(401).end());
      asked++;
      provider(request, response);
    });
    server.listen(Number(new URL(origin).port), '127.0.0.1');
    const scheme = {
      ...{ scheme: 'client_credentials', endpoint: `${origin}/token`, client_id: 'reports', client_secret: '{token}' },
      ...{ scope: 'read', resource: [API] },
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      real: { token: secret, url: origin },
      connect: ['--inject', JSON.stringify(scheme), '--path', '/user'],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    server?.close();
    server?.closeAllConnections();
    await dir?.[Symbol.asyncDispose]();
  });

  test('[response.clean] the API is called with a token of the provider, asked for once, and neither comes back', async () => {
    const client = await world.client();
    for (let call = 0; call < 3; call++) assert.equal(await client.call('my_login'), 'reports may read');
    const answer = await client.call('buffered', { path: '/user' });
    await client.stop();
    assert.deepEqual([asked, shown.length, new Set(shown).size], [1, 4, 1]);
    assert.equal(answer.includes(shown[0]!), false);
    assert.ok(answer.includes('*'.repeat(shown[0]!.length)));
  });

  test('[audit.complete] the journal names the token endpoint, and neither secret nor token', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"token_endpoint":"${world.apiUrl}/token"`));
    for (const value of [secret, shown[0]!]) assert.equal(stdout.includes(value), false);
  });

  test('[dispatch.bound] a client secret that is not the one of the client is refused, and nothing is sent to the API', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], `${secret}x`);
    const calls = shown.length;
    const client = await world.client();
    const refused = await client.call('call', { method: 'GET', url: '/user' });
    await client.stop();
    assert.match(refused, /DOWNSTREAM_AUTH_FAILURE/);
    assert.deepEqual([asked, shown.length], [2, calls]);
  });
});

function makeProvider(issuer: string, signing: object, secret: string): Provider {
  return new Provider(issuer, {
    jwks: { keys: [signing] },
    clients: [
      {
        ...{ client_id: 'reports', client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
        ...{ grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'read' },
      },
    ],
    scopes: ['read'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          ...{ scope: 'read', audience: API, accessTokenFormat: 'jwt', accessTokenTTL: 300 },
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}
