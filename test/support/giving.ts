/**
 * oidc-provider, unmodified, over TLS, and behind it an API that verifies what it gave and says for whom. Which clients there are,
 * and what they may have, is said by who serves it.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import type { CaFiles } from './ca.ts';
import { freePort } from './process.ts';

export const API = 'https://api.example';

export interface Giving extends AsyncDisposable {
  readonly origin: string;
  readonly provider: Provider;
  /** Access tokens that the API was shown. */
  readonly shown: string[];
  /** By which clients proved who they are, whom the provider gave a token. */
  readonly assertions: string[];
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;
/** Stands before the provider, which `handle` is. */
type Before = (request: IncomingMessage, response: ServerResponse, handle: Handle, provider: Provider) => void;

export async function serveGiving(files: CaFiles, configuration: object, before: Before): Promise<Giving> {
  const origin = `https://localhost:${await freePort()}`;
  const keys = await generateKeyPair('RS256', { extractable: true });
  const signing = { ...(await exportJWK(keys.privateKey)), alg: 'RS256', use: 'sig' };
  const provider = new Provider(origin, { jwks: { keys: [signing] }, ...configuration });
  const handle = provider.callback();
  const [shown, assertions]: [string[], string[]] = [[], []];
  provider.on('grant.success', ({ oidc }) => {
    if (oidc.body.client_assertion !== undefined) assertions.push(oidc.body.client_assertion);
  });
  /** The API: whoever comes with a token of that provider for it. It gives back its token, and each assertion that it could have learnt of. */
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const { payload } = await jwtVerify(token, keys.publicKey, { issuer: origin, audience: API });
    shown.push(token);
    response.writeHead(200, { 'content-type': 'application/json' });
    const login = `${String(payload.sub)} may ${String(payload.scope)}`;
    response.end(JSON.stringify({ login, echo: [token, assertions] }));
  };
  const identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
  const server = createServer(identity, (request, response) => {
    if (request.url === '/user') return void answer(request, response).catch(() => response.writeHead(401).end());
    before(request, response, handle, provider);
  });
  server.listen(Number(new URL(origin).port), '127.0.0.1');
  await once(server, 'listening');
  return {
    ...{ origin, provider, shown, assertions },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Tokens for the API, which it verifies by itself (RFC 8707, RFC 9068). */
export function resourceIndicators(accessTokenTTL: number): object {
  return {
    enabled: true,
    useGrantedResource: () => true,
    defaultResource: () => API,
    getResourceServerInfo: () => ({
      ...{ scope: 'read', audience: API, accessTokenFormat: 'jwt', accessTokenTTL },
      jwt: { sign: { alg: 'RS256' } },
    }),
  };
}
