/** `POST /token`: one table of grants, one shape of error. A grant that is not in the table does not exist. */
import type { Hono } from 'hono';
import { json } from '../answer.ts';
import type { Authority } from '../context.ts';
import type { HttpContext, HttpEnv } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { authenticateClient, type AuthenticatedClient } from './client-auth.ts';
import { grantClientCredentials } from './client-credentials.ts';
import { grantCode } from './code.ts';
import { DEVICE_CODE, grantDevice } from './device.ts';
import { OAuthError } from './errors.ts';
import { grantExchange } from './exchange.ts';
import { need, readForm, type Form } from './form.ts';
import type { TokenAnswer } from './issue.ts';
import { grantJwtBearer, isFederated, JWT_BEARER } from './jwt-bearer.ts';
import { oauthProblem } from './problem.ts';
import { grantRefresh } from './refresh.ts';

/** Says who asked, and gives a token. `mayUse` refuses a client that is not registered for the grant type. */
type Granter = (
  authority: Authority,
  c: HttpContext,
  form: Form,
  mayUse: (client: Client) => void,
) => Promise<{ client: Client; answer: TokenAnswer }>;

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** Grant type → what grants it. */
export const GRANTS: ReadonlyMap<string, Granter> = new Map<string, Granter>([
  ['client_credentials', byClient(grantClientCredentials)],
  ['authorization_code', byClient(grantCode)],
  ['refresh_token', byClient(grantRefresh)],
  [DEVICE_CODE, byClient(grantDevice)],
  [EXCHANGE, byClient(grantExchange)],
  [JWT_BEARER, grantJwtBearer],
]);

/** Those of the table that this authority grants as it is configured. */
export function grantTypes({ config }: Authority): readonly string[] {
  return [...GRANTS.keys()].filter((type) => type !== JWT_BEARER || isFederated(config));
}

export function tokenEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  app.post('/token', async (c) => {
    try {
      const form = await readForm(c);
      const grantType = need(form, 'grant_type');
      const granter = grantTypes(authority).includes(grantType) ? GRANTS.get(grantType) : undefined;
      if (granter === undefined)
        throw new OAuthError('unsupported_grant_type', `This authority grants ${listed(grantTypes(authority))}.`);
      const { client, answer } = await granter(authority, c, form, ({ grants }) => {
        if (!grants.includes(grantType))
          throw new OAuthError('unauthorized_client', 'The client is not registered for this grant type.');
      });
      const { client_id } = client;
      const connections = answer.authorization_details.length;
      authority.log({ event: 'token', grant_type: grantType, client_id, connections, request_id: c.get('requestId') });
      // RFC 6749 §5.1 asks for both; `Cache-Control: no-store` is on every answer.
      c.header('pragma', 'no-cache');
      return json(c, answer);
    } catch (error) {
      return oauthProblem(authority, c, error, 'token_refused');
    }
  });
}

/** A grant for which the client authenticates itself first of all. */
function byClient(grant: (authority: Authority, by: AuthenticatedClient, form: Form) => Promise<TokenAnswer>): Granter {
  return async (authority, c, form, mayUse) => {
    const by = await authenticateClient(authority, c, form);
    mayUse(by.client);
    return { client: by.client, answer: await grant(authority, by, form) };
  };
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
