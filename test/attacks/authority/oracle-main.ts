/**
 * The oracle: oidc-provider, unmodified, configured to the authority's profile, as a process of its own. Its person is
 * always signed in and always says yes. For tests alone: it keeps nothing and protects nobody.
 */
import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';
import { freePort } from '../../support/process.ts';
import { REDIRECT, RESOURCE } from './side.ts';

const { jwks, signing } = JSON.parse(process.env.ORACLE_SETUP ?? 'null') as {
  jwks: Record<'agent' | 'server' | 'careful', object>;
  signing: object;
};
const issuer = `http://127.0.0.1:${await freePort()}`;
const SCOPES = 'mcp:use mcp:write';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

const app = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
  response_types: ['code'],
  redirect_uris: [REDIRECT],
  application_type: 'web',
  scope: SCOPES,
  dpop_bound_access_tokens: true,
};
const keyed = (name: keyof typeof jwks) => ({
  client_id: name,
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
  jwks: { keys: [{ ...jwks[name], alg: 'ES256', use: 'sig' }] },
  dpop_bound_access_tokens: true,
});
const own = {
  grant_types: ['client_credentials', 'authorization_code'],
  response_types: ['code'],
  redirect_uris: [REDIRECT],
  scope: 'mcp:use',
};

const provider = new Provider(issuer, {
  jwks: { keys: [signing] },
  clients: [
    { ...app, client_id: 'app' },
    { ...app, client_id: 'other' },
    { ...own, ...keyed('agent') },
    { ...own, ...keyed('careful') },
    { ...keyed('server'), grant_types: [], response_types: [], redirect_uris: [] },
  ],
  scopes: SCOPES.split(' '),
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  clientAuthMethods: ['private_key_jwt', 'none'],
  responseTypes: ['code'],
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
  interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
  enabledJWA: { clientAuthSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_: unknown, { clientId }: Named) => clientId === 'server' },
    revocation: { enabled: true, allowedPolicy: () => true },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: isCareful },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_: unknown, resource: string) => {
        if (resource === RESOURCE) return { scope: SCOPES, accessTokenTTL: 300 };
        throw new errors.InvalidTarget();
      },
      useGrantedResource: () => true,
    },
    richAuthorizationRequests: {
      enabled: true,
      types: { dauth_connection: { validate: () => undefined } },
      ...{ authorizationDetailsForGrantSource: () => undefined, authorizationDetailsForAccessToken: () => undefined },
      authorizationDetailsForIntrospection: () => undefined,
    },
  },
});

interface Named {
  readonly clientId: string;
}

function isCareful({ oidc }: { oidc: { client?: Named } }): boolean {
  return oidc.client?.clientId === 'careful';
}

const answer = provider.callback();
const server = createServer((request, response) => {
  if (request.url?.startsWith('/interaction/') !== true) return void answer(request, response);
  void (async () => {
    const { prompt, params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: 'ada', clientId: params.client_id });
    grant.addOIDCScope(SCOPES);
    grant.addResourceScope(RESOURCE, SCOPES);
    const result =
      prompt.name === 'login' ? { login: { accountId: 'ada' } } : { consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result);
  })().catch((error: unknown) => response.writeHead(500).end(String(error)));
});
server.listen(Number(new URL(issuer).port), '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ event: 'listening', issuer })}\n`),
);
process.on('SIGTERM', () => process.exit(0));
