/** Defences of `executor`, the sealed room, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const BLIND = 'test/dist/attacks/blind.test.js';
const SERVER = 'test/dist/attacks/server.test.js';

export const EXECUTOR: readonly Mutant[] = [
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/fields.ts',
    find: 'if (length === 0 || ',
    replace: 'if (',
    test: {
      file: 'packages/executor/dist/open-vectors.test.js',
      name: '[seal.bound] vector: a plaintext with an empty value opens, and is refused',
    },
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
