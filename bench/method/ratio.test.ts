/** Ratios of heats that are written down here. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compare, judge, type Measure } from './ratio.ts';
import type { Heats, Round } from './rounds.ts';

interface Timed extends Round {
  readonly cost: number;
}

const MEASURE: Measure = { bench: 'b', measure: 'cost', unit: 'µs', better: 'less', target: { must: 3, aim: 2 } };

function heatsOf(pairs: readonly (readonly [ours: number, peer: number])[]): Heats<Timed> {
  const heats = pairs.map(
    ([ours, peer]) =>
      new Map([
        ['ours', { foreign: 0, cost: ours }],
        ['peer', { foreign: 0, cost: peer }],
      ]),
  );
  return { heats, disturbed: 2, failures: ['ours: 1 answer was 503'], isQuiet: true };
}

const cost = (round: Timed): number => round.cost;

suite('a ratio', () => {
  test('is the middle of the ratios of heats, whatever the medians of the sides would give', () => {
    const heats = heatsOf([
      [10, 1],
      [20, 10],
      [30, 12],
      [40, 20],
      [50, 20],
    ]);
    assert.deepEqual(compare(MEASURE, heats, 'ours', 'peer', cost), {
      ...{ bench: 'b', measure: 'cost', against: 'peer', unit: 'µs', ours: 30, peer: 12, ratio: 2.5 },
      spread: { low: 2, high: 10 },
      ...{ n: 5, disturbed: 2, failed: 1, quiet: true, node: process.version, must: 3, aim: 2, met: 'must' },
    });
  });

  test('is missing, with the reason, where fewer than five heats count', () => {
    const heats = heatsOf([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    assert.deepEqual(compare(MEASURE, heats, 'ours', 'peer', cost), {
      ...{ bench: 'b', measure: 'cost', against: 'peer' },
      missing: '4 of 5 heats counted; ours: 1 answer was 503',
    });
  });

  test('is missing where the peer needs nothing that can be measured', () => {
    const heats = heatsOf(Array.from({ length: 5 }, () => [1, 0] as const));
    assert.match(JSON.stringify(compare(MEASURE, heats, 'ours', 'peer', cost)), /less than can be measured/);
  });

  test('meets its aim, what it must, or nothing, each way round', () => {
    const targets = { must: 3, aim: 2 };
    assert.deepEqual(
      [1.9, 2, 2.1, 3, 3.1].map((ratio) => judge(ratio, 'less', targets)),
      ['aim', 'aim', 'must', 'must', 'no'],
    );
    const floors = { must: 0.08, aim: 0.12 };
    assert.deepEqual(
      [0.13, 0.12, 0.08, 0.079].map((ratio) => judge(ratio, 'more', floors)),
      ['aim', 'aim', 'must', 'no'],
    );
  });
});
