/**
 * Limits sealed with a credential (§2.1 `limits`): how many dispatches in how many seconds. Only narrows what rules allow.
 * Never counts: that is the executor's, and each node counts for itself.
 */
import { exactObject, integer, refuse } from './shape.ts';

/** At most `count` in `seconds`. */
export interface Quota {
  readonly count: number;
  readonly seconds: number;
}

export interface ConnectionLimits {
  /** In any `seconds` that one likes to look at. */
  readonly rate?: Quota;
  /** In each window of `seconds` since 1970 in UTC: 86,400 are days. Counted durably. */
  readonly budget?: Quota;
}

/** What is longer than a minute is a budget: it is remembered over restarts. */
const RATE = { seconds: [1, 60], count: [1, 100_000] } as const;
/** From an hour to 31 days. */
const BUDGET = { seconds: [3_600, 2_678_400], count: [1, 1_000_000_000] } as const;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseConnectionLimits(value: unknown): ConnectionLimits {
  const limits = exactObject(value, '"limits"', [], ['rate', 'budget']);
  if (Object.keys(limits).length === 0) refuse('"limits" has a "rate" or a "budget", or is not there.');
  return Object.freeze({
    ...(limits.rate === undefined ? {} : { rate: parseRate(limits.rate, '"rate"') }),
    ...(limits.budget === undefined ? {} : { budget: parseQuota(limits.budget, '"budget"', BUDGET) }),
  });
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseRate(value: unknown, what: string): Quota {
  return parseQuota(value, what, RATE);
}

function parseQuota(
  value: unknown,
  what: string,
  bounds: Readonly<Record<keyof Quota, readonly [number, number]>>,
): Quota {
  const { count, seconds } = exactObject(value, what, ['count', 'seconds']);
  return Object.freeze({
    count: integer(count, `"count" of ${what}`, ...bounds.count),
    seconds: integer(seconds, `"seconds" of ${what}`, ...bounds.seconds),
  });
}
