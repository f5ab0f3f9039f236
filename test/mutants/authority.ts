/** Defences of `authority`, the control plane, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const ENVELOPE = 'test/dist/attacks/envelope.test.js';

export const AUTHORITY: readonly Mutant[] = [
  {
    claim: 'seal.bound',
    file: 'packages/authority/src/intake.ts',
    find: '  if (dauth.owner !== subject.sub)\n',
    replace: '  if (dauth.owner === "")\n',
    test: {
      file: ENVELOPE,
      name: '[seal.bound] an envelope stolen from the database is refused when another client submits it',
    },
  },
];
