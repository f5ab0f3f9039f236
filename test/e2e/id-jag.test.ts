/**
 * What an identity provider knows somebody by, exchanged in the sealed executor for an ID-JAG and that for a token: between
 * separate processes. Identity provider and server of the API are stand-ins, for none installs here: each is oidc-provider, which
 * authenticates the clients by itself, with the one grant type of the draft as ours.
 */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import Provider, { errors } from 'oidc-provider';
import { writeCa } from '../support/ca.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const API = 'https://api.example';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const SERVER = { scope: 'read', audience: API, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
const SECRET = 'a-secret-at-the-server-0123456789';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
interface Place {
  readonly issuer: string;
  readonly keys: Keys;
}

describe('an ID-JAG', { timeout: 180_000 }, () => {
  const agent = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
  const [jags, shown]: [string[], string[]] = [[], []];
  const answered: string[] = [];
  const servers: Server[] = [];
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let world: World;
  let idp: Place;
  let login: Place;
  let subject: string;

  const input = (token: string): string => JSON.stringify({ token, key: agent.privateKey, secret: SECRET });
  const FIELDS = ['--field', 'token', '--field', 'key', '--field', 'secret'];

  before(async () => {
    dir = await makeTempDir();
    const files = await writeCa(join(dir.path, 'provider'));
    const identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
    [idp, login] = [await place(), await place()];
    const serve = async ({ issuer }: Place, listener: RequestListener): Promise<void> => {
      const server = createServer(identity, listener).listen(Number(new URL(issuer).port), '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
    };
    const jwk = createPublicKey({ key: agent.publicKey, format: 'der', type: 'spki' }).export({ format: 'jwk' });
    const provider = (await makeIdp(idp, jwk, (jag) => jags.push(jag))).callback();
    await serve(idp, (request, response) => {
      response.on('finish', () => answered.push(`idp ${response.statusCode}`));
      provider(request, response);
    });
    /** The API: whoever comes with a token of the server for it. */
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
      const { payload } = await jwtVerify(token, login.keys.publicKey, { issuer: login.issuer, audience: API });
      shown.push(token);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ login: `${payload.sub} may ${String(payload.scope)}`, echo: [token, ...jags, subject] }),
      );
    };
    const tokens = (await makeServer(login, idp)).callback();
    await serve(login, (request, response) => {
      if (request.url === '/user') return void answer(request, response).catch(() => response.writeHead(401).end());
      response.on('finish', () => answered.push(`server ${response.statusCode}`));
      tokens(request, response);
    });
    subject = await idToken(idp.keys, idp.issuer);
    const scheme = {
      ...{ scheme: 'id_jag', endpoint: `${login.issuer}/token`, audience: login.issuer, client_id: 'agent-there' },
      ...{ client_secret: '{secret}', scope: 'read', resource: [API] },
      idp: {
        ...{ endpoint: `${idp.issuer}/token`, client_id: 'agent', private_key: '{key}', alg: 'EdDSA', aud: idp.issuer },
        ...{ subject_token: '{token}', subject_token_type: ID_TOKEN },
      },
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [files.root] },
      real: { token: input(subject), url: login.issuer },
      connect: [...FIELDS, '--inject', JSON.stringify(scheme), '--path', '/user'],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await dir?.[Symbol.asyncDispose]();
  });

  test('[response.clean] the API is called as the person, both servers are asked once, and nothing of it comes back', async () => {
    const client = await world.client();
    for (let call = 0; call < 3; call++) assert.equal(await client.call('my_login'), 'ada may read');
    const answer = await client.call('buffered', { path: '/user' });
    await client.stop();
    assert.deepEqual(answered, ['idp 200', 'server 200']);
    assert.deepEqual([jags.length, shown.length, new Set(shown).size], [1, 4, 1]);
    for (const token of [subject, shown[0]!, jags[0]!]) {
      assert.equal(answer.includes(token), false);
      assert.ok(answer.includes('*'.repeat(token.length)));
    }
  });

  test('[audit.complete] the journal names both endpoints, and no token', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"token_endpoint":"${login.issuer}/token"`));
    assert.ok(stdout.includes(`"idp_endpoint":"${idp.issuer}/token"`));
    for (const value of [subject, shown[0]!, jags[0]!]) assert.equal(stdout.includes(value), false);
  });

  test('[dispatch.bound] a person of somebody else is refused by the identity provider, and nobody else is asked', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const forged = await idToken(await generateKeyPair('ES256', { extractable: true }), idp.issuer);
    await world.stack.dauth(['connections', 'rotate', world.handle, ...FIELDS, ...owner], input(forged));
    const client = await world.client();
    const refused = await client.call('call', { method: 'GET', url: '/user' });
    await client.stop();
    assert.match(refused, /DOWNSTREAM_AUTH_FAILURE/);
    assert.deepEqual([answered.slice(2), jags.length, shown.length], [['idp 400'], 1, 4]);
  });
});

async function place(): Promise<Place> {
  const issuer = `https://localhost:${await freePort()}`;
  return { issuer, keys: await generateKeyPair('ES256', { extractable: true }) };
}

