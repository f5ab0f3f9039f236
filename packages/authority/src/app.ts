/** The authority as one handler: documents, token endpoint, API, executor's endpoints, people's pages, health. */
import { Hono } from 'hono';
import { auditApi } from './api/audit.ts';
import { connectionsApi } from './api/connections.ts';
import { keysApi } from './api/keys.ts';
import { openApi } from './api/openapi.ts';
import { registryApi } from './api/registry.ts';
import { registration } from './clients/register.ts';
import { usersApi } from './api/users.ts';
import { CLI_ID, OPERATOR_ID, type Authority } from './context.ts';
import { executorApi } from './executor/routes.ts';
import { health, VERSION } from './health.ts';
import { installEdge, type EdgeOptions, type HttpEnv } from './http.ts';
import { authorizeEndpoint } from './oauth/authorize.ts';
import { consentEndpoint } from './oauth/consent.ts';
import { documents } from './oauth/documents.ts';
import { DEVICE_CODE, deviceEndpoint } from './oauth/device.ts';
import { devicePages } from './oauth/device-page.ts';
import { introspectionEndpoint } from './oauth/introspect.ts';
import { revocationEndpoint } from './oauth/revoke.ts';
import { parEndpoint } from './oauth/par.ts';
import { refusalPage } from './people/page.ts';
import { peoplePages } from './people/pages.ts';
import type { Passwords } from './people/password.ts';
import { CLIENT_DEFAULTS } from './store/registry.ts';
import { tokenEndpoint } from './oauth/token.ts';
import { thumbprint } from '@dauth/verify';

/** What `createAuthority` is made from; clock and randomness come in, so that tests decide about both. */
export type AuthorityParts = Authority & Pick<EdgeOptions, 'answered'> & { readonly passwords?: Passwords };

/** Builds the handler; `app.fetch` serves it anywhere, `app.request` calls it without a socket. */
export function createAuthority(authority: AuthorityParts): Hono<HttpEnv> {
  registerOperator(authority);
  registerCli(authority);
  const app = new Hono<HttpEnv>();
  installEdge(app, { ...authority, issuer: authority.config.issuer, refusalPage });
  documents(app, authority);
  tokenEndpoint(app, authority);
  revocationEndpoint(app, authority);
  introspectionEndpoint(app, authority);
  parEndpoint(app, authority);
  deviceEndpoint(app, authority);
  devicePages(app, authority);
  authorizeEndpoint(app, authority);
  consentEndpoint(app, authority);
  registration(app, authority);
  connectionsApi(app, authority);
  registryApi(app, authority);
  usersApi(app, authority);
  keysApi(app, authority);
  auditApi(app, authority);
  executorApi(app, authority);
  openApi(app, authority);
  peoplePages(app, authority, authority.passwords);
  health(app, authority.directory);
  app.get('/version', (c) => c.json(VERSION));
  return app;
}

/** The operator's client: made by `dauth start`, the only one with `dauth:admin`. */
function registerOperator({ config, store, now }: Authority): void {
  const { jwk } = config.operator;
  const known = store.registry.client(OPERATOR_ID);
  store.transaction(() =>
    store.registry.putClient({
      ...CLIENT_DEFAULTS,
      ...{
        client_id: OPERATOR_ID,
        name: 'operator',
        jwk,
        jkt: thumbprint(jwk),
        grants: ['client_credentials'],
        owner: OPERATOR_ID,
      },
      ...{
        org: config.org,
        scopes: ['dauth:admin', 'dauth:connections.read', 'dauth:connections.write', 'dauth:grants.write'],
      },
      created_at: known?.created_at ?? now(),
    }),
  );
}

/**
 * The command line as a person's tool: it waits for the person's yes, and has nothing of its own. An operator who does not want
 * it revokes it like any other client, and it stays revoked.
 */
function registerCli({ config, store, now }: Authority): void {
  const known = store.registry.client(CLI_ID);
  store.transaction(() =>
    store.registry.putClient({
      ...CLIENT_DEFAULTS,
      ...{ client_id: CLI_ID, name: 'dauth on the command line', auth: 'none', jwk: null, jkt: null, owner: null },
      ...{ grants: [DEVICE_CODE, 'refresh_token'], org: config.org },
      scopes: ['dauth:connections.read', 'dauth:connections.write', 'dauth:grants.write'],
      created_at: known?.created_at ?? now(),
    }),
  );
}
