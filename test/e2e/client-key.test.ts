/**
 * A client that proves who it is with a sealed private key (`private_key_jwt`): between separate processes, with oidc-provider,
 * unmodified, as the token endpoint, which verifies each assertion and takes none twice, and an API that verifies what it gave.
 */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type Provider from 'oidc-provider';
import { writeCa } from '../support/ca.ts';
import { API, resourceIndicators, serveGiving, type Giving } from '../support/giving.ts';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const CLIENT = 'reports';
const makeKeys = () =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'sec1' },
  });

/** As `openssl ecparam -genkey` writes it before a key. */
const PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

interface Kind {
  readonly scheme: object;
  readonly fields: readonly string[];
  /** What the owner types. */
  readonly input: (key: string, grant: string) => string;
  readonly login: string;
}
const KINDS: Readonly<Record<string, Kind>> = {
  'client credentials': {
    scheme: { scheme: 'client_credentials', private_key: '{token}', scope: 'read', resource: [API] },
    fields: [],
    input: (key) => PARAMETERS + key,
    login: 'reports may read',
  },
  'a refresh token': {
    scheme: { scheme: 'oauth2', private_key: '{key}', refresh_token: '{refresh_token}' },
    fields: ['--field', 'refresh_token', '--field', 'key'],
    input: (key, grant) => JSON.stringify({ refresh_token: grant, key }),
    login: 'ada may read',
  },
};

for (const [what, kind] of Object.entries(KINDS)) {
  describe(`a private key that proves a client of ${what}`, { timeout: 180_000 }, () => {
    const { privateKey, publicKey } = makeKeys();
    const answered: number[] = [];
    let dir: Awaited<ReturnType<typeof makeTempDir>>;
    let giving: Giving;
    let world: World;

    before(async () => {
      dir = await makeTempDir();
      const files = await writeCa(join(dir.path, 'provider'));
      const client = createPublicKey({ key: publicKey, format: 'der', type: 'spki' }).export({ format: 'jwk' });
      giving = await serveGiving(files, configurationOf(client), (request, response, handle) => {
        response.on('finish', () => answered.push(response.statusCode));
        handle(request, response);
      });
      const { origin, provider } = giving;
      const scheme = { ...kind.scheme, endpoint: `${origin}/token`, client_id: CLIENT, alg: 'ES256', kid: 'k-1' };
      world = await startWorld({
        dir: join(dir.path, 'stack'),
        upstream: { ca: [files.root] },
        real: { token: kind.input(privateKey, await makeGrant(provider)), url: origin },
        connect: [...kind.fields, '--inject', JSON.stringify(scheme), '--path', '/user'],
      });
    });
    after(async () => {
      await world?.[Symbol.asyncDispose]();
      await giving?.[Symbol.asyncDispose]();
      await dir?.[Symbol.asyncDispose]();
    });

    test('[response.clean] the API is called with a token that the provider gave to the holder of the key', async () => {
      const { shown } = giving;
      const client = await world.client();
      assert.equal(await client.call('my_login'), kind.login);
      const answer = await client.call('buffered', { path: '/user' });
      await client.stop();
      assert.deepEqual(new Set(answered), new Set([200]));
      assert.equal(answer.includes(shown.at(-1)!), false);
      assert.ok(answer.includes('*'.repeat(shown.at(-1)!.length)));
      const [, claims, signature] = giving.assertions.at(-1)!.split('.');
      assert.deepEqual([answer.includes(`.${claims!}.`), answer.includes(signature!)], [true, false]);
    });

    test('[dispatch.bound] another key proves nothing there, and nothing is sent to the API', async () => {
      const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
      const input = kind.input(makeKeys().privateKey, await makeGrant(giving.provider));
      await world.stack.dauth(['connections', 'rotate', world.handle, ...kind.fields, ...owner], input);
      const calls = giving.shown.length;
      const client = await world.client();
      const refused = await client.call('call', { method: 'GET', url: '/user' });
      await client.stop();
      assert.match(refused, /DOWNSTREAM_AUTH_FAILURE/);
      assert.deepEqual([answered.at(-1), giving.shown.length], [401, calls]);
    });
  });
}

async function makeGrant(provider: Provider): Promise<string> {
  const client = await provider.Client.find(CLIENT);
  const grant = new provider.Grant({ accountId: 'ada', clientId: CLIENT });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(API, 'read');
  const of = { grantId: await grant.save(), gty: 'authorization_code', scope: 'offline_access read', resource: API };
  return new provider.RefreshToken({ accountId: 'ada', client, ...of }).save();
}

function configurationOf(key: object): object {
  return {
    clients: [
      {
        ...{
          client_id: CLIENT,
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'ES256',
        },
        ...{ jwks: { keys: [{ ...key, kid: 'k-1', alg: 'ES256', use: 'sig' }] }, scope: 'read offline_access' },
        ...{ redirect_uris: ['https://app.example/callback'], response_types: ['code'] },
        grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
      },
    ],
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'] },
    scopes: ['read', 'offline_access'],
    findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: resourceIndicators(300),
    },
  };
}
