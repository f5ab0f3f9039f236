/**
 * Token schemes (§2.6): a credential that the executor exchanges for a short-lived token, named by field and fixed text.
 * Never holds a value and never asks: where it is asked for and with what stands in the sealed header, and nowhere else.
 */
import { parseClientCredentials, type ClientCredentials } from './client-credentials.ts';
import { claimTemplates, parseJwtBearer, type JwtBearer } from './jwt-bearer.ts';
import { namedFields, type Template } from './template.ts';

export type TokenScheme = ClientCredentials | JwtBearer;

/** Whether a scheme, also one that is not parsed yet, is one of these by its name. */
export function isTokenScheme(scheme: object): scheme is TokenScheme {
  return 'scheme' in scheme && (scheme.scheme === 'client_credentials' || scheme.scheme === 'jwt_bearer');
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenScheme(value: TokenScheme): TokenScheme {
  return value.scheme === 'jwt_bearer' ? parseJwtBearer(value) : parseClientCredentials(value);
}

/** The templates that the token endpoint is shown; answers are searched for their fields. A key that signs is shown to nobody. */
export function shownTemplates(scheme: TokenScheme): readonly Template[] {
  return scheme.scheme === 'jwt_bearer' ? claimTemplates(scheme) : [scheme.client_id, scheme.client_secret];
}

/** The field names a token scheme refers to. */
export function tokenFields(scheme: TokenScheme): readonly string[] {
  const keys = scheme.scheme === 'jwt_bearer' ? [scheme.private_key] : [];
  return namedFields([...shownTemplates(scheme), ...keys]);
}
