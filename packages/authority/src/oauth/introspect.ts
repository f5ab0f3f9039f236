/**
 * `POST /introspect` (RFC 7662): an MCP server asks about the tokens it is shown, and the operator about any.
 * Never a word about another's token: foreign, revoked, ended, unknown and made up are `{"active":false}` alone (§2.2).
 */
import type { Hono } from 'hono';
import { OPERATOR_ID, type Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { authenticateClient, consumeOnce } from './client-auth.ts';
import { OAuthError } from './errors.ts';
import { need, readForm } from './form.ts';
import { isStanding, readIssued, type IssuedClaims } from './issued.ts';
import { oauthProblem } from './problem.ts';

export function introspectionEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, log } = authority;
  app.post('/introspect', async (c) => {
    try {
      const form = await readForm(c);
      const token = need(form, 'token');
      const by = await authenticateClient(authority, c, form, '/introspect');
      const { client } = by;
      if (client.auth === 'none') throw new OAuthError('invalid_client', 'Whoever asks about tokens proves a key.');
      const resource = store.registry.serverOf(client.client_id)?.resource;
      if (resource === undefined && client.client_id !== OPERATOR_ID)
        throw new OAuthError('unauthorized_client', 'Only a registered MCP server may ask, about tokens for it.');
      // Read where the assertion is used up: a revocation that was acknowledged before is seen.
      const claims = await store.grouped(() => {
        consumeOnce(authority, by);
        return readActive(authority, client, resource, token);
      });
      const active = claims !== undefined;
      log({ event: 'introspect', client_id: client.client_id, active, request_id: c.get('requestId') });
      return c.json(active ? describe(claims) : { active });
    } catch (error) {
      return oauthProblem(authority, c, error, 'introspection_refused');
    }
  });
}

function readActive(
  authority: Authority,
  client: Client,
  resource: string | undefined,
  token: string,
): IssuedClaims | undefined {
  const claims = readIssued(authority, token);
  const isTheirs = claims !== undefined && (client.client_id === OPERATOR_ID || claims.aud === resource);
  return isTheirs && isStanding(authority, claims) ? claims : undefined;
}

/** RFC 7662 §2.2, RFC 9449 §6.2 (`cnf`), RFC 9396 §9.2 (`authorization_details`); members without a value are left out. */
function describe(claims: IssuedClaims): object {
  const { iss, sub, aud, client_id, scope, jti, iat, exp, cnf, authorization_details, grant_id, act } = claims;
  return {
    active: true,
    token_type: cnf === undefined ? 'Bearer' : 'DPoP',
    ...{ iss, sub, aud, client_id, scope, jti, iat, exp, cnf, authorization_details, grant_id, act },
    'ddls:org': claims['ddls:org'],
  };
}
