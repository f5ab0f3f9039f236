/**
 * What the negative battery (test/attacks/authority/) holds the authority to beyond the rows of the other files: RFC 9700,
 * 9449, 8725, 9207, 8707, 9126 and MCP, each with the entry that breaks the rule. Data only; see requirement.ts.
 */
import { battery, exchange, jws, of, par, signIn, type Requirement } from './requirement.ts';

const RFC6749: readonly Requirement[] = of('RFC 6749', [
  ['3.1.1', 'AS', 'MUST', 'answer an error to a response type it does not know', battery('authorize.implicit')],
  ['3.2', 'AS', 'MUST', 'refuse token requests in the address', battery('token.get')],
  ['5.2', 'AS', 'MUST', 'answer a secret in `Authorization` with 401 and a challenge', battery('client.basic')],
  ['5.2', 'AS', 'MUST', 'answer `invalid_request` to two ways to authenticate', battery('client.basic-beside')],
  ['5.2', 'AS', 'MUST', 'do so also beside the assertion of a workload', battery('workload.basic')],
]);

const RFC7636: readonly Requirement[] = of('RFC 7636', [
  ['4.3', 'AS', 'MUST', 'take a missing method for `plain`, which is refused', battery('authorize.no-method')],
  ['4.5', 'AS', 'MUST', 'require the verifier', battery('code.no-verifier')],
]);

const RFC8693: readonly Requirement[] = of('RFC 8693', [
  ['2.1', 'AS', 'MUST', 'require a subject token', battery('exchange.no-token')],
  ['2.1', 'AS', 'MUST', 'require its type', battery('exchange.no-token-type')],
  ['2.1', 'AS', 'MUST', 'require the type of an actor token', battery('exchange.actor-no-type')],
  ['2.1', 'AS', 'MUST NOT', 'take the type of an actor token without one', battery('exchange.actor-type')],
  ['2.1', 'AS', 'MUST', 'validate the subject token as what its type says', battery('exchange.token-jwt')],
  [
    '2.2.1',
    'AS',
    'MUST',
    'say the type of what it gave, `Bearer` only where that is so',
    exchange('[token.bound] an exchange gives exactly the dispatch token the protocol describes'),
  ],
  ['2.2.2', 'AS', 'MUST', 'answer `invalid_request` to an invalid request', battery('exchange.wants-unknown')],
  ['2.2.2', 'AS', 'MUST', 'answer `invalid_request` to a subject token that is forged', battery('exchange.forged')],
  ['2.2.2', 'AS', 'MUST', 'answer so to one that has ended', battery('exchange.ended')],
  ['2.2.2', 'AS', 'MUST', 'answer so to one that was revoked', battery('exchange.revoked')],
  ['2.2.2', 'AS', 'MUST', 'answer so to one that policy does not take', battery('exchange.unbound')],
  ['2.2.2', 'AS', 'SHOULD', 'answer `invalid_target` where it gives nothing', battery('exchange.other-target')],
  ['5', 'AS', 'SHOULD', 'have whoever exchanges authenticate', battery('exchange.unproven')],
]);

const RFC8707: readonly Requirement[] = of('RFC 8707', [
  [
    '2',
    'AS',
    'SHOULD',
    'answer `invalid_target` where it needs a resource and there is none',
    battery('token.no-resource'),
  ],
  ['2.1', 'AS', 'SHOULD', 'refuse a resource that is no absolute URI', battery('par.relative-resource')],
  ['2.1', 'AS', 'SHOULD', 'refuse a resource with a fragment', battery('authorize.resource-fragment')],
]);

