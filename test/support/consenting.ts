/**
 * oidc-provider, unmodified, over TLS, with the authorization code flow: PKCE is required of everybody, a person says yes to
 * whatever is asked, and behind it is an API that verifies what it gave. And the browser of that person.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, get as getSecure } from 'node:https';
import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import type { CaFiles } from './ca.ts';
import { freePort } from './process.ts';

const API = 'https://api.example';
/** An app with a secret, and one without. */
export const APPS = { confidential: 'mail', open: 'phone' } as const;
const CALLBACK = 'http://127.0.0.1/callback';

export interface Consenting extends AsyncDisposable {
  readonly origin: string;
  readonly secret: string;
  /** Access tokens that the API was shown; what the token endpoint was asked for, and how it answered. */
  readonly shown: string[];
  readonly asked: URLSearchParams[];
  readonly answered: number[];
  /** Whether there is a refresh token with an access token. */
  givesRefresh: boolean;
  /** Whether the person says yes. */
  agrees: boolean;
  /** Runs between the provider's work and its answer. */
  hold: () => Promise<void>;
}

export async function serveConsenting(files: CaFiles): Promise<Consenting> {
  const origin = `https://localhost:${await freePort()}`;
  const keys = await generateKeyPair('RS256', { extractable: true });
  const signing = { ...(await exportJWK(keys.privateKey)), alg: 'RS256', use: 'sig' };
  const state = {
    ...{ origin, secret: randomBytes(24).toString('base64url'), shown: [] as string[], asked: [], answered: [] },
    ...{ givesRefresh: true, agrees: true, hold: async () => undefined },
  } as Omit<Consenting, keyof AsyncDisposable>;
  const provider = makeProvider(state, signing);
  const handle = provider.callback();

  const callApi = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const { payload } = await jwtVerify(token, keys.publicKey, { issuer: origin, audience: API });
    state.shown.push(token);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ login: `${String(payload.sub)} may ${String(payload.scope)}`, echo: token }));
  };
  const interact = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { prompt, params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: 'ada', clientId: params.client_id });
    grant.addOIDCScope('read offline_access');
    grant.addResourceScope(API, 'read');
    const yes =
      prompt.name === 'login' ? { login: { accountId: 'ada' } } : { consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, state.agrees ? yes : { error: 'access_denied' });
  };
  const answerLate = (request: IncomingMessage, response: ServerResponse): void => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    const end = response.end.bind(response) as (chunk?: unknown) => ServerResponse;
    response.end = ((chunk?: unknown) => {
      state.asked.push(new URLSearchParams(Buffer.concat(pieces).toString('utf8')));
      state.answered.push(response.statusCode);
      void state.hold().then(() => end(chunk));
      return response;
    }) as typeof response.end;
    handle(request, response);
  };
  const server = createServer(
    { cert: await readFile(files.cert), key: await readFile(files.key) },
    (request, response) => {
      const path = request.url ?? '';
      if (path === '/user') return void callApi(request, response).catch(() => response.writeHead(401).end());
      if (path.startsWith('/interaction/')) return void interact(request, response);
      if (path === '/token') return answerLate(request, response);
      handle(request, response);
    },
  );
  server.listen(Number(new URL(origin).port), '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function makeProvider(state: Omit<Consenting, keyof AsyncDisposable>, signing: object): Provider {
  const app = {
    ...{ application_type: 'native', redirect_uris: [CALLBACK], response_types: ['code'] },
    ...{ grant_types: ['authorization_code', 'refresh_token'], scope: 'read offline_access' },
  };
  const basic = { client_secret: state.secret, token_endpoint_auth_method: 'client_secret_basic' };
  return new Provider(state.origin, {
    jwks: { keys: [signing] },
    clients: [
      { ...app, ...basic, client_id: APPS.confidential },
      { ...app, client_id: APPS.open, token_endpoint_auth_method: 'none' },
    ],
    scopes: ['read', 'offline_access'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: () => state.givesRefresh,
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        defaultResource: () => API,
        getResourceServerInfo: () => ({
          ...{ scope: 'read', audience: API, accessTokenFormat: 'jwt', accessTokenTTL: 20 },
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}

/**
 * A browser: keeps cookies, and follows wherever it is sent.
 * @param change makes another address out of the one that leads back to this machine
 * @returns what is shown at the end
 */
export async function browse(
  address: string,
  ca: string,
  change: (back: string) => string | Promise<string> = (back) => back,
): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(address);
  for (let step = 0; step < 12; step++) {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    const isBack = url.protocol === 'http:';
    const request = isBack
      ? get(await change(url.href), { agent: false })
      : getSecure(url, { headers, ca, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    for (const cookie of response.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    const { location } = response.headers;
    if (location === undefined) return Buffer.concat(pieces).toString('utf8');
    url = new URL(location, url);
  }
  return assert.fail('The provider redirects in a circle.');
}
