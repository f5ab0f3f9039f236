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

/** A mutant of a file whose test is given once for all: claim, find, replace, name of the test. */
export type Row = readonly [claim: ClaimId, find: string, replace: string, name: string];

/** Mutants of one source file of a package, with the one test file that must miss them. */
export function of(room: string, source: string, test: string, rows: readonly Row[]): readonly Mutant[] {
  const file = `packages/${room}/src/${source}.ts`;
  return rows.map(([claim, find, replace, name]) => ({ claim, file, find, replace, test: { file: test, name } }));
}
