/** Defences of clients that prove themselves with a key, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SCHEME = 'packages/protocol/dist/client-auth.test.js';
const PROVEN = 'packages/executor/dist/secret/client-auth.test.js';
const OVERWRITTEN = 'packages/executor/dist/overwritten.test.js';
const unopened = (what: string): string =>
  `[memory.clean] where freed memory stays as it is nothing is opened for a key of P-256 that signs for ${what}`;
const minute = (scheme: string): string =>
  `[token.bound] a client of ${scheme} proves itself by ES256, to its endpoint alone and for a minute`;

export const CLIENT_KEYS: readonly Mutant[] = [
  ...of('executor', 'wire/token-call', 'packages/executor/dist/wire/assertions.test.js', [
    [
      'memory.clean',
      '  assertKeysTaken(scheme, upstream);\n',
      '',
      '[memory.clean] where the process leaves what it frees as it is, no key of P-256 signs, and nothing is opened for it',
    ],
  ]),
  ...of('executor', 'wire/token-call', OVERWRITTEN, [
    [
      'memory.clean',
      '&& !upstream.isFreedOverwritten())',
      '&& upstream.isFreedOverwritten === undefined)',
      unopened('a JWT bearer'),
    ],
    ['memory.clean', '[scheme, idJagRequest(scheme)]', '[scheme]', unopened('an ID-JAG, at the identity provider')],
    [
      'memory.clean',
      '[scheme, idJagRequest(scheme)]',
      '[idJagRequest(scheme)]',
      unopened('an ID-JAG, at the server of the API'),
    ],
  ]),
  ...of('executor', 'dispatch', OVERWRITTEN, [
    [
      'memory.clean',
      '  if (scheme !== undefined) assertKeysTaken(scheme, deps.upstream);\n',
      '',
      unopened('a connected refresh token'),
    ],
  ]),
  ...of('executor', 'redeem', OVERWRITTEN, [
    [
      'memory.clean',
      '  assertKeysTaken(scheme, deps.upstream);\n',
      '',
      '[memory.clean] where freed memory stays as it is a code is redeemed by no key of P-256, neither by ticket nor by dispatch',
    ],
  ]),
  ...of('protocol', 'client-auth', SCHEME, [
    [
      'seal.bound',
      'secret !== undefined && key !== undefined',
      'secret !== undefined && secret === key',
      '[seal.bound] a client of client_credentials with a secret beside the key is refused',
    ],
    [
      'seal.bound',
      'if (proofKeys(proof).some((field) => shown.includes(field)))',
      'if (shown.length > 99)',
      '[seal.bound] a client of token_exchange with a key that is its name, too is refused',
    ],
    [
      'seal.bound',
      "auth === 'private_key_jwt' || KEY_MEMBERS",
      "auth === 'private_key_jwt' && KEY_MEMBERS",
      '[seal.bound] a client of oauth2 with a way to authenticate alone is refused',
    ],
    [
      'seal.bound',
      "if (said.auth !== undefined && said.auth !== 'private_key_jwt')",
      "if (said.auth === '')",
      '[seal.bound] a client of oauth2 with another way to authenticate is refused',
    ],
  ]),
  ...of('protocol', 'inject', SCHEME, [
    [
      'seal.bound',
      'if (proofKeys(tokenSchemeOf(injections) ?? {}).some((field) => shown.has(field)))',
      'if (shown.size > 99)',
      '[seal.bound] a slot with the key of a client of oauth2 is refused',
    ],
  ]),
  ...of('executor', 'secret/token-assertion', PROVEN, [
    ['token.bound', 'const CLIENT_LIFE = 60;', 'const CLIENT_LIFE = 3_600;', minute('oauth2')],
    ['token.bound', 'iss: id, sub: id,', 'iss: id, sub: proof.aud,', minute('client_credentials')],
  ]),
  ...of('executor', 'secret/token-request', PROVEN, [
    [
      'response.clean',
      'const assertion = open(before.assertion);',
      'const assertion = before.assertion === undefined ? null : openToken(before.assertion, plaintext);',
      minute('token_exchange'),
    ],
  ]),
  ...of('executor', 'secret/assertion', 'packages/executor/dist/secret/client-key-memory.test.js', [
    [
      'memory.clean',
      '  using key = fill(template, fields, () => true);\n',
      '  const key = fill(template, fields, () => true);\n',
      "[memory.clean] leaves no copy of a client's key of RSA in PKCS #8, of client credentials, nor of an assertion by it or a token that it got",
    ],
  ]),
];
