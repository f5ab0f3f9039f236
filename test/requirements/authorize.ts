/**
 * The authorization code flow: RFC 6749 §4.1 and §6, 7636, 9126, 9207, what RFC 9449 §5 and §10, RFC 9700 and MCP say of it.
 * Data only; see requirement.ts.
 */
import {
  authorize,
  battery,
  code,
  config,
  consent,
  documents,
  of,
  par,
  refresh,
  session,
  signIn,
  type Requirement,
} from './requirement.ts';

const REFUSED = authorize('${what} is refused to the app, with its state and our issuer');
const EXACT = authorize('a redirect URI is one that was registered, octet for octet; any other is a page of ours');
const ONCE = code('[token.bound] a code works once; its second use ends everything that came of it');
const OTHER = code('[token.bound] another client cannot use a code, and does not use it up');
const VERIFIER = code('[token.bound] a code without its verifier is worth nothing');
const ROTATED = refresh(
  '[token.bound] a refresh token that was used before ends the whole grant, whoever comes second',
);
const HASHED = code('a code is stored by its hash alone');
const PUSHED = par('a client that does not prove itself pushes nothing');
const METADATA = documents('the metadata says what this authority does, member by member');

const RFC6749: readonly Requirement[] = of('RFC 6749 (authorization code)', [
  [
    '3.1',
    'AS',
    'MUST',
    'ignore parameters it does not know',
    authorize('unknown parameters are ignored (RFC 6749 §3.1)'),
  ],
  [
    '3.1',
    'AS',
    'MUST NOT',
    'take a parameter twice',
    authorize('a parameter given twice is refused on a page of ours, whichever it is'),
  ],
  ['3.1.2', 'AS', 'MUST', 'keep the query of a redirect URI', authorize('a redirect URI that has a query keeps it')],
  ['4.1.2', 'AS', 'MUST', 'give the state back as it came', REFUSED],
  [
    '4.1.2',
    'AS',
    'MUST',
    'end a code soon after it was given',
    code('[token.bound] a code ends after 60 seconds, and the access with it never began'),
  ],
  ['4.1.2', 'AS', 'MUST', 'take a code once', ONCE],
  ['4.1.2.1', 'AS', 'MUST NOT', 'redirect to an address that is not registered', EXACT],
  ['4.1.3', 'AS', 'MUST', 'take a code of the client it was given to only', OTHER],
  [
    '4.1.3',
    'AS',
    'MUST',
    'compare the redirect URI of both requests',
    code('a code goes with the redirect URI of its request, octet for octet'),
  ],
  [
    '6',
    'AS',
    'MUST',
    'bind a refresh token to its client',
    refresh('[token.bound] another client cannot use a refresh token, and ends nothing by trying'),
  ],
  [
    '6',
    'AS',
    'MUST NOT',
    'widen the scope in a refresh',
    refresh('[token.bound] a refresh may ask for fewer scopes, never for more, and the next may have all again'),
  ],
]);

const RFC7636: readonly Requirement[] = of('RFC 7636', [
  ['4.4', 'AS', 'MUST', 'bind the challenge to the code', VERIFIER],
  ['4.4.1', 'AS', 'MUST', 'refuse a request without a challenge where one is needed', REFUSED],
  ['4.6', 'AS', 'MUST', 'answer `invalid_grant` to another verifier', VERIFIER],
]);

