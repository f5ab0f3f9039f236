/** Defences of slots in bodies, from the envelope to the socket, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SLOT = 'packages/protocol/dist/body-slot.test.js';
const PLACES = 'packages/executor/dist/where/body-slots.test.js';
const DOOR = 'packages/executor/dist/door/body-slots.test.js';
const FORMS = 'packages/executor/dist/wire/forms.test.js';
const VECTORS = 'packages/executor/dist/vectors.test.js';
const MEMORY = 'packages/executor/dist/secret/body-memory.test.js';

const TOGETHER = '[seal.bound] body slots that no body could have are refused: ';
const SPELLING =
  '[seal.bound] a pointer has one spelling, a name in each step, and printable ASCII that JSON need not escape';
const JSON_HAS = '[dispatch.bound] a JSON body is refused that has ';
const FORM_HAS = '[dispatch.bound] a form cannot name the slot for itself: ';
const NO_FIT = '[dispatch.bound] a body that its slots do not fit into is refused before anything is opened: ';
const NO_VALUE = '[dispatch.bound] values that their body could not carry are refused';
const LEAVES = '[memory.clean] leaves no copy of a credential or its keys: ';

export const BODY: readonly Mutant[] = [
  ...of('protocol', 'body-slot', SLOT, [
    ['seal.bound', '!POINTER.test(value)', '!POINTER.test(`/a`)', SPELLING],
    ['seal.bound', 'if (names.length > MAX_STEPS)', 'if (names.length > 99 * MAX_STEPS)', SPELLING],
    [
      'dispatch.bound',
      'if (isOverrideField(name))',
      "if (isOverrideField(name) && name === '')",
      '[dispatch.bound] a method override is never a body slot',
    ],
    ['seal.bound', 'if (pointers.length > 0 &&', 'if (pointers.length < 0 &&', `${TOGETHER}JSON and a form`],
    ['seal.bound', 'if (whole.has(folded))', 'if (whole.has(``))', `${TOGETHER}a slot inside another one`],
    ['seal.bound', '?? before) !== before)', '?? before) === ``)', `${TOGETHER}one member in two spellings`],
  ]),
  ...of('protocol', 'inject', SLOT, [
    [
      'seal.bound',
      'if (inBody.length > 0 && schemes.some(',
      'if (inBody.length > 1 && schemes.some(',
      `${TOGETHER}a scheme that signs the body`,
    ],
    [
      'seal.bound',
      'return [`body ${foldName(',
      'return [`body ${foldName(``) + String(',
      `${TOGETHER}a pointer in other letters`,
    ],
    [
      'seal.bound',
      'if ((slot.pointer === undefined) === (slot.field === undefined))',
      'if (slot.pointer === undefined && slot.field === undefined)',
      '[seal.bound] a body slot has one name and no member of another slot',
    ],
  ]),
  ...of('protocol', 'envelope', SLOT, [
    [
      'seal.bound',
      'if (bodySlots(inject).length > 0 &&',
      'if (bodySlots(inject).length > 99 &&',
      '[seal.bound] a credential in the body is sealed for methods that have one',
    ],
  ]),
  ...of('executor', 'where/json-places', PLACES, [
    [
      'dispatch.bound',
      "  parseJson(decodeText(octets), LIMITS.injectedBody, 'any',",
      "  if (octets.length > LIMITS.injectedBody) parseJson(decodeText(octets), 0, 'any',",
      `${JSON_HAS}two members of a name`,
    ],
    ['dispatch.bound', 'if (slots.has(folded) ||', 'if (slots.has(``) ||', `${JSON_HAS}the member itself`],
    [
      'dispatch.bound',
      'const folded = foldName(name);',
      'const folded = name;',
      `${JSON_HAS}the member in other letters`,
    ],
    [
      'dispatch.bound',
      ' || (step !== undefined && step.name !== name)',
      '',
      `${JSON_HAS}the object in other letters alone`,
    ],
    ['dispatch.bound', 'if (places.length < slots.length)', 'if (places.length < 0)', `${JSON_HAS}a list in its place`],
  ]),
  ...of('executor', 'where/body-slots', DOOR, [
    ['dispatch.bound', 'if (!hasBody) throw', 'if (!hasBody && headers.length < 0) throw', `${NO_FIT}no body`],
    [
      'dispatch.bound',
      'if (octets.length === 0) throw',
      'if (octets.length < 0) throw',
      '[dispatch.bound] a body without an octet is none, however it is said',
    ],
    [
      'dispatch.bound',
      "if ('pointer' in slot && !isJsonType(headers))",
      "if ('pointer' in slot && !isJsonType(headers) && headers.length < 0)",
      `${NO_FIT}text that looks like JSON`,
    ],
    [
      'dispatch.bound',
      "if ('field' in slot && !isOf(FORM_TYPE, headers))",
      "if ('field' in slot && !isOf(FORM_TYPE, headers) && headers.length < 0)",
      `${NO_FIT}multipart in place of a form`,
    ],
    [
      'dispatch.bound',
      "name === 'content-type' && type",
      "name !== '' && type",
      `${NO_FIT}a type that only CGI takes for one`,
    ],
  ]),
  ...of('executor', 'where/collision', PLACES, [
    [
      'dispatch.bound',
      'return bareNames(decodedName(',
      'return [``].concat(decodedName(',
      `${FORM_HAS}in other letters`,
    ],
    [
      'dispatch.bound',
      'bareNames(decodedName(pair',
      'bareNames(decodedName(``) + String(pair',
      `${FORM_HAS}percent-encoded`,
    ],
  ]),
  ...of('executor', 'where/body-slots', PLACES, [
    [
      'dispatch.bound',
      'of pairsOf(text)',
      'of pairsOf(text.slice(0, 9)).concat(text.split(/[&;]/))',
      '[dispatch.bound] a form with parameters that would hold up all other calls is refused',
    ],
  ]),
  ...of('executor', 'where/body-slots', PLACES, [
    [
      'dispatch.bound',
      'if (!/^[!-~]+$/.test(text))',
      "if (text === 'x')",
      '[dispatch.bound] a form with octets that two readers could decode differently is refused',
    ],
  ]),
  ...of('executor', 'where/form', PLACES, [
    ['dispatch.bound', 'text.split(/[&;]/, ', "text.split('&', ", `${FORM_HAS}behind a semicolon`],
  ]),
  ...of('executor', 'where/collision', DOOR, [
    [
      'dispatch.bound',
      "'field' in slot ? [slot.field] : []",
      "'field' in slot && slot.field === '' ? [slot.field] : []",
      `${NO_FIT}the field of the slot in the query`,
    ],
  ]),
  ...of('executor', 'body', DOOR, [
    [
      'dispatch.bound',
      '  assertNoOverrideField(octets, to.headers);\n',
      "  if (to.method === 'GET') assertNoOverrideField(octets, to.headers);\n",
      `${NO_FIT}a method override`,
    ],
    [
      'dispatch.bound',
      'if (bodyLength >',
      'if (-bodyLength >',
      '[dispatch.bound] a body that says it is larger than one can be filled is refused before it comes',
    ],
    ['dispatch.bound', 'if (octets.length > LIMITS', 'if (-octets.length > LIMITS', `${NO_FIT}more than can be filled`],
    [
      'dispatch.bound',
      'await readWhole(given, LIMITS.injectedBody,',
      'await readWhole(given, 9 * LIMITS.injectedBody,',
      '[dispatch.bound] a body that does not say how large it is is read no further than one can be filled',
    ],
  ]),
  ...of('executor', 'secret/body', PLACES, [
    ['dispatch.bound', '!isUtf8(value.bytes)', '!isUtf8(value.bytes.subarray(0, 1))', NO_VALUE],
    [
      'dispatch.bound',
      'fill(slot.value, fields, NO_CONTROL)',
      'fill(slot.value, fields, () => NO_CONTROL(65))',
      NO_VALUE,
    ],
  ]),
  ...of('executor', 'secret/body', VECTORS, [
    [
      'dispatch.bound',
      'if (octet === 0x22 || octet === 0x5c)',
      'if (octet === 0x5c)',
      'vector: a value that would leave its JSON slot goes upstream as written',
    ],
    [
      'dispatch.bound',
      'writePercent(out, value, UNRESERVED)',
      'writePercent(out, value, new Set([...UNRESERVED, 0x26]))',
      'vector: a value that would leave its form slot goes upstream as written',
    ],
  ]),
  ...of('executor', 'secret/inject', PLACES, [
    [
      'dispatch.bound',
      'if (bodySlots(slots).length !== (slotted',
      'if (bodySlots(slots).length < (slotted',
      '[dispatch.bound] a slot without a place is a defect, and nothing is filled',
    ],
  ]),
  ...of('executor', 'secret/inject', FORMS, [
    [
      'response.clean',
      "if (injection.in === 'body') writeBodyValue(",
      "if (injection.in === 'body' && 'field' in injection) writeBodyValue(",
      '[response.clean] finds what it wrote into a body pointer slot, encodeURIComponent',
    ],
  ]),
  ...of('executor', 'wire/head', DOOR, [
    [
      'dispatch.bound',
      'if (filled.body !== null) head.text(`content-length: ${filled.body.length}',
      'if (filled.body !== null) head.text(`content-length: ${filled.body.length + 1}',
      '[dispatch.bound] a value goes into a form at both doors, and nothing else of it changes',
    ],
  ]),
  ...of('executor', 'wire/worn', MEMORY, [
    [
      'memory.clean',
      'wipe(filled.target, filled.lines, filled.body, ...filled.secrets, ...former);',
      'wipe(filled.target, filled.lines, ...filled.secrets, ...former);',
      `${LEAVES}in a JSON body, buffered and streamed`,
    ],
  ]),
  ...of('executor', 'secret/body', MEMORY, [
    ['memory.clean', '    using value = fill(', '    const value = fill(', `${LEAVES}in a form, buffered and streamed`],
  ]),
];
