/** Defences of what a private key stands in, where it is sealed and where it is opened. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const CONTAINER = 'packages/protocol/dist/key-container.test.js';
const PRIVATE_KEY = 'packages/client/dist/private-key.test.js';
const SEALED = 'packages/client/dist/sealed-keys.test.js';
const ASSERTION = 'packages/executor/dist/secret/assertion.test.js';
const CERTIFICATE = 'packages/executor/dist/wire/client-certificate.test.js';
const MEMORY = 'packages/executor/dist/secret/exchanged-kinds-memory.test.js';
const unused = (what: string): string => `[dispatch.bound] a key ${what} is no key that is used`;

export const KEY_CONTAINER: readonly Mutant[] = [
  ...of('protocol', 'key-container', CONTAINER, [
    [
      'dispatch.bound',
      ` || (parameters !== null && label !== 'EC PRIVATE KEY')`,
      '',
      unused('in PKCS #8 behind parameters'),
    ],
    ['dispatch.bound', 'if (from > 0 && key[from - 1]', 'if (from > 99 && key[from - 1]', unused('behind a blank')],
    ['dispatch.bound', 'first = find(key, DASHES, 0)', 'first = find(key, BEGIN, 0)', unused('behind five dashes')],
    ['dispatch.bound', 'isBase64(octet) || isSpace(octet)', 'isBase64(octet) || octet > 0', unused('with a password')],
  ]),
  ...of('protocol', 'key-container', ASSERTION, [
    [
      'dispatch.bound',
      'if (!key.subarray(found.to).every(isSpace))',
      'if (!key.subarray(found.to).every((octet) => octet > 0))',
      '[dispatch.bound] a private key with another one before it signs nothing',
    ],
  ]),
  ...of('client', 'private-key', PRIVATE_KEY, [
    [
      'dispatch.bound',
      '!SIGNS[container.label].includes(alg)',
      'SIGNS[container.label].length === 0',
      '[dispatch.bound] a key of RSA that shall sign by ES256 is refused before it is sealed',
    ],
    [
      'dispatch.bound',
      '!isPkcs8(value)',
      'value.length === 0',
      '[dispatch.bound] a key in PKCS #12 is refused before it is sealed',
    ],
  ]),
  ...of('protocol', 'key-uses', SEALED, [
    [
      'seal.client-only',
      "['idp' in scheme ? scheme.idp : {}, scheme]",
      '[scheme]',
      '[seal.client-only] a key of id_jag that is no key is refused before it is sealed, and zeroed: idp_key',
    ],
    [
      'seal.client-only',
      'if (certified !== undefined) return',
      "if (certified?.certificate === '') return",
      '[seal.client-only] a key of mtls that is no key is refused before it is sealed, and zeroed: key',
    ],
  ]),
  ...of('executor', 'secret/client-certificate', CERTIFICATE, [
    [
      'response.clean',
      "container.kind === 'pem' ? container.block : (pem ?? key)",
      "container.kind === 'pem' ? container.block.subarray(99) : (pem ?? key)",
      '[response.clean] of a key behind the attributes of a bag its lines are starred out, and those are not',
    ],
  ]),
  ...of('executor', 'secret/key-der', MEMORY, [
    [
      'memory.clean',
      '  wipe(der);\n',
      '',
      '[memory.clean] leaves no copy of a private key behind its parameters that signs by ES256, nor of a token it was exchanged for',
    ],
  ]),
];
