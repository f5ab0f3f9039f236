/** Defences of `authority`, the control plane, each with the test that must miss it. Data only; see mutant.ts. */
import type { ClaimId } from '../claims.ts';
import type { Mutant } from './mutant.ts';

type Row = readonly [claim: ClaimId, find: string, replace: string, name: string];

/** Mutants of one file, with the one test file that must miss them. */
function of(source: string, test: string, rows: readonly Row[]): readonly Mutant[] {
  const file = `packages/authority/src/${source}.ts`;
  return rows.map(([claim, find, replace, name]) => ({ claim, file, find, replace, test: { file: test, name } }));
}

const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const EXCHANGE: readonly Mutant[] = of('oauth/exchange', unit('oauth/exchange'), [
  [
    'token.bound',
    'if (!store.once.claimWindow(windowKey, server.client_id,',
    'if (!store.once.claimWindow(windowKey, server.client_id.slice(0, 0),',
    '[token.bound] a call whose window another server opened is refused there, and goes on with the first',
  ],
  [
    'token.bound',
    'if (isNarrower(details, subject.details)) return details;',
    'if (isNarrower([], subject.details)) return details;',
    '[token.bound] an exchange gives the same or less, never more',
  ],
  [
    'token.bound',
    'if (by.proof.jkt !== by.client.jkt) {',
    "if (by.proof.jkt === '') {",
    '[token.bound] a server proves the key it authenticates with, not another',
  ],
  [
    'token.bound',
    'if (proof.windowEnd <= now())',
    'if (proof.windowEnd <= 0)',
    '[token.bound] after the window of its call nothing is exchanged, though the token lives on',
  ],
  [
    'token.bound',
    'exp: Math.min(now() + config.lifetimes.dispatchToken, windowEnd),',
    'exp: now() + config.lifetimes.dispatchToken,',
    '[token.bound] a dispatch token ends with the window of its call',
  ],
  [
    'token.bound',
    'exp: Math.min(now() + config.lifetimes.dispatchToken, windowEnd),',
    'exp: Math.min(now() + 1_000, windowEnd),',
    '[token.bound] an exchange gives exactly the dispatch token the protocol describes',
  ],
  [
    'token.bound',
    '      htu: audience,\n',
    "      htu: String(JSON.parse(Buffer.from(subjectDpop.split('.')[1] ?? '', 'base64url').toString()).htu),\n",
    '[token.bound] a carried proof made for another URL is refused',
  ],
  [
    'token.bound',
    '      accessToken: token,\n',
    '',
    '[token.bound] a carried proof without ath, or with that of another token, is refused',
  ],
  [
    'token.bound',
    'jkt: subject.cnf.jkt,',
    'jkt: [subject.cnf.jkt, server.client_id, authority.store.registry.client(server.client_id)?.jkt ?? server.resource],',
    "[token.bound] a carried proof by another key than the token's is refused",
  ],
  [
    'token.bound',
    "need(form, 'resource') === executor &&",
    "need(form, 'resource') !== '' &&",
    '[token.bound] an exchange that asks with the resource of a server is refused',
  ],
  [
    'token.bound',
    '(form.audience === undefined || form.audience === executor)',
    "(form.audience === undefined || form.audience !== '')",
    '[token.bound] an exchange that asks with another audience is refused',
  ],
  [
    'token.bound',
    'if (form.scope !== undefined)',
    "if (form.scope === '')",
    '[token.bound] an exchange that asks with a scope is refused',
  ],
  [
    'token.bound',
    'form.requested_token_type !== ACCESS_TOKEN_TYPE)',
    "form.requested_token_type === '')",
    '[token.bound] an exchange that asks with another type of token is refused',
  ],
  [
    'token.bound',
    ' || form.actor_token !== undefined)',
    ')',
    '[token.bound] an exchange that asks with an actor token is refused',
  ],
  [
    'token.bound',
    "if (need(form, 'subject_token_type') !== ACCESS_TOKEN_TYPE ||",
    "if (need(form, 'subject_token_type') === '' ||",
    '[token.bound] an exchange that asks with a subject of another type is refused',
  ],
  [
    'revoke.fast',
    '    token: subject.jti,\n',
    '',
    '[revoke.fast] after a revoked token no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    grant: subject.grant_id,\n',
    '',
    '[revoke.fast] after a revoked grant no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    client: subject.client_id,\n',
    '',
    '[revoke.fast] after a revoked client no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    owner: subject.sub,\n',
    '',
    '[revoke.fast] after a revoked owner no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    org: subject.org,\n  };',
    '  };',
    '[revoke.fast] after a revoked org no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '{ ...ids, server: server.resource }',
    "{ ...ids, ...(server.resource === '' ? { server: '' } : {}) }",
    '[revoke.fast] after a revoked server no call is exchanged, not even inside its window',
  ],
]);

