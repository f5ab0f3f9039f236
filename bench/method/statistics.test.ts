/** Middles, quantiles and ratios of numbers that can be looked over. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { median, quantile, ratios, spreadOf } from './statistics.ts';

suite('statistics', () => {
  test('the median is the middle value, or the mean of the two in the middle, in any order', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([7]), 7);
    assert.throws(() => median([]), RangeError);
  });

  test('numbers are put in order as numbers', () => {
    assert.equal(median([10, 9, 100]), 10);
  });

  test('the spread names both ends', () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, low: 1, high: 3 });
  });

  test('a quantile is a value that was seen', () => {
    const hundred = Float64Array.from({ length: 100 }, (_, at) => at + 1);
    assert.equal(quantile(hundred, 0.5), 50);
    assert.equal(quantile(hundred, 0.99), 99);
    assert.equal(quantile(hundred, 1), 100);
    assert.equal(quantile([4], 0.01), 4);
    for (const share of [0, -1, 1.1, Number.NaN]) assert.throws(() => quantile([1], share), RangeError);
    assert.throws(() => quantile([], 0.5), RangeError);
  });

  test('a ratio is made pair by pair, and never of nothing', () => {
    assert.deepEqual(
      ratios([
        [1, 2],
        [9, 3],
      ]),
      [0.5, 3],
    );
    assert.throws(() => ratios([[1, 0]]), RangeError);
  });
});
