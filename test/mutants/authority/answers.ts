/**
 * Defences of `authority` where tokens are given back and asked about, where nonces are asked for, and where signing keys
 * change; each with the test that must miss it. Data only; see mutant.ts.
 */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const SILENT = '[token.bound] unknown, foreign, ended and made up: one empty answer, and nothing is revoked';

const ALWAYS_BOUND =
  '[token.bound] the metadata says that tokens are always bound only while no client is marked to have others';

const REVOKING: readonly Mutant[] = of('oauth/revoke', unit('oauth/revoke'), [
  [
    'token.bound',
    'claims?.client_id === client.client_id && ',
    "claims !== undefined && client.client_id !== '' && ",
    SILENT,
  ],
  ['token.bound', 'claims.exp + AFTER_END > authority.now()', 'claims.exp + AFTER_END > 0', SILENT],
  [
    'revoke.fast',
    'claims.exp + AFTER_END > authority.now()',
    'claims.exp + AFTER_END * 0 > authority.now()',
    '[revoke.fast] a token that just ended is revoked all the same, while a long call of it may go on',
  ],
  [
    'token.bound',
    'family?.client_id === client.client_id && ',
    "family !== undefined && client.client_id !== '' && ",
    '[token.bound] a refresh token of another client, an ended and a made up one are the same empty answer',
  ],
  [
    'token.bound',
    ' && family.expires_at > authority.now();',
    ' && family.expires_at > 0;',
    '[token.bound] a refresh token of another client, an ended and a made up one are the same empty answer',
  ],
  [
    'revoke.fast',
    'store.changes.revoke(found.what, found.id, now());',
    '',
    '[revoke.fast] a token given back is refused at the exchange, inactive, and told to executors at once',
  ],
  [
    'token.bound',
    'consumeOnce(authority, by);',
    'if (now() < 0) consumeOnce(authority, by);',
    '[token.bound] an assertion revokes once',
  ],
  [
    'token.bound',
    'if (hint !== undefined && !TOKEN_KINDS.some((kind) => kind.hint === hint))',
    'if (hint !== undefined && !TOKEN_KINDS.some(() => true))',
    'what is no revocation request is refused as the token endpoint refuses',
  ],
]);

const ISSUED: readonly Mutant[] = [
  ...of('oauth/issued', unit('oauth/revoke'), [
    ['token.bound', '&& claims.iss === config.issuer ?', '&& claims.iss !== config.database ?', SILENT],
    ['token.bound', 'typ: TYP.accessToken,', 'typ: [TYP.accessToken, TYP.tryTicket],', SILENT],
  ]),
  ...of('oauth/issued', unit('oauth/introspect'), [
    [
      'token.bound',
      'claims.exp <= now() || ',
      'claims.exp < now() || ',
      'a token is active until the second it ends, and not in it',
    ],
    [
      'revoke.fast',
      "isRevoked('token', claims.jti, claims.subject_jti)",
      "isRevoked('token', claims.subject_jti)",
      '[revoke.fast] a token whose token was revoked is inactive at once',
    ],
    [
      'revoke.fast',
      "isRevoked('token', claims.jti, claims.subject_jti)",
      "isRevoked('token', claims.jti)",
      '[revoke.fast] a dispatch token falls with the token, the client and the server it came from',
    ],
    [
      'revoke.fast',
      "    isRevoked('grant', claims.grant_id) ||\n",
      '',
      '[revoke.fast] a token whose grant was revoked is inactive at once',
    ],
    [
      'revoke.fast',
      "isRevoked('client', claims.client_id, claims.subject_client_id)",
      "isRevoked('client', claims.subject_client_id)",
      '[revoke.fast] a token whose client was revoked is inactive at once',
    ],
    [
      'revoke.fast',
      "isRevoked('server', claims.aud, claims.act?.sub)",
      "isRevoked('server', claims.act?.sub)",
      '[revoke.fast] a token whose server was revoked is inactive at once',
    ],
    [
      'revoke.fast',
      "isRevoked('server', claims.aud, claims.act?.sub)",
      "isRevoked('server', claims.aud)",
      '[revoke.fast] a dispatch token falls with the token, the client and the server it came from',
    ],
    [
      'revoke.fast',
      "    isRevoked('owner', claims.sub) ||\n",
      '',
      '[revoke.fast] a token whose owner was revoked is inactive at once',
    ],
    [
      'revoke.fast',
      " ||\n    isRevoked('org', claims['ddls:org'])",
      '',
      '[revoke.fast] a token whose org was revoked is inactive at once',
    ],
    [
      'token.bound',
      '(client === undefined || !mayBeUnbound(authority, client))',
      '(client === undefined && mayBeUnbound(authority, registry.client(claims.client_id)!))',
      '[token.bound] a token without a key is shown as Bearer, and only while its client may have one',
    ],
    [
      'token.bound',
      '(grant.expires_at !== null && grant.expires_at <= now()) ||',
      '',
      'a token without its grant, or whose grant has ended, is inactive',
    ],
  ]),
];

const INTROSPECTING: readonly Mutant[] = of('oauth/introspect', unit('oauth/introspect'), [
  [
    'token.bound',
    'claims.aud === resource)',
    'claims.aud !== String(resource).slice(0, 0))',
    '[token.bound] another server, another client and a stranger learn nothing of it',
  ],
  [
    'token.bound',
    'if (resource === undefined && client.client_id !== OPERATOR_ID)',
    "if (resource === '')",
    '[token.bound] another server, another client and a stranger learn nothing of it',
  ],
  [
    'token.bound',
    "if (client.auth === 'none')",
    "if (client.auth === 'none' && token === '')",
    '[token.bound] a public client cannot ask, though it were a server',
  ],
  [
    'token.bound',
    'consumeOnce(authority, by);',
    "if (token === '') consumeOnce(authority, by);",
    '[token.bound] an assertion asks once, and a revoked server not at all',
  ],
]);

