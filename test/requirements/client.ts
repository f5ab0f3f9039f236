/** What the client of a host does, whoever the authorization server is: RFC 8414, 8707, 9207, 9700 and MCP. Data only; see requirement.ts. */
import {
  cliSession,
  connectFlow,
  deviceClient,
  finding,
  of,
  provider,
  SUITE,
  type Requirement,
} from './requirement.ts';

const ASKED = provider(
  '[token.bound] it registers, sends the person with PKCE, resource, key and wishes, and redeems the code for a bound token',
);
const PKCE = provider('no PKCE, or no word about it, and nobody is registered, sent or asked');
const ANSWER = provider(
  'an answer counts only for the redirect that is open and from the issuer that was asked, byte for byte',
);
const OWN = provider(
  '[token.bound] credentials stay with the issuer they came from: a server that moves to another one gets none of them',
);
const RESOURCE = provider(
  '[token.bound] the resource is sent with every request, also where the server has no metadata of its own',
);
const OPENED = provider('an address that is dangerous to open is not opened');
const METADATA = finding('metadata of ${issuer} is looked for at each address that MCP names, in its order');
const OTHER = finding(
  '[token.bound] metadata that names another issuer is not used: nobody is registered, sent or asked',
);
const DOCUMENT = finding('the document of a server is read ${what}');
const REGISTERED = provider(
  'a client metadata document is used where the server reads them, and a registration where it does not',
);
const HEADER = finding(
  '[token.bound] every request to the server has its token in the Authorization header, and none in an address',
);

const RFC8414: readonly Requirement[] = of('RFC 8414', [
  ['3.1', 'client', 'MUST', 'find the document of an issuer with a path', METADATA],
  ['3.3', 'client', 'MUST', 'compare `issuer` with the one it asked', OTHER],
]);

const RFC8707: readonly Requirement[] = of('RFC 8707', [
  ['2', 'client', 'MUST', 'name a resource by an absolute URI without a fragment', RESOURCE],
  ['2', 'client', 'SHOULD', 'name the most specific URI of the server', RESOURCE],
]);

const RFC9207: readonly Requirement[] = of('RFC 9207', [
  ['2.4', 'client', 'MUST', 'refuse an answer without `iss` where the server promises one', ANSWER],
  ['2.4', 'client', 'MUST', 'hold errors to the same rule', ANSWER],
  ['2.4', 'client', 'MUST', 'compare `iss` with the issuer of the metadata', SUITE],
  ['2.4', 'client', 'MUST NOT', 'go on with the grant where `iss` is another', SUITE],
  [
    '2.4',
    'client',
    'MUST',
    'know of each server whether it says `iss`',
    provider('a server that does not promise an `iss` may leave it out, and may not send a wrong one'),
  ],
  [
    '2.4',
    'client',
    'MUST',
    'know which `iss` to expect where there is no metadata',
    connectFlow(
      '[seal.client-only] endpoints are taken as stated where the provider has no metadata, and only those of https',
    ),
  ],
  ['4', 'client', 'MUST NOT', 'let two servers have one issuer', OTHER],
]);

const RFC9700: readonly Requirement[] = of('RFC 9700', [
  [
    '2.1',
    'client',
    'MUST NOT',
    'be an open redirector',
    {
      notApplicable:
        'Nothing of ours redirects: `mcpProvider` serves no address, and the one of `dauth connect` answers with text.',
    },
  ],
  ['2.1', 'client', 'MUST', 'take an answer for a request of its own only (`state`)', ANSWER],
  ['2.1.1', 'client', 'MUST', 'use PKCE', ASKED],
  ['2.1.1', 'client', 'SHOULD', 'use a method that does not show the verifier', ASKED],
  [
    '2.1.1',
    'client',
    'MUST',
    'have a challenge of its own for each request, and keep its verifier with that request',
    connectFlow('[token.bound] two flows have nothing in common'),
  ],
  ['2.1.2', 'client', 'SHOULD NOT', 'ask for tokens in the authorization response', ASKED],
  [
    '2.4',
    'client',
    'MUST NOT',
    'ask a person for the password of the authorization server',
    { notApplicable: 'No client of ours has such a grant: a person gives a password to pages of the server only.' },
  ],
  ['2.6', 'client', 'SHOULD', 'configure itself by the metadata of the server', METADATA],
  ['4.2.4', 'client', 'SHOULD', 'end a `state` with its first use', ANSWER],
  ['4.3.2', 'client', 'MUST NOT', 'put a token into an address', HEADER],
  ['4.4.2', 'client', 'MUST', 'keep the issuer with each request, and compare it with the answer’s', ANSWER],
  ['4.4.2', 'client', 'MUST', 'send a code to the issuer that was asked only', OWN],
  ['4.4.2.1', 'client', 'MUST', 'go no further where the issuers differ', SUITE],
  [
    '4.4.2.2',
    'client',
    'MUST',
    'have a redirect URI for each issuer, where that is how it tells them apart',
    { notApplicable: 'That is not how they are told apart: `iss` is.' },
  ],
  [
    '4.5.3.2',
    'client',
    'MUST',
    'compare the `nonce` of an ID token, where that protects the code',
    { notApplicable: 'No ID token is asked for or read; PKCE protects the code.' },
  ],
  ['4.7.1', 'client', 'MUST', 'rely on PKCE only where the server says that it checks it', PKCE],
  [
    '4.7.1',
    'client',
    'MUST',
    'protect a `state` that says something of the app from being changed or swapped',
    { notApplicable: 'A `state` is random octets and says nothing.' },
  ],
  [
    '4.11.1',
    'client',
    'MUST NOT',
    'expose an open redirector',
    { notApplicable: 'Nothing of ours redirects, as said of §2.1.' },
  ],
  [
    '4.17.2',
    'client',
    'MUST',
    'compare the origin that a message in the browser comes from',
    { notApplicable: 'No answer is taken from a message in a browser.' },
  ],
]);

