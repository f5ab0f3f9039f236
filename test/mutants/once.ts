/** Defences of how a call begins, that it begins once, and how it ends with either end, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const ONCE = 'packages/executor/dist/wire/once.test.js';
const DIAL = 'packages/executor/dist/wire/dial.test.js';
const LEAVING = 'packages/executor/dist/door/leaving.test.js';
const LAUNCH = 'packages/executor/dist/launch.test.js';

const AGAIN =
  '    return exchange.answer.catch(() =>\n' +
  '      Object.isFrozen(asked) ? exchange.answer : call(Object.freeze({ ...asked })),\n' +
  '    );\n';
const notAgain = (what: string, socket: string): string =>
  `[dispatch.bound] ${what} is not sent again after a reset of ${socket} socket`;
const INHERITS = '[dispatch.bound] no proxy, debugger or key log of the shell reaches the executor';
const CLOSED = "  at.response.once('close', () => controller.abort(LEFT));\n";
const TOLD = '    this.#abort = abort;\n';
const OWN = 'while its own body flows ends it upstream, and nothing there looks whole';
const BODY = '    body: hasBody(at.request) ? at.request : null,\n';
/** Both ways to hear of it, for either alone is enough: the body's own end and the signal. */
const UNHEARD =
  "    body: hasBody(at.request) ? at.request.pipe(new (process.getBuiltinModule('node:stream').PassThrough)()) : null,\n" +
  '    ...{ signal: (signal = new AbortController().signal) },\n';
const CUT = '    await pipeline(body, at.response);\n';
const WHOLE = "    void pipeline;\n    body.on('error', () => at.response.end()).pipe(at.response);\n";

export const CALLED_ONCE: readonly Mutant[] = [
  ...of('executor', 'wire/upstream', ONCE, [
    ['dispatch.bound', '    return exchange.answer;\n', AGAIN, notAgain('a POST whose head was read', 'a new')],
    ['dispatch.bound', '    return exchange.answer;\n', AGAIN, notAgain('a POST whose body was read', 'a used')],
    ['dispatch.bound', '    return exchange.answer;\n', AGAIN, notAgain('a GET, which could be,', 'a used')],
  ]),
  ...of('executor', 'wire/dial', DIAL, [
    [
      'dispatch.bound',
      "    timeout.addEventListener('abort', giveUp);\n",
      '',
      '[dispatch.bound] a server that takes the connection and never shakes hands ends the call in time',
    ],
    [
      'dispatch.bound',
      "    timeout.addEventListener('abort', giveUp);\n",
      '',
      '[dispatch.bound] a server that does not answer at all ends the call in time',
    ],
  ]),
  ...of('executor', 'door/public', LEAVING, [
    ['dispatch.bound', CLOSED, '', 'a caller that closes before there is an answer ends its request upstream'],
    ['dispatch.bound', CLOSED, '', 'a caller that resets before there is an answer ends its request upstream'],
  ]),
  ...of('executor', 'wire/exchange', LEAVING, [
    ['dispatch.bound', TOLD, '', 'a caller that closes while its answer flows ends it upstream'],
    ['dispatch.bound', TOLD, '', 'a caller that resets while its answer flows ends it upstream'],
  ]),
  ...of('executor', 'door/streaming', LEAVING, [
    ['dispatch.bound', BODY, UNHEARD, `a caller that closes ${OWN}`],
    ['dispatch.bound', BODY, UNHEARD, `a caller that resets ${OWN}`],
    ['response.clean', CUT, WHOLE, 'an upstream that ends in the middle of its answer is a reset for the caller'],
    ['response.clean', CUT, WHOLE, 'an upstream that is cut off in the middle of its answer is a reset for the caller'],
  ]),
  ...of('executor', 'launch', LAUNCH, [
    [
      'dispatch.bound',
      '{ DAUTH_RESOLVED_CONFIG: json, ...OVERWRITING,',
      '{ HTTPS_PROXY: process.env.HTTPS_PROXY, DAUTH_RESOLVED_CONFIG: json, ...OVERWRITING,',
      INHERITS,
    ],
    [
      'dispatch.bound',
      '{ DAUTH_RESOLVED_CONFIG: json, ...OVERWRITING,',
      '{ DAUTH_ELSE: process.env.DAUTH_ELSE, DAUTH_RESOLVED_CONFIG: json, ...OVERWRITING,',
      INHERITS,
    ],
  ]),
];