const NONCES: readonly Mutant[] = [
  ...of('oauth/nonce', unit('oauth/nonce'), [
    [
      'token.bound',
      "if (typeof nonce !== 'string' || !nonces.isFresh(nonce, now))",
      'if (nonce === null)',
      '[token.bound] a client that needs a nonce is refused without one, told which, and gets its token with it',
    ],
    [
      'token.bound',
      '[stepAt(now), stepAt(now) - 1]',
      '[stepAt(now), stepAt(now) - 1, stepAt(now) - 2]',
      '[token.bound] an older nonce, one of another key, and what is no text are refused',
    ],
    [
      'token.bound',
      "createHmac('sha256', key)",
      "createHmac('sha256', key.subarray(0, 0))",
      '[token.bound] an older nonce, one of another key, and what is no text are refused',
    ],
  ]),
  ...of('oauth/client-auth', unit('oauth/nonce'), [
    [
      'token.bound',
      'if (client.dpop_nonces) requireNonce',
      "if (client.dpop_nonces && path === '/token') requireNonce",
      '[token.bound] a proof of such a client at the revocation endpoint needs one too',
    ],
  ]),
  ...of('oauth/client-auth', unit('oauth/token'), [
    [
      'token.bound',
      '  if (header === undefined && client_secret === undefined) return;',
      '  if (client_secret === undefined) return;',
      'a secret in a header is refused with a challenge in its own scheme, whoever sends it (RFC 6749 §5.2)',
    ],
    [
      'token.bound',
      "  if (!isPublic) throw new OAuthError('invalid_request',",
      "  if (!isPublic && header !== undefined) throw new OAuthError('invalid_request',",
      'an assertion beside a secret, in the form or in a header, is one way too many (RFC 6749 §5.2)',
    ],
  ]),
];

const NO_GAP = 'a rotation is no gap: published, then signing, then the old one gone, and every token works to its end';

const KEYS: readonly Mutant[] = [
  ...of('key-ring', unit('keys'), [
    ['token.bound', 'const next = make(now() + publishAhead);', 'const next = make(now() + publishAhead * 0);', NO_GAP],
    [
      'token.bound',
      'LIMITS.accessTokenSeconds + LIMITS.callWindowSeconds + 2 * LIMITS.clockLeewaySeconds',
      'LIMITS.accessTokenSeconds',
      NO_GAP,
    ],
    [
      'token.bound',
      '(this.#after(key)?.from ?? Infinity) + KEEP_SECONDS > now',
      '(this.#after(key)?.from ?? Infinity) + KEEP_SECONDS > Math.min(now, 0)',
      NO_GAP,
    ],
    [
      'token.bound',
      'return isDone && key.privateKey !== null ? { ...key, privateKey: null } : key;',
      'return isDone && key.privateKey === null ? { ...key, privateKey: null } : key;',
      'a private half goes from the disk when it has signed its last, and the public one when nobody needs it',
    ],
    [
      'crash.safe',
      '    this.#options.save(keys);\n',
      '',
      '[crash.safe] a rotation is on disk when it is answered: after a restart the same keys do the same',
    ],
    [
      'token.bound',
      'if (newest.from > now()) return',
      'if (newest.from > now() + publishAhead) return',
      'asked twice, it is one rotation; when that one signs, the next can be asked for',
    ],
  ]),
  ...of('keys', unit('keys'), [
    [
      'token.bound',
      'if ((statSync(path).mode & 0o077) !== 0)',
      'if ((statSync(path).mode & 0o007) !== 0)',
      "[token.bound] the file is its owner's alone, before and after a rotation, and nothing is left beside it",
    ],
    [
      'token.bound',
      "openSync(temporary, 'w', 0o600)",
      "openSync(temporary, 'w', 0o644)",
      "[token.bound] the file is its owner's alone, before and after a rotation, and nothing is left beside it",
    ],
  ]),
  ...of('api/keys', unit('keys'), [
    [
      'token.bound',
      "authenticate(authority, c, 'dauth:admin')",
      "authenticate(authority, c, 'dauth:connections.read')",
      '[token.bound] only the operator rotates',
    ],
  ]),
  ...of('oauth/documents', unit('keys'), [
    [
      'token.bound',
      'Math.min(CACHE_SECONDS, authority.config.keys.publishAhead)',
      'CACHE_SECONDS',
      'a key set may be kept no longer than a key is published ahead',
    ],
  ]),
];

/** What the metadata says of the Bearer exception. */
const BOUND: readonly Mutant[] = [
  ...of('oauth/documents', unit('oauth/bearer'), [
    [
      'token.bound',
      'dpop_bound_access_tokens_required: !mayBeUnbound',
      'dpop_bound_access_tokens_required: mayBeUnbound || true',
      ALWAYS_BOUND,
    ],
    [
      'token.bound',
      "bearerException !== 'off' && ",
      '',
      '[token.bound] an installation that switches the exception off gives no such token and exchanges none',
    ],
  ]),
  ...of('store/registry', unit('oauth/bearer'), [
    ['token.bound', "WHERE source = 'operator' AND bound = 0", "WHERE source = 'operator' AND bound = 1", ALWAYS_BOUND],
  ]),
];

export const ANSWERS: readonly Mutant[] = [...REVOKING, ...ISSUED, ...INTROSPECTING, ...NONCES, ...KEYS, ...BOUND];
