/**
 * The scheme `client_credentials` (§2.6, RFC 6749 §4.4): a client's id and what proves it, exchanged for a token.
 * Never holds a value and never asks.
 */
import { parseProvenClient, PROOF_MEMBERS, type ProvenClient } from './client-auth.ts';
import { exactObject } from './shape.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';
import { parseWishes, WISHES, type Wishes } from './wishes.ts';

/** The token goes into the request as `Authorization: Bearer …`. */
export type ClientCredentials = ProvenClient &
  Wishes & {
    readonly scheme: 'client_credentials';
    readonly endpoint: TokenEndpoint;
  };

/** @throws DAuthError `INVALID_REQUEST` */
export function parseClientCredentials(value: unknown): ClientCredentials {
  const required = ['scheme', 'endpoint', 'client_id'];
  const said = exactObject(value, 'A token scheme', required, [...PROOF_MEMBERS, ...WISHES]);
  const endpoint = parseTokenEndpoint(said.endpoint);
  return Object.freeze({
    scheme: 'client_credentials',
    endpoint,
    ...parseProvenClient(said, endpoint, []),
    ...parseWishes(said),
  });
}
