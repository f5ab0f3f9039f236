/** MCP's authorization chapter (2026-07-28), for the parties that are here. Data only; see requirement.ts. */
import { accessToken, clientTokens, discovery, foreign, of, protect, token, type Requirement } from './requirement.ts';

export const MCP: readonly Requirement[] = of('MCP authorization 2026-07-28', [
  [
    'server discovery',
    'AS',
    'MUST',
    'publish RFC 8414 metadata or an OpenID configuration',
    [
      'packages/authority/src/oauth/documents.test.ts',
      'both well-known addresses give the same metadata, to be kept equally long',
    ],
  ],
  [
    'server discovery',
    'RS',
    'MUST',
    'publish protected resource metadata with an authorization server',
    protect('the metadata document says what this server is, needs and would like'),
  ],
  [
    'server discovery',
    'RS',
    'MUST',
    'say `resource_metadata` in the challenge or answer at the well-known address',
    protect('nothing at all is answered with where to look'),
  ],
  [
    'server discovery',
    'RS',
    'MUST',
    'take both kinds of metadata, in their order',
    discovery('metadata is found where ${where}'),
  ],
  [
    'server discovery',
    'RS',
    'MUST',
    'refuse metadata of another issuer',
    discovery("[token.bound] another authority's metadata is not believed: ${what}"),
  ],
  [
    'access tokens',
    'RS',
    'MUST',
    'check that each token was issued for it',
    foreign('[token.bound] a token for another resource is refused'),
  ],
  [
    'access tokens',
    'RS',
    'MUST',
    'refuse a token that does not name it in its audience',
    accessToken('[token.bound] an access token is refused: ${what}'),
  ],
  [
    'access tokens',
    'RS',
    'MUST',
    'answer 401 to an invalid or ended token',
    protect('[token.bound] ${what} is refused with 401 ${error}'),
  ],
  [
    'access tokens',
    'RS',
    'MUST NOT',
    'pass the client’s token on',
    [
      'packages/mcp/src/handle.test.ts',
      "[dispatch.bound] what an SDK sets for itself does not reach the executor: the call has this server's token only",
    ],
  ],
  [
    'access tokens',
    'client',
    'MUST NOT',
    'send a token to another server than it was issued for',
    clientTokens('[token.bound] a token goes to its resource and to nothing beside it'),
  ],
  [
    'scopes',
    'RS',
    'SHOULD',
    'name every scope an operation needs in one 403 challenge',
    protect('a scope that lacks is a 403 that names all that is needed'),
  ],
  [
    'scopes',
    'client',
    'SHOULD',
    'step up with the scopes that were asked for',
    [
      'test/e2e/flow.test.ts',
      'a caller without a scope is not shown the tool, and steps up when it calls it all the same',
    ],
  ],
  [
    'scopes',
    'RS',
    'MUST',
    'account for scopes that imply others',
    { notApplicable: 'No scope here implies another: an operation needs exactly those that are named for it.' },
  ],
  [
    'error handling',
    'RS',
    'MUST',
    'answer 403 where scopes lack',
    protect('a scope that lacks is a 403 that names all that is needed'),
  ],
  [
    'security',
    'RS',
    'MUST',
    'get consent for each registered client where it is one static client of somebody else',
    {
      notApplicable:
        'No protected server is a client of somebody else’s authorization server in the name of its callers.',
    },
  ],
  [
    'security',
    'AS',
    'MUST',
    'serve its endpoints over HTTPS, loopback aside',
    [
      'packages/authority/src/config.test.ts',
      '[token.bound] an issuer and an executor are https, or http on this machine',
    ],
  ],
  [
    'security',
    'AS',
    'SHOULD',
    'give tokens that live for a short time',
    token('a registered client gets a token bound to its key, for one audience, for 300 seconds'),
  ],
]);
