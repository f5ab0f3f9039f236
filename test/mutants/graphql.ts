/** Defences of rules on GraphQL requests, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const DOCUMENT = 'packages/protocol/dist/graphql-document.test.js';
const RULE = 'packages/protocol/dist/graphql-rule.test.js';
const DOOR = 'packages/executor/dist/where/graphql.test.js';

const REFUSED = '[dispatch.bound] a GraphQL document with ';
const LEFT = '[dispatch.bound] a GraphQL rule does not take ';
const SEALED = '[seal.bound] a rule with ';

export const GRAPHQL: readonly Mutant[] = [
  ...of('protocol', 'graphql-lexer', DOCUMENT, [
    [
      'dispatch.bound',
      'if (FOREIGN.test(document) ||',
      'if (FOREIGN.test(document.slice(0, 0)) ||',
      `${REFUSED}a line end of another reader is refused`,
    ],
    [
      'dispatch.bound',
      '/"""[^"\\\\]*"""(?!")/y',
      '/"""(?:[^\\\\])*?"""(?!")/y',
      `${REFUSED}a block string with a quote is refused`,
    ],
    ['dispatch.bound', '(?![.0-9A-Z_a-z])/y', '/y', `${REFUSED}a number with a letter behind it is refused`],
    ['dispatch.bound', 'u(?![Dd][89A-Fa-f])[0-9', 'u[0-9', `${REFUSED}half of a character in an escape is refused`],
  ]),
  ...of('protocol', 'graphql-document', DOCUMENT, [
    [
      'dispatch.bound',
      'if (document.length > LIMITS',
      'if (document.length > 9 * LIMITS',
      `${REFUSED}131,073 characters is refused`,
    ],
    [
      'dispatch.bound',
      'if (depth === MAX_DEPTH)',
      'if (depth === 9 * MAX_DEPTH)',
      `${REFUSED}nesting past 64 is refused`,
    ],
    [
      'dispatch.bound',
      'if (new Set(names).size !== names.length ||',
      'if (new Set(names).size > names.length ||',
      `${REFUSED}two operations of one name is refused`,
    ],
    [
      'dispatch.bound',
      '(names.length > 1 && names.includes(undefined))',
      '(names.length > 9 && names.includes(undefined))',
      `${REFUSED}an anonymous operation among others is refused`,
    ],
    [
      'dispatch.bound',
      '|| fragments.has(name)) malformed',
      "|| name === '') malformed",
      `${REFUSED}two fragments of one name is refused`,
    ],
    ['dispatch.bound', 'if (isConst) malformed();', '', `${REFUSED}a variable as a default is refused`],
    [
      'dispatch.bound',
      "this.takes('mark', ':') ? this.name() : first",
      "this.takes('mark', ':') && this.name() ? first : first",
      '[dispatch.bound] root fields are found by their names, through aliases and fragments',
    ],
    [
      'dispatch.bound',
      'for (const next of fragment.spreads) spreads.add(next);',
      '',
      '[dispatch.bound] root fields are found by their names, through aliases and fragments',
    ],
  ]),
  ...of('protocol', 'graphql-request', RULE, [
    ['dispatch.bound', "query.includes(';') ||", '', `${LEFT}a document behind a semicolon`],
    ['dispatch.bound', '|| new Set(names).size !== names.length)', ')', `${LEFT}a document in the URL twice`],
    [
      'dispatch.bound',
      "method === 'GET' ? [...PARAMETERS",
      "method !== 'PUT' ? [...PARAMETERS",
      `${LEFT}a document in the URL beside the body`,
    ],
    [
      'dispatch.bound',
      'return body === null ? readQuery(pairs)',
      'return body !== undefined ? readQuery(pairs)',
      `${LEFT}a body beside a document in the URL`,
    ],
    [
      'dispatch.bound',
      '|| !Object.keys(request).every((name) => PARAMETERS.includes(name)))',
      ')',
      `${LEFT}a document in other letters`,
    ],
    ['dispatch.bound', "foldName(name) === 'persistedquery'", "foldName(name) === ''", `${LEFT}a hash beside it`],
    [
      'dispatch.bound',
      'operationName === null && operations.length > 1',
      'operationName === null && operations.length > 9',
      `${LEFT}several operations, none of them meant`,
    ],
    [
      'dispatch.bound',
      'if (operationName !== null && !operations.some(({ name }) => name === operationName))',
      "if (operationName === '-')",
      `${LEFT}the name of another operation`,
    ],
  ]),
  ...of('protocol', 'graphql-rule', RULE, [
    [
      'dispatch.bound',
      'if (!operations.includes(asked.type))',
      "if (!operations.includes(asked.type) && asked.type === 'subscription')",
      `${LEFT}a mutation`,
    ],
    [
      'dispatch.bound',
      'if (anonymous !== true) return',
      'if (anonymous !== true && operations.length > 9) return',
      `${LEFT}an anonymous query`,
    ],
    ['dispatch.bound', '!names.includes(asked.name)', "asked.name === ''", `${LEFT}a name in other letters`],
    [
      'dispatch.bound',
      '!asked.fields.every((field) => fields.includes(field))',
      '!asked.fields.some((field) => fields.includes(field))',
      `${LEFT}a field in a fragment`,
    ],
    [
      'seal.bound',
      "['operations'], ['names', 'fields', 'anonymous']",
      "['operations'], ['names', 'fields', 'anonymous', 'types']",
      `${SEALED}an unknown member for "graphql" is refused`,
    ],
  ]),
  ...of('protocol', 'policy', RULE, [
    [
      'dispatch.bound',
      '(rule.body ?? rule.graphql) !== undefined',
      'rule.body !== undefined',
      'a rule keeps what it says of GraphQL, and decides on the body',
    ],
    [
      'seal.bound',
      "method !== 'GET' && method !== 'POST'",
      "method === 'HEAD' && method.length > 9",
      '[seal.bound] a rule with "graphql" has the methods that GraphQL has',
    ],
  ]),
  ...of('protocol', 'policy', DOOR, [
    [
      'dispatch.bound',
      'graphqlUnmet(rule.graphql, target, rule.query ?? []) === undefined',
      'graphqlUnmet(rule.graphql, target, rule.query ?? []) !== null',
      '[dispatch.bound] a GraphQL client of a vendor does not reach what the rule does not list',
    ],
  ]),
];
