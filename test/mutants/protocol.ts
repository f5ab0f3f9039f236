/** Defences of `protocol`, the shared words, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const BOUNDS = 'packages/protocol/dist/bounds.test.js';
const ACTION = 'packages/protocol/dist/action.test.js';
const SERVER = 'test/dist/attacks/server.test.js';

export const PROTOCOL: readonly Mutant[] = [
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
];
