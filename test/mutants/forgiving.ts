/**
 * Defences against readers that are more forgiving than ours, and against callers whose one request holds up or fills up
 * everybody's executor, each with the test that must miss it. Data only; see mutant.ts.
 */
import { of, type Mutant } from './mutant.ts';

const NAME = 'packages/protocol/dist/field-name.test.js';
const CONDITION = 'packages/protocol/dist/body-condition.test.js';
const PLACES = 'packages/executor/dist/where/body-slots.test.js';
const STREAMING = 'packages/executor/dist/door/streaming.test.js';
const WHERE = 'packages/executor/dist/where/dispatch-where.test.js';
const SHARES = 'packages/executor/dist/who/shares.test.js';
const FORMS = 'packages/executor/dist/wire/forms.test.js';
const MATCHING = 'test/dist/attacks/executor/matching.test.js';
const HARDEN = 'packages/executor/dist/harden.test.js';
const HELD = 'packages/executor/dist/door/held.test.js';
const VIEW = 'packages/executor/dist/who/view.test.js';

const FORM_HAS = '[dispatch.bound] a form cannot name the slot for itself: ';
const STREAMED = '[dispatch.bound] a streamed body cannot ask for another method: ';
const QUERY = '[dispatch.bound] a query that names what a condition on the body is about is not taken: ';
const MEETS = (what: string): string => `[dispatch.bound] a body with ${what} does not meet the condition`;

