/** Closed loops: what a dispatch costs the executor beside what a request costs a proxy, and how fast bodies stream. */
import { compare, type Measure, type Ratio, type Missing } from '../method/ratio.ts';
import { say, type Table } from '../method/report.ts';
import type { Heats } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import type { LoadRound } from '../stage/contest.ts';
import { NAMES, type Name } from '../stage/entrants.ts';
import { isStream, USUAL, type Circumstance } from './circumstances.ts';

/** Where the issue of speed wants to get to, at the usual load. */
const TARGETS: Partial<Record<Name, { readonly must: number; readonly aim: number }>> = {
  pooled: { must: 0.08, aim: 0.12 },
  naive: { must: 0.35, aim: 0.6 },
  handshakes: { must: 3, aim: 4 },
};
const STREAM_TARGET = { must: 0.9, aim: 0.98 };

/** The ratios of one circumstance: per core always, octets per second where they stream. */
export function throughputRatios(at: Circumstance, heats: Heats<LoadRound>): readonly (Ratio | Missing)[] {
  return at.against.flatMap((name) => {
    const isUsual = at.load.callers === USUAL.callers && at.load.octets === USUAL.octets;
    const target = isUsual ? TARGETS[name] : undefined;
    const perCore: Measure = {
      ...{ bench: 'dispatch', measure: `throughput per core, ${at.words}`, unit: 'requests per CPU second' },
      better: 'more',
      ...(target === undefined ? {} : { target }),
    };
    const streamed: Measure = {
      ...{ bench: 'dispatch', measure: `streamed, ${at.words}`, unit: 'MB/s', better: 'more' },
      ...(name === 'naive' ? { target: STREAM_TARGET } : {}),
    };
    const versus = (measure: Measure, read: (round: LoadRound) => number) =>
      compare(measure, heats, NAMES.dauth, NAMES[name], read);
    return [
      versus(perCore, ({ cpu }) => 1 / cpu),
      ...(isStream(at.load) ? [versus(streamed, ({ octetsPerSecond }) => octetsPerSecond / 1e6)] : []),
    ];
  });
}

/** What each of them did by itself: medians of the heats. */
export function throughputTable(at: Circumstance, { heats }: Heats<LoadRound>): Table {
  const names = [...new Set(heats.flatMap((heat) => [...heat.keys()]))];
  const head = ['', 'CPU µs/request', 'authority µs/request', 'requests/s', 'MB/s', 'p50 ms', 'p99 ms', 'others’ CPU'];
  const rows = names.map((name) => {
    const of = (read: (round: LoadRound) => number): string =>
      say(median(heats.flatMap((heat) => (heat.has(name) ? [read(heat.get(name)!)] : []))));
    return [
      ...[name, of(({ cpu }) => cpu * 1e6), of(({ authority }) => authority * 1e6), of(({ perSecond }) => perSecond)],
      ...[of(({ octetsPerSecond }) => octetsPerSecond / 1e6), of(({ latency }) => latency.p50)],
      ...[of(({ latency }) => latency.p99), of(({ foreign }) => foreign)],
    ];
  });
  return { title: at.words, head, rows };
}
