/** The OAuth endpoints that exist: RFC 6749, 6750, 7009, 7662, 8414, 8707 and 9700. Data only; see requirement.ts. */
import {
  battery,
  clientTokens,
  discovery,
  documents,
  exchange,
  foreign,
  form,
  introspect,
  introspection,
  of,
  protect,
  revoke,
  session,
  token,
  type Requirement,
} from './requirement.ts';

const SILENT = revoke('[token.bound] unknown, foreign, ended and made up: one empty answer, and nothing is revoked');
const ENDPOINT = revoke('what is no revocation request is refused as the token endpoint refuses');
const SECRETS = token('no assertion, another method of authentication, and a client secret are refused');

const RFC6749: readonly Requirement[] = of('RFC 6749', [
  ['2.3', 'AS', 'MUST NOT', 'take more than one way of authentication in one request', SECRETS],
  [
    '3.2',
    'AS',
    'MUST',
    'take token requests by POST only',
    documents('a method that an address does not take is refused with those it takes'),
  ],
  [
    '3.2',
    'AS',
    'MUST',
    'treat a parameter without a value as left out',
    form('whatever the platform writes as a form is read as it was, but for what is empty'),
  ],
  [
    '3.2',
    'AS',
    'MUST NOT',
    'take a parameter twice',
    token('a parameter given twice is refused, also one nobody knows and one that is empty'),
  ],
  ['3.2.1', 'AS', 'MUST', 'authenticate confidential clients', SECRETS],
  [
    '3.3',
    'AS',
    'MUST',
    'refuse or narrow scopes that are not the client’s',
    token("scopes are those the resource offers and the client is registered for; admin is nobody's by default"),
  ],
  ['4.4', 'AS', 'MUST', 'give client credentials grants to confidential clients only', SECRETS],
  [
    '5.1',
    'AS',
    'MUST',
    'forbid caches to keep a token',
    token('a registered client gets a token bound to its key, for one audience, for 300 seconds'),
  ],
  ['5.2', 'AS', 'MUST', 'answer with a registered code, 401 for `invalid_client`', battery('client.unknown')],
  [
    '5.2',
    'AS',
    'MUST',
    'answer `unsupported_grant_type` for what it does not grant',
    token('a grant type that is not offered is refused by name, whoever asks'),
  ],
  [
    '5.2',
    'AS',
    'MUST',
    'answer `unauthorized_client` for a grant that is not the client’s',
    token('a client uses only the grants it is registered for'),
  ],
  [
    '10.3',
    'client',
    'MUST',
    'send tokens over TLS only',
    clientTokens('[token.bound] https goes anywhere, http to this machine only'),
  ],
]);

const RFC6750: readonly Requirement[] = of('RFC 6750', [
  [
    '2',
    'client',
    'MUST NOT',
    'send a token in more than one way',
    clientTokens('[token.bound] a token goes to its resource and to nothing beside it'),
  ],
  ['2.3', 'RS', 'SHOULD NOT', 'read tokens from an address', introspect('a token is never read from the address')],
  [
    '3',
    'RS',
    'MUST',
    'say `WWW-Authenticate` where a request has no good token',
    protect('nothing at all is answered with where to look'),
  ],
  [
    '3.1',
    'RS',
    'SHOULD',
    'answer 403 `insufficient_scope` with the scopes that lack',
    protect('a scope that lacks is a 403 that names all that is needed'),
  ],
]);

const RFC7009: readonly Requirement[] = of('RFC 7009', [
  [
    '2',
    'AS',
    'MUST',
    'take refresh tokens back',
    revoke('[revoke.fast] a refresh token given back ends its grant and all that came of it, whatever the hint says'),
  ],
  [
    '2.1',
    'AS',
    'MUST',
    'look among all kinds of token where the hint misleads',
    revoke('[revoke.fast] a refresh token given back ends its grant and all that came of it, whatever the hint says'),
  ],
  [
    '2',
    'AS',
    'SHOULD',
    'take access tokens back',
    revoke('[revoke.fast] a token given back is refused at the exchange, inactive, and told to executors at once'),
  ],
  ['2.1', 'AS', 'MUST', 'require `token`', ENDPOINT],
  [
    '2.1',
    'AS',
    'MUST',
    'authenticate the client first',
    revoke('[token.bound] who does not prove a client revokes nothing'),
  ],
  ['2.1', 'AS', 'MUST', 'revoke only what was issued to the client that asks', SILENT],
  [
    '2.1',
    'AS',
    'MUST',
    'end a token at once',
    revoke("[revoke.fast] a token for the authority's own API that was given back opens nothing there"),
  ],
  ['2.2', 'AS', 'MUST', 'answer 200, also for an invalid token', SILENT],
  ['2.2.1', 'AS', 'MUST', 'answer errors as the token endpoint does, and `unsupported_token_type`', ENDPOINT],
]);

