/**
 * The scheme `client_credentials` (§2.6, RFC 6749 §4.4): a client's id and secret, exchanged for a token.
 * Never holds a value and never asks.
 */
import { distinct, exactObject, list, refuse, text } from './shape.ts';
import { parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

/** The token goes into the request as `Authorization: Bearer …`. */
export interface ClientCredentials {
  readonly scheme: 'client_credentials';
  readonly endpoint: TokenEndpoint;
  readonly client_id: Template;
  readonly client_secret: Template;
  /** RFC 6749 §2.3.1. */
  readonly auth: 'client_secret_basic' | 'client_secret_post';
  readonly scope?: string;
  readonly audience?: string;
  /** RFC 8707. */
  readonly resource?: readonly string[];
}

/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const MAX_SCOPE = 1_024;
const VISIBLE = /^[\x21-\x7e]+$/;
const MAX_NAME = 512;
const MAX_RESOURCES = 8;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseClientCredentials(value: unknown): ClientCredentials {
  const required = ['scheme', 'endpoint', 'client_id', 'client_secret'];
  const said = exactObject(value, 'A token scheme', required, ['auth', 'scope', 'audience', 'resource']);
  const auth = said.auth === undefined ? 'client_secret_basic' : said.auth;
  if (auth !== 'client_secret_basic' && auth !== 'client_secret_post')
    refuse('"auth" is "client_secret_basic" or "client_secret_post".');
  return Object.freeze({
    scheme: 'client_credentials',
    endpoint: parseTokenEndpoint(said.endpoint),
    client_id: parseTemplate(said.client_id, false) || refuse('"client_id" must not be empty.'),
    client_secret: parseTemplate(said.client_secret, true),
    auth,
    ...(said.scope === undefined ? {} : { scope: parseScope(said.scope) }),
    ...(said.audience === undefined ? {} : { audience: visible(said.audience, '"audience"') }),
    ...(said.resource === undefined ? {} : { resource: parseResources(said.resource) }),
  });
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseScope(value: unknown): string {
  const scope = text(value, '"scope"', MAX_SCOPE);
  if (!SCOPE.test(scope)) refuse('"scope" is scope tokens with one space between them.');
  return scope;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseResources(value: unknown): readonly string[] {
  const resources = list(value, '"resource"', 1, MAX_RESOURCES, (item) => visible(item, '"resource"'));
  return distinct(resources, '"resource"', String);
}

function visible(value: unknown, what: string): string {
  const name = text(value, what, MAX_NAME);
  if (!VISIBLE.test(name)) refuse(`${what} is visible ASCII without spaces.`);
  return name;
}
