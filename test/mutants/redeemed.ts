/** Defences of codes that are redeemed, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const REDEEMED = test('executor', 'redeemed');
const CRASH = test('executor', 'refresh/redeem-crash');
const FLOW = test('client', 'connect-flow');
const LEASED = test('authority', 'executor/reseal');
const ASKED = test('authority', 'api/redeem');
const FIRST = '[crash.safe] a code is redeemed for a ticket, and what came is the next version, in its place';
const ONE_VERSION =
  '[seal.bound] a ticket is for one version, one executor, one minute and one use, by the authority, of its own type';

export const REDEEMED_CODES: readonly Mutant[] = [
  ...of('protocol', 'oauth2', test('protocol', 'oauth2'), [
    [
      'seal.bound',
      'redirect_uri: parseSecureUrl(said.redirect_uri)',
      'redirect_uri: parseSecureUrl(said.endpoint) && String(said.redirect_uri)',
      '[seal.bound] an envelope with a redirect URI in plain http is refused',
    ],
  ]),
  ...of('client', 'connect-flow', FLOW, [
    [
      'token.bound',
      'answer = oauth.validateAuthResponse(server, client, new URL(callback), state);',
      'answer = oauth.validateAuthResponse(server, client, new URL(callback), oauth.skipStateCheck as never);',
      '[token.bound] two flows have nothing in common',
    ],
    [
      'token.bound',
      'validateAuthResponse(server, client,',
      "validateAuthResponse({ issuer: new URL(callback).searchParams.get('iss') ?? server.issuer }, client,",
      '[token.bound] what comes back with another issuer (RFC 9207) is no answer',
    ],
    [
      'seal.client-only',
      '  assertSecure(authorization);\n',
      '',
      '[seal.client-only] nobody is sent to a provider that is asked over plain http',
    ],
    [
      'seal.client-only',
      "server.code_challenge_methods_supported?.includes('S256') === false",
      'server.code_challenge_methods_supported?.length === 0',
      '[seal.client-only] nobody is sent to a provider that takes no PKCE with S256',
    ],
  ]),
  ...of('authority', 'store/leases', LEASED, [
    [
      'crash.safe',
      '      WHERE leases.ver < excluded.ver`;',
      '      WHERE leases.ver < excluded.ver OR leases.expires_at < excluded.expires_at`;',
      '[crash.safe] the lease for a code is given once for a version, whoever asks again, and however late',
    ],
  ]),
  ...of('authority', 'api/connections', ASKED, [
    [
      'token.bound',
      "app.post('/connections/:handle/redeem', async (c) => {\n    const caller = authenticate(authority, c, WRITE);\n    const row = find(authority, caller, c);",
      "app.post('/connections/:handle/redeem', async (c) => {\n    const caller = authenticate(authority, c, WRITE);\n    const row = store.connections.find(parseHandle(c.req.param('handle')))!;",
      '[token.bound] only its owner has a connection redeemed',
    ],
  ]),
  ...of('executor', 'refresh/refreshes', CRASH, [
    [
      'crash.safe',
      "await this.#lease(handle, ver, held.kind === 'code');",
      "await this.#lease(handle, ver, held.kind !== 'code' && ver < 0);",
      '[crash.safe] killed before the request, an executor does not show the code again, and says that its owner is needed',
    ],
  ]),
  ...of('executor', 'refresh/refreshes', REDEEMED, [
    [
      'crash.safe',
      "if (held.kind === 'code') view.assertStands(standingAlone(sealed.envelope.header.dauth));\n      else ask.beforeSend();",
      'ask.beforeSend();',
      '[crash.safe] whoever begins to redeem a code cannot spend it by leaving',
    ],
    [
      'crash.safe',
      "held.kind === 'code' ? spentCode(caught) : caught",
      "held.kind === 'code' && ver < 0 ? spentCode(caught) : caught",
      '[crash.safe] where the endpoint fails the owner is told, and the code is never shown again',
    ],
    [
      'seal.bound',
      'if (expiresIn !== null && expiresIn <= 0)',
      'if (expiresIn !== null && expiresIn <= -86_400)',
      '[seal.bound] an access token without a refresh token is sealed, used until it ends, and then its owner is told',
    ],
  ]),
  ...of('executor', 'wire/refresh-call', REDEEMED, [
    [
      'seal.bound',
      "if (grant.kind === 'code') return",
      "if (grant.kind === 'code' && refresh !== null) return",
      '[seal.bound] an access token without a refresh token is sealed, used until it ends, and then its owner is told',
    ],
  ]),
  ...of('executor', 'redeem', REDEEMED, [
    [
      'seal.bound',
      'if (use.ver !== ticket.ver || use.digest !== ticket.sha256)',
      'if (use.ver !== ticket.ver)',
      ONE_VERSION,
    ],
    [
      'dispatch.bound',
      'if (deniesOrigin(deps.rules, origin))',
      'if (deniesOrigin(deps.rules, origin) && origin.length > 999)',
      '[dispatch.bound] where the operator lets nothing go no code is shown',
    ],
    [
      'crash.safe',
      'if (!isCode(permitted, scheme, key, deps)) return;',
      'isCode(permitted, scheme, key, deps);',
      '[crash.safe] redeemed a second time nothing is asked, and the same is answered',
    ],
    [
      'audit.complete',
      "    await deps.journal.note('redeem', {",
      "    if (use.ver < 0) await deps.journal.note('redeem', {",
      FIRST,
    ],
  ]),
  ...of('executor', 'ticket', REDEEMED, [
    ['seal.bound', 'said.iss === deps.issuer && said.aud === deps.resource', 'said.iss === deps.issuer', ONE_VERSION],
    ['seal.bound', "if (!used) throw new DAuthError('REPLAY_DETECTED');", 'void used;', ONE_VERSION],
    [
      'seal.bound',
      '{ typ: of.typ, keys,',
      "{ typ: of.typ === '' ? '' : (JSON.parse(Buffer.from(jws.split('.')[0]!, 'base64url').toString()) as { typ: string }).typ, keys,",
      ONE_VERSION,
    ],
  ]),
  ...of('executor', 'who/authorize', REDEEMED, [
    [
      'dispatch.bound',
      '  assertSealedFor(policy, stored, handle, deps);\n  const standing = standingAlone(policy);',
      '  const standing = standingAlone(policy);',
      '[dispatch.bound] a credential of another authority is not redeemed, nor opened',
    ],
  ]),
  ...of('executor', 'refresh/refreshes', test('executor', 'refresh/redeem-memory'), [
    [
      'memory.clean',
      'using plaintext = this.#options.sealing.open(envelope, key);',
      'const plaintext = this.#options.sealing.open(envelope, key);',
      '[memory.clean] leaves no copy of a code, and what is refreshed from then on',
    ],
  ]),
];
