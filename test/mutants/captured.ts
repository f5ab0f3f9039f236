/** Defences of answers that are captured, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const POLICY = test('protocol', 'capture');
const DISPATCH = test('executor', 'captured');
const HOSTILE = test('executor', 'hostile-login');
const TRUST = test('executor', 'captured-trust');
const MEMORY = test('executor', 'captured-memory');
const LOGIN = test('client', 'seal-login');
const refuses = (what: string): string =>
  `[response.clean] a login that answers with ${what} is refused, and nothing of the answer goes back`;
const ELSEWHERE = '[response.clean] a token that stands elsewhere too, in whatever form, is in nothing that goes back';
const STORED =
  '[crash.safe] what was captured is the next version of what its owner sealed, stored before the answer goes back';
const LEAVES = '[memory.clean] leaves no copy of a token that is captured, nor of the login that it was the answer to';
const GONE = '[revoke.fast] a login that is gone, or captures no more, ends what was captured through it';

export const CAPTURED: readonly Mutant[] = [
  ...of('executor', 'captures', TRUST, [
    [
      'seal.bound',
      '!login.use.trusted.includes(session.use.jkt) || ',
      '',
      '[seal.bound] nothing is captured into a connection whose sealer vouches for the owner’s key, and not the other way',
    ],
    [
      'seal.bound',
      ' || !session.use.trusted.includes(login.use.jkt)',
      '',
      '[seal.bound] nothing is captured out of a login whose sealer vouches for the owner’s key, and not the other way',
    ],
    [
      'revoke.fast',
      '      view.assertStands(session.standing);\n',
      '',
      '[revoke.fast] a connection that is revoked while its login begins is captured into no more',
    ],
  ]),
  ...of('executor', 'who/authorize', TRUST, [
    [
      'seal.bound',
      'return { handle, envelope, policy, standing, ...assertSealed(stored, handle, deps) };',
      'return { handle, envelope, policy, standing } as never;',
      '[seal.bound] an older version of a login, or one that another key sealed, vouches for nothing captured',
    ],
  ]),
  ...of('protocol', 'capture', POLICY, [
    [
      'seal.bound',
      "segment.startsWith('*')",
      "segment.startsWith('*') && paths.length > 99",
      '[seal.bound] a login at any path is refused',
    ],
    [
      'seal.bound',
      '/\\/graphql\\/*$/i.test(path)',
      '/\\/graphql$/.test(path)',
      '[seal.bound] a login at /api/GraphQL is refused',
    ],
    [
      'seal.bound',
      'graphql !== undefined || paths',
      'paths',
      '[seal.bound] a login that is an operation of GraphQL is refused',
    ],
    [
      'seal.bound',
      'isDatabase || releases || ',
      'isDatabase || ',
      '[seal.bound] a login whose cookies go back is refused',
    ],
  ]),
  ...of('protocol', 'envelope', POLICY, [
    [
      'seal.bound',
      'policy.capture !== undefined && policy.captured !== undefined',
      'policy.capture !== undefined && policy.captured === policy.capture',
      '[seal.bound] a login that is captured itself is refused',
    ],
  ]),
  ...of('client', 'seal', LOGIN, [
    [
      'seal.bound',
      'if (Object.hasOwn(fields, name))',
      'if (Object.hasOwn(fields, name) && captured.length > 99)',
      '[seal.bound] a value for a captured field is refused, and zeroed',
    ],
  ]),
  ...of('cli', 'captured', test('cli', 'capture'), [
    [
      'seal.bound',
      ' && !seals.highest().has(nameOf(handle))',
      '',
      '[seal.bound] no whole policy is sealed over a login, whatever the authority shows as its envelope',
    ],
    [
      'seal.bound',
      'capture === undefined && captured === undefined && ',
      '',
      '[seal.bound] no whole policy is sealed over a login, whatever the authority shows as its envelope',
    ],
  ]),
  ...of('executor', 'captures', DISPATCH, [
    [
      'token.bound',
      'if (!isNamed) throw',
      'if (!isNamed && capture.fields.length > 99) throw',
      '[token.bound] a token that does not name what is captured into logs nobody in',
    ],
    [
      'seal.bound',
      'captured?.from !== login.handle || !isWhole',
      '!isWhole',
      '[seal.bound] nothing is captured into a connection that was sealed for another login',
    ],
    [
      'seal.bound',
      'captured?.from !== login.handle || !isWhole',
      'captured?.from !== login.handle',
      '[seal.bound] nothing is captured into a connection that was sealed for other fields',
    ],
    [
      'seal.bound',
      'if (!login.use.trusted.includes(session.use.jkt) || !session.use.trusted.includes(login.use.jkt))',
      'if (login.use.trusted.length === 0)',
      '[seal.bound] nothing is captured into a connection that another key sealed',
    ],
    [
      'crash.safe',
      '      await waitFor(before, end - monotonic(), request.signal);\n',
      '      await waitFor(Promise.resolve(), end - monotonic(), request.signal);\n',
      '[crash.safe] logins at once take turns, and each is stored',
    ],
    [
      'crash.safe',
      '    await authority.lease(into, use.ver, node);\n',
      '    if (use.ver < 0) await authority.lease(into, use.ver, node);\n',
      '[crash.safe] where it cannot be stored, sealed or leased the answer does not go back',
    ],
  ]),
  ...of('executor', 'wire/capture', DISPATCH, [
    ['crash.safe', '  await stored;\n', '  stored.catch(() => undefined);\n', STORED],
  ]),
  ...of('executor', 'wire/capture', HOSTILE, [
    ['response.clean', 'redactWhole(octets, [forms, secrets])', 'redactWhole(octets, [forms])', ELSEWHERE],
    [
      'response.clean',
      'if (!places.every(',
      'if (places.length > 99 && !places.every(',
      '[response.clean] an answer that is the handle itself captures nothing',
    ],
  ]),
  ...of('executor', 'wire/scan', HOSTILE, [
    [
      'response.clean',
      'const ranges = merge(all.flatMap((forms) => look(data, forms)));\n  star(data, ranges, data.length);',
      'const ranges = all.toReversed().map((forms) => redact(data, forms));',
      '[response.clean] a token that is part of the password, or the other way round, gives neither away',
    ],
  ]),
  ...of('executor', 'wire/worn', HOSTILE, [
    [
      'response.clean',
      'lastHeadEnd(octets) : this.#heads.take(octets)',
      'lastHeadEnd(octets) : lastHeadEnd(octets)',
      'a token that holds the user name is captured as it is',
    ],
  ]),
  ...of('executor', 'wire/capture', HOSTILE, [
    ['response.clean', 'if (status >= 300) throw', 'if (status >= 999) throw', refuses('a way to somewhere else')],
  ]),
  ...of('executor', 'wire/exchange', HOSTILE, [
    [
      'response.clean',
      'readableOf(raw, capture !== undefined)',
      '[...readableOf(raw, capture !== undefined), ...raw]',
      ELSEWHERE,
    ],
    [
      'response.clean',
      'Math.min(this.#maxBytes, LIMITS.capturedAnswer)',
      'this.#maxBytes',
      '[response.clean] an answer that is too large is refused, however small it comes',
    ],
  ]),
  ...of('executor', 'wire/answer-heads', HOSTILE, [
    [
      'response.clean',
      'this.#isOver = this.#isLast;',
      'this.#isOver = true;',
      '[response.clean] the password is starred out of a head behind an interim one, in one piece',
    ],
  ]),
  ...of('executor', 'wire/answer-heads', test('executor', 'wire/answer-heads'), [
    [
      'response.clean',
      'this.#isOver = this.#isLast;',
      'this.#isOver = true;',
      '[response.clean] what is no final status ends no head',
    ],
    [
      'response.clean',
      'if (this.#length === 0 && (',
      'if (this.#length === 9_999 && (',
      '[response.clean] empty lines before a head are told from the body, in any pieces',
    ],
  ]),
  ...of('executor', 'secret/captured-values', HOSTILE, [
    ['response.clean', 'way.entered++ === depth', 'way.entered++ >= 0', refuses('two tokens, one in escapes')],
    [
      'response.clean',
      'way.entered++ === depth',
      'depth < 1 || way.entered++ >= 0',
      refuses('a token in the second of two objects of a name'),
    ],
    [
      'response.clean',
      'if (hasOthers) throw',
      'if (hasOthers && ways.length > 99) throw',
      refuses('a refresh token besides'),
    ],
    [
      'response.clean',
      'value[0] === 0x5b || value[0] === 0x7b',
      'value[0] === 0x7b',
      refuses('a list of tokens besides'),
    ],
    [
      'response.clean',
      'value[0] === 0x5b || value[0] === 0x7b',
      'value[0] === 0x5b',
      refuses('a token besides, in an object'),
    ],
    ['response.clean', ", 'token', 'jwt']", ", 'jwt']", refuses('a token besides, under no other name')],
    ['response.clean', "'sessiontoken', ", '', refuses('a session token besides')],
    [
      'response.clean',
      'some((known) => isSpelled(name, known))',
      'some((known) => isText(name, known, true))',
      refuses('an access token besides, with a hyphen'),
    ],
    [
      'response.clean',
      '++members > LIMITS.capturedMembers',
      '++members > LIMITS.capturedMembers + 99',
      refuses('more members than are compared'),
    ],
    [
      'response.clean',
      'total > LIMITS.injectedTotal',
      'total > LIMITS.injectedTotal * 2',
      '[response.clean] tokens that no request could carry together are not captured',
    ],
    [
      'response.clean',
      'octet >= 0x21 && octet <= 0x7e',
      'octet >= 0x01 && octet <= 0x7e',
      refuses('a token with a line end'),
    ],
    [
      'response.clean',
      'value.length >= LIMITS.guessableValue',
      'value.length >= LIMITS.shortestValue',
      refuses('a token that is too short'),
    ],
    [
      'response.clean',
      'through[depth] = here;',
      'if (name !== null) through[depth] = here;',
      '[response.clean] a token in a list is not taken for one in the object before it',
    ],
  ]),
  ...of('executor', 'where/target', test('executor', 'where/token-endpoints'), [
    [
      'response.clean',
      'if (permit.policy.capture === undefined)\n',
      'if (permit.policy.capture !== undefined)\n',
      '[response.clean] /token is no target, though policy and token allow it, at both doors',
    ],
  ]),
  ...of('executor', 'who/authorize', DISPATCH, [
    [
      'revoke.fast',
      '  assertActive(stored.status);\n',
      '',
      '[revoke.fast] a login that was suspended before anybody heard of it ends what was captured through it',
    ],
  ]),
  ...of('executor', 'who/permit', DISPATCH, [
    ['revoke.fast', 'parent.capture?.into !== handle', 'handle.length < 9', GONE],
    ['revoke.fast', "error.code === 'CONNECTION_NOT_FOUND'", "error.code === 'INTERNAL'", GONE],
    [
      'token.bound',
      'deps.now() >= capturedAt + lifetime',
      'deps.now() >= capturedAt + lifetime * 9',
      'before the first login, and past its time, what is captured cannot be used',
    ],
  ]),
  ...of('executor', 'who/view', DISPATCH, [
    [
      'revoke.fast',
      'if (login !== undefined) assertActive(login.status);',
      'if (login !== undefined && standing.ver < 0) assertActive(login.status);',
      '[revoke.fast] a call through what was captured ends with the login',
    ],
  ]),
  ...of('executor', 'wire/capture', MEMORY, [
    [
      'memory.clean',
      'wipe(answer, ...found.map(({ value }) => value))',
      'wipe(...found.map(({ value }) => value))',
      LEAVES,
    ],
    ['memory.clean', 'wipe(answer, ...found.map(({ value }) => value))', 'wipe(answer)', LEAVES],
  ]),
  ...of('executor', 'reseal', MEMORY, [['memory.clean', '    if (bytes !== plaintext) wipe(bytes);\n', '', LEAVES]]),
];
