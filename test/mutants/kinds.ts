/** What the looks at every kind of credential must see: what always stays, and what stays now and then. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const MEMORY = 'packages/executor/dist/secret/kinds-memory.test.js';
const MANY = 'packages/executor/dist/secret/many-memory.test.js';

export const KINDS: readonly Mutant[] = [
  ...of('executor', 'secret/plaintext', MEMORY, [
    [
      'memory.clean',
      '    this.#bytes?.fill(0);\n',
      '',
      '[memory.clean] one dispatch of every kind of credential leaves no copy of it or its keys',
    ],
  ]),
  ...of('executor', 'wire/wire', MANY, [
    [
      'memory.clean',
      '      this.#wipeHead();\n      done(error);',
      '      if (performance.now() % 1 < 0.99) this.#wipeHead();\n      done(error);',
      '[memory.clean] ten thousand dispatches leave no copy of a credential or its keys, and no more of the opening key',
    ],
  ]),
];
