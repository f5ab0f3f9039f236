/** Middle, quantiles and spread of what was measured. Pure arithmetic: knows nothing of what the numbers mean. */

/** What several rounds gave: the middle one, and how far the others lie from it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Of an even number of values the mean of the two in the middle. @throws RangeError without any */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted(ascending);
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (below === undefined || above === undefined) throw new RangeError('there is no middle of nothing');
  return (below + above) / 2;
}

/** Middle and both ends: of a handful of rounds nothing finer can be said. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * The least value that at least `share` of all are not above (nearest rank), so that it is one that was seen.
 * @param sorted ascending
 * @param share above 0, at most 1
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError('a share is above 0 and at most 1');
  const value = sorted[Math.ceil(share * sorted.length) - 1];
  if (value === undefined) throw new RangeError('there is no quantile of nothing');
  return value;
}

/** One number divided by another, pair by pair: only what was measured side by side is ever compared. */
export function ratios(pairs: readonly (readonly [over: number, under: number])[]): readonly number[] {
  return pairs.map(([over, under]) => {
    if (!(under > 0)) throw new RangeError('nothing can be compared with nothing');
    return over / under;
  });
}

function ascending(a: number, b: number): number {
  return a - b;
}
