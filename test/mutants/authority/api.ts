/** Defences of `authority`: who may ask its API for what, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const AUTHENTICATE: readonly Mutant[] = of('api/authenticate', unit('api/connections'), [
  [
    'token.bound',
    "if (!store.once.consume(`${jkt}.${jti}`, iat + LIMITS.proofReplaySeconds)) throw new DAuthError('REPLAY_DETECTED');",
    "if (jti === '' || iat + LIMITS.proofReplaySeconds === 0) throw new DAuthError('REPLAY_DETECTED', jkt);",
    '[token.bound] a proof works once; the second request with it is told so',
  ],
  [
    'token.bound',
    ', requireJkt: claims.cnf.jkt',
    '',
    '[token.bound] a request without a good proof by the key of its token is refused',
  ],
  [
    'token.bound',
    'accessToken: token }',
    '}',
    '[token.bound] a request without a good proof by the key of its token is refused',
  ],
  [
    'token.bound',
    'htu: targetOf(c, config.issuer)',
    'htu: [targetOf(c, config.issuer), c.req.url]',
    '[token.bound] a request without a good proof by the key of its token is refused',
  ],
  [
    'token.bound',
    'audience: config.issuer,',
    "audience: JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).aud,",
    '[token.bound] a token for a server, an expired one and a forged one open nothing here',
  ],
  [
    'token.bound',
    'if (scope !== undefined && !isAdmin && !claims.scope.includes(scope))',
    "if (scope === '')",
    '[token.bound] listing and storing need their scopes too',
  ],
  ...(['token: jti, grant', 'grant: grant_id', 'client: client_id', 'owner: sub', ', org }'] as const).map(
    (find): Row => {
      const what = /[a-z]+/.exec(find)?.[0] ?? '';
      const replace = { token: 'grant', org: ", org: org && '' }" }[what] ?? `${find} && ''`;
      return ['revoke.fast', find, replace, `[revoke.fast] after a revoked ${what} its token is refused here at once`];
    },
  ),
  [
    'revoke.fast',
    'if (client_id === OPERATOR_ID) return { token: jti };',
    'if (client_id === OPERATOR_ID) return {};',
    'the operator can look at an organisation it revoked, but not with a token it revoked',
  ],
]);

const CONNECTIONS: readonly Mutant[] = [
  ...of('api/connections', unit('api/connections'), [
    [
      'token.bound',
      '(caller.isAdmin || (row.owner === caller.sub && row.org === caller.org));',
      "(caller.isAdmin || (row.owner !== '' && row.org === caller.org));",
      '[token.bound] GET /connections/{handle} of another owner is like one of a connection that does not exist',
    ],
    [
      'token.bound',
      '(caller.isAdmin || (row.owner === caller.sub && row.org === caller.org));',
      '(caller.isAdmin || row.owner === caller.sub);',
      '[token.bound] DELETE /connections/{handle} of another owner is like one of a connection that does not exist',
    ],
    [
      'revoke.fast',
      '    row.deleted_at === null &&\n',
      '',
      '[revoke.fast] a deleted connection leaves a tombstone without ciphertext, and the executor hears of it',
    ],
    [
      'token.bound',
      'caller.isAdmin ? null : caller,',
      "caller.sub === '' ? caller : null,",
      '[token.bound] a list shows the connections of its caller, the operator those of all',
    ],
    [
      'revoke.fast',
      "        if (row.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');\n",
      '',
      '[revoke.fast] a revoked connection is not suspended, not resumed, not rotated',
    ],
    [
      'revoke.fast',
      'if (!from.includes(row.status))',
      'if (from.length === 0)',
      'a connection that needs a new authorization is neither resumed nor suspended, but may be revoked',
    ],
    [
      'audit.complete',
      'note(authority, caller, row.owner !== caller.sub, `connection.${verb}`, row.handle);',
      'note(authority, caller, false, `connection.${verb}`, row.handle);',
      '[audit.complete] what an owner does and what the operator does for it are noted apart',
    ],
    [
      'audit.complete',
      "note(authority, caller, owner !== caller.sub, 'connection.rotate', handle),",
      "owner === '' ? note(authority, caller, false, 'connection.rotate', handle) : undefined,",
      '[audit.complete] what an owner does and what the operator does for it are noted apart',
    ],
    [
      'audit.complete',
      "      note(authority, caller, row.owner !== caller.sub, 'connection.delete', row.handle);\n",
      '',
      '[audit.complete] what an owner does and what the operator does for it are noted apart',
    ],
    [
      'audit.complete',
      "note(authority, caller, asOperator, 'connection.create', dauth.handle),",
      "note(authority, caller, false, 'connection.create', dauth.handle),",
      '[audit.complete] the operator stores for an owner, and that is noted as such',
    ],
  ]),
  ...of('api/connections', unit('api/try'), [
    [
      'seal.bound',
      'tries.count(check().envelope.header.dauth, authority.now());',
      "tries.count({ org: '', owner: submission.seal_proof.slice(-9) }, authority.now());",
      '[seal.bound] nothing is tried that would not be stored',
    ],
  ]),
  ...of('api/try', unit('api/try'), [
    [
      'authority.blind',
      'if (count > TRIES_PER_MINUTE)',
      'if (count > TRIES_PER_MINUTE * 9)',
      'an owner has ten tries a minute, other owners have theirs, and storing without a try is no try',
    ],
    [
      'authority.blind',
      'new Promise((resolve) => setTimeout(resolve, MIN_MS))',
      'new Promise((resolve) => setTimeout(resolve, MIN_MS / 300))',
      '[authority.blind] every failure of a try is one answer, after the same least time, and stores nothing',
    ],
    [
      'authority.blind',
      'return response.status === 200 && isObject(answer) && answer.ok === true;',
      'return response.status === 200 && isObject(answer) && Boolean(answer.ok);',
      '[authority.blind] every failure of a try is one answer, after the same least time, and stores nothing',
    ],
    [
      'authority.blind',
      'return response.status === 200 && ',
      'return ',
      '[authority.blind] every failure of a try is one answer, after the same least time, and stores nothing',
    ],
    [
      'authority.blind',
      'exp: now() + TICKET_SECONDS });',
      'exp: now() + TICKET_SECONDS * 60 });',
      '[authority.blind] a try sends the sealed octets and a ticket for exactly them, once, for sixty seconds',
    ],
  ]),
  ...of('store/connections', unit('api/connections'), [
    [
      'revoke.fast',
      "    this.#db.run('DELETE FROM envelopes WHERE handle = ?', handle);\n    this.#db.run(\n",
      '    this.#db.run(\n',
      '[revoke.fast] a deleted connection leaves a tombstone without ciphertext, and the executor hears of it',
    ],
  ]),
  ...of('store/connections', 'test/dist/e2e/revocation.test.js', [
    [
      'revoke.fast',
      'status, now, handle);\n    this.#announce(',
      'status, now, handle);\n    if (ver < 0) this.#announce(',
      '[revoke.fast] a connection that its owner suspends or revokes is refused by the executor within a second',
    ],
  ]),
  ...of('store/connections', unit('intake'), [
    [
      'revoke.fast',
      "status = iif(status = 'suspended', 'suspended', 'active')",
      "status = 'active'",
      '[revoke.fast] a revoked connection is not brought back by a rotation, and a suspended one stays suspended',
    ],
  ]),
];

const REGISTRY: readonly Mutant[] = of('api/registry', unit('api/registry'), [
  [
    'token.bound',
    'if (!store.registry.addServer(server))',
    "if (!store.registry.addServer(server) && server.resource === '')",
    '[token.bound] a resource belongs to exactly one server',
  ],
  [
    'token.bound',
    'if (resource === config.issuer || resource === config.executor.resource)',
    "if (resource === '')",
    "[token.bound] the authority's own name and the executor's are no resource of a server",
  ],
  [
    'token.bound',
    'parseSecureUrl(body.resource)',
    "(body.resource === '' ? parseSecureUrl : parseResource)(body.resource)",
    '[token.bound] a server over plain http is registered only on a loopback address',
  ],
  [
    'token.bound',
    'if (owner !== caller.sub && !caller.isAdmin)',
    "if (owner === '')",
    '[token.bound] only the operator gives a grant for somebody else, and it is noted as such',
  ],
  [
    'token.bound',
    'client?.org === caller.org && store',
    'client !== undefined && store',
    'a grant names a client and a server that are registered in this organisation',
  ],
  [
    'token.bound',
    'store.registry.server(resource)?.org === caller.org;',
    'store.registry.server(resource) !== undefined;',
    'a grant names a client and a server that are registered in this organisation',
  ],
  [
    'token.bound',
    'if (grant === undefined || !(caller.isAdmin || isOwn))',
    'if (grant === undefined)',
    "[token.bound] another owner's grant is not taken away by a stranger, and looks like none",
  ],
  [
    'token.bound',
    'const isOwn = grant?.owner === caller.sub && grant.org === caller.org;',
    'const isOwn = grant?.owner === caller.sub;',
    "[token.bound] another owner's grant is not taken away by a stranger, and looks like none",
  ],
  [
    'audit.complete',
    'note(caller, `revoke.${body.what as Revocable}`, id);',
    "note(caller, 'revoke', id);",
    '[revoke.fast] the operator revokes a org: one revision, one note, and once is enough',
  ],
  [
    'revoke.fast',
    'store.changes.revoke(body.what as Revocable, id, authority.now());',
    "store.changes.revoke('token', id, authority.now());",
    '[revoke.fast] the operator revokes a client: one revision, one note, and once is enough',
  ],
  [
    'token.bound',
    "app.post('/revocations', async (c) => {\n    const caller = authenticate(authority, c, ADMIN);",
    "app.post('/revocations', async (c) => {\n    const caller = authenticate(authority, c);",
    "[token.bound] POST /revocations is the operator's alone",
  ],
  [
    'token.bound',
    "app.post('/clients', async (c) => {\n    const caller = authenticate(authority, c, ADMIN);",
    "app.post('/clients', async (c) => {\n    const caller = authenticate(authority, c);",
    "[token.bound] POST /clients is the operator's alone",
  ],
  [
    'token.bound',
    "app.post('/servers', async (c) => {\n    const caller = authenticate(authority, c, ADMIN);",
    "app.post('/servers', async (c) => {\n    const caller = authenticate(authority, c);",
    "[token.bound] POST /servers is the operator's alone",
  ],
]);

const KEYS: readonly Mutant[] = of('config', unit('api/registry'), [
  [
    'authority.blind',
    '  importKey(jwk);\n  return jwk;',
    "  if (jwk.crv === 'P-256') importKey(jwk);\n  return jwk;",
    '[authority.blind] a key for agreement registers neither a client nor a server, and is nowhere afterwards',
  ],
]);

const PLACE: readonly Mutant[] = of('config', unit('config'), [
  [
    'token.bound',
    "if (value.startsWith('http:') && !isLoopback(new URL(value).hostname))",
    "if (value.startsWith('ftp:') && !isLoopback(new URL(value).hostname))",
    '[token.bound] an issuer and an executor are https, or http on this machine',
  ],
  [
    'token.bound',
    "if (config.issuer.startsWith('http:') && !isLoopback(config.listen.host))",
    "if (config.issuer.startsWith('http:') && config.listen.host === '')",
    '[token.bound] what is served over plain http is served to this machine only',
  ],
]);

const JSON_READ = ['/connections', '/clients', '/servers', '/grants'].map(
  (path) => `[token.bound] POST ${path}: a member given twice and __proto__ are refused, and nothing is stored`,
);
const MEMBERS: readonly Mutant[] = of(
  'http',
  unit('api/members'),
  JSON_READ.map((name) => [
    'token.bound',
    'return parseJson(decodeUtf8(await readBody(c, LIMITS.jsonBody)), LIMITS.jsonBody);',
    'void parseJson;\n  return JSON.parse(decodeUtf8(await readBody(c, LIMITS.jsonBody)));',
    name,
  ]),
);

const TRY: readonly Mutant[] = of('api/try', unit('api/try'), [
  [
    'token.bound',
    'JSON.stringify([subject.org, subject.owner])',
    'JSON.stringify([subject.owner])',
    "[token.bound] an owner of the same name in another organisation uses up nobody else's tries",
  ],
]);

const AUDIT: readonly Mutant[] = of('api/audit', unit('api/registry'), [
  [
    'token.bound',
    "app.get('/audit', (c) => {\n    authenticate(authority, c, ADMIN);",
    "app.get('/audit', (c) => {\n    authenticate(authority, c);",
    "[token.bound] GET /audit is the operator's alone",
  ],
]);

const HEALTH: readonly Mutant[] = of('app', unit('metrics'), [
  [
    'authority.blind',
    'c.json(VERSION)',
    'c.json({ ...VERSION, node: process.version })',
    'health is said on both addresses, which Node runs on the private one only',
  ],
]);

export const API: readonly Mutant[] = [
  ...TRY,
  ...AUDIT,
  ...AUTHENTICATE,
  ...CONNECTIONS,
  ...HEALTH,
  ...REGISTRY,
  ...KEYS,
  ...PLACE,
  ...MEMBERS,
];
