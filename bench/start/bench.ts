/**
 * `start`: from nothing to a line that says it listens, with keys, journal and memory of uses on disk, and what it has in memory
 * then; beside a bare server that imports the same HTTP client.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTempDir, start, type StartOptions } from '#test/support/process.js';
import type { Benchmark } from '../benchmark.ts';
import { cpuSeconds, memoryOctets, watch } from '../method/machine.ts';
import { compare, type Measure } from '../method/ratio.ts';
import { say, type Outcome, type Table } from '../method/report.ts';
import { runHeats, type Contestant, type Heats, type Round } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import { executorIn } from '../stage/executor.ts';

/** One start. */
interface Started extends Round {
  /** Until it said that it listens: by the wall, and on a processor, all its processes. */
  readonly seconds: number;
  readonly cpu: number;
  /** Of all its processes, as soon as it listened. */
  readonly octets: number;
}

const [EXECUTOR, BARE] = ['the executor', 'bare Node with undici'];
const BARE_MAIN = fileURLToPath(new URL('../peers/bare-main.js', import.meta.url));
const HEATS = { repeats: 10, foreign: 0.1, random: () => Math.random() };

export const startBench: Benchmark = {
  name: 'start',
  title: 'The executor, from nothing to listening',
  async run({ quick, say: tell }) {
    await using directory = await makeTempDir('dauth-bench-');
    const { options: executor } = await executorIn(join(directory.path, 'executor'));
    const contestants = [
      contestant(EXECUTOR, executor),
      contestant(BARE, { file: process.execPath, args: [BARE_MAIN] }),
    ];
    tell('starting once, so that keys are there and files are read');
    for (const { round } of contestants) await round();
    tell('starting');
    const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 15 });
    return outcomeOf(heats);
  },
};

function contestant(name: string, options: StartOptions): Contestant<Started> {
  return {
    name,
    async round() {
      const { read } = watch({});
      await using child = await start({ ...options, keepStdin: true });
      const [cpu, { seconds, foreign }] = [cpuSeconds(child.pid), read()];
      return { seconds, foreign, cpu, octets: memoryOctets(child.pid, 'VmRSS') };
    },
  };
}

function outcomeOf(heats: Heats<Started>): Outcome {
  const versus = (measure: string, unit: string, read: (round: Started) => number, target?: Measure['target']) =>
    compare(
      { bench: 'start', measure, unit, better: 'less', ...(target === undefined ? {} : { target }) },
      heats,
      EXECUTOR,
      BARE,
      read,
    );
  return {
    ratios: [
      versus('start to listening', 'ms', ({ seconds }) => seconds * 1e3, { must: 3, aim: 1.5 }),
      versus('processor time of a start', 'ms', ({ cpu }) => cpu * 1e3),
      versus('memory when it listens', 'MB', ({ octets }) => octets / 1e6),
    ],
    tables: [tableOf(heats)],
    held: [],
  };
}

function tableOf({ heats }: Heats<Started>): Table {
  const rows = [EXECUTOR, BARE].map((name) => {
    const of = (read: (round: Started) => number): string => say(median(heats.map((heat) => read(heat.get(name)!))));
    return [name, of(({ seconds }) => seconds * 1e3), of(({ cpu }) => cpu * 1e3), of(({ octets }) => octets / 1e6)];
  });
  return { title: 'one start', head: ['', 'ms', 'CPU ms', 'MB'], rows };
}