const DETAILS: readonly Mutant[] = of('oauth/details', unit('oauth/details'), [
  [
    'token.bound',
    'if (!detailWithinAllow({ locations, actions }, policy.allow))',
    'if (!detailWithinAllow({ locations, actions: [] }, policy.allow))',
    '[token.bound] a narrower detail is given as it was asked for, a wider one is refused',
  ],
  [
    'seal.bound',
    'if (!policy.servers.includes(resource))',
    "if (resource === '')",
    '[seal.bound] no token for a server that the credential was not sealed for names it',
  ],
  [
    'seal.bound',
    'if (policy.exp <= now ||',
    'if (',
    '[seal.bound] a credential is named only within the time it was sealed for',
  ],
  [
    'seal.bound',
    ' || policy.iat > now + LIMITS.clockLeewaySeconds)',
    ')',
    '[seal.bound] a credential is named only within the time it was sealed for',
  ],
  [
    'seal.bound',
    'if (policy.pin?.jkt !== undefined && !policy.pin.jkt.includes(jkt))',
    "if (policy.pin?.jkt !== undefined && jkt === '')",
    '[seal.bound] a pinned credential is named only for a key in its pin',
  ],
  [
    'seal.bound',
    'if (policy.owner !== own.sub && policy.pin?.jkt?.includes(jkt) !== true)',
    "if (policy.owner !== own.sub && jkt === '')",
    '[seal.bound] a runner cannot name what is not pinned to its key, whatever it was granted',
  ],
  [
    'token.bound',
    'policy === undefined || policy.owner !== first?.owner ||',
    'policy === undefined ||',
    '[token.bound] connections of two owners are never in one token, not even pinned to the same runner',
  ],
  [
    'token.bound',
    " || row.status !== 'active')",
    ')',
    "[token.bound] a missing, another owner's, suspended, revoked and deleted connection are one answer",
  ],
  [
    'token.bound',
    'if (details.length > LIMITS.details)',
    'if (details.length > 99)',
    'a token names at most eight details, counted after the rules of each connection were written out',
  ],
]);

const GRANTING: readonly Mutant[] = of('oauth/client-credentials', unit('oauth/details'), [
  [
    'token.bound',
    "if (!isOwn) throw new OAuthError('invalid_authorization_details', NO_SUCH);",
    "if (!isOwn && NO_SUCH === '') throw new OAuthError('invalid_authorization_details', NO_SUCH);",
    "[token.bound] a runner without the owner's grant for this server cannot name a pinned credential",
  ],
  [
    'token.bound',
    'exp: Math.min(now() + config.lifetimes.accessToken, grant.expires_at ?? Number.MAX_SAFE_INTEGER),',
    'exp: now() + config.lifetimes.accessToken,',
    "[token.bound] a runner's grant ends when it expires, and its tokens end with it",
  ],
  [
    'token.bound',
    'if (resource === config.issuer && asked.credentials.length + asked.wishes.length > 0) {',
    "if (resource === '') {",
    '[token.bound] a token for the authority itself names no connections',
  ],
]);

const STORE: readonly Mutant[] = [
  ...of('store/registry', unit('oauth/details'), [
    [
      'token.bound',
      'owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ?\n       AND (expires_at IS NULL OR expires_at > ?)',
      'owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ?\n       AND (expires_at IS NULL OR expires_at > 0 * ?)',
      "[token.bound] a runner's grant ends when it expires, and its tokens end with it",
    ],
  ]),
  ...of('store/driver', unit('oauth/details'), [
    [
      'crash.safe',
      "      this.exec('ROLLBACK');",
      "      this.exec('COMMIT');",
      '[crash.safe] when one carried credential is for another server, none is stored and nothing is used up',
    ],
  ]),
];

