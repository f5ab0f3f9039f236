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

const REFUSED: readonly Mutant[] = of('oauth/authorize', unit('clients/unregistered'), [
  [
    'person.asked',
    "return client.source === 'operator' ? c.redirect(back, 303)",
    "return client.source !== 'document' || client.name !== '' ? c.redirect(back, 303)",
    'a refusal leads to an app that nobody vouches for by a link only, whoever comes',
  ],
]);

const KEPT: readonly Mutant[] = of('oauth/client-auth', unit('clients/unregistered'), [
  [
    'token.bound',
    '  if (proof !== null && !store.once',
    '  store.registry.touchClient(arguments[1].client.client_id, proof?.iat ?? 0);\n  if (proof !== null && !store.once',
    'a client that registered itself is kept for what a person let in, and for nothing that anybody can do in its name',
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
    "if (url.protocol === 'http:' && LOOPBACK.test(url.hostname.slice(0, 9)))",
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
  ...ofPackage('executor', 'who/authenticate', 'packages/executor/dist/who/dispatch-may.test.js', [
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
  ]),
  ...ofPackage('executor', 'who/authorize', 'packages/executor/dist/who/dispatch-may.test.js', [
    [
      'seal.bound',
      'if (caller.isBearer && !policy.bearer)',
      "if (caller.isBearer && policy.owner === '')",
      '[seal.bound] a call by a client without a key opens only what its owner sealed for such clients',
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
      'cnf: claims.cnf ?? { jkt: JSON.stringify(subject) } });',
      '[token.bound] an access token is refused: no key',
    ],
  ]),
];

const DOCUMENT: readonly Mutant[] = [
  ...of('clients/document', unit('clients/document'), [
    [
      'token.bound',
      'if (document.client_id !== id)',
      "if (typeof document.client_id !== 'string')",
      '[token.bound] a document with another client_id is no client, and leaves no row',
    ],
    [
      'token.bound',
      'new URL(uri).origin === new URL(id).origin',
      'new URL(uri).protocol === new URL(id).protocol',
      '[token.bound] a document with keys on another origin is no client, and leaves no row',
    ],
    [
      'token.bound',
      'if (jwks !== undefined) refuse(',
      "if (jwks === '') refuse(",
      '[token.bound] a document with keys in two places is no client, and leaves no row',
    ],
    [
      'token.bound',
      'if (document.client_secret !== undefined)',
      "if (document.client_secret === '')",
      '[token.bound] a document with a secret is no client, and leaves no row',
    ],
    [
      'token.bound',
      '!/[?#]/.test(id)',
      "!id.includes('#')",
      '[token.bound] https://app.example/client.json?a=b is no client id, and nothing is fetched for it',
    ],
    [
      'token.bound',
      "const isPlain = url.href === id && url.pathname !== '/'",
      "const isPlain = url.pathname !== '/'",
      '[token.bound] https://app.example/a/../client.json is no client id, and nothing is fetched for it',
    ],
    [
      'token.bound',
      "url.href === id && url.pathname !== '/'",
      'url.href === id',
      '[token.bound] https://app.example/ is no client id, and nothing is fetched for it',
    ],
    [
      'token.bound',
      'if (known === undefined && !outside.newcomers.take(now(), address))',
      "if (known?.name === '' && !outside.newcomers.take(now(), address))",
      '[token.bound] strangers make us look at thirty places a minute, and known clients go on meanwhile',
    ],
    [
      'token.bound',
      'if (!documents || id.length',
      "if ((!documents && id === '') || id.length",
      'where documents are switched off, or a host is not on the list, nothing is fetched',
    ],
    [
      'token.bound',
      '(documentHosts === undefined || documentHosts.includes(url.host))',
      "(documentHosts === undefined || url.host !== '')",
      'where documents are switched off, or a host is not on the list, nothing is fetched',
    ],
    [
      'token.bound',
      'store.registry.dropDocumentsBeyond(MAX_CLIENTS);',
      'store.registry.dropDocumentsBeyond(MAX_CLIENTS + 1);',
      'a document that was only named is forgotten after a day, a used one after 90, and past ten thousand those named first go',
    ],
  ]),
  ...of('outside/open', unit('clients/document'), [
    [
      'token.bound',
      'maxOctets: 5_120,',
      'maxOctets: 51_200,',
      '[token.bound] a document with more than 5 KiB is no client, and leaves no row',
    ],
    [
      'token.bound',
      'mostMs: 86_400_000, lastGoodMs: 0 }',
      'mostMs: 86_400_000, lastGoodMs: 60_000 }',
      '[token.bound] a document that is gone is no client any more once the copy has ended',
    ],
  ]),
  ...of('clients/metadata', unit('clients/document'), [
    [
      'token.bound',
      'if (of.dpop_bound_access_tokens !== undefined && of.dpop_bound_access_tokens !== true)',
      "if (of.dpop_bound_access_tokens === '')",
      '[token.bound] a document with tokens without a key is no client, and leaves no row',
    ],
    [
      'token.bound',
      'asked.filter((grant) => CONSENTED.has(grant))',
      'asked.filter((grant) => CONSENTED.has(grant) || GRANTS.has(grant))',
      'what a document says beyond what is known here is left out, and so are grants that nobody says yes to',
    ],
    [
      'token.bound',
      "if (method === undefined && !hasKeys) return 'none';",
      "if (method === undefined) return hasKeys ? 'private_key_jwt' : 'none';",
      '[token.bound] a document with keys, and no word of how it authenticates is no client, and leaves no row',
    ],
    [
      'token.bound',
      'if (signing.length !== 1)',
      'if (signing.length === 0)',
      '[token.bound] a document with two keys is no client, and leaves no row',
    ],
  ]),
];

const UNUSED =
  '[token.bound] one address has five hundred clients that wait for their first use, and others register meanwhile';

/** What many share, and each has a part of. */
const SHARES: readonly Mutant[] = [
  ...of('limit', unit('clients/register'), [
    [
      'token.bound',
      'return this.#each.take(now, key) && this.#all.take(now);',
      'return this.#each.take(now, key);',
      '[token.bound] all addresses together register sixty clients a minute',
    ],
  ]),
  ...of('limit', unit('clients/document'), [
    [
      'token.bound',
      'return this.#each.take(now, key) && this.#all.take(now);',
      'return this.#all.take(now) && this.#each.take(now, key);',
      '[token.bound] one address makes us look at ten places a minute, and others go on meanwhile',
    ],
  ]),
  ...of('store/registry', unit('clients/register'), [
    ['token.bound', "SET used_at = ?, unused_from = ''", 'SET used_at = ? * 0', UNUSED],
    ['token.bound', 'AND used_at = 0 AND unused_from = ?', 'AND used_at = 0 AND unused_from <> ?', UNUSED],
  ]),
  ...of('store/devices', unit('oauth/device'), [
    [
      'token.bound',
      'Number(near) < PER_ADDRESS',
      'Number(near) <= PER_ADDRESS',
      '[token.bound] at one address at most 64 devices wait, of all clients, and others go on meanwhile',
    ],
  ]),
];

const REGISTER: readonly Mutant[] = [
  ...of('clients/register', unit('clients/register'), [
    [
      'token.bound',
      "if (authority.config.clients.registration === 'off') return;",
      "if (authority.config.issuer === '') return;",
      'where registration is off there is no such endpoint, and nobody is told of one',
    ],
    [
      'token.bound',
      'if (!limit.take(now, address))',
      'if (!limit.take(now, authority.newId()))',
      '[token.bound] one address registers ten clients a minute, of IPv6 one network, and others go on meanwhile',
    ],
    [
      'token.bound',
      'if (store.registry.countUnusedFrom(address) >= UNUSED_PER_ADDRESS)',
      'if (store.registry.countUnusedFrom(address) > UNUSED_PER_ADDRESS)',
      UNUSED,
    ],
    [
      'token.bound',
      "if (store.registry.countClients('dynamic') >= MAX_CLIENTS)",
      "if (store.registry.countClients('dynamic') > MAX_CLIENTS)",
      '[token.bound] ten thousand clients register here, and the next when some have ended',
    ],
    [
      'token.bound',
      "if (type === 'web' && !uris.every((uri) => uri.startsWith('https:')))",
      "if (type === 'web' && uris.length === 0)",
      'an app on a device registers com.example.app:/callback, and a web application does not',
    ],
    [
      'token.bound',
      'if (body.jwks_uri !== undefined)',
      "if (body.jwks_uri === '')",
      '[token.bound] a registration with keys by reference is refused',
    ],
  ]),
  ...of('http', unit('clients/register'), [
    [
      'token.bound',
      "address.split(':', 4).join(':')",
      'address',
      '[token.bound] one address registers ten clients a minute, of IPv6 one network, and others go on meanwhile',
    ],
  ]),
  ...of('store/registry', unit('clients/register'), [
    [
      'token.bound',
      "DELETE FROM clients WHERE source <> 'operator' AND max(used_at + ?, created_at + ?) <= ?",
      "DELETE FROM clients WHERE source <> 'operator' AND min(used_at + ?, created_at + ?) <= ?",
      'a client that is never used ends after a day, one that was used after ninety more, an operator’s never',
    ],
  ]),
  ...of('oauth/consented', unit('clients/unregistered'), [
    [
      'crash.safe',
      '  store.registry.touchClient(client_id, now());\n',
      "  if (client_id === '') store.registry.touchClient(client_id, now());\n",
      'a client that registered itself is kept for what a person let in, and for nothing that anybody can do in its name',
    ],
  ]),
];

export const CLIENTS: readonly Mutant[] = [
  ...REGISTRY,
  ...REFUSED,
  ...KEPT,
  ...METADATA,
  ...BEARER,
  ...DOCUMENT,
  ...REGISTER,
  ...SHARES,
];
