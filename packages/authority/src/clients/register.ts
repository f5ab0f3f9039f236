/**
 * Clients that register themselves (RFC 7591), where the operator opened that. Never gives a secret, and nothing to manage a
 * registration with (RFC 7592): whoever wants another one registers again, and what is not used ends by itself.
 */
import {
  asDAuthError,
  DAuthError,
  decodeUtf8,
  isObject,
  parseJson,
  refuse,
  text,
  type JsonObject,
} from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { SharedLimit } from '../limit.ts';
import { addressOf, assertType, readBody, type HttpContext, type HttpEnv } from '../http.ts';
import { CLIENT_DEFAULTS, type Client } from '../store/registry.ts';
import { parseOwnMetadata, RedirectUriError } from './metadata.ts';

const MAX_OCTETS = 16_384;
/** In one minute, from everybody and from one address. */
const PER_MINUTE = 60;
const PER_ADDRESS = 10;
/** More than people of one installation use apps; past it nobody registers until some have ended. */
const MAX_CLIENTS = 10_000;
/** Of those, from one address and not used yet: whoever registers all day fills a twentieth of the room. */
const UNUSED_PER_ADDRESS = 500;

export function registration(app: Hono<HttpEnv>, authority: Authority): void {
  if (authority.config.clients.registration === 'off') return;
  const limit = new SharedLimit(PER_MINUTE, PER_ADDRESS);
  app.post('/register', async (c) => {
    const now = authority.now();
    const address = addressOf(c);
    if (!limit.take(now, address))
      throw new DAuthError('RATE_LIMITED', 'Too many clients register in this minute. Wait, then try again.');
    try {
      assertType(c, 'application/json');
      const body = parseJson(decodeUtf8(await readBody(c, MAX_OCTETS)), MAX_OCTETS, 'kept');
      if (!isObject(body)) refuse('A registration must be an object.');
      const client = register(authority, body, address);
      authority.log({ event: 'client.register', client_id: client.client_id, request_id: c.get('requestId') });
      return c.json(describe(client), 201);
    } catch (error) {
      return refusal(authority, c, error);
    }
  });
}

function register({ config, store, newId, now }: Authority, body: JsonObject, address: string): Client {
  if (body.jwks_uri !== undefined) refuse('Keys are registered by value ("jwks").');
  const metadata = parseOwnMetadata(body);
  assertFits(body.application_type, metadata.redirect_uris);
  const client: Client = {
    ...{
      client_id: newId(),
      name: body.client_name === undefined ? 'unnamed' : text(body.client_name, '"client_name"', 128),
    },
    ...{ ...CLIENT_DEFAULTS, ...metadata, jkt: metadata.jwk === null ? null : thumbprint(metadata.jwk) },
    ...{ owner: null, org: config.org, scopes: null, source: 'dynamic', created_at: now() },
  };
  store.transaction(() => {
    store.registry.dropUnused(now());
    if (store.registry.countClients('dynamic') >= MAX_CLIENTS)
      throw new DAuthError('RATE_LIMITED', 'No more clients can register here for now.');
    if (store.registry.countUnusedFrom(address) >= UNUSED_PER_ADDRESS)
      throw new DAuthError('RATE_LIMITED', 'Too many clients from this address wait for their first use.');
    store.registry.putClient(client, address);
  });
  return client;
}

/** SEP-837: what a client says it is has to fit where its users are sent back to. */
function assertFits(type: unknown, uris: readonly string[]): void {
  if (type === 'web' && !uris.every((uri) => uri.startsWith('https:')))
    throw new RedirectUriError(
      'A client of the application type "web" has https redirect URIs; an app on a device is "native".',
    );
  if (type !== undefined && type !== 'web' && type !== 'native')
    refuse('"application_type" must be "web" or "native".');
}

/** What was registered (§3.2.1), which may be less than what was asked for. */
function describe({ client_id, name, auth, jwk, grants, redirect_uris, created_at }: Client): object {
  const isWeb = redirect_uris.every((uri) => uri.startsWith('https:'));
  return {
    ...{ client_id, client_id_issued_at: created_at, client_name: name, redirect_uris, grant_types: grants },
    ...{ response_types: ['code'], token_endpoint_auth_method: auth, application_type: isWeb ? 'web' : 'native' },
    ...(jwk === null ? {} : { jwks: { keys: [jwk] } }),
    dpop_bound_access_tokens: true,
  };
}

/** §3.2.2. What is no fault of the metadata is answered as everywhere else. */
function refusal(authority: Authority, c: HttpContext, error: unknown): Response {
  const { code, publicMessage } = asDAuthError(error);
  if (code !== 'INVALID_REQUEST') throw error;
  const known = error instanceof RedirectUriError ? 'invalid_redirect_uri' : 'invalid_client_metadata';
  authority.log({ event: 'register_refused', error: known, request_id: c.get('requestId') });
  return c.json({ error: known, error_description: publicMessage, request_id: c.get('requestId') }, 400);
}
