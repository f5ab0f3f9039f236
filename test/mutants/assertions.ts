/** Defences of assertions that are good still, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const ECHOED = 'packages/executor/dist/wire/assertions.test.js';
const REFRESHED = 'packages/executor/dist/refresh/assertions.test.js';
const KEPT = 'packages/executor/dist/secret/kept-assertions.test.js';
const RSA = 'packages/executor/dist/secret/rsa.test.js';
const MEMORY = 'packages/executor/dist/secret/client-key-memory.test.js';
const leaves = (key: string): string =>
  `[memory.clean] leaves no copy of a client's key of ${key}, of client credentials, nor of an assertion by it or a token that it got`;
const echoes = (what: string): string =>
  `[response.clean] an API that echoes the assertions of ${what} gives none away while they are good`;

export const ASSERTIONS: readonly Mutant[] = [
  ...of('executor', 'wire/token-call', ECHOED, [
    [
      'response.clean',
      'if (assertion !== undefined) assertions',
      'if (assertion === null) assertions',
      echoes('a GitHub App'),
    ],
  ]),
  ...of('executor', 'secret/token-assertion', ECHOED, [
    ['response.clean', 'seconds: scheme.lifetime', 'seconds: 60', echoes('a JWT bearer')],
  ]),
  ...of('executor', 'secret/token-request', ECHOED, [
    [
      'response.clean',
      'const assertion = open(before.assertion);',
      'const assertion = before.assertion === undefined ? null : openToken(before.assertion, plaintext);',
      '[response.clean] a token endpoint that gives an assertion back in the place of a token gives none',
    ],
  ]),
  ...of('executor', 'wire/tokens', ECHOED, [
    [
      'response.clean',
      'behind: this.#assertions.of(ask.connection)',
      'behind: []',
      '[response.clean] an API that refuses a token is not told the assertions of the one before',
    ],
    [
      'response.clean',
      'if (this.#assertions.hasRoom(ask.connection, ask.scheme))',
      'if (this.#assertions !== null)',
      '[response.clean] no more assertions are good at a time than answers can be searched for',
    ],
  ]),
  ...of('executor', 'secret/kept-assertions', KEPT, [
    [
      'response.clean',
      'const BEHIND = 60;',
      'const BEHIND = 0;',
      '[response.clean] an assertion is kept for a minute longer than it is good, and for an hour where nobody says so',
    ],
    [
      'response.clean',
      'all.length > LIMITS.assertions || ',
      '',
      '[response.clean] an assertion more than answers can be searched for is refused, though it was begun before',
    ],
    [
      'response.clean',
      ' || octetsOf(all) > LIMITS.assertionsTotal) throw',
      ') throw',
      '[response.clean] an assertion more than answers can be searched for is refused, though it was begun before',
    ],
    [
      'response.clean',
      ' && octetsOf(kept) + octets <= LIMITS.assertionsTotal',
      '',
      '[response.clean] there is room for an exchange only where there is for the most that it adds',
    ],
  ]),
  ...of('executor', 'refresh/refreshes', REFRESHED, [
    [
      'response.clean',
      '    this.#carry(sealed, next, key);\n',
      '',
      '[response.clean] with a refresh token that is replaced answers are searched for each assertion that is good still',
    ],
    [
      'response.clean',
      'behind: this.#assertions.of(versionOf(sealed))',
      'behind: []',
      '[response.clean] answers are searched for the assertions by which no token came',
    ],
    [
      'response.clean',
      'running === undefined && !this.#assertions.hasRoom(versionOf(newest), ask.scheme)',
      'running === undefined && this.#assertions === null',
      '[response.clean] no more assertions for refreshes are good at a time than answers can be searched for',
    ],
  ]),
  ...of('executor', 'secret/kept-token', KEPT, [
    ['memory.clean', '    wipe(token);\n', '', '[memory.clean] of a token that is sealed anew nothing stays'],
  ]),
  ...of('executor', 'secret/token-assertion', MEMORY, [
    ['memory.clean', '      wipe(jwt);\n', '', leaves('P-256 in SEC 1')],
  ]),
  ...of('executor', 'secret/modular', 'packages/executor/dist/secret/modular.test.js', [
    [
      'memory.clean',
      '    for (const limbs of [a, sum, less]) limbs.fill(0);\n',
      '',
      '[memory.clean] of what a product was made in nothing stays but the product',
    ],
  ]),
  ...of('executor', 'secret/rsa', RSA, [
    [
      'memory.clean',
      'DECOY);\n    group.generateKeys();\n',
      'DECOY);\n',
      '[memory.clean] of the power that is a signature but for a public factor nothing stays either',
    ],
  ]),
  ...of('executor', 'secret/assertion', MEMORY, [
    [
      'memory.clean',
      '  wipe(input, signature);\n  return whole.take();',
      '  wipe(input);\n  return whole.take();',
      leaves('RSA in PKCS #8'),
    ],
  ]),
  ...of('executor', 'wire/turns', 'packages/executor/dist/wire/turns.test.js', [
    [
      'dispatch.bound',
      'this.#waiting.size >= MOST',
      'this.#waiting.size > 1_000',
      '[dispatch.bound] where too many wait another is refused, and nobody who left counts',
    ],
    [
      'dispatch.bound',
      '      this.#waiting.delete(waiting!);\n',
      '',
      '[dispatch.bound] whoever left, or whose time ended, has no turn',
    ],
  ]),
];
