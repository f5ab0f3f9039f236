/** What keeps secrets out of the registers, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const TEST = 'packages/executor/dist/secret/registers.test.js';
const NOTHING_NATIVE =
  '[memory.clean] of a short secret nothing native copies, compares or searches, so that nothing of it gets into the registers';
const overwritten = (when: string): string => `[memory.clean] the registers are overwritten ${when}`;

export const REGISTERS: readonly Mutant[] = [
  ...of('executor', 'secret/memory', 'packages/executor/dist/secret/octets.test.js', [
    [
      'response.clean',
      'i < one.length; i++) differing',
      'i < one.length && differing === 0; i++) differing',
      '[response.clean] whether two are the same takes as many reads wherever they differ',
    ],
  ]),
  ...of('executor', 'secret/memory', TEST, [
    [
      'memory.clean',
      '    target.set(source, at);\n    scrubRegisters();\n',
      '    target.set(source, at);\n',
      overwritten('when a secret was copied'),
    ],
    ['memory.clean', 'target[at + i] = source[i]!;\n  else', 'target.set(source, at);\n  else', NOTHING_NATIVE],
    ['memory.clean', 'copyWords(target, source, at);', 'target.set(source, at);', NOTHING_NATIVE],
    [
      'memory.clean',
      'differing |= one[i]! ^ other[i]!;',
      'differing += Buffer.from(one.buffer, one.byteOffset, one.length).equals(other) ? 0 : 1;',
      NOTHING_NATIVE,
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
  ...of('executor', 'postgres/frames', TEST, [
    [
      'memory.clean',
      'copyOctets(this.#message, piece, this.#filled);',
      'piece.copy(this.#message, this.#filled);',
      NOTHING_NATIVE,
    ],
  ]),
  ...of('executor', 'wire/forms', TEST, [
    ['memory.clean', '    scrubRegisters();\n', '', overwritten('after each look at the forms of a secret')],
    ['memory.clean', 'compareOctets(a, b))', 'a.compare(b))', NOTHING_NATIVE],
  ]),
];
