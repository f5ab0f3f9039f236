/** What a benchmark comes to: ours by a named peer's, out of the same heats. Never a number across runs. */
import type { Heats, Round } from './rounds.ts';
import { median, ratios, spreadOf } from './statistics.ts';

/** What is compared, and where it is to get to. */
export interface Measure {
  readonly bench: string;
  /** In a few words, with its circumstances. */
  readonly measure: string;
  readonly unit: string;
  /** Where more is better a ratio has to reach its targets; where less is, it has to stay below them. */
  readonly better: 'more' | 'less';
  readonly target?: { readonly must: number; readonly aim: number };
}

/** As it is printed, one line of JSON each. */
export interface Ratio {
  readonly bench: string;
  readonly measure: string;
  /** The peer's name. */
  readonly against: string;
  readonly unit: string;
  /** Medians over all heats that count. */
  readonly ours: number;
  readonly peer: number;
  /** Median of the ratios of each heat, and the lowest and highest of them. */
  readonly ratio: number;
  readonly spread: { readonly low: number; readonly high: number };
  /** Heats that count, that a neighbour disturbed, and that failed. */
  readonly n: number;
  readonly disturbed: number;
  readonly failed: number;
  /** False where disturbed heats had to count. */
  readonly quiet: boolean;
  readonly node: string;
  readonly must?: number;
  readonly aim?: number;
  readonly met?: Met;
}

export type Met = 'aim' | 'must' | 'no';

/** A ratio that could not be had, and why. */
export interface Missing {
  readonly bench: string;
  readonly measure: string;
  readonly against: string;
  readonly missing: string;
}

/** Fewer heats that count say nothing. */
const FEWEST = 5;

/**
 * Compares two contestants of the same heats.
 * @param read takes one number out of a heat's round
 */
export function compare<R extends Round>(
  of: Measure,
  heats: Heats<R>,
  ours: string,
  against: string,
  read: (round: R, heat: ReadonlyMap<string, R>) => number,
): Ratio | Missing {
  const { bench, measure, unit, better, target } = of;
  const pairs = heats.heats.flatMap((heat) => {
    const [our, peer] = [heat.get(ours), heat.get(against)];
    return our === undefined || peer === undefined ? [] : [[read(our, heat), read(peer, heat)] as const];
  });
  if (pairs.length < FEWEST) {
    const why = heats.failures.at(-1);
    const missing = `${pairs.length} of ${FEWEST} heats counted${why === undefined ? '' : `; ${why}`}`;
    return { bench, measure, against, missing };
  }
  if (pairs.some(([, peer]) => !(peer > 0)))
    return { bench, measure, against, missing: 'what the peer needs is less than can be measured here' };
  const { median: ratio, low, high } = spreadOf(ratios(pairs));
  return {
    ...{ bench, measure, against, unit },
    ours: round(median(pairs.map(([our]) => our))),
    peer: round(median(pairs.map(([, peer]) => peer))),
    ratio: round(ratio),
    spread: { low: round(low), high: round(high) },
    ...{ n: pairs.length, disturbed: heats.disturbed, failed: heats.failures.length, quiet: heats.isQuiet },
    node: process.version,
    ...(target === undefined ? {} : { ...target, met: judge(ratio, better, target) }),
  };
}

/** Which target a ratio has reached. */
export function judge(ratio: number, better: Measure['better'], { must, aim }: { must: number; aim: number }): Met {
  const reaches = (target: number): boolean => (better === 'more' ? ratio >= target : ratio <= target);
  return reaches(aim) ? 'aim' : reaches(must) ? 'must' : 'no';
}

/** Four digits: more would say that they could be measured. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