const RFC8725: readonly Requirement[] = of('RFC 8725', [
  ['3.1', 'AS', 'MUST', 'refuse another algorithm than the key’s', battery('client.other-alg')],
  ['3.1', 'AS', 'MUST', 'never take a public key for a MAC', battery('client.mac')],
  ['3.2', 'AS', 'SHOULD NOT', 'take `none`', battery('client.unsigned')],
  ['3.3', 'AS', 'MUST', 'refuse what another key signed', battery('client.stranger')],
  [
    '3.6',
    'client',
    'SHOULD NOT',
    'compress before it encrypts',
    { notApplicable: 'No JWT here is encrypted, and an envelope with a header member like `zip` is refused.' },
  ],
  ['3.8', 'AS', 'MUST', 'refuse another issuer than the one whose key it is', battery('client.other-issuer')],
  ['3.8', 'AS', 'MUST', 'refuse a subject that is another client', battery('client.other-subject')],
  ['3.9', 'AS', 'MUST', 'refuse an assertion for somebody else', battery('client.other-audience')],
  ['3.11', 'AS', 'SHOULD', 'compare the type', battery('client.proof-typ')],
  ['3.12', 'AS', 'MUST', 'take no token for an assertion', battery('client.token-typ')],
]);

const RFC9126: readonly Requirement[] = of('RFC 9126', [
  [
    '2',
    'AS',
    'MUST',
    'take its issuer, the token endpoint and its own address as the audience of an assertion',
    [
      'test/attacks/authority/battery.test.ts',
      'an assertion may be for the issuer, the token endpoint and the endpoint it is sent to (RFC 9126 §2)',
    ],
  ],
  ['2.1', 'AS', 'MUST', 'refuse who is no client', battery('par.no-client')],
  ['2.1', 'AS', 'MUST', 'refuse a pushed request that names another', battery('par.request-uri')],
  [
    '2.2',
    'AS',
    'MUST',
    'give a name that nobody can guess',
    par('[token.bound] a pushed request is one name for a browser to carry, and its key is the one of the code'),
  ],
  ['2.2', 'AS', 'MUST', 'let nobody use the pushed request of another client', battery('authorize.others-request')],
  ['2.3', 'AS', 'SHOULD', 'answer 405 to GET', battery('par.get')],
  ['4', 'AS', 'SHOULD', 'refuse a pushed request that was used', battery('authorize.used-request')],
]);

const RFC9207: readonly Requirement[] = of('RFC 9207', [
  ['2', 'AS', 'MUST', 'say `iss` once, exactly, also in errors', battery('authorize.unknown-scope')],
  [
    '2.4',
    'client',
    'MUST',
    'compare `iss` with the issuer it went to, as a string',
    [
      'packages/client/src/provider.test.ts',
      'a server that does not promise an `iss` may leave it out, and may not send a wrong one',
    ],
  ],
]);

const RFC9449: readonly Requirement[] = of('RFC 9449', [
  ['4.3 (2)', 'AS', 'MUST', 'take one well-formed JWT', battery('proof.no-jwt')],
  ['4.3 (3)', 'AS', 'MUST', 'find all required claims', battery('proof.no-id')],
  ['4.3 (4)', 'AS', 'MUST', 'compare `typ`', battery('proof.no-typ')],
  ['4.3 (5)', 'AS', 'MUST', 'take no `none`', battery('proof.unsigned')],
  ['4.3 (6)', 'AS', 'MUST', 'verify the signature with the key in the header', battery('proof.stranger')],
  [
    '4.3 (7)',
    'AS',
    'MUST',
    'refuse a header key with a private half',
    jws('[token.bound] a private embedded key is refused'),
  ],
  ['4.3 (8)', 'AS', 'MUST', 'compare `htm`', battery('proof.other-method')],
  ['4.3 (9)', 'AS', 'MUST', 'compare `htu`', battery('proof.other-address')],
  ['4.3 (11)', 'AS', 'MUST', 'hold the time of the proof to a window, both ways', battery('proof.future')],
  ['8', 'AS', 'MUST', 'refuse a nonce it did not give', battery('proof.other-nonce')],
  ['10', 'AS', 'MUST', 'compare `dpop_jkt` with the key of the token request', battery('code.other-key')],
  ['11.3', 'AS', 'MUST NOT', 'take a proof without the nonce that it asks for', battery('proof.no-nonce')],
  ['11.5', 'AS', 'MUST', 'tell proofs from other JWTs by their type', battery('proof.wrong-typ')],
  ['11.6', 'AS', 'MUST', 'take asymmetric signature algorithms only', battery('proof.mac')],
]);