const RFC9126: readonly Requirement[] = of('RFC 9126', [
  [
    '2',
    'AS',
    'MUST',
    'take POST of a form only',
    par('a pushed request is not refused for its way: only POST, only as a form'),
  ],
  ['2', 'AS', 'SHOULD', 'publish where requests are pushed', METADATA],
  [
    '2',
    'AS',
    'MUST',
    'be at an https address, loopback aside',
    config('[token.bound] an issuer and an executor are https, or http on this machine'),
  ],
  ['2.1', 'AS', 'MUST', 'authenticate the client as at the token endpoint', PUSHED],
  ['2.1', 'AS', 'MUST', 'refuse a pushed request with `request_uri`', par('${what} is refused when it is pushed')],
  [
    '2.1',
    'AS',
    'MUST',
    'check a pushed request as if it came to the authorization endpoint',
    par('${what} is refused when it is pushed'),
  ],
  [
    '2.1',
    'AS',
    'MUST',
    'check at the authorization endpoint what could not be checked before',
    par('a redirect URI that was unregistered after the push is not redirected to'),
  ],
  ['2.1', 'client', 'MUST NOT', 'push a `request_uri`', { notApplicable: 'No client of ours pushes requests.' }],
  [
    '2.2',
    'AS',
    'MUST',
    'bind the name of a pushed request to its client',
    par('a pushed request is used once, by its own client, within 60 seconds'),
  ],
  [
    '2.2',
    'AS',
    'MUST',
    'answer 201 with the name of the request',
    par('[token.bound] a pushed request is one name for a browser to carry, and its key is the one of the code'),
  ],
  [
    '2.3',
    'AS',
    'MUST',
    'refuse a request that is not signed, of a client that has to sign',
    { notApplicable: 'No client can be registered so: request objects are not taken (§2 leaves that open).' },
  ],
  [
    '3',
    'AS',
    'MUST',
    'decrypt and verify a request object, and compare its client',
    { notApplicable: 'Request objects are not taken: a `request` is refused with `request_not_supported`.' },
  ],
  [
    '3',
    'client',
    'MUST',
    'put every parameter of the request into a request object it pushes',
    { notApplicable: 'No client of ours pushes requests.' },
  ],
  [
    '4',
    'AS',
    'SHOULD',
    'take the name of a pushed request once',
    par('a pushed request is used once, by its own client, within 60 seconds'),
  ],
  [
    '4',
    'AS',
    'MUST',
    'refuse the name of a pushed request that has ended',
    par('a pushed request is used once, by its own client, within 60 seconds'),
  ],
  [
    '4',
    'AS',
    'MUST',
    'validate a request that was pushed like any other',
    par('a scope that was withdrawn after the push is refused'),
  ],
  [
    '4',
    'client',
    'MUST',
    'use the name of a pushed request once',
    { notApplicable: 'No client of ours pushes requests.' },
  ],
  [
    '7.1',
    'AS',
    'MUST',
    'give the name of a pushed request entropy that no guess comes near',
    par('[token.bound] a pushed request is one name for a browser to carry, and its key is the one of the code'),
  ],
  [
    '7.2',
    'AS',
    'MUST',
    'take new redirect URIs of authenticated clients at most',
    par('${what} is refused when it is pushed'),
  ],
]);

const RFC9207: readonly Requirement[] = of('RFC 9207', [
  ['2', 'AS', 'MUST', 'say `iss` in each authorization response, errors included', REFUSED],
  [
    '2',
    'AS',
    'MUST',
    'have an issuer that is an https URL, loopback aside',
    config('[token.bound] an issuer and an executor are https, or http on this machine'),
  ],
  ['2.3', 'AS', 'MUST', 'announce that it does', METADATA],
  [
    '2.3',
    'AS',
    'MUST',
    'say the same issuer in `iss` and in its metadata',
    [
      'test/e2e/openid-client.test.ts',
      'it pushes its request, redeems the code for a bound token, refreshes it, and sees an old refresh token end it all',
    ],
  ],
  [
    '2.4',
    'AS',
    'MUST',
    'say the same issuer in `iss` and in an ID token of the same answer',
    { notApplicable: 'There are no ID tokens.' },
  ],
]);

const RFC9449: readonly Requirement[] = of('RFC 9449 (authorization code)', [
  [
    '5',
    'AS',
    'MUST',
    'bind refresh tokens of public clients to their key',
    refresh('[token.bound] a refresh token of a public client works with its key alone (RFC 9449 §5)'),
  ],
  [
    '10',
    'AS',
    'MUST',
    'refuse a token request whose proof is by another key than `dpop_jkt`',
    code('[token.bound] a code that names a key works for that key alone (RFC 9449 §10)'),
  ],
  [
    '10.1',
    'AS',
    'MUST',
    'refuse a pushed request whose proof and `dpop_jkt` differ',
    par('the key of a pushed request is said once: by proof or by name, never two'),
  ],
  ['10.1', 'AS', 'MUST', 'check a proof that comes with a pushed request', battery('par.bad-proof')],
  [
    '10.1',
    'AS',
    'MUST',
    'bind the code to the key of such a proof',
    par('[token.bound] a pushed request is one name for a browser to carry, and its key is the one of the code'),
  ],
  [
    '10.1',
    'AS',
    'MUST',
    'take the key of a pushed request by proof and by `dpop_jkt`',
    par('the key of a pushed request is said once: by proof or by name, never two'),
  ],
]);

