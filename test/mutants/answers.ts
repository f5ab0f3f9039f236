/** Defences of the search of answers: the decoder of br, and forms that writers of JSON make. Each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const BROTLI = 'packages/executor/dist/wire/brotli.test.js';
const EXCHANGE = 'packages/executor/dist/wire/exchange.test.js';
const COVERAGE = 'packages/executor/dist/wire/coverage.test.js';
const FORMS = 'packages/executor/dist/wire/forms.test.js';
const SIEVE = 'packages/executor/dist/wire/sieve.test.js';
const MEMORY = 'packages/executor/dist/wire/decode-memory.test.js';

export const SEARCH: readonly Mutant[] = [
  ...of('executor', 'wire/sieve', SIEVE, [
    [
      'response.clean',
      'place += step) {',
      'place += step + 1) {',
      '[response.clean] a value is found at each place of an answer, the first and the last too',
    ],
    [
      'response.clean',
      'last] = [this.step, data.length - PIECE];',
      'last] = [this.step, data.length - PIECE - 1];',
      '[response.clean] what is starred out is what a search for each form by itself finds, wherever pieces end',
    ],
    [
      'dispatch.bound',
      'if (4 * same <= this.step || first === 0) break;',
      'if (same >= 0) break;',
      '[dispatch.bound] an answer that repeats what a value is full of is not compared with it at every place',
    ],
    [
      'response.clean',
      '      reach = Math.max(reach, form.byteLength - first);',
      '      reach = this.step + PIECE - 1;',
      '[response.clean] what is starred out is what a search for each form by itself finds, wherever pieces end',
    ],
    [
      'response.clean',
      '    if (shortest < PIECE) throw',
      '    if (shortest < 0) throw',
      '[response.clean] no sieve is made of what has no piece, which it would never find',
    ],
    [
      'memory.clean',
      '  return Math.imul(piece ^ mask, factor);',
      '  return Math.imul(piece, factor === 0 ? mask : 1);',
      '[memory.clean] no piece of a form lies in the sieve as it is, and nothing of it stays',
    ],
    [
      'memory.clean',
      '    wipe(this.#memory);',
      '    wipe();',
      '[memory.clean] no piece of a form lies in the sieve as it is, and nothing of it stays',
    ],
  ]),
  ...of('executor', 'wire/scan', SIEVE, [
    [
      'response.clean',
      'Math.max(0, seen - sieve.reach + 1)',
      'seen',
      '[response.clean] what is starred out is what a search for each form by itself finds, wherever pieces end',
    ],
    [
      'response.clean',
      '(start >= from && end <= to)',
      '(start >= from && start <= to)',
      '[response.clean] what is starred out is what a search for each form by itself finds, wherever pieces end',
    ],
  ]),
  ...of('executor', 'wire/answering', EXCHANGE, [
    [
      'response.clean',
      'this.#decoder === null) this.#pass(octets);',
      'this.#decoder === null) this.#ready.push(Buffer.from(octets));',
      '[response.clean] a value across any border of large pieces is found',
    ],
  ]),
  ...of('executor', 'wire/brotli', BROTLI, [
    [
      'response.clean',
      'if (this.#end === this.#ring.length && this.#ring.length',
      'if (this.#end > 9 * this.#ring.length && this.#ring.length',
      'a large body is decoded through a window of every size, and memory grows no further than it',
    ],
  ]),
  ...of('executor', 'wire/brotli', MEMORY, [
    [
      'memory.clean',
      '  [Symbol.dispose](): void {\n    wipe(this.#ring);\n',
      '  [Symbol.dispose](): void {\n',
      '[memory.clean] leaves no copy of a credential or its keys: echoed in a body in br',
    ],
  ]),
  ...of('executor', 'wire/decode', EXCHANGE, [
    [
      'response.clean',
      'error instanceof BrotliError ||',
      'error instanceof TypeError ||',
      '[response.clean] refuses an answer with garbage in place of br, and lives on',
    ],
  ]),
  ...of('executor', 'wire/escapes', 'packages/executor/dist/wire/escapes.test.js', [
    [
      'response.clean',
      "plainOctets('-._');",
      "plainOctets('-._+');",
      '[response.clean] what is taken for left alone is left alone by every writer',
    ],
  ]),
  ...of('executor', 'wire/escapes', COVERAGE, [
    [
      'response.clean',
      'new Set([...GO_UNSAFE, 0x27, 0x3d])]',
      'new Set([...GO_UNSAFE, 0x27])]',
      '[response.clean] no form of a credential comes back from any place of an answer',
    ],
  ]),
  ...of('executor', 'secret/sigv4', COVERAGE, [
    [
      'response.clean',
      'lines: lines.take(), secrets: [...keys, signature]',
      'lines: lines.take(), secrets: [...keys.slice(2), signature]',
      '[response.clean] no form of a credential comes back from any place of an answer',
    ],
  ]),
  ...of('executor', 'secret/kept-token', COVERAGE, [
    [
      'response.clean',
      'for (const one of [kept, ...(kept.behind ?? [])])',
      'for (const one of [kept])',
      '[response.clean] no form of a credential comes back from any place of an answer',
    ],
  ]),
  ...of('executor', 'wire/escapes', FORMS, [
    [
      'response.clean',
      '= [GO_UNSAFE, new',
      '= [new',
      '[response.clean] finds a value as Go encoding/json in UTF-8 writes it',
    ],
  ]),
  ...of('executor', 'wire/answer', EXCHANGE, [
    [
      'response.clean',
      "  br: 'br',\n",
      "  br: 'identity',\n",
      '[response.clean] a body in br is decoded, scanned and passed on as identity',
    ],
  ]),
  ...of('executor', 'secret/oauth1', 'packages/executor/dist/wire/oauth1.test.js', [
    [
      'response.clean',
      'bytes.length >= LIMITS.shortestValue',
      'bytes.length >= 0',
      '[response.clean] the name of a key, however short, is no secret, and takes nothing away from the search for those',
    ],
  ]),
  ...of('executor', 'wire/forms', FORMS, [
    [
      'response.clean',
      '[...secrets, ...lines].some(({ length }) => length < LIMITS.shortestValue)',
      'secrets.length === 0',
      '[response.clean] no forms are made of what is too short to be searched for, beside whatever else',
    ],
  ]),
];
