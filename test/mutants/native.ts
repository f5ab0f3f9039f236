/** Defences of what native calls give, and of what is made of it, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant, type Row } from './mutant.ts';

const NATIVE = 'packages/executor/dist/secret/native.test.js';
const WAYS = 'packages/executor/dist/secret/on-the-way.test.js';
const LOGIN = 'packages/executor/dist/postgres/login.test.js';
const MEMORY = 'packages/executor/dist/secret/memory.test.js';

const moved = (what: string): string =>
  `[memory.clean] what ${what} gives is moved into memory of our own at once, and zeroed where it was`;

/** A call that hands out what the engine has. */
const bare = (call: string, what: string): Row => [
  'memory.clean',
  `return taken(${call});`,
  `return ${call};`,
  moved(what),
];

/** Zeroing that is forgotten on some way. */
const kept = (find: string, when: string, replace = ''): Row => [
  'memory.clean',
  find,
  replace,
  `[memory.clean] nothing that is made on the way stays when ${when}`,
];

const OPENED = 'an envelope is opened';
const BY_HMAC = 'HMAC is signed by';
const PIECE = 'a piece is signed';
const SCRAM = 'a password is proven by SCRAM';
const MD5 = 'a password is proven by MD5';

export const NATIVE_CALLS: readonly Mutant[] = [
  ...of('executor', 'secret/native', NATIVE, [
    bare('hmac.digest()', 'an HMAC'),
    bare("hashOnce(hash, joined, 'buffer')", 'the hash of a secret'),
    bare('diffieHellman({ privateKey, publicKey })', 'a Diffie-Hellman'),
    bare('pbkdf2Sync(password, salt, iterations, length, hash)', 'a PBKDF2'),
    ['memory.clean', '  wipe(made);\n', '', moved('a Diffie-Hellman')],
    ['memory.clean', '  scrubRegisters();\n  const owned', '  const owned', moved('an HMAC')],
    [
      'memory.clean',
      '  scrubRegisters();\n  return digest;',
      '  return digest;',
      '[memory.clean] the registers are overwritten behind every hash of what may hold secrets',
    ],
  ]),
  ...of('executor', 'secret/native', WAYS, [kept('    wipe(joined);\n', MD5)]),
  ...of('executor', 'secret/schedule', WAYS, [
    kept('wipe(shared, secret)', OPENED, 'wipe(secret)'),
    kept('wipe(shared, secret)', OPENED, 'wipe(shared)'),
    kept('    wipe(prk);\n', OPENED),
    kept('    wipe(dh);\n', OPENED),
    kept('wipe(exporter, output)', OPENED, 'wipe(output)'),
    kept('wipe(exporter, output)', OPENED, 'wipe(exporter)'),
    kept('    wipe(labeled);\n', OPENED),
    kept('  wipe(block);\n', OPENED),
  ]),
  ...of('executor', 'secret/schedule', MEMORY, [
    [
      'memory.clean',
      '    wipe(prk);\n',
      '',
      '[memory.clean] leaves no copy of a credential or its keys: GET and POST, buffered and streamed',
    ],
  ]),
  ...of('executor', 'open', WAYS, [
    kept('    wipe(aeadKey, nonce);\n', OPENED, '    wipe(aeadKey);\n'),
    kept('    wipe(aeadKey, nonce);\n', OPENED, '    wipe(nonce);\n'),
  ]),
  ...of('executor', 'secret/sigv4', WAYS, [kept('  wipe(octets);\n', 'AWS is signed to, in the header')]),
  ...of('executor', 'secret/aws-chunks', WAYS, [
    kept('wipe(signature, this.#before)', PIECE, 'wipe(this.#before)'),
    kept('wipe(signature, this.#before)', PIECE, 'wipe(signature)'),
  ]),
  ...of('executor', 'secret/oauth1', WAYS, [kept('  wipe(raw);\n', 'OAuth 1.0 is signed by')]),
  ...of('executor', 'secret/hmac', WAYS, [
    kept('  wipe(raw);\n  named', BY_HMAC, '  named'),
    kept('  wipe(raw);\n  return', BY_HMAC, '  return'),
    [
      'memory.clean',
      'isKeyed(scheme) ? secretDigest : digestOf',
      'scheme.digest === undefined ? secretDigest : digestOf',
      '[memory.clean] no field is hashed by an object, which would keep the result until it is collected',
    ],
  ]),
  ...of('executor', 'secret/scram', WAYS, [
    kept('  wipe(salted);\n', SCRAM),
    kept('  wipe(clientSignature);\n', SCRAM),
  ]),
  ...of('executor', 'secret/md5', WAYS, [kept('  wipe(outer);\n', MD5)]),
  ...of('executor', 'postgres/login', LOGIN, [
    [
      'memory.clean',
      '    wipe(expected);\n',
      '',
      '[memory.clean] nothing that SCRAM made of the password stays once the server has proven itself',
    ],
  ]),
  ...of('executor', 'postgres/messages', LOGIN, [
    [
      'memory.clean',
      "  return ownedConcat(Buffer.from(type, 'latin1'), uint32(length), ...body);",
      "  return Buffer.concat([Buffer.from(type, 'latin1'), uint32(length), ...body]);",
      '[memory.clean] a message has its whole memory, so that what zeroes one leaves no copy of a proof in a pool',
    ],
  ]),
];