export const FORGIVING: readonly Mutant[] = [
  ...of('protocol', 'dispatch', NAME, [
    [
      'dispatch.bound',
      'return /^[\\s+.[\\]]*[_. ]',
      'return /^[\\s+.]*[_. ]',
      '[dispatch.bound] an override is one in brackets too, as Rack and qs read it',
    ],
  ]),
  ...of('protocol', 'field-name', PLACES, [
    [
      'dispatch.bound',
      ', bareName(name.replaceAll(',
      ', bareName(name.slice(0, 0).replaceAll(',
      `${FORM_HAS}as PHP reads a bracket that nothing closes`,
    ],
    ['dispatch.bound', ".replace(/^[\\s[\\]]+/, '')", '', `${FORM_HAS}in brackets, as Rack and qs read it`],
  ]),
  ...of('executor', 'where/override-names', STREAMING, [
    ['dispatch.bound', '|%5[bBdD]', '', `${STREAMED}a form with escaped brackets before it`],
    ['dispatch.bound', '(?:[[\\]]|%5b|%5d)*(?:[_.]', '(?:[_.]', `${STREAMED}multipart with brackets`],
  ]),
  ...of('executor', 'where/override', STREAMING, [
    [
      'dispatch.bound',
      'charset[*\\d]*',
      'charset',
      `${STREAMED}JSON in a charset that only readers of extended parameters see`,
    ],
  ]),
  ...of('protocol', 'body-slot', PLACES, [
    [
      'dispatch.bound',
      "return name.split('\\0', 1)[0]!.",
      'return name.',
      '[dispatch.bound] a JSON body is refused that has the member up to a zero, where readers in C end a name',
    ],
  ]),
  ...of('protocol', 'body-condition', CONDITION, [
    ['dispatch.bound', ".replaceAll(/[_-]/g, '')", '', MEETS('a second member as Protocol Buffers read it')],
    [
      'dispatch.bound',
      "return 'absent' in condition && !steps",
      "return 'absent' in condition || !steps",
      MEETS('absence beside the object, as Rails wraps it'),
    ],
    ['dispatch.bound', '.split(/[&;]/)', ".split('&')", `${QUERY}?x;a=2`],
    [
      'dispatch.bound',
      'if (name === undefined) return true;',
      'if (name === undefined) return false;',
      `${QUERY}?%ff=1`,
    ],
    ['dispatch.bound', "bareName(name.split('.', 1)[0]!)", 'bareName(name)', `${QUERY}?a.b=2`],
  ]),
  ...of('protocol', 'policy', WHERE, [
    [
      'dispatch.bound',
      '!isConditionIn(query, rule.body)',
      '!isConditionIn(``, rule.body)',
      '[dispatch.bound] a query that names what a condition is about is refused, whatever the body holds',
    ],
  ]),
  ...of('executor', 'where/conditions', WHERE, [
    [
      'dispatch.bound',
      "'kept', LIMITS.bodyValues",
      "'kept', 2 * LIMITS.bodyValues",
      '[dispatch.bound] a body that a rule has conditions on has 65,536 values at most, for others wait while it is read',
    ],
  ]),
  ...of('executor', 'where/json-places', PLACES, [
    [
      'dispatch.bound',
      "'any', LIMITS.bodyValues",
      "'any', 2 * LIMITS.bodyValues",
      '[dispatch.bound] a JSON body is refused that has more values than are read while others wait',
    ],
  ]),
  ...of('executor', 'who/shares', SHARES, [
    [
      'dispatch.bound',
      'octets * SHARE)',
      'octets)',
      '[dispatch.bound] one owner holds a quarter of the octets at most, in whatever many places, and gives them back with each',
    ],
    [
      'dispatch.bound',
      'this.#all + amount > this.#most)',
      'this.#all + amount > 9 * this.#most)',
      '[dispatch.bound] all together hold no more than all octets, and what was refused is not counted',
    ],
  ]),
  ...of('executor', 'door/buffered', HELD, [
    [
      'dispatch.bound',
      'limits.bufferedRequestBytes, place.hold)',
      'limits.bufferedRequestBytes, () => place)',
      '[dispatch.bound] an owner with large buffered dispatches holds 12 MiB of them, and then is asked to wait',
    ],
    [
      'dispatch.bound',
      'place.hold(octets, tooMuch)',
      'place.hold(octets * 0, tooMuch)',
      '[dispatch.bound] large answers that are held whole are counted too, and what streams by is not',
    ],
  ]),
  ...of('executor', 'door/streaming', HELD, [
    [
      'dispatch.bound',
      'hold: place.hold }',
      'hold: () => void place }',
      '[dispatch.bound] an owner whose bodies are read for their conditions holds 12 MiB of them, and then is asked to wait',
    ],
  ]),
  ...of('executor', 'harden', HARDEN, [
    [
      'memory.clean',
      "/[1-9a-f]/i.test(facts.coreFilter ?? '')",
      "/[g-z]/i.test(facts.coreFilter ?? '')",
      '[memory.clean] a core dump that the system would pipe has to be empty, where the system can say so',
    ],
    ['memory.clean', "argument.replaceAll('_', '-')", 'argument', "[memory.clean] Node's --heap_prof is refused"],
    [
      'memory.clean',
      'if (!isStartedForThem(facts.env))',
      "if (!('OPENSSL_ia32cap' in facts.env))",
      '[memory.clean] instructions with which OpenSSL keeps octets of what it decrypted are refused, whoever allows them',
    ],
    [
      'memory.clean',
      '(?:PATH|COMPILE_CACHE\\w*)$/',
      'PATH$/',
      '[memory.clean] NODE_COMPILE_CACHE in the environment is refused by name, its value unsaid',
    ],
    [
      'memory.clean',
      "process.on('uncaughtException', (",
      "process.on('warning', (",
      "[memory.clean] an error that nobody catches says its kind and nothing else: throw 'canary'",
    ],
  ]),
  ...of('executor', 'wire/escapes', FORMS, [
    ['response.clean', "'+': '&#x2B;' }", '}', '[response.clean] finds a value as ASP.NET Core writes it'],
    [
      'response.clean',
      "'=': '&#x3D;' },\n  // ASP",
      '},\n  // ASP',
      '[response.clean] finds a value as Handlebars writes it',
    ],
    [
      'response.clean',
      'HTML_UNSAFE, 0x2b, 0x60',
      'HTML_UNSAFE, 0x60',
      '[response.clean] finds a value as System.Text.Json writes it',
    ],
  ]),
  ...of('protocol', 'path', MATCHING, [
    [
      'dispatch.bound',
      'if (segment === undefined || ENCODED_BREAK.test(segment)) return false;',
      'if (segment === undefined) return false;',
      '[dispatch.bound] a rule with any patterns takes the targets that the oracle takes, and no other',
    ],
  ]),
  ...of('protocol', 'query', MATCHING, [
    [
      'dispatch.bound',
      '[/&/, /[&;]/].every(',
      '[/&/].every(',
      '[dispatch.bound] of a query that a rule takes every reader finds listed names, each once',
    ],
  ]),
  ...of('executor', 'who/view', VIEW, [
    [
      'revoke.fast',
      'const MEMORY_MS = 900_000;',
      'const MEMORY_MS = 600_000;',
      '[revoke.fast] a revoked grant is remembered longer than anything lives that came of it',
    ],
    [
      'revoke.fast',
      "['token', 'grant'];",
      "['token', 'grant', 'client'];",
      '[revoke.fast] a client, of which new tokens could come, is remembered for good',
    ],
    [
      'revoke.fast',
      '    ids.delete(change.id);\n    ids.set(',
      '    if (!ids.has(change.id)) ids.set(',
      '[revoke.fast] a grant that is revoked once more is remembered from then on',
    ],
  ]),
];
