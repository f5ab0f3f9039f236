/**
 * The scheme `oauth2` (§2.6, RFC 6749 §6): a refresh token, exchanged for access tokens and, where the endpoint gives another,
 * sealed anew by the executor (§6). With `redirect_uri` it begins with the code of a person's yes (RFC 6749 §4.1), redeemed once.
 * Never holds a value and never asks.
 */
import { parseResources, parseScope } from './client-credentials.ts';
import { parseSecureUrl } from './origin.ts';
import { exactObject, refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

const AUTHS = ['client_secret_basic', 'client_secret_post', 'none'] as const;

/** The access token goes into the request as `Authorization: Bearer …`. */
export interface OAuth2 {
  readonly scheme: 'oauth2';
  readonly endpoint: TokenEndpoint;
  readonly client_id: Template;
  /** With `auth` other than `none`. */
  readonly client_secret?: Template;
  /** Exactly one field, whose value the executor replaces where the endpoint gives another. */
  readonly refresh_token: Template;
  /** RFC 6749 §2.3.1; `none` for a public client. */
  readonly auth: (typeof AUTHS)[number];
  /** RFC 6749 §4.1.3, as the person was sent there. Where it is, the refresh token's field may hold what `GRANT` marks. */
  readonly redirect_uri?: string;
  readonly scope?: string;
  /** RFC 8707. */
  readonly resource?: readonly string[];
}

/**
 * First octets of a refresh token's field that holds none (§2.6): no refresh token begins with one (RFC 6749 Appendix A.17).
 * `code`: verifier, space, code. `access`: Unix seconds of its end or 0, space, access token.
 */
export const GRANT = Object.freeze({ code: 0x01, access: 0x02 });

/** @throws DAuthError `INVALID_REQUEST` */
export function parseOAuth2(value: unknown): OAuth2 {
  const required = ['scheme', 'endpoint', 'client_id', 'refresh_token'];
  const said = exactObject(value, 'A token scheme', required, [
    ...['client_secret', 'auth', 'redirect_uri', 'scope', 'resource'],
  ]);
  const usual = said.client_secret === undefined ? 'none' : 'client_secret_basic';
  const given = said.auth === undefined ? usual : said.auth;
  const auth =
    AUTHS.find((one) => one === given) ??
    refuse('"auth" is "client_secret_basic", "client_secret_post" or, for a public client, "none".');
  if ((auth === 'none') !== (said.client_secret === undefined))
    refuse('A "client_secret" goes with an "auth" other than "none", and only with one.');
  return Object.freeze({
    scheme: 'oauth2',
    endpoint: parseTokenEndpoint(said.endpoint),
    client_id: parseTemplate(said.client_id, false) || refuse('"client_id" must not be empty.'),
    ...(said.client_secret === undefined ? {} : { client_secret: parseTemplate(said.client_secret, true) }),
    refresh_token: parseOwnField(said),
    auth,
    ...(said.redirect_uri === undefined ? {} : { redirect_uri: parseSecureUrl(said.redirect_uri) }),
    ...(said.scope === undefined ? {} : { scope: parseScope(said.scope) }),
    ...(said.resource === undefined ? {} : { resource: parseResources(said.resource) }),
  });
}

/** The name of the field that holds the refresh token. */
export function refreshField({ refresh_token: template }: OAuth2): string {
  return namedFields([template])[0]!;
}

/** What is replaced is no part of anything else: another place would go on with a token that has ended. */
function parseOwnField({
  refresh_token: token,
  client_id: id,
  client_secret: secret,
}: Readonly<Record<string, unknown>>): Template {
  const template = parseTemplate(token, true);
  const [field] = namedFields([template]);
  if (template !== `{${field}}`) refuse('"refresh_token" is one field and nothing else, as in "{refresh_token}".');
  const others = [id, secret].filter((one) => one !== undefined).map((one) => parseTemplate(one, false));
  if (namedFields(others).includes(field!)) refuse('The field of "refresh_token" is named nowhere else.');
  return template;
}
