/** Defences of the provider that hosts use (`client`), each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from './mutant.ts';

const TEST = 'packages/client/dist/provider.test.js';
const of = (source: string, rows: readonly (readonly [find: string, replace: string, name: string])[]) =>
  ofPackage(
    'client',
    source,
    TEST,
    rows.map((row): Row => ['token.bound', ...row]),
  );

const PKCE = 'no PKCE, or no word about it, and nobody is registered, sent or asked';
const OPENED = 'an address that is dangerous to open is not opened';
const ANSWER = 'an answer counts only for the redirect that is open and from the issuer that was asked, byte for byte';
const KEYED = '[token.bound] tokens are of one server and one key: another provider on the same storage has none';
const MOVED =
  '[token.bound] credentials stay with the issuer they came from: a server that moves to another one gets none of them';
const ASKED =
  '[token.bound] it registers, sends the person with PKCE, resource, key and wishes, and redeems the code for a bound token';
const RESOURCE =
  '[token.bound] the resource is sent with every request, also where the server has no metadata of its own';
const CLIENT = 'the client authenticates as its issuer asks, and at the token endpoint of its issuer only';

const GUARD: readonly Mutant[] = of('host/guard', [
  ["?.includes('S256') !== true", "?.includes('S256') === false", PKCE],
  [
    '  if (metadata === undefined)\n',
    '  if (metadata === undefined) return metadata as never;\n  if (metadata === undefined)\n',
    PKCE,
  ],
  ['  assertSecure(String(address));\n', '', OPENED],
  ["  if (username !== '' || password !== '')", "  if (username === ' ' || password === ' ')", OPENED],
  ["  if (params.get('state') !== pending.state)", "  if (params.get('state') === null)", ANSWER],
  ['getAll(name).length > 1)', 'getAll(name).length > 9)', ANSWER],
  ['authorization_response_iss_parameter_supported === true', 'issuer === undefined', ANSWER],
  [': iss !== metadata?.issuer)', ": new URL(iss || 'x:').origin !== metadata?.issuer)", ANSWER],
]);

const RECORDS: readonly Mutant[] = of('host/records', [
  ['    if (held?.jkt !== this.#jkt)', '    if (held === undefined)', KEYED],
  ['`dauth client ${issuer}`', "issuer && 'dauth client'", MOVED],
  ['`dauth tokens ${issuer} ${resource}`', 'issuer && `dauth tokens ${resource}`', MOVED],
]);

const FINDING: readonly Mutant[] = ofPackage('client', 'provider', 'packages/client/dist/finding.test.js', [
  [
    'token.bound',
    '  assertSecure(redirectUrl);\n',
    "  if (redirectUrl === '') assertSecure(redirectUrl);\n",
    'a person comes back to https or to this machine, or no provider is made',
  ],
]);

const PROVIDER: readonly Mutant[] = of('provider', [
  [
    "if (tokens.token_type.toLowerCase() !== 'dpop' && ",
    "if (tokens.token_type === '' && ",
    '[token.bound] a token that is not bound to the key is not kept, unless the host says that it wants that danger',
  ],
  ['      assertOpenable(url);\n', "      if (url.hash === '#') assertOpenable(url);\n", OPENED],
  ["      asked.searchParams.set('dpop_jkt', key.jkt);\n", '', ASKED],
  ["      params.set('resource', flow.resource);\n", '', RESOURCE],
  ["      asked.searchParams.set('resource', flow.resource);\n", '', RESOURCE],
  ['      if (new URL(url).href !== new URL(usable.token_endpoint).href)', "      if (url === '')", CLIENT],
  [
    '      assertSameResource(new URL(server), new URL(resource));\n',
    "      if (resource === '') assertSameResource(new URL(server), new URL(resource));\n",
    '[token.bound] a resource that is not the server is refused',
  ],
  [
    'pending.started + PENDING_LIFE > Date.now()',
    'pending.started + PENDING_LIFE > 0',
    'a redirect that was left open too long is over',
  ],
]);

const AUTHENTICATE: readonly Mutant[] = of('host/authenticate', [
  ["if (taken.length === 0 || takes('client_secret_basic'))", 'if (taken.length >= 0)', CLIENT],
]);

export const HOST_PROVIDER: readonly Mutant[] = [...GUARD, ...RECORDS, ...FINDING, ...PROVIDER, ...AUTHENTICATE];
