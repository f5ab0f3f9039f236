/**
 * `scale`: what a dispatch, a token and the look at a connection cost with many connections in the store, and in what the executor
 * was told, beside the same with a thousand.
 */
import type { Benchmark } from '../benchmark.ts';
import { startCaller } from '../load/caller.ts';
import { compare, type Measure, type Missing, type Ratio } from '../method/ratio.ts';
import { say, type Table } from '../method/report.ts';
import { runHeats } from '../method/rounds.ts';
import { Allowance } from '../stage/allowance.ts';
import { contest, warmUp, type Load } from '../stage/contest.ts';
import { costTable } from '../stage/cost-table.ts';
import { KINDS, startFilled, type Filled, type Kind } from './stage.ts';

const HEATS = { repeats: 5, foreign: 0.1, random: () => Math.random() };
const [FEW, MANY, MANY_QUICK] = [1_000, 1_000_000, 100_000];
const TARGET = { must: 1.2, aim: 1.05 };
const CALLERS = 16;

const WORDS: Readonly<Record<Kind, string>> = {
  dispatch: 'CPU per dispatch',
  token: 'CPU per token that names a connection',
  lookup: 'CPU per look at a connection',
};

export const scaleBench: Benchmark = {
  name: 'scale',
  title: 'Many connections in the store',
  async run({ quick, say: tell }) {
    const counts = [FEW, quick ? MANY_QUICK : MANY] as const;
    const [few, many] = counts.map((count) => `${count.toLocaleString('en')} connections`) as [string, string];
    tell(`starting two stacks, with ${few} and ${many}`);
    await using less = await startFilled(few, counts[0]);
    await using more = await startFilled(many, counts[1]);
    const ratios: (Ratio | Missing)[] = [];
    const tables: Table[] = [];
    await using caller = await startCaller();
    const load: Load = { callers: CALLERS, octets: 1_024, seconds: quick ? 1 : 3 };
    for (const kind of KINDS) {
      tell(WORDS[kind]);
      // Of its own each: the executors remember proofs apart from each other.
      const entered = [less, more].map(({ entrants }) => ({
        entrant: entrants[kind],
        with: { caller, allowance: new Allowance(CLOCK), answered: { dispatches: 0 } },
      }));
      for (const each of entered) await warmUp(each.entrant, quick ? 1_000 : 3_000, each.with);
      const contestants = entered.map((each) => contest(each.entrant, load, each.with));
      const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 9 });
      const measure: Measure = {
        ...{ bench: 'scale', measure: `${WORDS[kind]}, ${many}`, unit: 'CPU µs', better: 'less' },
        target: TARGET,
      };
      ratios.push(compare(measure, heats, many, few, ({ cpu }) => cpu * 1e6));
      tables.push(costTable(WORDS[kind], heats));
    }
    return { ratios, tables: [...tables, memoryTable({ [few]: less, [many]: more })], held: [] };
  },
};

const CLOCK = {
  now: () => Date.now(),
  sleep: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)),
};

function memoryTable(stacks: Readonly<Record<string, Pick<Filled, 'memory'>>>): Table {
  const rows = Object.entries(stacks).map(([name, { memory }]) => {
    const { authority, executor } = memory();
    return [name, say(authority / 1e6), say(executor / 1e6)];
  });
  return { title: 'in memory at the end', head: ['', 'authority MB', 'executor MB'], rows };
}
