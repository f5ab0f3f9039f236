/** The public documents: RFC 8414 metadata with every member true, the key set, the mirrored key directory. */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import { grantProfiles } from './jwt-bearer.ts';
import { IDENTITY_SCOPES, OWN_SCOPES } from './offered.ts';
import { grantTypes } from './token.ts';

const ALGS = ['ES256', 'Ed25519', 'EdDSA'];
const AUTH_METHODS = ['private_key_jwt', 'none'];
const CACHE_SECONDS = 300;

export function documents(app: Hono<HttpEnv>, authority: Authority): void {
  // Clients ask at either address (RFC 8414 §3, OpenID Connect Discovery §4), MCP's at the first one first.
  for (const name of ['oauth-authorization-server', 'openid-configuration'])
    app.get(`/.well-known/${name}`, (c) => {
      c.header('cache-control', `public, max-age=${CACHE_SECONDS}`);
      return c.json(metadata(authority));
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

function metadata(authority: Authority): object {
  const { issuer, clients, bearerException } = authority.config;
  const mayBeUnbound = bearerException !== 'off' && authority.store.registry.hasUnbound();
  const profiles = grantProfiles(authority.config);
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    require_pushed_authorization_requests: false,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    ...(clients.registration === 'off' ? {} : { registration_endpoint: `${issuer}/register` }),
    client_id_metadata_document_supported: clients.documents,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    scopes_supported: [...OWN_SCOPES, ...IDENTITY_SCOPES, 'offline_access'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    grant_types_supported: grantTypes(authority),
    ...(profiles.length === 0 ? {} : { authorization_grant_profiles_supported: profiles }),
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: ALGS,
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ALGS,
    // Whoever asks about a token proves a key: a public client has none.
    introspection_endpoint_auth_methods_supported: ['private_key_jwt'],
    introspection_endpoint_auth_signing_alg_values_supported: ALGS,
    dpop_signing_alg_values_supported: ALGS,
    dpop_bound_access_tokens_required: !mayBeUnbound,
    authorization_details_types_supported: ['dauth_connection', 'dauth_credential'],
  };
}
