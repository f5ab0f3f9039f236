/**
 * A defence, and the test that must miss it: `npm run prove` takes one after the other out of a copy of the tree.
 * `find` stands exactly once in `file`; without it the named test fails by its assertion.
 */
import type { ClaimId } from '../claims.ts';

export interface Mutant {
  readonly claim: ClaimId;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly test: { readonly file: string; readonly name: string };
}