const INTAKE: readonly Mutant[] = of('intake', unit('intake'), [
  [
    'seal.bound',
    'if (dauth.iss !== config.issuer)',
    'if (dauth.iss === config.org)',
    '[seal.bound] an envelope sealed for another authority is not stored',
  ],
  [
    'seal.bound',
    'if (dauth.owner !== subject.sub)\n',
    "if (dauth.owner === '')\n",
    '[seal.bound] an envelope sealed by another owner is not stored',
  ],
  [
    'seal.bound',
    'if (dauth.org !== subject.org)',
    "if (dauth.org === '')",
    '[seal.bound] an envelope sealed in another organisation is not stored',
  ],
  [
    'seal.bound',
    'if (dauth.exp <= time)',
    'if (dauth.exp <= 0)',
    '[seal.bound] an envelope sealed for a time that has passed is not stored',
  ],
  [
    'seal.bound',
    "  if (ver !== 1) throw new DAuthError('CONFLICT', 'The first version of a connection is 1.');\n",
    '',
    '[seal.bound] an envelope sealed as a later version than the first is not stored',
  ],
  [
    'seal.bound',
    'directory.keys.find((each) => each.kid === kid)',
    "directory.keys.find((each) => each.kid !== '' || kid === '')",
    '[seal.bound] an envelope for a key that the directory does not list is not stored',
  ],
  [
    'seal.bound',
    ' || key.alg !== alg',
    " || key.alg === 'HPKE-7' || alg === 'HPKE-7'",
    '[seal.bound] an envelope for a key that is of another suite is not stored',
  ],
  ['seal.bound', ' || key.nbf > time', '', '[seal.bound] an envelope for a key that is not valid yet is not stored'],
  [
    'seal.bound',
    ' || key.exp <= time)',
    ')',
    '[seal.bound] an envelope for a key that is no longer valid is not stored',
  ],
  [
    'seal.bound',
    'const { jkt } = verifySealProof(submission.seal_proof, { handle, ver, envelope: submission.envelope });',
    "const jkt = ver === 0 ? verifySealProof(submission.seal_proof, { handle, ver, envelope: '' }).jkt : envelope.header.kid;",
    '[seal.bound] a seal proof for another envelope, version or handle stores nothing',
  ],
  [
    'seal.bound',
    "if (!isSame(authority, existing, submission, subject)) throw new DAuthError('CONFLICT');",
    "if (existing.handle !== handle) throw new DAuthError('CONFLICT');",
    '[seal.bound] other octets under a handle that is taken are a conflict, by its owner or anybody',
  ],
  [
    'seal.bound',
    'if (existing.deleted_at !== null || existing.owner',
    'if (existing.deleted_at !== null) return true;\n  if (existing.owner',
    '[seal.bound] a handle that was deleted stays taken, also for its own octets',
  ],
  [
    'seal.bound',
    'if (store.connections.isNameTaken(subject.sub, subject.org, name)) {',
    "if (store.connections.isNameTaken('', subject.org, name)) {",
    'a name is one connection of an owner, and free again when that is revoked or deleted',
  ],
  [
    'seal.bound',
    'endorsements: [], trusted: [jkt] };',
    'endorsements: submission.endorsements ?? [], trusted: [jkt] };',
    '[seal.bound] what comes with the first version as an endorsement makes no key trusted',
  ],
  [
    'seal.bound',
    'stored === undefined || ver !== current.ver + 1)',
    'stored === undefined || ver <= 1)',
    '[seal.bound] a rotation that is not the very next version is refused',
  ],
  [
    'seal.bound',
    'trusted: stored.trusted, endorsements: fresh }',
    'trusted: [...stored.trusted, verifySealProof(submission.seal_proof, { handle, ver, envelope: submission.envelope }).jkt], endorsements: fresh }',
    '[seal.bound] a rotation sealed by a key nobody vouched for is refused',
  ],
  [
    'seal.bound',
    '[...new Set([...stored.endorsements, ...fresh])]',
    '[...fresh]',
    '[seal.bound] a key that a trusted one signed for may seal the next version, and vouch for another',
  ],
  [
    'seal.bound',
    'if (endorsements.length > LIMITS.details) {',
    'if (endorsements.length > LIMITS.details * 9) {',
    'a chain of more than eight sealing keys is refused with what to do instead',
  ],
  [
    'seal.bound',
    'if (handle !== current.handle || connection !== current.name) {',
    'if (connection !== current.name) {',
    '[seal.bound] a rotation keeps handle and name',
  ],
  [
    'seal.bound',
    'if (handle !== current.handle || connection !== current.name) {',
    "if (handle !== current.handle || connection === '') {",
    '[seal.bound] a rotation keeps handle and name',
  ],
  [
    'revoke.fast',
    "  if (current.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');\n",
    '',
    '[revoke.fast] a revoked connection is not brought back by a rotation, and a suspended one stays suspended',
  ],
]);

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
      'const owner = check().envelope.header.dauth.owner;',
      "const owner = submission.envelope === '' ? check().envelope.header.dauth.owner : submission.seal_proof.slice(-9);",
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
      "    this.#db.run('DELETE FROM envelopes WHERE handle = ?', handle);\n",
      '',
      '[revoke.fast] a deleted connection leaves a tombstone without ciphertext, and the executor hears of it',
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
    'GRANTS.has(grant) && grant !== EXCHANGE)',
    'GRANTS.has(grant))',
    'a registration with a member nobody knows, a grant type that is not its, or a bad scope is refused',
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
    '',
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
  [
    'token.bound',
    "app.get('/audit', (c) => {\n    authenticate(authority, c, ADMIN);",
    "app.get('/audit', (c) => {\n    authenticate(authority, c);",
    "[token.bound] GET /audit is the operator's alone",
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

const PROVEN: readonly Mutant[] = of('executor/authenticate', unit('executor/routes'), [
  [
    'token.bound',
    ', requireJkt: config.executor.identity }',
    ' }',
    '[token.bound] GET /executor/envelopes/{handle} is for the pinned identity only',
  ],
  [
    'token.bound',
    'if (jkt !== authority.config.executor.identity)',
    "if (jkt === '')",
    '[token.bound] POST /executor/records is for the pinned identity only',
  ],
  [
    'token.bound',
    "if (!store.once.consume(`${jkt}.${jti}`, iat + LIMITS.proofReplaySeconds)) throw new DAuthError('REPLAY_DETECTED');",
    "if (jti === '' || iat + LIMITS.proofReplaySeconds === 0) throw new DAuthError('REPLAY_DETECTED', jkt + String(store));",
    '[token.bound] GET /executor/status takes a proof once',
  ],
  [
    'token.bound',
    '  authenticateExecutor(authority, c, body);\n',
    '',
    '[token.bound] POST /executor/records takes a proof once',
  ],
  [
    'token.bound',
    'htm: c.req.method',
    "htm: String(JSON.parse(Buffer.from(proofOf(c).split('.')[1] ?? '', 'base64url').toString()).htm)",
    '[token.bound] GET /executor/envelopes/{handle} takes a proof for this method, URL, time and body only',
  ],
  [
    'token.bound',
    'htu: targetOf(c, config.issuer)',
    "htu: String(JSON.parse(Buffer.from(proofOf(c).split('.')[1] ?? '', 'base64url').toString()).htu ?? targetOf(c, config.issuer))",
    '[token.bound] GET /executor/status takes a proof for this method, URL, time and body only',
  ],
]);

const ROUTES: readonly Mutant[] = of('executor/routes', unit('executor/routes'), [
  [
    'seal.bound',
    "    if (!keys.some((key) => key.kid === kid)) throw new DAuthError('CONNECTION_NOT_FOUND');\n",
    "    if (keys.length === 0) throw new DAuthError('CONNECTION_NOT_FOUND', kid);\n",
    '[seal.bound] an envelope for a key that the directory does not list is served to nobody',
  ],
]);

const STATUS: readonly Mutant[] = of('executor/status', unit('executor/status'), [
  [
    'revoke.fast',
    'const unlisten = store.changes.listen(() => catchUp());',
    'const unlisten = store.changes.listen(() => undefined);',
    '[revoke.fast] what an executor has missed comes in order, in bounded messages, and nothing twice',
  ],
  [
    'revoke.fast',
    '    sent = changes.at(-1)?.revision ?? sent;\n',
    '    sent = store.changes.revision();\n',
    '[revoke.fast] what an executor has missed comes in order, in bounded messages, and nothing twice',
  ],
  [
    'revoke.fast',
    'Math.min(since, store.changes.revision())',
    'Math.max(since, 0)',
    '[revoke.fast] an executor that is ahead of the store is told the lower revision',
  ],
  [
    'revoke.fast',
    "if (stalled > PATIENCE) fail('status reader too slow');",
    "if (stalled > PATIENCE * 99) fail('status reader too slow');",
    '[revoke.fast] the stream of a reader that does not read is ended, so that it has to resync',
  ],
  [
    'revoke.fast',
    "            fail('status stream failed');\n",
    '            drain();\n',
    '[revoke.fast] a failing store ends the stream: silence is what makes the executor refuse',
  ],
  [
    'revoke.fast',
    '      n: n++,\n',
    '      n: n,\n',
    '[revoke.fast] while nothing happens there is a heartbeat every 250 milliseconds, numbered without a gap',
  ],
  [
    'revoke.fast',
    '      sid,\n      n: n',
    '      sid: sid.slice(1),\n      n: n',
    '[revoke.fast] the first message is signed for this executor and this request, and says all since then',
  ],
]);

const RECORDS: readonly Mutant[] = of('executor/records', unit('executor/records'), [
  [
    'audit.complete',
    'if (record.seq !== last.seq + 1 ||',
    'if (',
    '[audit.complete] records that leave one out are refused whole',
  ],
  [
    'audit.complete',
    ' || record.prev !== last.hash',
    '',
    '[audit.complete] records that continue another line than the last are refused whole',
  ],
  [
    'audit.complete',
    ' || record.seq > end.seq)',
    ')',
    '[audit.complete] records that go beyond their checkpoint are refused whole',
  ],
  [
    'audit.complete',
    '        if (store.audit.at(identity, record.seq)?.hash !== hash) throw broken();\n',
    '',
    '[audit.complete] records that rewrite what is stored are refused whole',
  ],
  [
    'audit.complete',
    '    if (closed !== end.hash) throw broken();\n',
    '    if (closed === end.hash.slice(1)) throw broken();\n',
    '[audit.complete] records that are closed over another line are refused whole',
  ],
  [
    'audit.complete',
    'if (jkt !== identity || iss !== identity)',
    "if (jkt === '' || iss === '')",
    '[audit.complete] a checkpoint that the pinned identity did not sign closes nothing',
  ],
  [
    'audit.complete',
    'if (jkt !== identity || iss !== identity)',
    'if (iss !== identity || jkt === "")',
    '[audit.complete] a checkpoint that the pinned identity did not sign closes nothing',
  ],
]);

const MIRROR: readonly Mutant[] = of('executor/mirror', unit('executor/mirror'), [
  [
    'seal.client-only',
    'if (jkt !== identity || directory.resource',
    'if (jkt === identity.slice(1) || directory.resource',
    '[seal.client-only] a directory by another identity is not passed on',
  ],
  [
    'seal.client-only',
    ' || directory.resource !== resource)',
    ')',
    '[seal.client-only] a directory for another executor is not passed on',
  ],
  [
    'seal.client-only',
    'if (directory.exp <= time ||',
    'if (',
    '[seal.client-only] a directory that has ended is not passed on',
  ],
  [
    'seal.client-only',
    ' || directory.iat > time + LIMITS.clockLeewaySeconds)',
    ')',
    '[seal.client-only] a directory from the future is not passed on',
  ],
  [
    'seal.client-only',
    'if (directory.seq < (this.#held?.directory.seq ?? 0))',
    'if (directory.seq < 0)',
    '[seal.client-only] an older directory does not replace a newer one; the same number may',
  ],
  [
    'seal.client-only',
    ' && held.directory.exp > now)',
    ')',
    '[seal.client-only] a directory that ends is passed on no longer, even where it was just fetched',
  ],
  [
    'seal.client-only',
    "redirect: 'error', signal }",
    'signal }',
    'the executor is asked at its own address, and a redirect is not followed',
  ],
  [
    'seal.client-only',
    'now - this.#failedAt < COOL_DOWN)',
    'now - this.#failedAt < COOL_DOWN - 1)',
    'after a failure the executor is left alone for a second',
  ],
  [
    'seal.client-only',
    'this.#fetching ??= this.#refresh()',
    'this.#fetching = this.#refresh()',
    'it is asked for once in thirty seconds, also by many at once',
  ],
]);

const EDGE: readonly Mutant[] = [
  ...of('http', unit('oauth/documents'), [
    [
      'authority.blind',
      "  'x-content-type-options': 'nosniff',\n",
      '',
      'every answer has a request id and closed headers, and none lets another origin read it',
    ],
  ]),
  ...of('oauth/documents', unit('oauth/documents'), [
    [
      'authority.blind',
      '{ ...jwk, kid,',
      "{ ...jwk, d: '', kid,",
      '[authority.blind] the key set holds the public half of the signing key, and nothing else',
    ],
  ]),
];

const ATTACKS: readonly Mutant[] = of('intake', 'test/dist/attacks/envelope.test.js', [
  [
    'seal.bound',
    '  if (dauth.owner !== subject.sub)\n',
    '  if (dauth.owner === "")\n',
    '[seal.bound] an envelope stolen from the database is refused when another client submits it',
  ],
]);

export const AUTHORITY: readonly Mutant[] = [
  ...[...ATTACKS, ...EXCHANGE, ...DETAILS, ...GRANTING, ...STORE],
  ...[...INTAKE, ...AUTHENTICATE, ...CONNECTIONS, ...REGISTRY, ...KEYS],
  ...[...PROVEN, ...ROUTES, ...STATUS, ...RECORDS, ...MIRROR, ...EDGE],
];
