/**
 * The defences, each with the test that must miss it: `npm run prove` takes one after the other out of a copy of the tree.
 * Data only. `find` stands exactly once in `file`; without it the named test fails by its assertion.
 */
import type { ClaimId } from './claims.ts';

export interface Mutant {
  readonly claim: ClaimId;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly test: { readonly file: string; readonly name: string };
}

const WIRE = 'test/dist/attacks/wire.test.js';
const BLIND = 'test/dist/attacks/blind.test.js';
const ENVELOPE = 'test/dist/attacks/envelope.test.js';
const SERVER = 'test/dist/attacks/server.test.js';
const TOKEN = 'test/dist/attacks/token.test.js';

/** Seals nothing: what is stored and sent is the plaintext. */
const UNSEALED = {
  file: 'packages/client/src/seal.ts',
  find: '  return suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });',
  replace:
    '  const sealed = await suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });\n  sealed.ciphertext.set(plaintext);\n  return sealed;',
};

export const MUTANTS: readonly Mutant[] = [
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
    claim: 'seal.bound',
    file: 'packages/authority/src/intake.ts',
    find: '  if (dauth.owner !== subject.sub)\n',
    replace: '  if (dauth.owner === "")\n',
    test: {
      file: ENVELOPE,
      name: '[seal.bound] an envelope stolen from the database is refused when another client submits it',
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
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: 'if (options.requireJkt !== undefined && jkt !== options.requireJkt)',
    replace: "if (options.requireJkt === '')",
    test: { file: TOKEN, name: '[token.bound] a stolen token with a proof by another key is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/protect.ts',
    find: 'if (!(await replay.consume(`${jkt}.${jti}`, keepUntil)))',
    replace: "if (!(await replay.consume(`${jkt}.${jti}`, keepUntil)) && jti === '')",
    test: { file: TOKEN, name: '[token.bound] a proof is good once' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/token.ts',
    find: "  if (claimText(claims, 'aud', MAX_NAME, subject) !== options.audience)",
    replace: "  if (claimText(claims, 'aud', MAX_NAME, subject) === '')",
    test: {
      file: TOKEN,
      name: '[token.bound] a token for the MCP server is worth nothing at the authority or the executor',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/path.ts',
    find: "    if (wanted[i] === '*' ? segment === '' : segment !== wanted[i]) return false;\n  }\n  return given.length === wanted.length;",
    replace: "    if (wanted[i] === '*' && segment === '') return false;\n  }\n  return true;",
    test: { file: SERVER, name: '[dispatch.bound] a path that was not sealed does not reach the upstream' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/scan.ts',
    find: '    star(data, ranges, open);\n',
    replace: '',
    test: {
      file: SERVER,
      name: '[response.clean] an upstream that echoes the credential (body) gives nothing away',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/forms.ts',
    find: 'for (const shift of [0, 1, 2]) form(',
    replace: 'for (const shift of [0, 1, 2].slice(3)) form(',
    test: {
      file: SERVER,
      name: '[response.clean] an upstream that echoes the credential (base64) gives nothing away',
    },
  },
  {
    claim: 'server.blind',
    file: 'packages/executor/src/scan.ts',
    find: '    star(data, ranges, open);\n',
    replace: '',
    test: {
      file: SERVER,
      name: '[server.blind] its memory, environment, headers, contexts and answers hold no credential',
    },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/plaintext.ts',
    find: '    this.#bytes?.fill(0);\n',
    replace: '',
    test: {
      file: BLIND,
      name: '[memory.clean] [authority.blind] [server.blind] one second after calls no process holds the credential, in any encoding',
    },
  },
];