function idToken({ privateKey }: Keys, issuer: string): Promise<string> {
  return new SignJWT({ iss: issuer, sub: 'ada', aud: 'agent', jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
}

/** §4.3 of the draft: a client of both may have an ID-JAG for a person that signed in to it. */
async function makeIdp({ issuer, keys }: Place, jwk: object, onGiven: (jag: string) => void): Promise<Provider> {
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(keys.privateKey)), alg: 'ES256', use: 'sig' }] },
    clients: [
      {
        ...{ client_id: 'agent', token_endpoint_auth_method: 'private_key_jwt', grant_types: [EXCHANGE] },
        ...{ token_endpoint_auth_signing_alg: 'EdDSA', jwks: { keys: [{ ...jwk, alg: 'EdDSA', use: 'sig' }] } },
        ...{ redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256' },
      },
    ],
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ['EdDSA'] },
    features: { devInteractions: { enabled: false } },
  });
  provider.registerGrantType(
    EXCHANGE,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      const { subject_token: token = '', subject_token_type: type, audience, resource, scope } = params;
      const known = { issuer, audience: client.clientId };
      const { payload } = await jwtVerify(token, keys.publicKey, known).catch(() => {
        throw new errors.InvalidGrant('the subject token is nobody');
      });
      if (type !== ID_TOKEN || params.requested_token_type !== ID_JAG) throw new errors.InvalidTarget();
      const jag = await new SignJWT({ client_id: 'agent-there', resource, scope })
        .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt' })
        .setIssuer(issuer)
        .setSubject(payload.sub!)
        .setAudience(audience!)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(keys.privateKey);
      onGiven(jag);
      ctx.body = { access_token: jag, issued_token_type: ID_JAG, token_type: 'N_A', expires_in: 300 };
    },
    ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope'],
  );
  return provider;
}

/** §4.4 of the draft: what the identity provider says, for the client that it says it of, once. */
async function makeServer({ issuer, keys }: Place, idp: Place): Promise<Provider> {
  const used = new Set<string>();
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(keys.privateKey)), alg: 'ES256', use: 'sig' }] },
    clients: [
      {
        ...{ client_id: 'agent-there', client_secret: SECRET, token_endpoint_auth_method: 'client_secret_basic' },
        ...{ redirect_uris: [], response_types: [], grant_types: [BEARER], scope: 'read' },
        id_token_signed_response_alg: 'ES256',
      },
    ],
    scopes: ['read'],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => SERVER },
    },
  });
  provider.registerGrantType(
    BEARER,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      const known = { issuer: idp.issuer, audience: issuer, typ: 'oauth-id-jag+jwt' };
      const { payload } = await jwtVerify(params.assertion ?? '', idp.keys.publicKey, known).catch(() => {
        throw new errors.InvalidGrant('no ID-JAG for this server');
      });
      if (payload.client_id !== client.clientId || used.has(payload.jti!)) throw new errors.InvalidGrant('not for you');
      used.add(payload.jti!);
      if (payload.resource !== API || payload.scope !== params.scope) throw new errors.InvalidTarget();
      const token = new provider.AccessToken({ accountId: payload.sub, client, scope: payload.scope, expiresIn: 300 });
      token.resourceServer = new provider.ResourceServer(API, SERVER);
      ctx.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: 300 };
    },
    ['assertion', 'scope'],
  );
  return provider;
}
