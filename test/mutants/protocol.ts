/** Defences of `protocol`, the shared words, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const SERVER = 'test/dist/attacks/server.test.js';

export const PROTOCOL: readonly Mutant[] = [
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/path.ts',
    find: "    if (wanted[i] === '*' ? segment === '' : segment !== wanted[i]) return false;\n  }\n  return given.length === wanted.length;",
    replace: "    if (wanted[i] === '*' && segment === '') return false;\n  }\n  return true;",
    test: { file: SERVER, name: '[dispatch.bound] a path that was not sealed does not reach the upstream' },
  },
];
