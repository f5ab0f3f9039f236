/** Defences of private keys of Ed25519, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const MEMORY = 'packages/executor/dist/secret/exchanged-kinds-memory.test.js';
const LEAVES =
  '[memory.clean] leaves no copy of a private key in PEM that signs by Ed25519, nor of a token it was exchanged for';

export const ED25519: readonly Mutant[] = [
  ...of('executor', 'secret/ed25519', MEMORY, [
    ['memory.clean', '    wipe(expanded, hashed, nonce, commitment, isGood ? null : signature);\n', '', LEAVES],
  ]),
  ...of('executor', 'secret/field25519', 'packages/executor/dist/secret/ed25519.test.js', [
    ['memory.clean', '    this.#memory.fill(0);\n', '', '[memory.clean] a workspace is zeroed with its scope'],
  ]),
  ...of('executor', 'secret/pkcs8', 'packages/executor/dist/secret/assertion.test.js', [
    [
      'dispatch.bound',
      "numbers.kind === 'ed25519' ? ",
      'numbers.secret[0] !== undefined ? ',
      '[dispatch.bound] a private key of P-256 for Ed25519 signs nothing',
    ],
  ]),
  ...of('executor', 'secret/key-numbers', 'packages/executor/dist/secret/assertion.test.js', [
    [
      'dispatch.bound',
      'number?.length === NUMBER ?',
      'number !== null ?',
      '[dispatch.bound] a private key of Ed25519 with an octet more signs nothing',
    ],
  ]),
];
