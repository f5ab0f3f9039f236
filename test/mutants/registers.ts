/** What keeps secrets out of the registers, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const TEST = 'packages/executor/dist/secret/registers.test.js';
const overwritten = (when: string): string => `[memory.clean] the registers are overwritten ${when}`;

export const REGISTERS: readonly Mutant[] = [
  ...of('executor', 'secret/memory', TEST, [
    [
      'memory.clean',
      '  target.set(source, at);\n  scrubRegisters();\n',
      '  target.set(source, at);\n',
      overwritten('when a secret was copied'),
    ],
    [
      'memory.clean',
      '  for (let i = 0; i < source.length; i++) target[at + i] = source[i]!;\n',
      '  target.set(source, at);\n',
      '[memory.clean] of a short secret nothing native copies, so that nothing of it gets into the registers',
    ],
    [
      'memory.clean',
      '    copyOctets(joined, part, offset);\n',
      '    joined.set(part, offset);\n',
      overwritten('when a secret was joined'),
    ],
    [
      'memory.clean',
      'secret?.fill(0);\n  scrubRegisters();\n',
      'secret?.fill(0);\n',
      overwritten('when a secret was zeroed'),
    ],
  ]),
  ...of('executor', 'secret/writer', TEST, [
    [
      'memory.clean',
      '    copyOctets(this.#bytes, part, this.#length);\n',
      '    this.#bytes.set(part, this.#length);\n',
      overwritten('when a secret was written'),
    ],
  ]),
  ...of('executor', 'wire/forms', TEST, [
    ['memory.clean', '    scrubRegisters();\n', '', overwritten('after each look at the forms of a secret')],
  ]),
];
