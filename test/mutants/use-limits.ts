/** Defences of limits and of the operator's rules, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const COUNTED = 'packages/executor/dist/who/use-limits.test.js';
const DOOR = 'packages/executor/dist/door/limits.test.js';
const OPERATOR = 'packages/executor/dist/where/operator.test.js';
const RULES = 'packages/protocol/dist/operator-rules.test.js';
const SEALED = 'packages/client/dist/sealed.test.js';

const STRETCH = '[dispatch.bound] a rate lets nobody past the borders of its parts';
const DOORS = '[dispatch.bound] a sealed rate holds at both doors together, and every answer says how it stands';
const RESTART = '[dispatch.bound] rate and budget hold over a restart';
const DENIES = '[dispatch.bound] an operator who denies a host is obeyed at both doors, before anything is opened';

export const USE_LIMITS: readonly Mutant[] = [
  ...of('executor', 'who/rates', COUNTED, [
    ['dispatch.bound', 'new Uint32Array(PARTS + 1)', 'new Uint32Array(PARTS)', STRETCH],
    [
      'dispatch.bound',
      'window !== undefined && used < quota.count',
      'window !== undefined && used <= quota.count',
      STRETCH,
    ],
    [
      'dispatch.bound',
      'if (window !== undefined && ago <= PARTS)',
      'if (window !== undefined && ago < 0)',
      '[dispatch.bound] a rate counts each key for itself, and takes what happened before it began',
    ],
  ]),
  ...of('executor', 'who/budgets', COUNTED, [
    [
      'dispatch.bound',
      'spent.used >= count)',
      'spent.used > count)',
      '[dispatch.bound] a budget has its count in each window, and the next window has it again',
    ],
    [
      'dispatch.bound',
      'const now = Math.max(this.#now(), this.#floor);\n    const start',
      'const now = this.#now();\n    const start',
      '[dispatch.bound] a clock that is set back opens no window again',
    ],
    [
      'dispatch.bound',
      'used: claimed!, claimed',
      'used: 0, claimed',
      '[dispatch.bound] a budget is spent over restarts, also after a crash, and gives nothing back',
    ],
    [
      'dispatch.bound',
      '    await spent.synced;\n',
      '',
      '[dispatch.bound] many takes at once are counted one by one, and each is on disk before it counts',
    ],
  ]),
  ...of('executor', 'who/use-limits', DOOR, [
    ['dispatch.bound', "if (kind !== 'intent' ||", "if (kind !== 'note' ||", RESTART],
    [
      'dispatch.bound',
      'if (quota !== undefined) count(',
      'if (quota !== undefined && quota.count < 0) count(',
      "[dispatch.bound] the operator's rates hold for each connection, owner and organisation besides",
    ],
  ]),
  ...of('executor', 'dispatch', DOOR, [
    ['dispatch.bound', 'limits = await deps.useLimits.take(permitted.policy);', '', DOORS],
  ]),
  ...of('executor', 'dispatch', OPERATOR, [
    ['dispatch.bound', 'assertOperator(request, permitted, destination, deps);', 'void assertOperator;', DENIES],
    [
      'dispatch.bound',
      'Math.min(request.maxResponseBytes, responseBytes)',
      'request.maxResponseBytes + Number(responseBytes < 0)',
      'the way out is told how large an answer the operator takes',
    ],
  ]),
  ...of('executor', 'where/operator', OPERATOR, [
    [
      'dispatch.bound',
      'endpoints.some((endpoint) => deniesOrigin(rules, endpoint))',
      'endpoints.some((endpoint) => deniesOrigin(rules, endpoint) && endpoint.length > 999)',
      '[dispatch.bound] an endpoint on a host that the operator denies exchanges nothing',
    ],
    [
      'dispatch.bound',
      'if (passed > most)',
      'if (passed > most * 99)',
      "[dispatch.bound] a body that is larger than the operator's most is refused, announced or not",
    ],
  ]),
  ...of('executor', 'where/address', OPERATOR, [
    [
      'dispatch.bound',
      'isWithin(ip, range)) === true)',
      'isWithin(ip, range)) === false)',
      '[dispatch.bound] nothing goes to an address in a range that the operator denies, however it is written',
    ],
  ]),
  ...of('protocol', 'operator-rules', RULES, [
    [
      'dispatch.bound',
      'host.endsWith(name.slice(1))',
      'host.endsWith(name.slice(2))',
      '[dispatch.bound] a denied name is met as it is, and a denied suffix in every name below it',
    ],
    [
      'dispatch.bound',
      'minute % 1_440 < to',
      'minute % 1_440 <= to',
      '[dispatch.bound] hours are minutes of days in UTC',
    ],
  ]),
  ...of('protocol', 'quota', RULES, [
    ['seal.bound', 'seconds: [1, 60]', 'seconds: [1, 6_000]', '[seal.bound] limits with a rate of an hour are refused'],
    [
      'seal.bound',
      'Object.keys(limits).length === 0',
      'Object.keys(limits).length > 9',
      '[seal.bound] limits with nothing are refused',
    ],
  ]),
  ...of('client', 'sealed', SEALED, [
    [
      'seal.bound',
      '...(limits === undefined ? {} : { limits }),',
      '...(limits === undefined ? {} : {}),',
      '[seal.bound] the next policy keeps how often a credential may be used',
    ],
  ]),
];
