/**
 * oidc-provider as a process, configured to do what the authority does for a client's own token: `private_key_jwt`, a DPoP proof
 * that is taken once, a JWT of one resource signed with ES256. Its memory of what was used is its own default, which is not durable:
 * that is left to its advantage. Its setup comes on stdin.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';
import { freePort } from '#test/support/process.js';

export interface OidcSetup {
  readonly clientId: string;
  /** The client's public key. */
  readonly client: object;
  /** The provider's private key. */
  readonly signing: object;
  readonly resource: string;
  readonly scope: string;
}

const [line] = (await once(createInterface({ input: process.stdin }), 'line')) as [string];
const { clientId, client, signing, resource, scope } = JSON.parse(line) as OidcSetup;
const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;
const [alg, use] = ['ES256', 'sig'];

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...signing, alg, use }] },
  clients: [
    {
      ...{ client_id: clientId, jwks: { keys: [{ ...client, alg, use }] }, scope },
      ...{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
      ...{ token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg },
      dpop_bound_access_tokens: true,
    },
  ],
  scopes: [scope],
  clientDefaults: { id_token_signed_response_alg: alg },
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: [alg], idTokenSigningAlgValues: [alg] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        ...{ scope, audience: resource, accessTokenTTL: 300, accessTokenFormat: 'jwt' },
        jwt: { sign: { alg } },
      }),
    },
  },
});

createServer(provider.callback()).listen(port, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ event: 'listening', issuer })}\n`),
);
