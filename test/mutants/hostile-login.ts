/** Defences of answers that are credentials, as whoever owns the API tries them. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const LOGIN = 'test/dist/attacks/executor/login.test.js';
const refused = (how: string): string =>
  `[response.clean] a login that answers ${how} captures nothing, and nothing of it goes back`;

export const HOSTILE_LOGIN: readonly Mutant[] = [
  ...of('executor', 'wire/worn', 'packages/executor/dist/captured-memory.test.js', [
    [
      'memory.clean',
      'wipe(filled.target, filled.lines, filled.body, ...filled.secrets, ...former);',
      'wipe(filled.target, filled.lines, filled.body, ...filled.secrets);',
      '[memory.clean] leaves no copy of a token that is captured, nor of the login that it was the answer to',
    ],
  ]),
  ...of('executor', 'wire/worn', LOGIN, [
    [
      'response.clean',
      'former.push(...heldValues(captured, fields));',
      'former.push(...heldValues(captured, fields.slice(9)));',
      '[response.clean] a token that was captured is in no later answer, of its login or of what it is for',
    ],
  ]),
  ...of('executor', 'wire/exchange', LOGIN, [
    [
      'response.clean',
      'const read = this.#request.capture === undefined ? raw',
      'const read = capture === undefined ? raw',
      '[response.clean] a login that says no has no headers but those that say how',
    ],
  ]),
  ...of('executor', 'wire/capture', LOGIN, [
    ['response.clean', 'if (status >= 300) throw', 'if (status >= 999) throw', refused('with 302')],
  ]),
  ...of('executor', 'secret/captured-values', LOGIN, [
    [
      'response.clean',
      "  if (!isTaken) throw uncaptured('is no JSON object",
      "  if (!isTaken && ways.length > 9) throw uncaptured('is no JSON object",
      refused('twice'),
    ],
  ]),
];
