/** Defences of `client`, the owner's device, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const WIRE = 'test/dist/attacks/wire.test.js';
const BLIND = 'test/dist/attacks/blind.test.js';

/** Seals nothing: what is stored and sent is the plaintext. */
const UNSEALED = {
  file: 'packages/client/src/seal.ts',
  find: '  return suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });',
  replace:
    '  const sealed = await suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });\n  sealed.ciphertext.set(plaintext);\n  return sealed;',
};

export const CLIENT: readonly Mutant[] = [
  {
    claim: 'seal.client-only',
    ...UNSEALED,
    test: { file: WIRE, name: '[seal.client-only] between the owner and the authority travels no credential' },
  },
  {
    claim: 'authority.blind',
    ...UNSEALED,
    test: {
      file: WIRE,
      name: '[authority.blind] no file and no log of the stack holds the credential in any encoding',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: '    if (!pins.includes(identity)) throw',
    replace: '    if (pins.length > 9) throw',
    test: {
      file: BLIND,
      name: '[seal.client-only] without the pinned executor identity nothing is sealed or sent, and the exit code is 3',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: '  if (directory.exp <= now) throw',
    replace: '  if (directory.exp < 0) throw',
    test: {
      file: 'packages/client/dist/directory.test.js',
      name: '[seal.client-only] an expired directory is refused, and nothing more is asked',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/seal.ts',
    find: '    for (const value of Object.values(input.fields)) if (value instanceof Uint8Array) value.fill(0);\n',
    replace: '',
    test: {
      file: 'packages/client/dist/seal.test.js',
      name: '[seal.client-only] the octets that were given are zero afterwards, sealed or refused',
    },
  },
];
