/** Defences of GitHub Apps, token exchanges, and forms that private keys come in, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SCHEME = 'packages/protocol/dist/token-scheme.test.js';
const APP = 'packages/executor/dist/secret/github-app.test.js';
const ASSERTION = 'packages/executor/dist/secret/assertion.test.js';
const VECTORS = 'packages/executor/dist/exchange-vectors.test.js';
const MEMORY = 'packages/executor/dist/secret/exchanged-kinds-memory.test.js';

export const APPS: readonly Mutant[] = [
  ...of('protocol', 'github-app', SCHEME, [
    [
      'seal.bound',
      '  if (!INSTALLATION.test(target))\n',
      '  if (!INSTALLATION.test(target) && target === "")\n',
      '[seal.bound] a scheme of a GitHub App with an endpoint of something else is refused',
    ],
    [
      'seal.bound',
      'LEVELS.find((one) => one === asked)',
      'asked as (typeof LEVELS)[number]',
      '[seal.bound] a scheme of a GitHub App with another level is refused',
    ],
  ]),
  ...of('protocol', 'token-exchange', SCHEME, [
    [
      'seal.bound',
      'subject_token: parseTemplate(said.subject_token, true)',
      'subject_token: parseTemplate(said.subject_token, false)',
      '[seal.bound] a scheme of a token exchange with a subject in the open is refused',
    ],
    [
      'response.clean',
      'return [subject, actor, id, ...proofTemplates(proofOf(scheme))].filter(',
      'return [subject, actor && id, id, ...proofTemplates(proofOf(scheme))].filter(',
      'a scheme of a token exchange is read as it stands, and all that it shows is searched for',
    ],
  ]),
  ...of('executor', 'secret/token-request', VECTORS, [
    [
      'response.clean',
      '      assertFindable(token.bytes);\n',
      '',
      '[dispatch.bound] vector: an exchange by token_exchange with an actor that could not be found again is refused',
    ],
  ]),
  ...of('executor', 'secret/token-request', MEMORY, [
    [
      'memory.clean',
      '      using token = fill(template, fields, VSCHAR);\n',
      '      const token = fill(template, fields, VSCHAR);\n',
      '[memory.clean] leaves no copy of the subject of a token exchange, nor of a token it was exchanged for',
    ],
  ]),
  ...of('executor', 'secret/assertion', APP, [
    [
      'token.bound',
      'life: 540 }',
      'life: 5_400 }',
      'GitHub is asked with a JWT by the key of the App, ten minutes long, and for what was sealed',
    ],
  ]),
  ...of('executor', 'secret/token-request', APP, [
    [
      'response.clean',
      'const assertion = open(before.assertion);',
      'const assertion = before.assertion === undefined ? null : openToken(before.assertion, plaintext);',
      'GitHub is asked with a JWT by the key of the App, ten minutes long, and for what was sealed',
    ],
  ]),
  ...of('executor', 'secret/token-answer', APP, [
    [
      'dispatch.bound',
      "['token', 'expires_at']",
      "['expires_at', 'token'].slice(1) as ['token', 'expires_at']",
      '[dispatch.bound] an answer of GitHub with an hour is a token',
    ],
  ]),
  ...of('executor', 'secret/key-der', ASSERTION, [
    [
      'dispatch.bound',
      'return !startsWith(pkcs8.subarray(key), PKCS1_START);',
      'return !startsWith(pkcs8.subarray(key), PKCS1_START.subarray(0, 2));',
      '[dispatch.bound] a private key of three primes in PKCS #1 is taken for nothing',
    ],
    [
      'dispatch.bound',
      'return !startsWith(pkcs8.subarray(key), PKCS1_START);',
      'return startsWith(pkcs8, PKCS1_START.subarray(1)) && key > 0;',
      '[dispatch.bound] a private key of three primes in PKCS #8 is taken for nothing',
    ],
  ]),
  ...of('executor', 'secret/key-der', MEMORY, [
    [
      'memory.clean',
      '  wipe(der);\n',
      '',
      '[memory.clean] leaves no copy of a private key in PKCS #1 that signs by RS256, nor of a token it was exchanged for',
    ],
  ]),
];
