/**
 * A client secret that is exchanged for a token by the sealed executor: between separate processes, with oidc-provider,
 * unmodified, as the token endpoint, and an API that verifies what it gave.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeCa } from '../support/ca.ts';
import { API, resourceIndicators, serveGiving, type Giving } from '../support/giving.ts';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

describe('a client secret that is exchanged for a token', { timeout: 180_000 }, () => {
  const secret = randomBytes(24).toString('base64url');
  let asked = 0;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let giving: Giving;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'provider'));
    giving = await serveGiving(files, configurationOf(secret), (request, response, handle) => {
      asked++;
      handle(request, response);
    });
    const { origin } = giving;
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
    await giving?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  test('[response.clean] the API is called with a token of the provider, asked for once, and neither comes back', async () => {
    const { shown } = giving;
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
    for (const value of [secret, giving.shown[0]!]) assert.equal(stdout.includes(value), false);
  });

  test('[dispatch.bound] a client secret that is not the one of the client is refused, and nothing is sent to the API', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], `${secret}x`);
    const calls = giving.shown.length;
    const client = await world.client();
    const refused = await client.call('call', { method: 'GET', url: '/user' });
    await client.stop();
    assert.match(refused, /DOWNSTREAM_AUTH_FAILURE/);
    assert.deepEqual([asked, giving.shown.length], [2, calls]);
  });
});

function configurationOf(secret: string): object {
  return {
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
      resourceIndicators: resourceIndicators(300),
    },
  };
}
