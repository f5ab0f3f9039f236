/** The public documents: RFC 8414 metadata with every member true, the key set, the mirrored key directory. */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import { OWN_SCOPES } from './client-credentials.ts';
import { GRANTS } from './token.ts';

const ALGS = ['ES256', 'Ed25519', 'EdDSA'];
const AUTH_METHODS = ['private_key_jwt'];
const CACHE_SECONDS = 300;

export function documents(app: Hono<HttpEnv>, authority: Authority): void {
  const { issuer } = authority.config;
  // Clients ask at either address (RFC 8414 §3, OpenID Connect Discovery §4), MCP's at the first one first.
  for (const name of ['oauth-authorization-server', 'openid-configuration'])
    app.get(`/.well-known/${name}`, (c) => {
      c.header('cache-control', `public, max-age=${CACHE_SECONDS}`);
      return c.json(metadata(issuer));
    });
  app.get('/.well-known/jwks.json', (c) => {
    // Whoever keeps the set this long still has each key before its first signature.
    const seconds = Math.min(CACHE_SECONDS, authority.config.keys.publishAhead);
    c.header('cache-control', `public, max-age=${seconds}`);
    return c.json({
      keys: authority.key.published().map(({ jwk, kid }) => ({ ...jwk, kid, alg: 'ES256', use: 'sig' })),
    });
  });
  app.get('/.well-known/dauth-executor', async (c) => {
    const compact = await authority.directory.compact();
    return c.body(compact, 200, { 'content-type': 'application/jose', 'cache-control': 'public, max-age=30' });
  });
}

function metadata(issuer: string): object {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    scopes_supported: OWN_SCOPES,
    // No authorization endpoint in this version, so no response type (RFC 8414 §2 requires the member).
    response_types_supported: [],
    grant_types_supported: [...GRANTS.keys()],
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: ALGS,
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ALGS,
    // Whoever asks about a token proves a key: a public client has none.
    introspection_endpoint_auth_methods_supported: ['private_key_jwt'],
    introspection_endpoint_auth_signing_alg_values_supported: ALGS,
    dpop_signing_alg_values_supported: ALGS,
    dpop_bound_access_tokens_required: true,
    authorization_details_types_supported: ['dauth_connection', 'dauth_credential'],
  };
}
