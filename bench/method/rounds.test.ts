/** Heats of contestants that only say that they ran. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runHeats, shuffled, type Contestant, type Round } from './rounds.ts';

const OPTIONS = { heats: 5, repeats: 3, foreign: 0.1, random: () => 0.5 };

/** Two contestants whose rounds are taken from lists, the last again and again. */
function field(ran: string[], a: readonly Round[], b: readonly Round[]): readonly Contestant<Round>[] {
  const of = (name: string, rounds: readonly Round[]): Contestant<Round> => {
    let at = 0;
    return {
      name,
      round: async () => {
        ran.push(name);
        return rounds[Math.min(at++, rounds.length - 1)]!;
      },
    };
  };
  return [of('a', a), of('b', b)];
}

const QUIET: Round = { foreign: 0.02 };
const LOUD: Round = { foreign: 0.5 };

suite('heats', () => {
  test('give each contestant one round each, in an order of their own', async () => {
    const ran: string[] = [];
    const drawn = [0.1, 0.9, 0.1, 0.9, 0.9];
    const { heats, disturbed, isQuiet } = await runHeats(field(ran, [QUIET], [QUIET]), {
      ...OPTIONS,
      random: () => drawn.shift()!,
    });
    assert.equal(heats.length, 5);
    assert.deepEqual(ran.join(''), 'baabbaabab');
    assert.equal(disturbed, 0);
    assert.equal(isQuiet, true);
  });

  test('are repeated where a neighbour disturbed any of their rounds, and counted', async () => {
    const ran: string[] = [];
    const { heats, disturbed, isQuiet } = await runHeats(field(ran, [QUIET, LOUD, QUIET], [QUIET]), OPTIONS);
    assert.equal(heats.length, 5);
    assert.ok(heats.every((heat) => heat.get('a') === QUIET && heat.get('b') === QUIET));
    assert.equal(disturbed, 1);
    assert.equal(isQuiet, true);
    assert.equal(ran.length, 12);
  });

  test('are repeated a bounded number of times; then the least disturbed ones count, and that is said', async () => {
    const louder = [0.9, 0.2, 0.8, 0.3, 0.4, 0.5, 0.6, 0.7].map((foreign) => ({ foreign }));
    const { heats, disturbed, isQuiet } = await runHeats(field([], louder, [QUIET]), OPTIONS);
    assert.deepEqual(
      heats.map((heat) => heat.get('a')!.foreign),
      [0.2, 0.3, 0.4, 0.5, 0.6],
    );
    assert.equal(disturbed, 8);
    assert.equal(isQuiet, false);
  });

  test('that failed never count, however few are left, and say who failed and why', async () => {
    const ran: string[] = [];
    const failed = { foreign: 0, failure: '3 answers were 503' };
    const { heats, failures } = await runHeats(field(ran, [QUIET, QUIET, failed], [QUIET]), OPTIONS);
    assert.equal(heats.length, 2);
    assert.deepEqual(
      failures,
      Array.from({ length: 6 }, () => 'a: 3 answers were 503'),
    );
  });

  test('an order has everybody in it, once, and any order can come', () => {
    const orders = new Set<string>();
    for (const first of [0, 0.4, 0.9])
      for (const second of [0.1, 0.9]) {
        const drawn = [first, second];
        orders.add(shuffled(['a', 'b', 'c'], () => drawn.shift()!).join(''));
      }
    assert.deepEqual([...orders].toSorted(), ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  });
});
