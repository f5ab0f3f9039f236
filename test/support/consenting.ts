/**
 * oidc-provider, unmodified, over TLS, with the authorization code flow: PKCE is required of everybody, a person says yes to
 * whatever is asked, and behind it is an API that verifies what it gave. And the browser of that person.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { get as getSecure } from 'node:https';
import type Provider from 'oidc-provider';
import type { CaFiles } from './ca.ts';
import { API, resourceIndicators, serveGiving, type Giving } from './giving.ts';

/** An app with a secret, and one without. */
export const APPS = { confidential: 'mail', open: 'phone' } as const;
const CALLBACK = 'http://127.0.0.1/callback';

export interface Consenting extends Giving {
  readonly secret: string;
  /** What the token endpoint was asked for, and how it answered. */
  readonly asked: URLSearchParams[];
  readonly answered: number[];
  /** Whether there is a refresh token with an access token. */
  givesRefresh: boolean;
  /** Whether the person says yes. */
  agrees: boolean;
  /** Runs between the provider's work and its answer. */
  hold: () => Promise<void>;
}

type State = Omit<Consenting, keyof Giving>;

export async function serveConsenting(files: CaFiles): Promise<Consenting> {
  const state: State = {
    ...{ secret: randomBytes(24).toString('base64url'), asked: [], answered: [] },
    ...{ givesRefresh: true, agrees: true, hold: async () => undefined },
  };
  const interact = async (provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { prompt, params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: 'ada', clientId: params.client_id });
    grant.addOIDCScope('read offline_access');
    grant.addResourceScope(API, 'read');
    const yes =
      prompt.name === 'login' ? { login: { accountId: 'ada' } } : { consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, state.agrees ? yes : { error: 'access_denied' });
  };
  const watchAnswer = (request: IncomingMessage, response: ServerResponse): void => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    const end = response.end.bind(response) as (chunk?: unknown) => ServerResponse;
    response.end = ((chunk?: unknown) => {
      state.asked.push(new URLSearchParams(Buffer.concat(pieces).toString('utf8')));
      state.answered.push(response.statusCode);
      void state.hold().then(() => end(chunk));
      return response;
    }) as typeof response.end;
  };
  const giving = await serveGiving(files, configurationOf(state), (request, response, handle, provider) => {
    const path = request.url ?? '';
    if (path.startsWith('/interaction/')) return void interact(provider, request, response);
    if (path === '/token') watchAnswer(request, response);
    handle(request, response);
  });
  return Object.assign(state, giving);
}

function configurationOf(state: State): object {
  const app = {
    ...{ application_type: 'native', redirect_uris: [CALLBACK], response_types: ['code'] },
    ...{ grant_types: ['authorization_code', 'refresh_token'], scope: 'read offline_access' },
  };
  const basic = { client_secret: state.secret, token_endpoint_auth_method: 'client_secret_basic' };
  return {
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
    features: { devInteractions: { enabled: false }, resourceIndicators: resourceIndicators(20) },
  };
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
