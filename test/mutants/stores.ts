/** Defences of signatures, as a server that computes them again by the vendor's own code sees them. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const STORE = 'test/dist/e2e/object-store.test.js';

export const STORES: readonly Mutant[] = [
  ...of('executor', 'secret/canonical', STORE, [
    [
      'dispatch.bound',
      'if (!isS3) return',
      'if (!isS3 || path.includes(0x25)) return',
      '[dispatch.bound] the AWS SDK puts, lists, gets and deletes objects, whole, streamed and in parts',
    ],
  ]),
];
