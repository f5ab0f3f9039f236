/** Defences of `authority`: assertions of issuers outside, and what is fetched from there, each with the test that must miss it. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, `packages/authority/dist/${test}.test.js`, rows);
const idJag = (what: string): string => `[token.bound] an ID-JAG ${what} is refused`;
const NAMED =
  '[token.bound] name and email are in the token where the ID-JAG lets the server know and the request asks by name';
const UNVERIFIED = '[token.bound] an address that the identity provider did not verify is told to no tool';
const workload = (what: string): string => `[token.bound] a workload's assertion ${what} is refused`;

const ASSERTION: readonly Mutant[] = [
  ...of('oauth/assertion', 'oauth/id-jag', [
    [
      'token.bound',
      'if (audience !== config.issuer)',
      "if (audience === undefined && config.issuer !== '')",
      idJag('for another audience'),
    ],
    ['token.bound', 'aud.length === 1 ?', 'aud.length > 0 ?', idJag('for two audiences')],
    ['token.bound', 'iat > latest ||', '', idJag('signed in the future')],
    ['token.bound', 'nbf <= latest)', 'nbf > 0)', idJag('that is not valid yet')],
    [
      'token.bound',
      'if (cnf !== undefined && !isBoundTo(cnf, jkt))',
      "if (cnf === '' && !isBoundTo(cnf, jkt))",
      idJag('bound to another key'),
    ],
    [
      'token.bound',
      "members[0]![0] === 'jkt' && members[0]![1] === jkt",
      'members[0]![1] !== jkt',
      idJag('bound to another key'),
    ],
    [
      'token.bound',
      'trusted.find((each) => each.issuer === iss)',
      'trusted.find((each) => each.issuer === iss || iss !== undefined)',
      idJag('by an issuer that is not trusted'),
    ],
  ]),
  ...of('oauth/assertion', 'oauth/workload', [
    [
      'token.bound',
      'const WORKLOAD_TYP = [undefined,',
      "const WORKLOAD_TYP = ['at+jwt', undefined,",
      workload('of the type of an access token'),
    ],
  ]),
];

const ID_JAG: readonly Mutant[] = of('oauth/id-jag', 'oauth/id-jag', [
  [
    'token.bound',
    'if (assertion === null)',
    "if (assertion === null && client.name === '')",
    '[token.bound] a client that is only named gets nothing for an ID-JAG',
  ],
  ['token.bound', '> MOST_SECONDS)', '> 2 * MOST_SECONDS)', idJag('that lives longer than 300 seconds')],
  [
    'token.bound',
    'if (claims.client_id !== client.client_id ||',
    "if (claims.client_id === '' ||",
    "[token.bound] another client's ID-JAG is refused, also with its own proof and authentication",
  ],
  [
    'token.bound',
    '|| client.org !== (issuer.org ?? authority.config.org))',
    "|| client.org === (issuer.org === '' ? authority.config.org : ''))",
    '[token.bound] clients of another organisation cannot use the issuer',
  ],
  ['token.bound', '|| jti.length > MAX_JTI)', '|| jti.length > 2 * MAX_JTI)', idJag('with an endless id')],
  [
    'token.bound',
    'if (owner.length > MAX_OWNER)',
    'if (owner.length > 2 * MAX_OWNER)',
    idJag('with a subject too long to be an owner'),
  ],
  [
    'token.bound',
    'if (!authority.store.once.consume(key, exp))',
    "if (key === '')",
    '[token.bound] an ID-JAG works once, also after the authority refused what came with it',
  ],
  [
    'token.bound',
    '      consumeOnce(authority, by);\n',
    '      void consumeOnce;\n',
    '[token.bound] a proof and a client assertion are good once here too',
  ],
  [
    'token.bound',
    'if (form.resource !== undefined && form.resource !== only)',
    "if (form.resource === '')",
    '[token.bound] the audience is the resource of the assertion: the request may only say the same',
  ],
  [
    'token.bound',
    'if (permitted !== undefined && !isNarrower(details, permitted))',
    'if (permitted !== undefined && !isNarrower(details.slice(0, 0), permitted))',
    '[token.bound] details in the assertion permit at most themselves',
  ],
  ['token.bound', 'form.scope === undefined ? [] : IDENTITY_SCOPES', 'form.scope === "" ? [] : IDENTITY_SCOPES', NAMED],
  ['token.bound', 'named.includes(each)', 'named.length < each.length', NAMED],
  ['token.bound', "scope.includes('profile') &&", 'scope.length > 0 &&', NAMED],
  ['token.bound', "scope.includes('email') &&", 'scope.length > 0 &&', NAMED],
  ['token.bound', 'return proven ?? true;', 'return proven !== null;', UNVERIFIED],
  ['token.bound', "typeof proven !== 'boolean')", "typeof proven === 'symbol')", UNVERIFIED],
  [
    'token.bound',
    'parseName(name))',
    "(name === '' ? parseName(name) : String(name)))",
    '[token.bound] name "Ada\\u001b[2J" in an ID-JAG is refused, where it would go into the token',
  ],
  [
    'token.bound',
    'parseEmail(email))',
    "(email === '' ? parseEmail(email) : String(email)))",
    '[token.bound] email "ada" in an ID-JAG is refused, where it would go into the token',
  ],
]);

const FEDERATED: readonly Mutant[] = of('oauth/federated', 'oauth/id-jag', [
  [
    'token.bound',
    'if (exp <= now()) throw',
    'if (exp <= 0) throw',
    '[token.bound] an assertion that ends while something is waited for gives no token any more',
  ],
  [
    'token.bound',
    'Math.min(now() + config.lifetimes.accessToken, exp, grant',
    'Math.min(now() + config.lifetimes.accessToken, grant',
    '[token.bound] a token ends with its assertion',
  ],
  [
    'token.bound',
    'allowed.includes(scope) && offered',
    'offered',
    '[token.bound] scopes are those of the request, the assertion, the server and the client together',
  ],
  [
    'token.bound',
    ' && offered.includes(scope)',
    ' && offered.length > 0',
    '[token.bound] scopes are those of the request, the assertion, the server and the client together',
  ],
  [
    'token.bound',
    ' && (client.scopes?.includes(scope) ?? true)',
    " && client.org !== ''",
    '[token.bound] scopes are those of the request, the assertion, the server and the client together',
  ],
  [
    'token.bound',
    '|| server.org !== client.org)',
    '|| server.org === client.client_id)',
    '[token.bound] clients of another organisation cannot use the issuer',
  ],
  [
    'revoke.fast',
    'if (known === undefined && grants.had(by)) throw revoked();',
    '',
    '[revoke.fast] a revoked client, owner, server, grant or organisation gets no further token',
  ],
  [
    'revoke.fast',
    'if (changes.isAnyRevoked(ids)) throw revoked();',
    'void [ids, changes];',
    '[revoke.fast] a revoked client, owner, server, grant or organisation gets no further token',
  ],
]);

const MEETING =
  '[token.bound] what is asserted, offered, registered and asked for is met in what all of them have, and nothing else';
const MET: readonly Mutant[] = of('oauth/federated', 'oauth/scopes', [
  ['token.bound', 'allowed.includes(scope) && offered', "allowed.join(' ').includes(scope) && offered", MEETING],
  ['token.bound', ' && offered.includes(scope)', " && offered.join(' ').includes(scope)", MEETING],
  ['token.bound', 'client.scopes?.includes(scope)', "client.scopes?.join(' ').includes(scope)", MEETING],
  ['token.bound', '[...new Set(wanted)]', '[...wanted]', MEETING],
]);

const WORKLOAD: readonly Mutant[] = of('oauth/workload', 'oauth/workload', [
  [
    'token.bound',
    'meetScopes(client, server.scopes, ',
    "meetScopes(client, [...server.scopes, 'profile', 'email'], ",
    '[token.bound] a workload is nobody: no name and no address of its platform is in the token',
  ],
  ['token.bound', '> issuer.maxLife)', '> 2 * issuer.maxLife)', workload('that lives longer than the issuer may say')],
  [
    'token.bound',
    'if (client.dpop_nonces) requireNonce',
    "if (client.name === '') requireNonce",
    '[token.bound] a workload whose client needs nonces gets its token with one only',
  ],
  [
    'token.bound',
    'if (!store.once.claimWindow(keyOf(compact), proof.jkt, exp))',
    "if (keyOf(compact) === '')",
    '[token.bound] an assertion works again with the key it came with first, and with no other',
  ],
  [
    'token.bound',
    "compact.slice(0, compact.lastIndexOf('.'))",
    'compact',
    '[token.bound] a second signature that anybody can make from the first does not free the assertion',
  ],
  [
    'token.bound',
    'if (!store.once.consume(`${proof.jkt}.${proof.jti}`, proof.iat + LIMITS.proofReplaySeconds))',
    "if (proof.jti === '' && proof.iat < LIMITS.proofReplaySeconds)",
    '[token.bound] no token without a DPoP proof, and a proof is good once',
  ],
  [
    'token.bound',
    '.every(([name, value]) => claims[name] === value)',
    '.some(([name, value]) => claims[name] === value)',
    '[token.bound] every claim a rule names must have exactly its value',
  ],
  [
    'token.bound',
    "c.req.header('authorization')];",
    "c.req.header('x-authorization')];",
    '[token.bound] a workload that also sends an Authorization header is refused, and an ID-JAG beside one as well',
  ],
  ['token.bound', ': sub === pattern;', ': sub.startsWith(pattern);', workload('of another subject')],
  [
    'token.bound',
    'if (!rule.resources.includes(resource))',
    "if (resource === '')",
    '[token.bound] resources and scopes are those of the rule, and a server must be registered',
  ],
  [
    'token.bound',
    '|| isOther ||',
    "|| (isOther && rule.client === '') ||",
    "[token.bound] a client_id is the rule's or absent, and nothing else authenticates a workload",
  ],
]);

const AT_WORK: readonly Mutant[] = ofPackage('authority', 'oauth/workload', 'test/dist/e2e/federation.test.js', [
  [
    'token.bound',
    'if (!store.once.claimWindow(keyOf(compact), proof.jkt, exp))',
    "if (keyOf(compact) === '')",
    '[token.bound] a workload gets tokens for what its platform says, and nobody with another key does',
  ],
]);

const KEYS: readonly Mutant[] = of('oauth/issuer-keys', 'oauth/issuer-keys', [
  [
    'token.bound',
    'if (metadata.issuer !== issuer || typeof uri',
    'if (typeof uri',
    '[token.bound] metadata by another issuer, or without a place for keys, is not believed',
  ],
]);

const GRANT: readonly Mutant[] = of('oauth/token', 'oauth/id-jag', [
  [
    'token.bound',
    'type !== JWT_BEARER || isFederated(config)',
    'type !== JWT_BEARER || isFederated(config) || true',
    '[token.bound] without a trusted issuer the grant type does not exist',
  ],
]);

const FETCH: readonly Mutant[] = [
  ...of('outside/address', 'outside/address', [
    ['token.bound', "address.range() !== 'unicast' ||", '', 'a host that resolves to private networks is not asked'],
    [
      'token.bound',
      'address.match(GLOBAL_V6) &&',
      '(address.match(GLOBAL_V6) || true) &&',
      'a host that resolves to an address that nobody was given is not asked',
    ],
    [
      'token.bound',
      'parts[5] === 0x5efe',
      'parts[5] === 0xffff',
      'a host that resolves to 6to4, Teredo, ISATAP is not asked',
    ],
    [
      'token.bound',
      "if (protocol === 'http:' || !isGloballyRoutable(ip)) throw new OutsideError('address');\n  }",
      "if (protocol === 'http:' || !isGloballyRoutable(ip)) throw new OutsideError('address');\n    break;\n  }",
      'public addresses are taken as they were resolved, and one private among them refuses them all',
    ],
    ['token.bound', "url.protocol !== 'https:' ||", '', 'only https to a name is a URL to fetch from'],
  ]),
  ...of('outside/dial', 'outside/dial', [
    [
      'token.bound',
      '(speaksFor(raw, host, isName) ? undefined : anotherHost())',
      '(speaksFor(raw, host, isName) || true ? undefined : anotherHost())',
      'a certificate for another host, by another authority, expired, or by common name only is refused',
    ],
    [
      'token.bound',
      '    rejectUnauthorized: true,\n',
      '',
      'NODE_TLS_REJECT_UNAUTHORIZED does not switch the check off',
    ],
  ]),
  ...of('outside/read', 'outside/fetch', [
    [
      'token.bound',
      'if (answer.status !== 200)',
      'if (answer.status >= 400)',
      'everything but a whole JSON object with status 200 is refused',
    ],
    [
      'token.bound',
      'if (octets > maxOctets)',
      'if (octets > 100 * maxOctets)',
      'an endless body is read no further than the bound, and a broken one is refused',
    ],
    [
      'token.bound',
      "if (!JSON_TYPE.test(answer.contentType ?? ''))",
      "if (!JSON_TYPE.test(answer.contentType ?? '') && answer.contentType === '')",
      'everything but a whole JSON object with status 200 is refused',
    ],
  ]),
  ...of('outside/fetch', 'outside/fetch', [
    [
      'token.bound',
      'isPausing ? undefined :',
      'isPausing && refresh ? undefined :',
      'after a failure nobody can make the authority look again before the pause is over',
    ],
    [
      'token.bound',
      'counted.count >= perHost ||',
      'counted.count >= 100 * perHost ||',
      'one host is asked a bounded number of times a minute, whatever the path, and others go on',
    ],
    [
      'token.bound',
      'this.#underWay >= atOnce ||',
      'this.#underWay >= 100 * atOnce ||',
      'hosts, memory and fetches at once are bounded',
    ],
    [
      'token.bound',
      'now() < entry.good.until + lastGoodMs)',
      'now() < entry.good.until + 100 * lastGoodMs)',
      'the last good document serves through an outage, for its window and no longer',
    ],
  ]),
];

export const FEDERATION: readonly Mutant[] = [
  ...[...ASSERTION, ...ID_JAG, ...FEDERATED, ...MET, ...WORKLOAD],
  ...[...AT_WORK, ...KEYS, ...GRANT, ...FETCH],
];
