/** Defences of `authority`: what a client may say about itself, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const REGISTRY: readonly Mutant[] = of('api/registry', unit('clients/metadata'), [
  [
    'token.bound',
    "if (!isBound && config.bearerException === 'off')",
    "if (!isBound && config.bearerException === 'off' && body.name === '')",
    '[token.bound] where the Bearer exception is off no client is marked for it',
  ],
  [
    'token.bound',
    "if (metadata.auth === 'none' && body.owner !== undefined)",
    "if (metadata.auth === 'none' && body.owner === '')",
    '[token.bound] a client public and for an owner is refused',
  ],
]);

const METADATA: readonly Mutant[] = of('clients/metadata', unit('clients/metadata'), [
  [
    'token.bound',
    'if (!grants.every((grant) => GRANTS.has(grant)))',
    'if (grants.length === 0)',
    'a grant that no client may be registered for is refused',
  ],
  [
    'token.bound',
    "if ((auth === 'none') !== (of.jwk === undefined))",
    "if (auth !== 'none' && of.jwk === undefined)",
    '[token.bound] a client with a key and public is refused',
  ],
  [
    'token.bound',
    "if (value === 'private_key_jwt' || value === 'none') return value;",
    "if (value !== undefined) return value === 'private_key_jwt' ? value : 'none';",
    '[token.bound] a client with a shared secret is refused',
  ],
  [
    'token.bound',
    "if (auth === 'none' && (grants.includes(OWN) || grants.includes(ASSERTION)))",
    "if (auth === 'none' && grants.includes(ASSERTION))",
    '[token.bound] a client public and for itself is refused',
  ],
  [
    'token.bound',
    "if (auth === 'none' && (grants.includes(OWN) || grants.includes(ASSERTION)))",
    "if (auth === 'none' && grants.includes(OWN))",
    '[token.bound] a client public and by assertions is refused',
  ],
  [
    'token.bound',
    'if (grants.includes(CODE) !== uris.length > 0)',
    'if (uris.length > 0 && !grants.includes(CODE))',
    '[token.bound] a client for codes and with nowhere to send them is refused',
  ],
  [
    'token.bound',
    ' || (url.href !== uri && url.href !== `${uri}/`))',
    ')',
    '[token.bound] https:/app.example/callback is no redirect URI',
  ],
  [
    'token.bound',
    "if (uri.includes('#'))",
    "if (uri.startsWith('#'))",
    '[token.bound] https://app.example/a#b is no redirect URI',
  ],
  [
    'token.bound',
    "if (uri.includes('*'))",
    "if (uri.startsWith('*'))",
    '[token.bound] https://app.example/* is no redirect URI',
  ],
  [
    'token.bound',
    "if (url.username !== '' || url.password !== '')",
    "if (url.password !== '')",
    '[token.bound] https://app.example@evil.example/ is no redirect URI',
  ],
  [
    'token.bound',
    "if (url.protocol === 'http:' && LOOPBACK.test(url.hostname))",
    "if (url.protocol === 'http:')",
    '[token.bound] http://localhost.evil.example/callback is no redirect URI',
  ],
  [
    'token.bound',
    '(?:\\.[a-z0-9-]+)+:$/;',
    '(?:\\.[a-z0-9-]+)*:$/;',
    '[token.bound] javascript:alert(1) is no redirect URI',
  ],
]);

const BEARER: readonly Mutant[] = [
  ...of('oauth/client-auth', unit('oauth/bearer'), [
    [
      'token.bound',
      "config.bearerException === 'marked-clients' && !client.dpop_bound_access_tokens",
      "config.bearerException === 'marked-clients' && client.name !== ''",
      '[token.bound] a client without the mark gets no token without a proof',
    ],
    [
      'token.bound',
      "config.bearerException === 'marked-clients' && !client.dpop_bound_access_tokens",
      "config.issuer !== '' && !client.dpop_bound_access_tokens",
      '[token.bound] an installation that switches the exception off gives no such token and exchanges none',
    ],
  ]),
  ...of('oauth/issue', unit('oauth/bearer'), [
    [
      'token.bound',
      'if (issue.jkt === null && issue.aud === config.issuer)',
      "if (issue.jkt === null && issue.aud === '')",
      '[token.bound] no token for the authority itself is without a key',
    ],
  ]),
  ...of('oauth/details', unit('oauth/bearer'), [
    [
      'seal.bound',
      'if (jkt === null && !policy.bearer)',
      "if (jkt === '' && !policy.bearer)",
      '[seal.bound] a token without a key names only what was sealed for such clients',
    ],
  ]),
  ...of('oauth/exchange', unit('oauth/bearer'), [
    [
      'token.bound',
      'if (subject.cnf === undefined) assertMarked(authority, subject);',
      "if (subject.cnf?.jkt === '') assertMarked(authority, subject);",
      '[token.bound] a mark that was taken away ends the exchange of tokens that are out, and gives no new one',
    ],
    [
      'token.bound',
      'if (form.subject_dpop !== undefined)',
      "if (form.subject_dpop === '')",
      '[token.bound] a proof beside a token without a key is refused, by whomever it is',
    ],
    [
      'token.bound',
      'const window = cnf === undefined ?',
      'const window = cnf === undefined || form.subject_dpop === undefined ?',
      '[token.bound] a bound token is not exchanged without its proof, whatever its client is marked',
    ],
    [
      'token.bound',
      'windowEnd: exp };',
      'windowEnd: exp + LIMITS.callWindowSeconds };',
      '[token.bound] the window of a token without a key is its own life, and not a second more',
    ],
    [
      'token.bound',
      'windowKey: `bearer.${jti}`,',
      'windowKey: `bearer.${jti}.${exp}`,',
      '[token.bound] a token without a key is exchanged by one server only, the one it names',
    ],
  ]),
  ...ofPackage('authority', 'api/registry', unit('oauth/bearer'), [
    [
      'token.bound',
      "app.post('/clients/:id/bind', (c) => {\n    const caller = authenticate(authority, c, ADMIN);",
      "app.post('/clients/:id/bind', (c) => {\n    const caller = authenticate(authority, c);",
      "[token.bound] POST /clients/ID/bind is the operator's alone, and knows only clients",
    ],
  ]),
  ...ofPackage('executor', 'who/authorize', 'packages/executor/dist/who/dispatch-may.test.js', [
    [
      'seal.bound',
      'if (caller.isBearer && !policy.bearer)',
      "if (caller.isBearer && policy.owner === '')",
      '[seal.bound] a call by a client without a key opens only what its owner sealed for such clients',
    ],
    [
      'token.bound',
      ' || isBearer === (claims.subjectDpop !== undefined)) {',
      ' || (isBearer && claims.subjectDpop !== undefined)) {',
      '[token.bound] step 2 refuses a dispatch token with neither a proof nor the Bearer mark',
    ],
    [
      'token.bound',
      ' || isBearer === (claims.subjectDpop !== undefined)) {',
      ' || (!isBearer && claims.subjectDpop === undefined)) {',
      '[token.bound] step 2 refuses a dispatch token with both a proof and the Bearer mark',
    ],
    [
      'token.bound',
      'if ((claims.raw[BEARER] !== undefined && !isBearer) ||',
      'if (',
      '[token.bound] step 2 refuses a dispatch token with a proof, and a Bearer mark of false',
    ],
    [
      'seal.bound',
      "  if (claims.subjectDpop === undefined)\n    throw denied('The credential is pinned",
      "  if (claims.subjectDpop === undefined && server !== '') return;\n  if (claims.subjectDpop === undefined)\n    throw denied('The credential is pinned",
      '[seal.bound] step 3 refuses a pinned credential with no proof by the client',
    ],
  ]),
  ...ofPackage('verify', 'token', 'packages/verify/dist/token.test.js', [
    [
      'token.bound',
      'cnf: claims.cnf ?? readConfirmation(undefined, subject) });',
      "cnf: claims.cnf ?? { jkt: '' } });",
      '[token.bound] an access token is refused: no key',
    ],
  ]),
];

export const CLIENTS: readonly Mutant[] = [...REGISTRY, ...METADATA, ...BEARER];
