/**
 * `POST /par` (RFC 9126): an authorization request that comes by the client itself, so that a browser carries only its name.
 * Never a request that `/authorize` would refuse, and never one that another client can use.
 */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { authenticateClient, boundTo, consumeOnce } from './client-auth.ts';
import { OAuthError } from './errors.ts';
import { readForm } from './form.ts';
import { oauthProblem } from './problem.ts';
import { readRequest, type AuthorizationRequest } from './request.ts';
import { hashed, newSecret } from './secret.ts';

const REQUEST_URI = 'urn:ietf:params:oauth:request_uri:';
/** Long enough for the redirect that follows at once. */
const PUSHED_SECONDS = 60;
/** What anybody can send fills half of the room, of a client's own and of all: the rest is for clients of the operator's. */
const ANYBODYS_SHARE = 0.5;

export function parEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, log } = authority;
  app.post('/par', async (c) => {
    try {
      const form = await readForm(c, 'authorization request');
      const by = await authenticateClient(authority, c, form, '/par');
      const { client_id } = by.client;
      const request = readRequest(authority, by.client, form, boundTo(by));
      const request_uri = store.transaction(() => {
        consumeOnce(authority, by);
        return pushRequest(authority, request, PUSHED_SECONDS, shareOf(by.client, true));
      });
      log({ event: 'push', client_id, request_id: c.get('requestId') });
      return c.json({ request_uri, expires_in: PUSHED_SECONDS }, 201);
    } catch (error) {
      return oauthProblem(authority, c, error, 'push_refused');
    }
  });
}

/**
 * Keeps a request under a name nobody can guess.
 * @param share of the room, less where anybody could send it
 * @throws OAuthError `temporarily_unavailable`
 */
export function pushRequest(
  { store, now }: Authority,
  request: AuthorizationRequest,
  seconds: number,
  share: number,
): string {
  const id = newSecret();
  if (!store.asks.push(hashed(id), request.client_id, request, now() + seconds, share))
    throw new OAuthError('temporarily_unavailable', 'Too many requests of this client wait for a browser.');
  return `${REQUEST_URI}${id}`;
}

/**
 * How much of the room a request may be the last one in.
 * @param isPushed whether the client itself sent it, not somebody's browser
 */
export function shareOf({ auth, source }: Client, isPushed: boolean): number {
  return isPushed && auth === 'private_key_jwt' && source === 'operator' ? 1 : ANYBODYS_SHARE;
}

/** Takes a pushed request of this client, for its one use. @throws OAuthError `invalid_request_uri` */
export function takePushed({ store }: Authority, requestUri: string, clientId: string): AuthorizationRequest {
  const id = requestUri.slice(REQUEST_URI.length);
  // One that never was, one that was used or ended, and another client's are one answer.
  const request = store.asks.takePushed(hashed(id), clientId) as AuthorizationRequest | undefined;
  if (request === undefined)
    throw new OAuthError('invalid_request_uri', 'This request was used or has ended. Start again in the app.');
  return request;
}

/** Whether a `request_uri` is one of those that are made here. */
export function isPushed(requestUri: string): boolean {
  return requestUri.startsWith(REQUEST_URI);
}
