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
      'kept.length > LIMITS.assertions || ',
      '',
      '[response.clean] of a connection the newest assertions are kept that answers can be searched for',
    ],
    [
      'response.clean',
      ' || octetsOf(kept) > LIMITS.assertionsTotal) kept',
      ') kept',
      '[response.clean] of a connection the newest assertions are kept that answers can be searched for',
    ],
    [
      'response.clean',
      '    for (const each of [...this.#kept.keys()]) this.#good(each);\n',
      '',
      '[response.clean] no connection whose assertions are good no more takes the place of another',
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
  ...of('executor', 'secret/rsa', RSA, [
    [
      'dispatch.bound',
      ' || !isProduct(modulus, ...primes)',
      '',
      '[dispatch.bound] a key of RSA with primes that make another modulus signs nothing',
    ],
  ]),
  ...of('executor', 'secret/key-numbers', 'packages/executor/dist/secret/assertion.test.js', [
    [
      'dispatch.bound',
      '  if (named !== undefined && !content(named).equals(P256_PARAMETERS.subarray(2))) return null;\n',
      '',
      '[dispatch.bound] a private key of another curve within a key of P-256 signs nothing',
    ],
    [
      'dispatch.bound',
      '.equals(P256_PARAMETERS.subarray(2))',
      '.some((octet) => octet === 0)',
      '[dispatch.bound] a private key in SEC 1 that names another curve signs nothing',
    ],
  ]),
  ...of('executor', 'secret/assertion', MEMORY, [
    ['memory.clean', '    wipe(input, signature);\n', '    wipe(input);\n', leaves('RSA in PKCS #8')],
  ]),
  ...of('executor', 'wire/turns', 'packages/executor/dist/wire/turns.test.js', [
    [
      'dispatch.bound',
      'mine.size >= MOST',
      'mine.size > 1_000',
      '[dispatch.bound] where too many of one owner wait another is refused, and nobody who left counts',
    ],
    [
      'dispatch.bound',
      '      mine.delete(waiting!);\n',
      '',
      '[dispatch.bound] whoever left, or whose time ended, has no turn',
    ],
    [
      'dispatch.bound',
      '      this.#waiting.delete(owner);\n',
      '',
      '[dispatch.bound] an owner for whom one waits has a turn after one of each other, however many wait for them',
    ],
  ]),
];
