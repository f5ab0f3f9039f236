/** What each contestant's requests cost its server, by itself: medians of the heats. */
import { say, type Table } from '../method/report.ts';
import type { Heats } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import type { LoadRound } from './contest.ts';

const COLUMNS: readonly (readonly [name: string, read: (round: LoadRound) => number])[] = [
  ['CPU µs/request', ({ cpu }) => cpu * 1e6],
  ['requests/s', ({ perSecond }) => perSecond],
  ['p50 ms', ({ latency }) => latency.p50],
  ['p99 ms', ({ latency }) => latency.p99],
  ['others’ CPU', ({ foreign }) => foreign],
];

export function costTable(title: string, { heats }: Heats<LoadRound>): Table {
  const names = [...new Set(heats.flatMap((heat) => [...heat.keys()]))];
  const rows = names.map((name) => {
    const rounds = heats.flatMap((heat) => heat.get(name) ?? []);
    return [name, ...COLUMNS.map(([, read]) => say(median(rounds.map(read))))];
  });
  return { title, head: ['', ...COLUMNS.map(([name]) => name)], rows };
}
