/**
 * Matches what the tests proved with what SECURITY.md promises (`test/claims.ts`). A promise without a passing end-to-end
 * proof is red, unless it is listed as open with its reason. Never decides what a promise says.
 */
import { sep } from 'node:path';
import { CLAIMS } from '../test/dist/claims.js';

const TAG = /\[([a-z]+\.[a-z-]+)\]/g;

/** Says which promises are open, and why. */
export function sayOpenClaims() {
  for (const { id, proofs } of CLAIMS) if (typeof proofs === 'object') console.error(`OPEN ${id}: ${proofs.open}.`);
}

/**
 * @param mustCheck whether a promise counts as unproven whose proofs could not be run on this system (CI); elsewhere they
 * were said as NOT CHECKED, and that is all this machine can do
 * @returns a sentence per promise that has no proof, and per proof of something that nobody promised
 */
export function findUnproven(outcomes, claims = CLAIMS, mustCheck = true) {
  const problems = [];
  const known = new Set(claims.map(({ id }) => id));
  const proven = new Set();
  for (const { file, name, verdict } of outcomes) {
    for (const [, id] of name.matchAll(TAG)) {
      if (!known.has(id)) problems.push(`"${name}" names ${id}, which test/claims.ts does not promise.`);
      const counts = verdict === 'pass' || (verdict === 'skipped' && !mustCheck);
      if (counts && file.includes(`${sep}test${sep}dist${sep}`)) proven.add(id);
    }
  }
  for (const { id, proofs } of claims) {
    if (proofs === 'end-to-end' && !proven.has(id)) problems.push(`${id} has no passing end-to-end proof under test/.`);
  }
  return problems;
}
