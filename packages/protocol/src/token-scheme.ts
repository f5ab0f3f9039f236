/**
 * Token schemes (§2.6): a credential that the executor exchanges for a short-lived token, named by field and fixed text.
 * Never holds a value and never asks: where it is asked for and with what stands in the sealed header, and nowhere else.
 */
import { proofKeys, proofOf, proofTemplates } from './client-auth.ts';
import { parseClientCredentials, type ClientCredentials } from './client-credentials.ts';
import { parseGithubApp, type GithubApp } from './github-app.ts';
import { idJagTemplates, parseIdJag, type IdJag } from './id-jag.ts';
import { claimTemplates, parseJwtBearer, type JwtBearer } from './jwt-bearer.ts';
import { parseOAuth2, type OAuth2 } from './oauth2.ts';
import { namedFields, type Template } from './template.ts';
import type { TokenEndpoint } from './token-endpoint.ts';
import { exchangedTemplates, parseTokenExchange, type TokenExchange } from './token-exchange.ts';

export type TokenScheme = ClientCredentials | JwtBearer | GithubApp | TokenExchange | IdJag | OAuth2;

const PARSERS: Readonly<Record<TokenScheme['scheme'], (value: unknown) => TokenScheme>> = Object.freeze({
  __proto__: null as never,
  client_credentials: parseClientCredentials,
  jwt_bearer: parseJwtBearer,
  github_app: parseGithubApp,
  token_exchange: parseTokenExchange,
  id_jag: parseIdJag,
  oauth2: parseOAuth2,
});

/** Whether a scheme, also one that is not parsed yet, is one of these by its name. */
export function isTokenScheme(scheme: object): scheme is TokenScheme {
  return 'scheme' in scheme && typeof scheme.scheme === 'string' && Object.hasOwn(PARSERS, scheme.scheme);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenScheme(value: TokenScheme): TokenScheme {
  return PARSERS[value.scheme](value);
}

/** The templates that the token endpoint is shown; answers are searched for their fields. A key that signs is shown to nobody. */
export function shownTemplates(scheme: TokenScheme): readonly Template[] {
  switch (scheme.scheme) {
    case 'client_credentials':
      return [scheme.client_id, ...proofTemplates(proofOf(scheme))];
    case 'jwt_bearer':
      return claimTemplates(scheme);
    case 'github_app':
      return [scheme.iss];
    case 'token_exchange':
      return exchangedTemplates(scheme);
    case 'id_jag':
      return idJagTemplates(scheme);
    case 'oauth2':
      return [scheme.client_id, scheme.refresh_token, ...proofTemplates(proofOf(scheme))];
  }
}

/** The field names a token scheme refers to. */
export function tokenFields(scheme: TokenScheme): readonly string[] {
  const keys = 'private_key' in scheme ? [scheme.private_key] : [];
  return [...namedFields([...shownTemplates(scheme), ...keys]), ...proofKeys(scheme)];
}

/** Everywhere that a scheme's exchange asks: where the token comes from, then what is asked before. */
export function endpointsOf(scheme: TokenScheme): readonly TokenEndpoint[] {
  return scheme.scheme === 'id_jag' ? [scheme.endpoint, scheme.idp.endpoint] : [scheme.endpoint];
}