const RFC7662: readonly Requirement[] = of('RFC 7662', [
  ['2.1', 'AS', 'MUST', 'require `token`', introspect('a question without a token is refused')],
  [
    '2.1',
    'AS',
    'MUST',
    'require authorization of whoever asks',
    introspect('[token.bound] another server, another client and a stranger learn nothing of it'),
  ],
  ['2.2', 'AS', 'MUST', 'say `active`', introspect('a server reads what a token for it says, member by member')],
  [
    '2.2',
    'AS',
    'MUST',
    'answer `{"active":false}` where the server may not know the token',
    introspect('[token.bound] another server, another client and a stranger learn nothing of it'),
  ],
  [
    '2.2',
    'AS',
    'SHOULD NOT',
    'say more than that of an inactive token',
    introspect('[token.bound] made up, changed, of another type or issuer, and no token at all are all the same'),
  ],
  [
    '2.3',
    'AS',
    'MUST',
    'answer 401 `invalid_client` to whoever is not authenticated',
    introspect('[token.bound] an assertion asks once, and a revoked server not at all'),
  ],
  ['4', 'AS', 'MUST', 'look at expiry', introspect('a token is active until the second it ends, and not in it')],
  [
    '4',
    'AS',
    'MUST',
    'look at revocation',
    introspect('[revoke.fast] a token whose ${what} was revoked is inactive at once'),
  ],
  [
    '4',
    'AS',
    'MUST',
    'verify the signature',
    introspect('[token.bound] made up, changed, of another type or issuer, and no token at all are all the same'),
  ],
  [
    '4',
    'RS',
    'MUST',
    'not remember an answer past the token',
    [
      'packages/mcp/src/introspection.test.ts',
      '[token.bound] "active" is believed for a second and no longer, for that token only',
    ],
  ],
]);

const RFC8414: readonly Requirement[] = of('RFC 8414', [
  [
    '2',
    'AS',
    'MUST',
    'publish `issuer` and `response_types_supported`, and say what is true',
    documents('the metadata says what this authority does, member by member'),
  ],
  [
    '3',
    'AS',
    'MUST',
    'answer at the well-known address',
    documents('both well-known addresses give the same metadata, to be kept equally long'),
  ],
  ['3.1', 'RS', 'MUST', 'find the document of an issuer with a path', discovery('metadata is found where ${where}')],
  [
    '3.3',
    'RS',
    'MUST',
    'compare `issuer` with the one it asked',
    discovery("[token.bound] another authority's metadata is not believed: ${what}"),
  ],
]);

const RFC8707: readonly Requirement[] = of('RFC 8707', [
  [
    '2',
    'AS',
    'SHOULD',
    'bind a token to the resource that was asked for',
    token('a registered client gets a token bound to its key, for one audience, for 300 seconds'),
  ],
  [
    '2.1',
    'AS',
    'SHOULD',
    'refuse a resource it does not know with `invalid_target`',
    token('a resource that is no registered server is refused, and so is none'),
  ],
]);

const RFC9700: readonly Requirement[] = of('RFC 9700', [
  [
    '2.2.1',
    'AS',
    'SHOULD',
    'bind access tokens to a key of the client',
    documents('a token is never given without DPoP, as the metadata says'),
  ],
  [
    '2.2.1',
    'RS',
    'SHOULD',
    'take only tokens that are bound to a key, with its proof',
    protect('[token.bound] ${what} is refused with 401 ${error}'),
  ],
  [
    '2.3',
    'AS',
    'SHOULD',
    'restrict a token to one audience and the least scope',
    token('a registered client gets a token bound to its key, for one audience, for 300 seconds'),
  ],
  [
    '2.3',
    'RS',
    'MUST',
    'refuse a token that was not issued for it',
    foreign('[token.bound] a token for another resource is refused'),
  ],
  [
    '2.4',
    'AS',
    'MUST NOT',
    'give tokens for passwords of people',
    token('a grant type that is not offered is refused by name, whoever asks'),
  ],
  [
    '2.5',
    'AS',
    'SHOULD',
    'authenticate clients by asymmetric keys',
    token('an assertion that is wrong in any one respect is refused, each with the same sentence'),
  ],
  [
    '2.6',
    'AS',
    'SHOULD',
    'publish its metadata',
    documents('the metadata says what this authority does, member by member'),
  ],
  [
    '4.9.3',
    'AS',
    'SHOULD',
    'keep a token that one server was shown from being used by another',
    exchange('[token.bound] a server exchanges only tokens whose audience it owns'),
  ],
  [
    '4.9.3',
    'RS',
    'MUST NOT',
    'send a token on in plain text',
    introspection(
      '[token.bound] an authority whose endpoint is ${String(endpoint)} cannot be asked, so nobody gets in',
    ),
  ],
  [
    '4.10',
    'AS',
    'SHOULD',
    'bind each token to a key and to one audience',
    token('a registered client gets a token bound to its key, for one audience, for 300 seconds'),
  ],
  [
    '4.16',
    'AS',
    'MUST',
    'keep its pages out of frames of others',
    session('a page has no script, cannot be framed, sends forms home only, and escapes what it shows'),
  ],
]);

export const OAUTH: readonly Requirement[] = [
  ...[...RFC6749, ...RFC6750, ...RFC7009, ...RFC7662, ...RFC8414, ...RFC8707, ...RFC9700],
];
