/**
 * Token schemes (§2.6): a credential that the executor exchanges for a short-lived token, named by field and fixed text.
 * Never holds a value and never asks: where it is asked for and with what stands in the sealed header, and nowhere else.
 */
import { parseClientCredentials, type ClientCredentials } from './client-credentials.ts';
import { claimTemplates, parseJwtBearer, type JwtBearer } from './jwt-bearer.ts';
import { parseOAuth2, type OAuth2 } from './oauth2.ts';
import { namedFields, type Template } from './template.ts';

export type TokenScheme = ClientCredentials | JwtBearer | OAuth2;

const NAMES: readonly unknown[] = ['client_credentials', 'jwt_bearer', 'oauth2'] satisfies TokenScheme['scheme'][];

/** Whether a scheme, also one that is not parsed yet, is one of these by its name. */
export function isTokenScheme(scheme: object): scheme is TokenScheme {
  return 'scheme' in scheme && NAMES.includes(scheme.scheme);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenScheme(value: TokenScheme): TokenScheme {
  switch (value.scheme) {
    case 'client_credentials':
      return parseClientCredentials(value);
    case 'jwt_bearer':
      return parseJwtBearer(value);
    case 'oauth2':
      return parseOAuth2(value);
  }
}

/** The templates that the token endpoint is shown; answers are searched for their fields. A key that signs is shown to nobody. */
export function shownTemplates(scheme: TokenScheme): readonly Template[] {
  switch (scheme.scheme) {
    case 'client_credentials':
      return [scheme.client_id, scheme.client_secret];
    case 'jwt_bearer':
      return claimTemplates(scheme);
    case 'oauth2':
      return [
        ...[scheme.client_id, scheme.refresh_token],
        ...(scheme.client_secret === undefined ? [] : [scheme.client_secret]),
      ];
  }
}

/** The field names a token scheme refers to. */
export function tokenFields(scheme: TokenScheme): readonly string[] {
  const keys = scheme.scheme === 'jwt_bearer' ? [scheme.private_key] : [];
  return namedFields([...shownTemplates(scheme), ...keys]);
}
