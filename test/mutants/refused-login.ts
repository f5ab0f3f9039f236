/** Defences of what a login that says no may say, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const REFUSAL = 'packages/executor/dist/hostile-refusal.test.js';
const without = (what: string): string =>
  `[response.clean] of a login that says no with ${what} the status goes back, and nothing else`;
const WAIT = '[response.clean] of a login that says no no header goes back but when to try again';
const STARS = '[response.clean] of a login that says no the password has stars, whatever is kept back';
const ON_WAY = '[response.clean] a login that says no with a text where the way leads on goes back without it';
const NAMED = '[response.clean] what is named as what is captured goes back nowhere in a login that says no';

export const REFUSED_LOGINS: readonly Mutant[] = [
  ...of('executor', 'secret/json-members', REFUSAL, [
    [
      'response.clean',
      'unit <= 0x5a ? unit | 0x20',
      'unit <= 0x5a ? unit',
      without('a token under a name with hyphens'),
    ],
  ]),
  ...of('executor', 'secret/refusal-body', REFUSAL, [
    ['response.clean', '!utf8.takes(answer) || ', '', without('octets that are no UTF-8')],
    [
      'response.clean',
      '++members <= LIMITS.capturedMembers',
      '++members > 0',
      without('a token behind more members than are read'),
    ],
    [
      'response.clean',
      'return isTaken && ',
      'return (isTaken || answer.length > 0) && ',
      without('two byte order marks'),
    ],
    [
      'response.clean',
      'return isTaken && ',
      'return (isTaken || answer.length > 0) && ',
      without('a token, and no end'),
    ],
    ['response.clean', 'return isTaken && ', 'return (isTaken || answer.length > 0) && ', without('UTF-16')],
    ['response.clean', ' && !hasDocument(answer)', '', without('JSON in a text of JSON')],
    ['response.clean', ' && !hasToken(answer);', ';', without('a token in a list that nobody named')],
    ['response.clean', ' && !hasToken(answer);', ';', without('JSON in base64 in a text of JSON')],
    ['response.clean', ' || letters >= NO_WORD', '', without('a token of letters alone')],
    ['response.clean', 'const unit = unitAt(json, at);', 'const unit = json[at]!;', without('a token in escapes')],
    ['response.clean', "ascii('{<=%')", "ascii('<=%')", without('JSON in a text of JSON, in escapes')],
    ['response.clean', "ascii('{<=%')", "ascii('{=%')", without('a page in a text of JSON')],
    ['response.clean', "ascii('{<=%')", "ascii('{<%')", without('a form in a text of JSON, in escapes')],
    ['response.clean', "ascii('{<=%')", "ascii('{<=')", without('what is percent-encoded in a text of JSON')],
    [
      'response.clean',
      'OF_DOCUMENTS.has(unitAt(json, at))',
      'OF_DOCUMENTS.has(json[at]!)',
      without('a form in a text of JSON, in escapes'),
    ],
    ['response.clean', 'at += isText ? widthAt(json, at) : 1', 'at += 1', without('a form behind a quote in a text')],
    ['response.clean', "'secret', 'session',", "'secret',", without('a session')],
    ['response.clean', "'cookie', ", '', without('the lines of a cookie')],
    ['response.clean', "'ticket', ", '', without('a ticket')],
    ['response.clean', 'letters.includes(stem)', 'letters.equals(stem)', without('a token under a name in camel case')],
    ['response.clean', 'letterOf(unitAt(name, at))', 'letterOf(name[at]!)', without('a token under a name in escapes')],
    [
      'response.clean',
      'value[0] === 0x22 && value.length === 2',
      'value[0] !== 0x22 || value.length === 2',
      without('a list of what would be captured'),
    ],
    ['response.clean', ' || ends.some((end) => letters.equals(end))', '', NAMED],
    ['response.clean', 'return !isNamed && !isOnWay;', 'return !isNamed;', ON_WAY],
    [
      'response.clean',
      'return !isNamed && !isOnWay;',
      'return !isNamed;',
      '[response.clean] a token in a list that the pointer numbers goes back in no login that says no',
    ],
  ]),
  ...of('executor', 'wire/capture', REFUSAL, [
    ['response.clean', 'if (isHarmless(answer, fields)) return', 'if (answer.length > 0) return', without('a form')],
    ['response.clean', 'const redactions = redactWhole(answer, [forms]);', 'const redactions = 0;', STARS],
    ['response.clean', ' && (!isName(name, RETRY_AFTER) || isWait(value))', '', WAIT],
    ['response.clean', 'hasForm(octet, DATE[at]!)', 'hasForm(octet, octet)', WAIT],
    ['response.clean', 'value.length === DATE.length && ', '', WAIT],
  ]),
  ...of('executor', 'wire/exchange', REFUSAL, [
    ['response.clean', 'capture && ((answer)', 'ask && capture && ((answer)', without('a token under another name')],
  ]),
];
