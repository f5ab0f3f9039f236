/** Defences of `executor`, the sealed room, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const BLIND = 'test/dist/attacks/blind.test.js';
const SERVER = 'test/dist/attacks/server.test.js';
const EXCHANGE = 'packages/executor/dist/exchange.test.js';
const FORMS = 'packages/executor/dist/forms.test.js';
const INJECTION = 'packages/executor/dist/injection.test.js';
const MEMORY = 'packages/executor/dist/memory.test.js';
const STREAMING = 'packages/executor/dist/streaming.test.js';
const SURVIVAL = 'packages/executor/dist/survival.test.js';

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
  {
    claim: 'response.clean',
    file: 'packages/executor/src/inject.ts',
    find: 'if (value[0] === 0x20 || value.at(-1) === 0x20)',
    replace: 'if (value.length === 0)',
    test: {
      file: INJECTION,
      name: '[response.clean] refuses a value before anything is sent: a space at its end, which readers cut off',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/inject.ts',
    find: 'value.length < LIMITS.shortestValue',
    replace: 'value.length < 1',
    test: { file: INJECTION, name: '[response.clean] refuses a value before anything is sent: seven octets' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/inject.ts',
    find: 'value.length > LIMITS.injectedValue',
    replace: 'value.length > LIMITS.plaintext',
    test: {
      file: INJECTION,
      name: '[response.clean] refuses a value before anything is sent: more octets than can be searched for',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/inject.ts',
    find: 'if (repeats(value, 1) || repeats(value, -1))',
    replace: 'if (repeats(value.subarray(0, 1), 1))',
    test: {
      file: INJECTION,
      name: '[response.clean] refuses a value before anything is sent: one letter many times at the end',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/inject.ts',
    find: '> LIMITS.injectedTotal',
    replace: '> LIMITS.plaintext',
    test: {
      file: INJECTION,
      name: '[response.clean] takes the longest value, and refuses more of them than one call may carry',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/inject.ts',
    find: 'if (!bytes.every(fits)) {',
    replace: 'if (!bytes.every(fits) && bytes.length === 0) {',
    test: {
      file: INJECTION,
      name: '[dispatch.bound] refuses a value before anything is sent: a line break in a header',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/inject.ts',
    find: "if (injection.in !== 'query' && injection.in !== 'path') return [];",
    replace: "if (injection.in !== 'path' || injection.segment >= 0) return [];",
    test: { file: FORMS, name: '[response.clean] finds what it wrote into a path slot, encodeURIComponent' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/forms.ts',
    find: '      form(() => writeJsonUnits(out, units, hex, (unit) => unit < 0x80, true));\n',
    replace: '',
    test: { file: FORMS, name: '[response.clean] finds a value as PHP json_encode writes it' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/forms.ts',
    find: `  { '"': '&quot;', "'": '&#39;', '/': '&#x2F;', '\`': '&#x60;', '=': '&#x3D;' },\n`,
    replace: '',
    test: { file: FORMS, name: '[response.clean] finds a value as Mustache writes it' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/encode.ts',
    find: "  plainOctets('-._~/'),\n",
    replace: '',
    test: { file: FORMS, name: '[response.clean] finds a value as Python quote() writes it' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/exchange.ts',
    find: 'if (this.#isGuessable) this.#whole = answer;',
    replace: 'if (this.#isGuessable && status < 0) this.#whole = answer;',
    test: {
      file: EXCHANGE,
      name: '[response.clean] an answer that holds a guessable value is refused whole, wherever it holds it',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/exchange.ts',
    find: 'if (this.#bytes > this.#maxBytes)',
    replace: 'if (this.#bytes > Infinity)',
    test: {
      file: EXCHANGE,
      name: '[response.clean] refuses an answer with too many octets in the piece of its head, and lives on',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/exchange.ts',
    find: "    body.on('error', () => undefined);\n",
    replace: '',
    test: { file: SURVIVAL, name: 'the executor outlives an answer that fails in the read of its head' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/answer.ts',
    find: '  assertKnownFraming(all);\n',
    replace: '  if (status < 0) assertKnownFraming(all);\n',
    test: {
      file: EXCHANGE,
      name: '[response.clean] refuses an answer with the transfer encoding gzip, chunked, and lives on',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/answer.ts',
    find: 'if (raw.length > 2 * MAX_HEADERS)',
    replace: 'if (raw.length < -MAX_HEADERS)',
    test: { file: EXCHANGE, name: '[response.clean] refuses an answer with too many headers, and lives on' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/answer.ts',
    find: 'if (status === 206)',
    replace: 'if (status === 0)',
    test: { file: EXCHANGE, name: '[response.clean] refuses an answer with a part of a body, and lives on' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/override.ts',
    find: "  watch.on('error', () => undefined);\n",
    replace: '',
    test: { file: SURVIVAL, name: 'the executor outlives an override in a body that nobody reads yet' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/override.ts',
    find: "if (type === '') return [new UrlencodedNames(), new JsonNames(false)];",
    replace: "if (type === '') return [];",
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: a body without a type, which Rack takes for a form',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/override.ts',
    find: 'if (isEncoded || ',
    replace: 'if ((isEncoded && headers.length === 0) || ',
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: a form in a content encoding',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/override-names.ts',
    find: 'else if (octet === 0x3a && this.#isOverride()) return true;',
    replace: 'else if (octet === 0x3a && this.#isOverride()) return false;',
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: JSON, which Laravel takes for input',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/override-names.ts',
    find: `replaceAll(/[\\s"\\\\]/g, '')`,
    replace: `replaceAll(/[\\s"]/g, '')`,
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: multipart with a quoted pair',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/target.ts',
    find: 'isPathOverride(name)',
    replace: "isPathOverride(name) && name === ''",
    test: { file: STREAMING, name: '[dispatch.bound] a request cannot name for itself: another path' },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/wire.ts',
    find: '      this.#wipeHead();\n      done(error);',
    replace: '      done(error);',
    test: {
      file: MEMORY,
      name: '[memory.clean] leaves no copy of a credential or its keys: GET and POST, buffered and streamed',
    },
  },
];
