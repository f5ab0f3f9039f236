/** Gives the claim checker outcomes that prove too little and expects it to name the promise. */
import assert from 'node:assert/strict';
import { join, sep } from 'node:path';
import { suite, test } from 'node:test';
import type { Claim } from '../claims.ts';

interface Outcome {
  readonly file: string;
  readonly name: string;
  readonly verdict: 'pass' | 'fail' | 'skipped' | 'todo';
}
interface Checker {
  readonly findUnproven: (outcomes: readonly Outcome[], claims: readonly Claim[], mustCheck?: boolean) => string[];
}

/** By its address: it is plain JavaScript, without types of its own. */
const CHECKER = new URL('../../../tools/claims.mjs', import.meta.url).href;
const { findUnproven }: Checker = await import(CHECKER);

const CLAIMS: readonly Claim[] = [
  { id: 'seal.bound', claim: 'It is bound.', attackers: [2], proofs: 'end-to-end' },
  { id: 'crash.safe', claim: 'It is safe.', attackers: [], proofs: { open: 'not yet' } },
];
const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  file: join(sep, 'x', 'test', 'dist', 'attacks', 'a.test.js'),
  name: '[seal.bound] a stolen envelope is refused',
  verdict: 'pass',
  ...change,
});
const UNPROVEN = 'seal.bound has no passing end-to-end proof under test/.';

suite('the claim checker', () => {
  test('takes a promise with a passing end-to-end proof, and an open one without', () => {
    assert.deepEqual(findUnproven([outcome()], CLAIMS), []);
  });
  test('takes a test that proves two promises for both', () => {
    assert.deepEqual(findUnproven([outcome({ name: '[crash.safe] [seal.bound] both hold' })], CLAIMS), []);
  });
  test('takes a proof that this system could not run, but not where everything must be checked', () => {
    const skipped = [outcome({ verdict: 'skipped' })];
    assert.deepEqual(findUnproven(skipped, CLAIMS, false), []);
    assert.deepEqual(findUnproven(skipped, CLAIMS, true), [UNPROVEN]);
  });
  test('names a promise without any proof', () => {
    assert.deepEqual(findUnproven([], CLAIMS), [UNPROVEN]);
    assert.deepEqual(findUnproven([outcome({ name: 'a stolen envelope is refused' })], CLAIMS), [UNPROVEN]);
  });
  for (const verdict of ['fail', 'skipped', 'todo'] as const) {
    test(`takes no proof that ended as ${verdict}`, () => {
      assert.deepEqual(findUnproven([outcome({ verdict })], CLAIMS), [UNPROVEN]);
    });
  }
  test("takes no proof by a package's own test", () => {
    const file = join(sep, 'x', 'packages', 'executor', 'dist', 'a.test.js');
    assert.deepEqual(findUnproven([outcome({ file })], CLAIMS), [UNPROVEN]);
  });
  test('names a proof of what nobody promised', () => {
    assert.deepEqual(findUnproven([outcome(), outcome({ name: '[seal.bond] a typing mistake' })], CLAIMS), [
      '"[seal.bond] a typing mistake" names seal.bond, which test/claims.ts does not promise.',
    ]);
  });
});
