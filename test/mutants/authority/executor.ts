/** Defences of `authority`: the executor's endpoints and its edge, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

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
]);

const ROUTES: readonly Mutant[] = of('executor/routes', unit('executor/routes'), [
  [
    'seal.bound',
    "    if (!keys.some((key) => key.kid === kid)) throw new DAuthError('CONNECTION_NOT_FOUND');\n",
    "    if (keys.length === 0) throw new DAuthError('CONNECTION_NOT_FOUND', kid);\n",
    '[seal.bound] an envelope for a key that the directory does not list is served to nobody',
  ],
]);

const SET_BACK = '[revoke.fast] a revoked token stays so where the clock is set back after its row was dropped';
const RESTARTED = '[revoke.fast] until when revocations were dropped outlives a restart, and never goes back';

const CLOCK: readonly Mutant[] = [
  ...of('store/changes', unit('store/set-back'), [
    ['revoke.fast', 'return iat <= this.forgotten();', 'return iat < this.forgotten();', SET_BACK],
    ['revoke.fast', 'SET at = max(at, coalesce(', 'SET at = max(0, coalesce(', RESTARTED],
    [
      'revoke.fast',
      "('token', 'grant') AND revoked_at <= ?",
      "('token', 'grant') AND revoked_at <= ? + 10000",
      '[revoke.fast] a revocation that lies ahead of the clock is not dropped',
    ],
  ]),
  ...of('oauth/issued', unit('store/set-back'), [
    ['revoke.fast', ' || changes.isForgotten(claims.iat))', ')', SET_BACK],
  ]),
  ...of('api/authenticate', unit('store/set-back'), [
    ['revoke.fast', 'store.changes.isForgotten(claims.iat) || ', '', SET_BACK],
  ]),
  ...of('oauth/exchange', unit('store/set-back'), [
    ['revoke.fast', 'changes.isForgotten(subject.iat))', 'changes.isForgotten(subject.iat - 10_000))', SET_BACK],
  ]),
];

const CHANGES: readonly Mutant[] = of('store/changes', unit('store/changes'), [
  [
    'revoke.fast',
    'const skipped = at === last + 1 ? []',
    'const skipped = at >= last + 1 ? []',
    '[revoke.fast] only what has no effect any more is dropped, and what is skipped is told',
  ],
  [
    'revoke.fast',
    "what IN ('token', 'grant') AND revision < (SELECT",
    "what IN ('token', 'grant', 'client') AND revision <= (SELECT",
    '[revoke.fast] only what has no effect any more is dropped, and what is skipped is told',
  ],
  [
    'revoke.fast',
    'AND revision < (SELECT max(revision) FROM changes)`',
    'AND revision <= (SELECT max(revision) FROM changes)`',
    '[revoke.fast] the highest revision stays, whatever it says: below it everything would be an older backup',
  ],
  [
    'revoke.fast',
    'later.id = changes.id AND later.revision',
    'later.revision',
    '[revoke.fast] only what has no effect any more is dropped, and what is skipped is told',
  ],
  [
    'revoke.fast',
    'at - before.at < KEEP_MS) return;',
    'at - before.at < KEEP_MS / 2) return;',
    '[revoke.fast] nothing is dropped before fifteen minutes, of whatever clock the machine shows',
  ],
  [
    'revoke.fast',
    'this.#drop(before.revision, now)',
    'this.#drop(before.revision + 1_000, now)',
    '[revoke.fast] nothing is dropped before fifteen minutes, of whatever clock the machine shows',
  ],
  [
    'revoke.fast',
    "WHERE revoked.what = 'grant' AND grants.id = revoked.id)",
    "WHERE revoked.what = 'none' AND grants.id = revoked.id)",
    '[revoke.fast] a grant that is there stays revoked, however long ago that was',
  ],
]);

const SKIPS: readonly Mutant[] = of('store/changes', unit('executor/status'), [
  [
    'revoke.fast',
    'revision: at - 1 }',
    'revision: at - 2 }',
    '[revoke.fast] messages stay bounded where something is skipped before each change, and none is left out',
  ],
]);

const STATUS: readonly Mutant[] = of('executor/status', unit('executor/status'), [
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

export const EXECUTOR: readonly Mutant[] = [
  ...PROVEN,
  ...ROUTES,
  ...CHANGES,
  ...CLOCK,
  ...SKIPS,
  ...STATUS,
  ...RECORDS,
  ...MIRROR,
  ...EDGE,
];
