/** Defences of `cli`, the command line, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

export const CLI: readonly Mutant[] = [];
