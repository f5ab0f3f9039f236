/**
 * The scheme `token_exchange` (§2.6, RFC 8693): a token of somebody, exchanged for one that the API takes.
 * Never holds a value and never asks.
 */
import { parseResources, parseScope, visible } from './client-credentials.ts';
import { exactObject, refuse, text } from './shape.ts';
import { parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

/** The token goes into the request as `Authorization: Bearer …`. */
export interface TokenExchange {
  readonly scheme: 'token_exchange';
  readonly endpoint: TokenEndpoint;
  readonly subject_token: Template;
  readonly subject_token_type: string;
  /** With its type. */
  readonly actor_token?: Template;
  readonly actor_token_type?: string;
  readonly requested_token_type?: string;
  /** Who asks, where the endpoint wants to know; a client without a secret is public. */
  readonly client_id?: Template;
  readonly client_secret?: Template;
  /** RFC 6749 §2.3.1; where there is a secret, and only there. */
  readonly auth?: 'client_secret_basic' | 'client_secret_post';
  readonly scope?: string;
  readonly audience?: string;
  /** RFC 8707. */
  readonly resource?: readonly string[];
}

const REQUIRED = ['scheme', 'endpoint', 'subject_token', 'subject_token_type'];
const ACTOR = ['actor_token', 'actor_token_type'];
const CLIENT = ['client_id', 'client_secret', 'auth'];
const WISHES = ['requested_token_type', 'scope', 'audience', 'resource'];
/** RFC 8693 §3: an absolute URI. */
const TOKEN_TYPE = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/;
const MAX_TYPE = 512;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenExchange(value: unknown): TokenExchange {
  const said = exactObject(value, 'A token scheme', REQUIRED, [...ACTOR, ...CLIENT, ...WISHES]);
  const { actor_token: actor, actor_token_type: actorType, requested_token_type: requested } = said;
  if ((actor === undefined) !== (actorType === undefined))
    refuse('"actor_token" and "actor_token_type" are there together, or neither (RFC 8693 §2.1).');
  return Object.freeze({
    scheme: 'token_exchange',
    endpoint: parseTokenEndpoint(said.endpoint),
    subject_token: parseTemplate(said.subject_token, true),
    subject_token_type: parseType(said.subject_token_type, '"subject_token_type"'),
    ...(actor === undefined
      ? {}
      : { actor_token: parseTemplate(actor, true), actor_token_type: parseType(actorType, '"actor_token_type"') }),
    ...(requested === undefined ? {} : { requested_token_type: parseType(requested, '"requested_token_type"') }),
    ...parseClient(said.client_id, said.client_secret, said.auth),
    ...(said.scope === undefined ? {} : { scope: parseScope(said.scope) }),
    ...(said.audience === undefined ? {} : { audience: visible(said.audience, '"audience"') }),
    ...(said.resource === undefined ? {} : { resource: parseResources(said.resource) }),
  });
}

function parseClient(
  id: unknown,
  secret: unknown,
  auth: unknown,
): Pick<TokenExchange, 'client_id' | 'client_secret' | 'auth'> {
  if (secret !== undefined && id === undefined) refuse('"client_secret" needs "client_id".');
  if (secret === undefined && auth !== undefined) refuse('"auth" needs "client_secret".');
  if (id === undefined) return {};
  const client = { client_id: parseTemplate(id, false) || refuse('"client_id" must not be empty.') };
  if (secret === undefined) return client;
  const how = auth === undefined ? 'client_secret_basic' : auth;
  if (how !== 'client_secret_basic' && how !== 'client_secret_post')
    return refuse('"auth" is "client_secret_basic" or "client_secret_post".');
  return { ...client, client_secret: parseTemplate(secret, true), auth: how };
}

/** The templates whose values the endpoint is shown. */
export function exchangedTemplates(scheme: TokenExchange): readonly Template[] {
  const { subject_token: subject, actor_token: actor, client_id: id, client_secret: secret } = scheme;
  return [subject, actor, id, secret].filter((template) => template !== undefined);
}

function parseType(value: unknown, what: string): string {
  const type = text(value, what, MAX_TYPE);
  return TOKEN_TYPE.test(type) ? type : refuse(`${what} is an absolute URI, as in RFC 8693 §3.`);
}
