/** Defences of `authority`: the authorization code flow, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', `oauth/${source}`, `packages/authority/dist/oauth/${test}.test.js`, rows);

const REDIRECT: readonly Mutant[] = of('redirect', 'authorize', [
  [
    'token.bound',
    'return redirect_uris.some((registered) => isSame(registered, asked)) ? asked : undefined;',
    "return redirect_uris.some((registered) => isSame(registered, asked) || asked !== '') ? asked : undefined;",
    'a redirect URI is one that was registered, octet for octet; any other is a page of ours',
  ],
  [
    'token.bound',
    'return one[1] === other[1] && one[3] === other[3] && port >= 1 && port <= MAX_PORT;',
    'return one[3] === other[3] && port >= 1 && port <= MAX_PORT;',
    'on a loopback address the port may be another, and nothing else (RFC 8252 §7.3)',
  ],
  [
    'token.bound',
    "if (!redirectUri.startsWith('https://')) return true;",
    "if (!redirectUri.startsWith('https://')) return redirectUri === '';",
    'an app on the own computer is asked about every time, unless it has a key of its own',
  ],
  [
    'token.bound',
    ', iss: issuer };',
    ', iss: `${issuer}/` };',
    'an implicit token is refused to the app, with its state and our issuer',
  ],
]);

const REQUEST: readonly Mutant[] = of('request', 'authorize', [
  [
    'token.bound',
    "if (form.code_challenge_method !== 'S256')",
    "if (form.code_challenge_method === '')",
    'the PKCE method plain is refused to the app, with its state and our issuer',
  ],
  [
    'token.bound',
    'if (!scopes.every((scope) => offered.includes(scope)))',
    "if (!scopes.every((scope) => offered.includes(scope) || scope !== ''))",
    'the scope mcp:other is refused to the app, with its state and our issuer',
  ],
  [
    'token.bound',
    'if (credentials.length > 0)',
    'if (credentials.length < 0)',
    'a sealed credential is refused to the app, with its state and our issuer',
  ],
]);

const OFFERED: readonly Mutant[] = of('offered', 'authorize', [
  [
    'token.bound',
    "if (isOwn && client.source !== 'operator')",
    "if (isOwn && client.source === 'dynamic' && client.name === '')",
    '[token.bound] tokens for the authority itself are for clients that an operator registered, without dauth:admin',
  ],
  [
    'token.bound',
    "filter((scope) => scope !== 'dauth:admin')",
    "filter((scope) => scope !== '')",
    '[token.bound] tokens for the authority itself are for clients that an operator registered, without dauth:admin',
  ],
]);

const AUTHORIZE: readonly Mutant[] = of('authorize', 'authorize', [
  [
    'token.bound',
    'if (session.org !== client.org)',
    "if (session.org === '')",
    'a person of another organisation than the app is not asked',
  ],
  [
    'token.bound',
    'return now() - authTime > age;',
    'return now() - authTime > age + 1_000;',
    'a sign-in that is older than the app wants is done again',
  ],
  [
    'revoke.fast',
    "client.redirect_uris.length === 0 ||\n    authority.store.changes.isRevoked('client', client.client_id)",
    'client.redirect_uris.length === 0',
    'an app that is not registered, or was revoked, is answered on a page of ours and never redirected to',
  ],
]);

const UNKNOWN: readonly Mutant[] = of('authorize', 'authorize', [
  [
    'person.asked',
    '    client.redirect_uris.length === 0 ||\n',
    '',
    'a client without a browser’s way back is as unknown here as one that never was',
  ],
]);

const OFFER: readonly Mutant[] = of('offer', 'authorize', [
  [
    'token.bound',
    "if (given === null || !isProven || request.prompt.includes('consent') || scopes.length > 0) return undefined;",
    "if (given === null || !isProven || request.prompt.includes('consent') || scopes.length > 99) return undefined;",
    'what was said before is not asked again of an app that nobody can pass itself off as',
  ],
  [
    'token.bound',
    'details: named.length === 0 ? given.details : named }',
    'details: given.details }',
    'an answer without asking says exactly what the request asks for',
  ],
]);

const NAME_ONLY: readonly Mutant[] = of('offer', 'consent', [
  [
    'person.asked',
    "return auth === 'none' && (redirectUri === null || isLocal(redirectUri));",
    "return auth === 'none' && (redirectUri === null || isLocal('https://app.example'));",
    'what was given under a name that anybody can send is not called what the app has, but what it would get',
  ],
]);

const CONSENT: readonly Mutant[] = of('consent', 'consent', [
  [
    'person.asked',
    'return to === ANSWERED_PATH ? c.redirect(to, 303)',
    'return to.length > ANSWERED_PATH.length ? c.redirect(to, 303)',
    'a yes leads on by a page, since a browser holds every redirect after a form to the policy of its page',
  ],
  [
    'token.bound',
    "if (Number(index ?? -1) >= offered.length || index === undefined || form[name] !== 'on')",
    "if (Number(index ?? -1) >= offered.length + 9 || index === undefined || form[name] !== 'on')",
    '[token.bound] a scope that is not on the page is refused, and nothing is granted',
  ],
  [
    'token.bound',
    'if (!Object.hasOwn(DURATIONS, duration))',
    'if (!(duration in DURATIONS))',
    '[token.bound] a duration of all objects is refused, and nothing is granted',
  ],
  [
    'token.bound',
    'scopes: scopes.filter((_, index) => ticked.scope.has(index)),',
    'scopes: scopes.filter((_, index) => ticked.scope.has(index) || index > 0),',
    '[token.bound] what the person ticks is the grant, for as long as they said',
  ],
  [
    'token.bound',
    'return { session: hashed(csrf), owner: sub, org };',
    'return { session: hashed(csrf.slice(0, 0)), owner: sub, org };',
    '[token.bound] a question is answered once, by the session it was put to, within ten minutes',
  ],
  [
    'revoke.fast',
    'if (given !== null && current?.id !== given.grant_id)',
    "if (given !== null && current?.id === '')",
    '[revoke.fast] what was taken away while a page was open does not come back by its yes',
  ],
  [
    'revoke.fast',
    'assertUnrevoked(authority, { client: client_id, server: resource, owner: sub, org });',
    'assertUnrevoked(authority, { client: client_id, server: `${resource}/`, owner: sub, org });',
    '[revoke.fast] a yes after its server was revoked gives nothing',
  ],
  [
    'token.bound',
    'return tellYes(authority, request, grant, terms);',
    'return tellYes(authority, request, grant, { scopes: grant.scopes!, details: grant.details! });',
    'two pages that are open at once come to one grant',
  ],
  [
    'token.bound',
    'if (client === undefined || !isStillAsked(authority, client, request))',
    'if (client === undefined && !isStillAsked(authority, client!, request))',
    'a yes does not lead to a redirect URI that was unregistered while the page was open',
  ],
]);

const CODE: readonly Mutant[] = of('code', 'code', [
  [
    'token.bound',
    'if (code.used) return endGrant(authority, code.grant_id, by.client);',
    "if (code.used && code.client_id === '') return endGrant(authority, code.grant_id, by.client);",
    '[token.bound] a code works once; its second use ends everything that came of it',
  ],
  [
    'token.bound',
    'code.client_id !== by.client.client_id)',
    "code.client_id === '')",
    '[token.bound] another client cannot use a code, and does not use it up',
  ],
  [
    'token.bound',
    'if (code.expires_at <= now()) throw noCode();',
    'if (code.expires_at < now()) throw noCode();',
    '[token.bound] a code ends after 60 seconds, and the access with it never began',
  ],
  [
    'token.bound',
    '!equalSecret(sha256Base64url(verifier), terms.challenge)',
    '!equalSecret(sha256Base64url(verifier).slice(0, 0), terms.challenge.slice(0, 0))',
    '[token.bound] a code without its verifier is worth nothing',
  ],
  [
    'token.bound',
    'if (terms.jkt !== null && terms.jkt !== boundTo(by))',
    "if (terms.jkt === '' && terms.jkt !== boundTo(by))",
    '[token.bound] a code that names a key works for that key alone (RFC 9449 §10)',
  ],
  [
    'token.bound',
    'if (asked !== terms.redirect_uri)',
    "if (asked === '')",
    'a code goes with the redirect URI of its request, octet for octet',
  ],
]);

const REFRESH: readonly Mutant[] = of('refresh', 'refresh', [
  [
    'token.bound',
    'if (row.hash !== hashed(secret)) return endGrant(authority, row.grant_id, by.client);',
    "if (row.hash !== hashed(secret) && row.family === '') return endGrant(authority, row.grant_id, by.client);",
    '[token.bound] a refresh token that was used before ends the whole grant, whoever comes second',
  ],
  [
    'token.bound',
    'if (row.jkt !== keyOf(by))',
    "if (row.jkt === '')",
    '[token.bound] a refresh token of a public client works with its key alone (RFC 9449 §5)',
  ],
  [
    'token.bound',
    'row.client_id !== by.client.client_id ||',
    "row.client_id === '' ||",
    '[token.bound] another client cannot use a refresh token, and ends nothing by trying',
  ],
  [
    'token.bound',
    'return Math.min(now() + IDLE_SECONDS, expires_at ?? Number.MAX_SAFE_INTEGER);',
    'return Math.min(now() + 2 * IDLE_SECONDS, expires_at ?? Number.MAX_SAFE_INTEGER);',
    '[token.bound] a refresh token ends 30 days after its last use, and with its grant at the latest',
  ],
]);

const CONSENTED: readonly Mutant[] = [
  ...of('consented', 'scopes', [
    [
      'token.bound',
      'scopes.every((scope) => given.includes(scope))',
      "scopes.every((scope) => given.join(' ').includes(scope))",
      '[token.bound] what was consented to is narrowed to what is asked for, and a word more is refused',
    ],
  ]),
  ...of('consented', 'refresh', [
    [
      'revoke.fast',
      'assertUnrevoked(authority, { grant: id, client: client_id, server: resource, owner, org });',
      'assertUnrevoked(authority, { client: client_id, server: resource, owner, org });',
      '[revoke.fast] a refresh token of a revoked grant gives nothing',
    ],
    [
      'token.bound',
      'if (!scopes.every((scope) => given.includes(scope)))',
      "if (!scopes.every((scope) => given.includes(scope) || scope !== ''))",
      '[token.bound] a refresh may ask for fewer scopes, never for more, and the next may have all again',
    ],
  ]),
  ...of('consented', 'code', [
    [
      'token.bound',
      "if (!isNarrower([fewer], own)) throw refuse('An authorization detail exceeds what was consented to.');",
      'if (!isNarrower([], own)) throw refuse(NO_SUCH);',
      '[token.bound] a token request may ask for less than was consented to, never for more',
    ],
    [
      'token.bound',
      'if (form.resource !== undefined && form.resource !== resource)',
      "if (form.resource === '' && form.resource !== resource)",
      'a token request may repeat the resource, and name no other',
    ],
  ]),
  ...of('details', 'code', [
    [
      'seal.bound',
      'const actions = detail.actions.filter((action) => detailWithinAllow({ locations, actions: [action] }, allow));',
      'const actions = detail.actions.filter((action) => detailWithinAllow({ locations, actions: [action] }, allow) || true);',
      '[token.bound] of a connection that was sealed again for less, only that is in the token',
    ],
  ]),
];

const PUSHED: readonly Mutant[] = [
  ...of('request', 'par', [
    [
      'token.bound',
      'if (proven !== null && dpop_jkt !== proven)',
      "if (proven === '' && dpop_jkt !== proven)",
      'the key of a pushed request is said once: by proof or by name, never two',
    ],
  ]),
  ...of('par', 'par', [
    [
      'token.bound',
      'consumeOnce(authority, by);',
      'void consumeOnce;',
      'a proof is taken once, and for this endpoint only',
    ],
  ]),
  ...of('par', 'par', [
    [
      'token.bound',
      "return isPushed && auth === 'private_key_jwt' && source === 'operator' ? 1 : ANYBODYS_SHARE;",
      "return isPushed || auth !== 'none' || source !== 'operator' ? 1 : ANYBODYS_SHARE;",
      'what anybody can send leaves half of the room to clients of the operator that prove themselves',
    ],
  ]),
  ...ofPackage('authority', 'store/asks', 'packages/authority/dist/oauth/par.test.js', [
    [
      'token.bound',
      "'DELETE FROM pushed WHERE hash = ? AND client_id = ? AND expires_at > ? RETURNING request'",
      "'DELETE FROM pushed WHERE hash = ? AND client_id <> ? || 1 AND expires_at > ? RETURNING request'",
      'a pushed request is used once, by its own client, within 60 seconds',
    ],
  ]),
];

export const CONSENT_FLOW: readonly Mutant[] = [
  ...[...REDIRECT, ...REQUEST, ...OFFERED, ...AUTHORIZE, ...UNKNOWN, ...OFFER, ...NAME_ONLY],
  ...[...CONSENT, ...CODE, ...REFRESH, ...CONSENTED, ...PUSHED],
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/consent-words.ts',
    find: '${sealedRules(authority, detail).map(sayLimits)}',
    replace: '${sealedRules(authority, detail).slice(0, 0).map(sayLimits)}',
    test: {
      file: 'packages/authority/dist/oauth/consent.test.js',
      name: '[token.bound] the page says what sealed rules let a query and a body be, of what is asked for and of what was given',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/details.ts',
    find: 'isOwn ? row.name : handle',
    replace: 'row?.name ?? handle',
    test: {
      file: 'packages/authority/dist/oauth/consent.test.js',
      name: '[token.bound] the page names no connection of somebody else, whatever a login of one’s own says it is for',
    },
  },
];
