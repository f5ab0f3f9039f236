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
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/dispatch.ts',
    find: "return name.toLowerCase().replaceAll('_', '-');",
    replace: 'return name.toLowerCase();',
    test: {
      file: 'packages/executor/dist/streaming.test.js',
      name: '[dispatch.bound] a request cannot name for itself: its underscored twin',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/protocol/src/dispatch.ts',
    find: "return DROPPED.has(name) || name.startsWith('dauth-');",
    replace: 'return DROPPED.has(name);',
    test: {
      file: 'packages/executor/dist/exchange.test.js',
      name: '[response.clean] what is for this hop, for a browser or in our own words ends in the executor',
    },
  },
];
