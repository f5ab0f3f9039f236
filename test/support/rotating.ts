/**
 * oidc-provider, unmodified, over TLS, with refresh tokens that are replaced at each use and a grant that ends where one comes
 * twice; and behind it an API that verifies what it gave. A test may hold its answers back.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import type { CaFiles } from './ca.ts';
import { freePort } from './process.ts';

const API = 'https://api.example';
const CLIENT = 'mail';

export interface Rotating extends AsyncDisposable {
  readonly origin: string;
  readonly clientId: string;
  readonly secret: string;
  /** Access tokens that the API was shown, and status codes of the token endpoint. */
  readonly shown: string[];
  readonly answered: number[];
  /** Runs between the provider's work and its answer, which is lost where this never settles. */
  hold: () => Promise<void>;
  /** The refresh token of a grant of its own, as after a person's yes. */
  grant(): Promise<string>;
}

export async function serveRotating(files: CaFiles): Promise<Rotating> {
  const origin = `https://localhost:${await freePort()}`;
  const secret = randomBytes(24).toString('base64url');
  const keys = await generateKeyPair('RS256', { extractable: true });
  const signing = { ...(await exportJWK(keys.privateKey)), alg: 'RS256', use: 'sig' };
  const provider = makeProvider(origin, signing, secret);
  const handle = provider.callback();
  const [shown, answered]: [string[], number[]] = [[], []];
  const rotating: Pick<Rotating, 'hold'> = { hold: async () => undefined };

  const callApi = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const { payload } = await jwtVerify(token, keys.publicKey, { issuer: origin, audience: API });
    shown.push(token);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ login: `${String(payload.sub)} may ${String(payload.scope)}`, echo: token }));
  };
  /** The provider's answer goes out when the test lets it. */
  const answerLate = (request: IncomingMessage, response: ServerResponse): void => {
    const end = response.end.bind(response) as (chunk?: unknown) => ServerResponse;
    response.end = ((chunk?: unknown) => {
      answered.push(response.statusCode);
      void rotating.hold().then(() => end(chunk));
      return response;
    }) as typeof response.end;
    handle(request, response);
  };
  const server = createServer(
    { cert: await readFile(files.cert), key: await readFile(files.key) },
    (request, response) => {
      if (request.url === '/user') return void callApi(request, response).catch(() => response.writeHead(401).end());
      answerLate(request, response);
    },
  );
  server.listen(Number(new URL(origin).port), '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(rotating, {
    ...{ origin, clientId: CLIENT, secret, shown, answered },
    grant: () => makeGrant(provider),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
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

function makeProvider(issuer: string, signing: object, secret: string): Provider {
  return new Provider(issuer, {
    jwks: { keys: [signing] },
    clients: [
      {
        ...{ client_id: CLIENT, client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
        ...{ redirect_uris: ['https://app.example/callback'], response_types: ['code'] },
        ...{ grant_types: ['authorization_code', 'refresh_token'], scope: 'read offline_access' },
      },
    ],
    scopes: ['read', 'offline_access'],
    rotateRefreshToken: true,
    findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        defaultResource: () => API,
        getResourceServerInfo: () => ({
          // Shorter than an executor keeps any token: each call is a refresh.
          ...{ scope: 'read', audience: API, accessTokenFormat: 'jwt', accessTokenTTL: 20 },
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}
