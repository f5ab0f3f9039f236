/**
 * `connections`: what a connection costs in memory that stays open and asks for nothing, at the executor's door and at a bare server
 * on the same `node:http`. Each round is a process of its own, so that nobody counts what was freed for somebody before.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeTempDir, start, type Running, type StartOptions } from '#test/support/process.js';
import type { Benchmark } from '../benchmark.ts';
import { memoryOctets, watch } from '../method/machine.ts';
import { compare } from '../method/ratio.ts';
import { say } from '../method/report.ts';
import { runHeats, type Contestant, type Round } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import { executorIn } from '../stage/executor.ts';
import type { Hold } from './hold-main.ts';

interface Held extends Round {
  /** Octets that each connection added to what the server has in memory, and what it had before. */
  readonly each: number;
  readonly before: number;
}

const [EXECUTOR, BARE] = ['the executor', 'bare node:http'];
const [MANY, MANY_QUICK] = [10_000, 2_000];
/** Opened and closed ahead, so that code is compiled and the heap has its first size. */
const AHEAD = 500;
/** Files that a process has open besides. */
const OTHER_FILES = 100;
/** Until what was for the opening alone is given back. */
const SETTLED_MS = 2_000;
/** Milliseconds for all of them, on a machine that is busy. */
const HOLD_MS = 120_000;
const HEATS = { repeats: 5, foreign: 0.1, random: () => Math.random() };
const TARGET = { must: 1.3, aim: 1.1 };
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const connectionsBench: Benchmark = {
  name: 'connections',
  title: 'Connections that stay open',
  async run({ quick, say: tell }) {
    const count = quick ? MANY_QUICK : MANY;
    const measure = `memory per idle connection, ${count.toLocaleString('en')} of them`;
    const of = { bench: 'connections', measure, unit: 'octets', better: 'less', target: TARGET } as const;
    const files = await mostFiles();
    if (files < count + OTHER_FILES) {
      const missing = `a process may have ${files} files open here, and ${count + OTHER_FILES} are needed (ulimit -n)`;
      return { ratios: [{ bench: of.bench, measure, against: BARE, missing }], tables: [], held: [] };
    }
    await using directory = await makeTempDir('dauth-bench-');
    const { options, port } = await executorIn(join(directory.path, 'executor'));
    const bare = { file: process.execPath, args: [at('../peers/keeping-main.js')] };
    const contestants = [contestant(EXECUTOR, options, count, port), contestant(BARE, bare, count)];
    tell(`opening ${count} connections at a time`);
    const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 7 });
    const rows = contestants.map(({ name }) => {
      const middle = (read: (round: Held) => number): string =>
        say(median(heats.heats.map((heat) => read(heat.get(name)!))));
      return [name, middle(({ each }) => each), middle(({ before }) => before / 1e6)];
    });
    return {
      ratios: [compare(of, heats, EXECUTOR, BARE, ({ each }) => each)],
      tables: [{ title: measure, head: ['', 'octets each', 'MB without'], rows: heats.heats.length === 0 ? [] : rows }],
      held: [],
    };
  },
};

/** @param known the port, where the server does not say it */
function contestant(name: string, options: StartOptions, count: number, known?: number): Contestant<Held> {
  return {
    name,
    async round() {
      const { read } = watch({});
      await using server = await start({ ...options, keepStdin: true });
      const port = known ?? (JSON.parse(server.readyLine) as { port: number }).port;
      await using holder = await start({ file: process.execPath, args: [at('./hold-main.js')], keepStdin: true });
      await hold(holder, { id: 1, port, count: AHEAD });
      await hold(holder, { id: 2, port, count: 0 });
      await sleep(SETTLED_MS);
      const before = memoryOctets(server.pid, 'VmRSS');
      const lost = await hold(holder, { id: 3, port, count });
      await sleep(SETTLED_MS);
      const each = (memoryOctets(server.pid, 'VmRSS') - before) / count;
      const late = await hold(holder, { id: 4, port, count });
      const { foreign } = read();
      const failure = `${Math.max(lost, late)} of ${count} connections were closed`;
      return { foreign, each, before, ...(lost + late === 0 ? {} : { failure }) };
    },
  };
}

/** @returns how many the server closed so far */
async function hold(holder: Running, wanted: Hold): Promise<number> {
  holder.send(`${JSON.stringify(wanted)}\n`);
  const line = await holder.line((line) => line.startsWith(`{"id":${wanted.id},`), HOLD_MS);
  return (JSON.parse(line) as { lost: number }).lost;
}

/** Node raises its own limit to the hard one. */
async function mostFiles(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'latin1');
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 0);
}
