/**
 * Somebody's token, exchanged by the sealed executor for one that the API takes (RFC 8693): between separate processes, with
 * oidc-provider and a grant type of ours in it as the token endpoint, and an API that verifies what that gave.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import Provider, { errors } from 'oidc-provider';
import { writeCa } from '../support/ca.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const API = 'https://api.example';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const SERVER = { scope: 'read', audience: API, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

describe('a token that is exchanged for another', { timeout: 180_000 }, () => {
  const shown: string[] = [];
  let asked = 0;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let server: Server;
  let world: World;
  let subject: string;
  /** Of the identity provider whose tokens are taken. */
  let idp: Keys;

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'provider'));
    const origin = `https://localhost:${await freePort()}`;
    const keys = await generateKeyPair('RS256', { extractable: true });
    idp = await generateKeyPair('ES256', { extractable: true });
    subject = await idToken(idp, origin);
    const provider = makeProvider(origin, { ...(await exportJWK(keys.privateKey)), alg: 'RS256', use: 'sig' }, idp);
    /** The API: whoever comes with a token of that provider for it. */
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
      const { payload } = await jwtVerify(token, keys.publicKey, { issuer: origin, audience: API });
      shown.push(token);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ login: `${payload.sub} may ${String(payload.scope)}`, echo: [token, subject] }));
    };
    const identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
    const callback = provider.callback();
    server = createServer(identity, (request, response) => {
      if (request.url === '/user') return void answer(request, response).catch(() => response.writeHead(401).end());
      asked++;
      callback(request, response);
    });
    server.listen(Number(new URL(origin).port), '127.0.0.1');
    const scheme = {
      ...{ scheme: 'token_exchange', endpoint: `${origin}/token`, client_id: 'reports' },
      ...{ subject_token: '{token}', subject_token_type: ID_TOKEN, scope: 'read', resource: [API] },
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      real: { token: subject, url: origin },
      connect: ['--inject', JSON.stringify(scheme), '--path', '/user'],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    server?.close();
    server?.closeAllConnections();
    await dir?.[Symbol.asyncDispose]();
  });

  test('[response.clean] the API is called as the subject with the token that was given, and neither comes back', async () => {
    const client = await world.client();
    for (let call = 0; call < 3; call++) assert.equal(await client.call('my_login'), 'ada may read');
    const answer = await client.call('buffered', { path: '/user' });
    await client.stop();
    assert.deepEqual([asked, shown.length, new Set(shown).size], [1, 4, 1]);
    for (const token of [subject, shown[0]!]) {
      assert.equal(answer.includes(token), false);
      assert.ok(answer.includes('*'.repeat(token.length)));
    }
  });

  test('[audit.complete] the journal names the token endpoint, and neither token', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"token_endpoint":"${world.apiUrl}/token"`));
    for (const value of [subject, shown[0]!]) assert.equal(stdout.includes(value), false);
  });

  test('[dispatch.bound] a token of somebody else is refused there, and the API is not called', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const forged = await idToken(await generateKeyPair('ES256', { extractable: true }), world.apiUrl);
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], forged);
    const client = await world.client();
    const refused = await client.call('call', { method: 'GET', url: '/user' });
    await client.stop();
    assert.match(refused, /DOWNSTREAM_AUTH_FAILURE/);
    assert.deepEqual([asked, shown.length], [2, 4]);
  });
});

function idToken({ privateKey }: Keys, audience: string): Promise<string> {
  const claims = { iss: 'https://idp.example', sub: 'ada', aud: audience, jti: randomBytes(12).toString('hex') };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
}

function makeProvider(issuer: string, signing: object, { publicKey }: Keys): Provider {
  const provider = new Provider(issuer, {
    jwks: { keys: [signing] },
    clients: [
      {
        ...{ client_id: 'reports', token_endpoint_auth_method: 'none', grant_types: [EXCHANGE] },
        ...{ redirect_uris: [], response_types: [], scope: 'read' },
      },
    ],
    scopes: ['read'],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => SERVER },
    },
  });
  provider.registerGrantType(
    EXCHANGE,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      const { subject_token: subject = '', subject_token_type: type, resource, scope } = params;
      const known = { issuer: 'https://idp.example', audience: issuer };
      const { payload } = await jwtVerify(subject, publicKey, known).catch(() => {
        throw new errors.InvalidGrant('the subject token is nobody');
      });
      if (type !== ID_TOKEN || resource !== API) throw new errors.InvalidTarget();
      const token = new provider.AccessToken({ accountId: payload.sub, client, scope, expiresIn: 300 });
      token.resourceServer = new provider.ResourceServer(API, SERVER);
      ctx.body = {
        access_token: await token.save(),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        ...{ token_type: 'Bearer', expires_in: 300 },
      };
    },
    ['subject_token', 'subject_token_type', 'resource', 'scope'],
  );
  return provider;
}
