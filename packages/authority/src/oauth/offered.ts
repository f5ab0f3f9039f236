/**
 * What a resource has to offer, to whom: scopes that an operator registered, those of the authority's own API, and who the
 * person is. Never `dauth:admin` to a client that a person said yes to: nobody can give away a right they do not have.
 */
import type { Authority } from '../context.ts';
import type { Client } from '../store/registry.ts';
import { OAuthError } from './errors.ts';

/** Scopes of the authority's own API; `dauth:admin` only for a client whose registration names it. */
export const OWN_SCOPES: readonly string[] = [
  'dauth:connections.read',
  'dauth:connections.write',
  'dauth:grants.write',
  'dauth:admin',
];

/** Who the person is, put into the token for any server that is told; they gate no tool. */
export const IDENTITY_SCOPES: readonly string[] = ['profile', 'email'];

/** As many as a verifier of ours reads from one token. */
export const MAX_SCOPES = 64;

/** Every scope of a resource. @throws OAuthError `invalid_target` */
export function offeredScopes(authority: Authority, client: Client, resource: string): readonly string[] {
  if (resource === authority.config.issuer) return OWN_SCOPES;
  const server = authority.store.registry.server(resource);
  if (server === undefined || server.org !== client.org) {
    throw noServer();
  }
  return server.scopes;
}

/** The scopes that a person may give this client at a resource. @throws OAuthError `invalid_target` */
export function offeredByPeople(authority: Authority, client: Client, resource: string): readonly string[] {
  const isOwn = resource === authority.config.issuer;
  // Whoever manages a person's connections is a tool of the operator's choice, never an app that introduced itself.
  if (isOwn && client.source !== 'operator')
    throw new OAuthError('invalid_target', 'Only a client that an operator registered gets tokens for the authority.');
  const scopes = offeredScopes(authority, client, resource).filter((scope) => scope !== 'dauth:admin');
  const all = [...new Set([...scopes, ...(isOwn ? [] : IDENTITY_SCOPES)])].slice(0, MAX_SCOPES);
  return client.scopes === null ? all : all.filter((scope) => client.scopes!.includes(scope));
}

/** The resource of an authorization request: as it is named, or the only one that can be meant. @throws OAuthError `invalid_target` */
export function settleResource({ store }: Authority, client: Client, asked: string | undefined): string {
  const only = asked === undefined ? store.registry.onlyServer(client.org)?.resource : asked;
  if (only === undefined)
    throw new OAuthError('invalid_target', 'Name the MCP server: "resource" may be left out only where there is one.');
  // A revoked one is no different from none.
  if (store.changes.isRevoked('server', only)) throw noServer();
  return only;
}

function noServer(): OAuthError {
  const how = 'Register it with "dauth servers add".';
  return new OAuthError('invalid_target', `The resource is not a registered MCP server. ${how}`);
}
