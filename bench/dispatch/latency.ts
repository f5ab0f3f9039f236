/**
 * Open loop at one fixed rate: what each adds to the call itself. Time counts from when a request was to start, so that what a
 * server makes others wait for is its own, too.
 */
import { compare, type Missing, type Ratio } from '../method/ratio.ts';
import { say, type Table } from '../method/report.ts';
import type { Heats } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import type { Latency } from '../load/job.ts';
import type { LoadRound } from '../stage/contest.ts';
import { NAMES, type Name } from '../stage/entrants.ts';

export const LATENCY_AGAINST: readonly Name[] = ['pooled', 'naive', 'direct'];

/** Requests per second: the greatest that leaves the executor time to rest, of what it did at most. */
const RATES = [1_000, 500, 250, 100, 50] as const;
const MOST_OF_ALL = 0.6;

export function chooseRate(perSecond: number): number {
  return RATES.find((rate) => rate <= perSecond * MOST_OF_ALL) ?? RATES.at(-1)!;
}

export function latencyRatios(rate: number, heats: Heats<LoadRound>): readonly (Ratio | Missing)[] {
  const at = `at ${say(rate)} requests/s`;
  const added = (quantile: 'p50' | 'p99', target?: { readonly must: number; readonly aim: number }) =>
    compare(
      {
        ...{ bench: 'dispatch', measure: `${quantile} added ${at}`, unit: 'ms', better: 'less' },
        ...(target === undefined ? {} : { target }),
      },
      heats,
      NAMES.dauth,
      NAMES.pooled,
      ({ latency }, heat) => latency[quantile] - heat.get(NAMES.direct)!.latency[quantile],
    );
  const tail = compare(
    {
      ...{ bench: 'dispatch', measure: `p99/p50 ${at}`, unit: '×', better: 'less' },
      target: { must: 1.5, aim: 1.2 },
    },
    heats,
    NAMES.dauth,
    NAMES.naive,
    ({ latency }) => latency.p99 / latency.p50,
  );
  return [added('p50', { must: 4.5, aim: 3 }), added('p99'), tail];
}

export function latencyTable(rate: number, { heats }: Heats<LoadRound>): Table {
  const names = [...new Set(heats.flatMap((heat) => [...heat.keys()]))];
  const quantiles: readonly (keyof Latency)[] = ['p50', 'p90', 'p99', 'max'];
  const rows = names.map((name) => [
    name,
    ...quantiles.map((quantile) => say(median(heats.map((heat) => heat.get(name)!.latency[quantile])))),
  ]);
  const head = ['', ...quantiles.map((quantile) => `${quantile} ms`)];
  return { title: `open loop, ${say(rate)} requests/s, 1 KiB`, head, rows };
}
