/** `POST /token`: one table of grants, one shape of error. A grant that is not in the table does not exist. */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import { authenticateClient, type AuthenticatedClient } from './client-auth.ts';
import { grantClientCredentials } from './client-credentials.ts';
import { grantCode } from './code.ts';
import { OAuthError } from './errors.ts';
import { grantExchange } from './exchange.ts';
import { need, readForm, type Form } from './form.ts';
import type { TokenAnswer } from './issue.ts';
import { oauthProblem } from './problem.ts';
import { grantRefresh } from './refresh.ts';

type Granter = (authority: Authority, by: AuthenticatedClient, form: Form) => TokenAnswer | Promise<TokenAnswer>;

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** Grant type → what grants it. */
export const GRANTS: ReadonlyMap<string, Granter> = new Map<string, Granter>([
  ['client_credentials', grantClientCredentials],
  ['authorization_code', grantCode],
  ['refresh_token', grantRefresh],
  [EXCHANGE, grantExchange],
]);

export function tokenEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  app.post('/token', async (c) => {
    try {
      const form = await readForm(c);
      const grantType = need(form, 'grant_type');
      const granter = GRANTS.get(grantType);
      if (granter === undefined)
        throw new OAuthError('unsupported_grant_type', `This authority grants ${[...GRANTS.keys()].join(', ')}.`);
      const by = authenticateClient(authority, c, form);
      const { client_id, grants } = by.client;
      if (!grants.includes(grantType))
        throw new OAuthError('unauthorized_client', 'The client is not registered for this grant type.');
      const answer = await granter(authority, by, form);
      const connections = answer.authorization_details.length;
      authority.log({ event: 'token', grant_type: grantType, client_id, connections, request_id: c.get('requestId') });
      // RFC 6749 §5.1 asks for both; `Cache-Control: no-store` is on every answer.
      c.header('pragma', 'no-cache');
      return c.json(answer);
    } catch (error) {
      return oauthProblem(authority, c, error, 'token_refused');
    }
  });
}
