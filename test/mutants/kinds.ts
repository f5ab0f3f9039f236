/** What the look at every kind of credential must see. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const MEMORY = 'packages/executor/dist/secret/kinds-memory.test.js';

export const KINDS: readonly Mutant[] = [
  ...of('executor', 'secret/plaintext', MEMORY, [
    [
      'memory.clean',
      '    this.#bytes?.fill(0);\n',
      '',
      '[memory.clean] one dispatch of every kind of credential leaves no copy of it or its keys',
    ],
  ]),
];