const MCP: readonly Requirement[] = of('MCP authorization 2026-07-28', [
  ['server discovery', 'client', 'MUST', 'take both kinds of metadata, in their order', METADATA],
  ['server discovery', 'client', 'MUST', 'refuse metadata of another issuer', OTHER],
  [
    'server discovery',
    'client',
    'MUST',
    'find the authorization server by the server’s own document (RFC 9728)',
    finding('the document of a server that has none beside its path is read at the root'),
  ],
  [
    'server discovery',
    'client',
    'MUST',
    'read `resource_metadata` in `WWW-Authenticate`, and look at the well-known addresses without it',
    DOCUMENT,
  ],
  ['client registration', 'client', 'SHOULD', 'use a metadata document where the server reads them', REGISTERED],
  ['client registration', 'client', 'MUST', 'get a client id by registration, by a document, or before', REGISTERED],
  ['client registration', 'client', 'MUST', 'say the `application_type` that fits where it registers', ASKED],
  [
    'client registration',
    'client',
    'MUST',
    'be prepared for a registration that is refused',
    provider('a registration that is refused is an error that says why, and nobody is sent anywhere'),
  ],
  [
    'client registration',
    'client',
    'MUST',
    'publish a document at an https URL with a path, whose `client_id` is that URL',
    { notApplicable: 'The document is a file of the host’s own; nothing here writes or serves one.' },
  ],
  [
    'client registration',
    'client',
    'MUST',
    'have its redirect URIs registered',
    provider('a registration for another address to come back to is not used'),
  ],
  ['client registration', 'client', 'MUST', 'keep its credentials for each issuer apart', OWN],
  ['client registration', 'client', 'MUST', 'register anew where the server has moved to another issuer', OWN],
  [
    'client registration',
    'client',
    'MUST NOT',
    'show what one issuer gave to another',
    provider('[token.bound] a registered client is shown to its own issuer only'),
  ],
  ['resource parameter', 'client', 'MUST', 'send `resource` in authorization and token requests', RESOURCE],
  [
    'resource parameter',
    'client',
    'MUST',
    'name the server that the token is for',
    provider('[token.bound] a resource that is not the server is refused'),
  ],
  ['resource parameter', 'client', 'MUST', 'name it by its canonical URI', RESOURCE],
  ['resource parameter', 'client', 'MUST', 'send it also to servers that do not say that they read it', RESOURCE],
  ['access tokens', 'client', 'MUST', 'send its token in the Authorization header of every request', HEADER],
  ['access tokens', 'client', 'MUST NOT', 'put a token in an address', HEADER],
  ['access tokens', 'client', 'MUST NOT', 'send a token of another authorization server than the server’s own', OWN],
  [
    'refresh tokens',
    'client',
    'MUST',
    'keep refresh tokens to itself, where they are stored and on their way',
    cliSession('[token.bound] the next refresh token is on the disk before the token it came with is used'),
  ],
  [
    'refresh tokens',
    'client',
    'MUST NOT',
    'take it for granted that there will be one',
    deviceClient('[token.bound] a token without the key, and one that nothing can renew, is no sign-in'),
  ],
  ['scopes', 'client', 'MUST', 'take the scopes of a challenge as what the request needs', SUITE],
  ['scopes', 'client', 'MUST NOT', 'take them for a part of `scopes_supported`', SUITE],
  ['security', 'client', 'MUST', 'use PKCE, with S256', ASKED],
  ['security', 'client', 'MUST', 'go no further where metadata does not name PKCE', PKCE],
  [
    'security',
    'client',
    'MUST',
    'have redirect URIs that are https or loopback',
    finding('a person comes back to https or to this machine, or no provider is made'),
  ],
  ['security', 'client', 'SHOULD', 'send `state` and compare it', ANSWER],
  ['authorization response', 'client', 'MUST', 'compare `iss` before it redeems a code', ANSWER],
  ['authorization response', 'client', 'MUST', 'keep the issuer of validated metadata with each request', ANSWER],
  ['authorization response', 'client', 'MUST NOT', 'normalize `iss` before it compares', ANSWER],
  ['authorization response', 'client', 'MUST NOT', 'act on an error of another issuer, or show it', ANSWER],
  ['security', 'client', 'MUST', 'open only addresses that are https or loopback', OPENED],
  [
    'security',
    'client',
    'MUST',
    'store tokens so that nobody else reads them',
    cliSession(
      '[token.bound] a sign-in that others could read, is broken, or is of another key is not used, and nothing is asked',
    ),
  ],
]);

export const CLIENT: readonly Requirement[] = [...RFC8414, ...RFC8707, ...RFC9207, ...RFC9700, ...MCP];