const RFC9700: readonly Requirement[] = of('RFC 9700', [
  ['2.1.1', 'AS', 'MUST', 'refuse a request without a challenge', battery('par.no-challenge')],
  ['2.3', 'AS', 'SHOULD', 'keep a token to the server that was consented to', battery('code.other-resource')],
  ['2.4', 'AS', 'MUST NOT', 'take the password of a person', battery('token.password')],
  [
    '2.6',
    'AS',
    'MUST NOT',
    'allow redirect URIs over http, loopback aside',
    ['packages/authority/src/clients/metadata.test.ts', '[token.bound] ${String(uri).slice(0, 60)} is no redirect URI'],
  ],
  ['2.6', 'AS', 'MUST NOT', 'support CORS at the authorization endpoint', battery('authorize.unknown-scope')],
  [
    '4.1.3',
    'AS',
    'MUST',
    'redirect to nothing that merely resembles what was registered',
    battery('authorize.redirect-suffix'),
  ],
  ['4.2.4', 'AS', 'MUST', 'take a code once', battery('code.used')],
  ['4.8.2', 'AS', 'MUST', 'take a verifier only where there was a challenge', battery('authorize.no-challenge')],
  ['4.11.2', 'AS', 'MUST NOT', 'redirect for a client that nobody knows', battery('authorize.unknown-client')],
  [
    '4.12',
    'AS',
    'MUST NOT',
    'redirect with 307 what may hold credentials',
    signIn('the right password signs in, by whatever capitals and width the login is typed, and leads to the account'),
  ],
  [
    '4.12',
    'AS',
    'SHOULD',
    'redirect with 303',
    signIn('the right password signs in, by whatever capitals and width the login is typed, and leads to the account'),
  ],
  [
    '4.13',
    'AS',
    'MUST',
    'take no header for true that a proxy did not write',
    {
      notApplicable:
        'No header says who is there: no certificate comes by one, and `Host` and `Forwarded` are not read.',
    },
  ],
  [
    '4.13',
    'AS',
    'MUST',
    'have the way from the proxy to it protected',
    { notApplicable: 'Whoever installs it lays that way: TLS ends on the same host (docs/configuration.md).' },
  ],
  ['4.14.2', 'AS', 'MUST', 'bind a refresh token to its client', battery('refresh.others')],
  ['4.14.2', 'AS', 'MUST', 'refuse a refresh token of a public client with another key', battery('refresh.other-key')],
  [
    '4.17.2',
    'AS',
    'MUST',
    'name the one origin a message in the browser goes to',
    { notApplicable: 'There is no response mode by `postMessage`.' },
  ],
]);

const MCP: readonly Requirement[] = of('MCP authorization 2026-07-28 (authorization server)', [
  ['security', 'AS', 'MUST', 'refuse every redirect URI but the registered one', battery('par.redirect-other-host')],
  ['security', 'AS', 'MUST', 'refuse a request without PKCE', battery('authorize.plain')],
  ['error handling', 'AS', 'MUST', 'answer 400 to a malformed request', battery('token.ill-formed')],
  [
    'resource parameter',
    'AS',
    'MUST',
    'give no token for a resource nobody registered',
    battery('token.unknown-resource'),
  ],
]);

export const ATTACKED: readonly Requirement[] = [
  ...[
    ...RFC6749,
    ...RFC7636,
    ...RFC8693,
    ...RFC8707,
    ...RFC8725,
    ...RFC9126,
    ...RFC9207,
    ...RFC9449,
    ...RFC9700,
    ...MCP,
  ],
];
