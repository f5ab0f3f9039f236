/** Defences of `protocol`, the shared words, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const BOUNDS = 'packages/protocol/dist/bounds.test.js';
const ACTION = 'packages/protocol/dist/action.test.js';
const SERVER = 'test/dist/attacks/server.test.js';

const ENVELOPE = 'packages/protocol/dist/envelope.test.js';
const WHO = 'packages/executor/dist/who/dispatch-who.test.js';
const JSON_TEST = 'packages/protocol/dist/json.test.js';
const ORIGIN = 'packages/protocol/dist/origin.test.js';
const VECTORS = 'packages/protocol/dist/vectors.test.js';
const WORDS = 'packages/protocol/dist/words.test.js';
const JWS = 'packages/verify/dist/jws.test.js';

const SECURE = '[token.bound] what tokens travel to is https; plain http is for this machine itself';

export const PROTOCOL: readonly Mutant[] = [
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/json.ts',
    find: "name === '__proto__' || name in object",
    replace: 'name in object',
    test: { file: WHO, name: '[dispatch.bound] step 1 refuses a buffered request with the member __proto__' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/origin.ts',
    find: "if (scheme === 'http' && !LOOPBACK",
    replace: "if (scheme === '' && !LOOPBACK",
    test: { file: ORIGIN, name: SECURE },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/origin.ts',
    find: '{3})(?::|$)/;',
    replace: '{3})/;',
    test: { file: ORIGIN, name: SECURE },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/path.ts',
    find: "    if (wanted[i] === '*' ? segment === '' : segment !== wanted[i]) return false;\n  }\n  return given.length === wanted.length;",
    replace: "    if (wanted[i] === '*' && segment === '') return false;\n  }\n  return true;",
    test: { file: SERVER, name: '[dispatch.bound] a path that was not sealed does not reach the upstream' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/details.ts',
    find: '  if (actions.length > LIMITS.actions)',
    replace: '  if (actions.length > 99 * LIMITS.actions)',
    test: { file: BOUNDS, name: '[token.bound] the details of a token name at most 256 actions together' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/details.ts',
    find: '  if (length > LIMITS.actionsText)',
    replace: '  if (length > 99 * LIMITS.actionsText)',
    test: {
      file: BOUNDS,
      name: '[token.bound] the actions of a request together are no longer than 32,768 characters',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/details.ts',
    find: '    if (named.length > 0 && (',
    replace: '    if (named.length > 99 && (',
    test: { file: BOUNDS, name: '[token.bound] a request names a connection at an origin once' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/action.ts',
    find: 'if (coversSegments(wide, narrow)) return true;',
    replace: 'if (coversSegments(wide, narrow) || wide.length > 0) return true;',
    test: {
      file: ACTION,
      name: '[token.bound] an action is covered by a pattern of its own method that holds it whole, and by no other',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/envelope.ts',
    find: 'policy.bearer === undefined ? false : policy.bearer',
    replace: 'policy.bearer ?? false',
    test: { file: ENVELOPE, name: '[seal.bound] an envelope header with bearer null is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/envelope.ts',
    find: 'if (header.typ !== TYP.credential)',
    replace: "if (header.typ === '')",
    test: { file: ENVELOPE, name: '[seal.bound] an envelope header with another typ is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/envelope.ts',
    find: 'header.crit.length !== 1 || ',
    replace: '',
    test: { file: ENVELOPE, name: '[seal.bound] an envelope header with a second crit is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/envelope.ts',
    find: "typeof alg !== 'string' || !Object.hasOwn(SUITES, alg)",
    replace: "typeof alg !== 'string'",
    test: { file: ENVELOPE, name: '[seal.bound] an envelope header with an unknown algorithm is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/envelope.ts',
    find: 'plaintext % LIMITS.plaintextBlock !== 0',
    replace: 'plaintext % LIMITS.plaintextBlock < 0',
    test: {
      file: VECTORS,
      name: '[seal.bound] vector: an envelope with a ciphertext that is not in blocks is refused before anything is opened',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/shape.ts',
    find: '(name) => !required.includes(name) && !optional.includes(name)',
    replace: "(name) => !required.includes(name) && !optional.includes(name) && name === ''",
    test: { file: ENVELOPE, name: '[seal.bound] an envelope header with an unknown policy member is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/slot-name.ts',
    find: "if (place === 'header' && isNeverASlot(name))",
    replace: "if (place === 'header' && isNeverASlot(name) && name === '')",
    test: { file: ENVELOPE, name: '[seal.bound] an envelope header with a Host slot is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/base64url.ts',
    find: 'if ((held & ((1 << bits) - 1)) !== 0)',
    replace: 'if (held < 0)',
    test: {
      file: VECTORS,
      name: '[seal.bound] vector: an envelope with an encapsulated key with bits after its last octet is refused before anything is opened',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/json.ts',
    find: "name === '__proto__' || name in object",
    replace: "name === '__proto__'",
    test: { file: JSON_TEST, name: '[seal.bound] a duplicate JSON member is refused, however it is spelled' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/json.ts',
    find: "this.#numbers === 'one-spelling' && Number.isInteger(value)",
    replace: "this.#numbers === 'one-spelling' && Number.isNaN(value)",
    test: {
      file: JSON_TEST,
      name: '[seal.bound] an integer has one spelling, so no two readers of a signed time can differ',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/json.ts',
    find: 'if (text.length > maxLength)',
    replace: 'if (text.length > maxLength * 2)',
    test: { file: JSON_TEST, name: 'size is compared before anything is parsed' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/jws.ts',
    find: 'if (compact.length > maxLength)',
    replace: 'if (compact.length > maxLength * 2)',
    test: { file: JWS, name: '[token.bound] size is compared before anything else' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/jwk.ts',
    find: 'PRIVATE.some((name) => Object.hasOwn(value, name))',
    replace: "PRIVATE.some((name) => name === '')",
    test: { file: WORDS, name: 'a private key is refused where a public one is wanted' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/origin.ts',
    find: "(!label.startsWith('xn--') || isALabel(label))",
    replace: "(!label.startsWith('xn--') || isALabel(label) || label !== '')",
    test: { file: ORIGIN, name: '[dispatch.bound] an origin with an A-label that decodes to nothing is refused' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/a-label.ts',
    find: "text === text.normalize('NFKC').toLowerCase()",
    replace: "text !== ''",
    test: {
      file: ORIGIN,
      name: '[dispatch.bound] an origin with an A-label of a letter that stands for two is refused',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/origin.ts',
    find: 'assertAuthority(`${scheme}://${authority}`)',
    replace: 'assertAuthority(`${scheme}://${authority}`.toLowerCase())',
    test: { file: ORIGIN, name: '[token.bound] a resource with an uppercase host is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/protocol/src/origin.ts',
    find: 'if (path !== undefined && !isRequestPath(path))',
    replace: "if (path !== undefined && !isRequestPath(path) && path === '')",
    test: { file: ORIGIN, name: '[token.bound] a resource with an encoded dot segment is refused' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/path.ts',
    find: 'return SEGMENT.test(segment) && !isDots(segment);',
    replace: "return SEGMENT.test(segment) && (!isDots(segment) || segment !== '');",
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a target with an encoded dot segment is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/dispatch.ts',
    find: "return name.toLowerCase().replaceAll('_', '-');",
    replace: 'return name.toLowerCase();',
    test: {
      file: 'packages/executor/dist/door/streaming.test.js',
      name: '[dispatch.bound] a request cannot name for itself: its underscored twin',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/protocol/src/dispatch.ts',
    find: "return DROPPED.has(name) || name.startsWith('dauth-');",
    replace: 'return DROPPED.has(name);',
    test: {
      file: 'packages/executor/dist/wire/exchange.test.js',
      name: '[response.clean] what is for this hop, for a browser or in our own words ends in the executor',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/demand.ts',
    find: 'isAllowed: nearest.unmet.length === 0,',
    replace: 'isAllowed: nearest.unmet.length <= 1,',
    test: {
      file: 'packages/cli/dist/verdict.test.js',
      name: '[dispatch.bound] policy test: GET https://api.github.com/repos is denied: ** is one or more segments',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/demand.ts',
    find: 'demands.every((',
    replace: 'demands.some((',
    test: {
      file: 'packages/protocol/dist/details.test.js',
      name: '[dispatch.bound] GET https://api.github.com/repos is denied: ** is one or more segments',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/policy.ts',
    find: 'rule.query === undefined || isQueryWithin(',
    replace: "rule.query === undefined || query !== '' || isQueryWithin(",
    test: {
      file: 'packages/executor/dist/where/dispatch-where.test.js',
      name: '[dispatch.bound] step 4 takes a query with listed names once each, and no other, at both doors',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/query.ts',
    find: ' && new Set(given).size === given.length',
    replace: '',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a query name twice where its rule lists names is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/query.ts',
    find: '[/&/, /[&;]/]',
    replace: '[/&/]',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a query name behind a semicolon that its rule does not list is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/query.ts',
    find: '[/&/, /[&;]/]',
    replace: '[/[&;]/]',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a query name with a semicolon in it, between two that its rule lists is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/query.ts',
    find: "if (query === '') return true;",
    replace: 'if (query.length < 2) return true;',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: an empty query where its rule lists none is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/query.ts',
    find: 'names.includes(name))',
    replace: 'names.includes(name.toLowerCase()))',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a query name in other letters than its rule lists is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/query.ts',
    find: 'names.includes(name))',
    replace: 'names.includes(decodeURIComponent(name)))',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a query name that needs decoding where its rule lists names is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/query.ts',
    find: '|| !QUERY_NAME.test(value))',
    replace: "|| !QUERY_NAME.test(value.replace(' ', '')))",
    test: {
      file: 'packages/protocol/dist/query.test.js',
      name: '[seal.bound] a rule with a name with a space for its query names is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/policy.ts',
    find: '(body !== undefined && body !== null && rule.body.every((',
    replace: '(body === undefined || body === null || rule.body.every((',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: no body where a rule has conditions is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/body-condition.ts',
    find: 'if (names.get(looseName(name)) !== name) return false;',
    replace: '',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a JSON body with a member once more in other letters is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/body-condition.ts',
    find: "if (!names.has(looseName(name)))\n        return 'absent' in condition && !steps.slice(step).some((inner) => names.has(looseName(inner)));",
    replace: "if (!Object.hasOwn(at, name)) return 'absent' in condition;",
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a JSON body with the absent member in other letters is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/protocol/src/body-condition.ts',
    find: 'if (!isObject(at)) return false;',
    replace: "if (!isObject(at)) return 'absent' in condition;",
    test: {
      file: 'packages/protocol/dist/body-condition.test.js',
      name: '[dispatch.bound] a body with absence in a body that is a list does not meet the condition',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/body-condition.ts',
    find: 'if (Object.keys(condition).length !== 2)',
    replace: 'if (Object.keys(condition).length < 2)',
    test: {
      file: 'packages/protocol/dist/body-condition.test.js',
      name: '[seal.bound] a rule with a condition with two comparisons for conditions on the body is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/protocol/src/body-condition.ts',
    find: 'Number.isSafeInteger(value))',
    replace: 'Number.isFinite(value))',
    test: {
      file: 'packages/protocol/dist/body-condition.test.js',
      name: '[seal.bound] a rule with a fraction to compare with for conditions on the body is refused',
    },
  },
];
