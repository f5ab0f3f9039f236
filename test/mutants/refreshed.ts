/** Defences of refresh tokens and reseals, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const SCHEME = test('protocol', 'oauth2');
const STATEMENT = test('verify', 'reseal');
const RESEALED = test('client', 'resealed');
const STORED = test('authority', 'executor/reseal');
const DISPATCH = test('executor', 'refreshed');
const CRASH = test('executor', 'refresh/crash');
const WAY_OUT = test('executor', 'wire/steadfast');
const MEMORY = test('executor', 'refresh/refresh-memory');
const REPLACED =
  '[crash.safe] a refresh token that the endpoint replaces is stored as the next version before the API is called';
const LEAVES = '[memory.clean] leaves no copy of a refresh token that is replaced, nor of what it is exchanged for';

export const REFRESHED: readonly Mutant[] = [
  ...of('protocol', 'oauth2', SCHEME, [
    [
      'seal.bound',
      'if (others.includes(field!))',
      'if (others.length > 9)',
      '[seal.bound] an envelope with a refresh token that is the secret is refused',
    ],
  ]),
  ...of('protocol', 'reseal', SCHEME, [
    [
      'seal.bound',
      'nextHeader(current.header, next.header) !== next.protectedSegment',
      "nextHeader(current.header, next.header) === ''",
      '[seal.bound] a reseal changes version, key and algorithm of a header, and nothing else',
    ],
    [
      'seal.bound',
      'base.ver > from.ver ||',
      'base.ver > 99 ||',
      '[seal.bound] a reseal statement is about one version and the next, from what its owner sealed',
    ],
  ]),
  ...of('verify', 'reseal', STATEMENT, [
    [
      'seal.bound',
      'if (jkt !== options.identity)',
      "if (jkt === '')",
      '[seal.bound] a reseal statement by another key is refused',
    ],
    [
      'seal.bound',
      'said.to.sha256 === sha256Base64url(options.envelope)',
      "said.to.sha256 !== sha256Base64url('')",
      '[seal.bound] a reseal statement for another envelope is refused',
    ],
  ]),
  ...of('client', 'sealed', RESEALED, [
    [
      'seal.bound',
      'if (jkt !== executor)',
      "if (jkt === '')",
      '[seal.bound] a version that somebody else made, or that nobody stated, is refused',
    ],
    [
      'seal.bound',
      ' || said.to.sha256 !== digest)',
      " || digest === '')",
      '[seal.bound] a statement about another envelope is refused',
    ],
    [
      'seal.bound',
      'if (base.ver < (expected.atLeast ?? 0))',
      'if (policy.ver < (expected.atLeast ?? 0))',
      '[seal.bound] what was made of an older version than its owner sealed last is refused',
    ],
  ]),
  ...of('authority', 'executor/reseal', STORED, [
    [
      'seal.bound',
      '  assertResealed(parseEnvelope(current.envelope), next);\n',
      '  if (ver < 0) assertResealed(parseEnvelope(current.envelope), next);\n',
      '[seal.bound] a version with another policy is refused, whoever states it',
    ],
    [
      'seal.bound',
      'said.base.ver !== base.ver || said.base.sha256 !== base.sha256',
      'said.base.ver > base.ver',
      '[seal.bound] a version by its owner of the same number comes before one that was made here',
    ],
    [
      'token.bound',
      'if (row.ver !== readVer(body))',
      'if (row.ver < 0)',
      'a grant that is gone is said of the current version only, and a rotation ends it',
    ],
  ]),
  ...of('authority', 'store/leases', STORED, [
    [
      'crash.safe',
      'WHERE leases.holder = excluded.holder OR',
      'WHERE leases.holder <> excluded.ver OR',
      'a lease is for the current version of an active connection, and for one node at a time',
    ],
  ]),
  ...of('executor', 'refresh/refreshes', DISPATCH, [
    [
      'dispatch.bound',
      '    this.#flights.set(handle, flight);\n',
      '',
      '[dispatch.bound] many dispatches at once exchange a refresh token once, and each of them is answered',
    ],
    [
      'crash.safe',
      "    await this.#lease(handle, ver, held.kind === 'code');\n",
      "    if (ver < 0) await this.#lease(handle, ver, held.kind === 'code');\n",
      '[crash.safe] without a lease, or without a place for what may come, nothing is asked',
    ],
    [
      'crash.safe',
      '    await this.#reserve(handle);\n',
      '    if (ver < 0) await this.#reserve(handle);\n',
      '[crash.safe] without a lease, or without a place for what may come, nothing is asked',
    ],
    [
      'crash.safe',
      'monotonic() - leasedAt > LIMITS.leaseSendSeconds * 1_000',
      'leasedAt > LIMITS.leaseSendSeconds * 1e15',
      '[crash.safe] a lease that is too old when the request could go out is given up',
    ],
    [
      'token.bound',
      'Math.min(kept.until, pauseEnds)',
      'Math.min(kept.until, 0)',
      'a token that the API refuses is given up, but never more than once in thirty seconds',
    ],
  ]),
  ...of('executor', 'refresh/pending', test('executor', 'refresh/pending'), [
    [
      'crash.safe',
      '    if (running?.of === pending) return running.end;\n',
      '',
      '[crash.safe] two that store one reseal at once are one, and each hears how it ended',
    ],
    [
      'crash.safe',
      '      if (this.#pending.get(handle) === pending) {\n',
      '      {\n',
      '[crash.safe] a late answer (null) for one reseal takes nothing from the next',
    ],
  ]),
  ...of('executor', 'who/authority', test('executor', 'who/authority'), [
    [
      'crash.safe',
      '      if (status !== 200 && isOwnersWord(body)) return null;\n',
      '      if ([403, 404, 409].includes(status)) return null;\n',
      '[crash.safe] a reseal is not given up for the word of a page that is not there',
    ],
  ]),
  ...of('executor', 'refresh/pending', CRASH, [
    [
      'crash.safe',
      '    await fillDurably(',
      "    if (envelope === '') await fillDurably(",
      '[crash.safe] killed before it was stored, an executor goes on with the refresh token that is good',
    ],
    [
      'crash.safe',
      '      this.#tryLater();\n',
      '      if (handle.length < 9) this.#tryLater();\n',
      '[crash.safe] while the authority is away what came is kept on disk, and stored as soon as it is back',
    ],
  ]),
  ...of('executor', 'who/owed', CRASH, [
    [
      'crash.safe',
      '  await waitFor(storing, timeoutMs, signal);\n',
      '',
      '[crash.safe] a dispatch that meets the storing waits for it, and goes on with what came',
    ],
    [
      'crash.safe',
      'waitFor(storing, timeoutMs, signal)',
      'storing',
      '[crash.safe] a dispatch waits for the storing no longer than it said, and ends with it where that fails',
    ],
  ]),
  ...of('executor', 'who/owed', DISPATCH, [
    [
      'crash.safe',
      '  shelf.drop(handle);\n',
      '',
      '[crash.safe] what could not be stored is stored before the next dispatch begins, though nobody told of it yet',
    ],
  ]),
  ...of('executor', 'who/view', DISPATCH, [
    ['revoke.fast', '!this.isResealed(standing.handle, standing.ver, known.ver)', 'standing.ver > 0', REPLACED],
  ]),
  ...of('executor', 'secret/token-answer', DISPATCH, [
    [
      'crash.safe',
      'error !== null && isText(error, INVALID_GRANT, false)',
      'error !== null && INVALID_GRANT.length > 0',
      'an endpoint that answers with another error ends the dispatch and not the grant',
    ],
  ]),
  ...of('executor', 'wire/upstream', WAY_OUT, [
    [
      'crash.safe',
      'if (request.isSteadfast !== true) register',
      'register',
      '[crash.safe] a call that has to end by itself is not reset with its connection, and shares no socket with others',
    ],
  ]),
  ...of('executor', 'wire/pools', WAY_OUT, [
    [
      'crash.safe',
      'request.isSteadfast === true ? null : request.connection.handle',
      'request.connection.handle',
      '[crash.safe] a call that has to end by itself is not reset with its connection, and shares no socket with others',
    ],
  ]),
  ...of('executor', 'wire/worn', WAY_OUT, [
    [
      'response.clean',
      'new Forms([...filled.secrets, ...former, ...key.numbers], key.lines)',
      'new Forms(filled.secrets)',
      '[response.clean] an answer is searched for what the version before held, too',
    ],
  ]),
  ...of('executor', 'reseal', MEMORY, [['memory.clean', 'wipe(sealed, aeadKey, nonce)', 'wipe(nonce)', LEAVES]]),
  ...of('executor', 'wire/refresh-call', MEMORY, [['memory.clean', '    wipe(token, refresh, value);\n', '', LEAVES]]),
];