const RFC9700: readonly Requirement[] = of('RFC 9700 (authorization code)', [
  ['2.1', 'AS', 'MUST', 'compare redirect URIs octet for octet, ports of loopback aside', EXACT],
  [
    '2.1',
    'AS',
    'MUST NOT',
    'lead a browser to an address that a parameter names',
    signIn('a person leads back to where they came from, and nowhere else'),
  ],
  [
    '2.1',
    'AS',
    'MUST',
    'avoid handing on credentials where it redirects',
    signIn('the right password signs in, by whatever capitals and width the login is typed, and leads to the account'),
  ],
  ['2.1.1', 'AS', 'MUST', 'support PKCE and hold every client to it', VERIFIER],
  ['2.1.1', 'AS', 'MUST', 'publish that it supports PKCE', METADATA],
  ['2.2.2', 'AS', 'MUST', 'bind refresh tokens of public clients, or rotate them', ROTATED],
  [
    '4.1.3',
    'AS',
    'MUST',
    'take any port of a redirect URI on a loopback address',
    authorize('on a loopback address the port may be another, and nothing else (RFC 8252 §7.3)'),
  ],
  [
    '4.2.4',
    'AS',
    'SHOULD NOT',
    'load anything of others into its pages',
    session('a page has no script, cannot be framed, sends forms home only, and escapes what it shows'),
  ],
  ['4.2.4', 'AS', 'SHOULD', 'end what came of a code that is shown twice', ONCE],
  [
    '4.11.2',
    'AS',
    'MUST NOT',
    'redirect on its own to an address nobody vouches for',
    authorize('an app that is not registered, or was revoked, is answered on a page of ours and never redirected to'),
  ],
  [
    '4.11.2',
    'AS',
    'SHOULD',
    'redirect by itself only to an address that it trusts',
    [
      'packages/authority/src/clients/unregistered.test.ts',
      'a refusal leads to an app that nobody vouches for by a link only, whoever comes',
    ],
  ],
  [
    '4.14.2',
    'AS',
    'MUST',
    'bind refresh tokens to what was consented to',
    refresh('[token.bound] a refresh may ask for fewer scopes, never for more, and the next may have all again'),
  ],
  ['4.14.2', 'AS', 'MUST', 'notice a refresh token that is shown again', ROTATED],
  [
    '4.14.2',
    'AS',
    'MUST',
    'decide which clients get refresh tokens',
    code('a client that is not registered for refresh tokens gets none'),
  ],
  [
    '4.14.2',
    'AS',
    'MUST',
    'bind refresh tokens to the server that was consented to',
    battery('refresh.other-resource'),
  ],
  [
    '4.14.2',
    'AS',
    'MUST',
    'let nobody make a refresh token up, or change one',
    refresh('what is no refresh token is refused, in whatever way it is none'),
  ],
  [
    '4.14.2',
    'AS',
    'SHOULD',
    'end a refresh token that is not used',
    refresh('[token.bound] a refresh token ends 30 days after its last use, and with its grant at the latest'),
  ],
  [
    '4.15.1',
    'AS',
    'MUST',
    'have servers tell tokens of clients from tokens of people, where a client chooses its id',
    {
      notApplicable:
        'An id is made up by the authority; a document’s is its address, and a document gets tokens of people only.',
    },
  ],
]);

const MCP: readonly Requirement[] = of('MCP authorization 2026-07-28 (authorization server)', [
  ['server metadata', 'AS', 'MUST', 'publish `code_challenge_methods_supported`', METADATA],
  ['security', 'AS', 'MUST', 'compare redirect URIs exactly', EXACT],
  ['security', 'AS', 'MUST', 'rotate refresh tokens of public clients', ROTATED],
  [
    'security',
    'AS',
    'MUST',
    'show where the answer goes on the consent page',
    consent('the page says who asks, what for, where the answer goes, and leads back there only'),
  ],
  [
    'security',
    'AS',
    'SHOULD',
    'warn where it goes to the own computer',
    consent('an answer that goes to the own computer comes with a warning'),
  ],
  ['authorization response', 'AS', 'SHOULD', 'say `iss` in authorization responses', REFUSED],
  ['authorization response', 'AS', 'MUST', 'announce that it says `iss`', METADATA],
  [
    'security',
    'AS',
    'MUST',
    'keep people from addresses that nobody vouches for',
    [
      'packages/authority/src/clients/unregistered.test.ts',
      'a refusal leads to an app that nobody vouches for by a link only, whoever comes',
    ],
  ],
  ['security', 'AS', 'MUST', 'store what gives access so that a thief of its store has none of it', HASHED],
  [
    'client documents',
    'AS',
    'MUST',
    'compare the redirect URI of a request with those of the document',
    [
      'packages/authority/src/clients/unregistered.test.ts',
      '[token.bound] a redirect URI that a document no longer names is sent nothing',
    ],
  ],
  [
    'client documents',
    'AS',
    'MUST',
    'refuse a document whose `client_id` is not its address, or that is no good document',
    [
      'packages/authority/src/clients/document.test.ts',
      '[token.bound] a document with ${what} is no client, and leaves no row',
    ],
  ],
  [
    'client documents',
    'AS',
    'SHOULD',
    'fetch nothing from addresses inside',
    [
      'packages/authority/src/clients/document.test.ts',
      '[token.bound] no address inside is asked for, whatever a client id says',
    ],
  ],
  [
    'client documents',
    'AS',
    'SHOULD',
    'keep a document as long as its headers say',
    [
      'packages/authority/src/clients/document.test.ts',
      'a document is kept as long as its headers say, and at most a day',
    ],
  ],
]);

export const AUTHORIZE: readonly Requirement[] = [
  ...[...RFC6749, ...RFC7636, ...RFC9126, ...RFC9207, ...RFC9449, ...RFC9700, ...MCP],
];
