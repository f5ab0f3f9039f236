/**
 * The scheme `oauth2` (§2.6, RFC 6749 §6): a refresh token, exchanged for access tokens and, where the endpoint gives another,
 * sealed anew by the executor (§6). With `redirect_uri` it begins with the code of a person's yes (RFC 6749 §4.1), redeemed once.
 * Never holds a value and never asks.
 */
import {
  parseClientId,
  parseProof,
  PROOF_MEMBERS,
  proofKeys,
  proofOf,
  proofTemplates,
  type ClientProof,
} from './client-auth.ts';
import { parseSecureUrl } from './origin.ts';
import { exactObject, refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';
import { parseResources, parseScope } from './wishes.ts';

/** The access token goes into the request as `Authorization: Bearer …`. A public client proves nothing: `auth` is `none`. */
export type OAuth2 = (ClientProof | { readonly auth: 'none' }) & {
  readonly scheme: 'oauth2';
  readonly endpoint: TokenEndpoint;
  readonly client_id: Template;
  /** Exactly one field, whose value the executor replaces where the endpoint gives another. */
  readonly refresh_token: Template;
  /** RFC 6749 §4.1.3, as the person was sent there. Where it is, the refresh token's field may hold what `GRANT` marks. */
  readonly redirect_uri?: string;
  readonly scope?: string;
  /** RFC 8707. */
  readonly resource?: readonly string[];
};

/**
 * First octets of a refresh token's field that holds none (§2.6): no refresh token begins with one (RFC 6749 Appendix A.17).
 * `code`: verifier, space, code. `access`: Unix seconds of its end or 0, space, access token.
 */
export const GRANT = Object.freeze({ code: 0x01, access: 0x02 });

/** @throws DAuthError `INVALID_REQUEST` */
export function parseOAuth2(value: unknown): OAuth2 {
  const required = ['scheme', 'endpoint', 'client_id', 'refresh_token'];
  const said = exactObject(value, 'A token scheme', required, [...PROOF_MEMBERS, 'redirect_uri', 'scope', 'resource']);
  const endpoint = parseTokenEndpoint(said.endpoint);
  const client_id = parseClientId(said.client_id);
  const refresh_token = parseTemplate(said.refresh_token, true);
  const proof = parseClient(said, endpoint, [client_id, refresh_token]);
  assertOwnField(refresh_token, [...namedFields([client_id, ...proofTemplates(proofOf(proof))]), ...proofKeys(proof)]);
  const { auth, ...proven } = proof;
  // In this order: of a reseal each party makes the header again, and compares its octets.
  return Object.freeze({
    scheme: 'oauth2',
    endpoint,
    client_id,
    ...proven,
    refresh_token,
    auth,
    ...(said.redirect_uri === undefined ? {} : { redirect_uri: parseSecureUrl(said.redirect_uri) }),
    ...(said.scope === undefined ? {} : { scope: parseScope(said.scope) }),
    ...(said.resource === undefined ? {} : { resource: parseResources(said.resource) }),
  } as OAuth2);
}

function parseClient(
  said: Readonly<Record<string, unknown>>,
  endpoint: TokenEndpoint,
  own: readonly Template[],
): ClientProof | { readonly auth: 'none' } {
  const isPublic = said.auth === 'none';
  const proof = parseProof(isPublic ? { ...said, auth: undefined } : said, endpoint, own);
  if (isPublic ? proof !== undefined : proof === undefined && said.auth !== undefined)
    refuse('A "client_secret" or "private_key" goes with an "auth" other than "none", and only with one.');
  return proof ?? { auth: 'none' };
}

/** The name of the field that holds the refresh token. */
export function refreshField({ refresh_token: template }: OAuth2): string {
  return namedFields([template])[0]!;
}

/** What is replaced is no part of anything else: another place would go on with a token that has ended. */
function assertOwnField(template: Template, others: readonly string[]): void {
  const [field] = namedFields([template]);
  if (template !== `{${field}}`) refuse('"refresh_token" is one field and nothing else, as in "{refresh_token}".');
  if (others.includes(field!)) refuse('The field of "refresh_token" is named nowhere else.');
}
