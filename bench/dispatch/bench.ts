/**
 * `dispatch`: one sealed call through the executor, with its audit durable, its proof checked and its answer searched, beside
 * proxies that only add a header. Ends with a look at whether all of that was still done.
 */
import type { Benchmark, Settings } from '../benchmark.ts';
import type { Outcome } from '../method/report.ts';
import { runHeats, type Heats } from '../method/rounds.ts';
import { checkDefences } from '../stage/defences.ts';
import { contest, warmUp, type Load, type LoadRound } from '../stage/contest.ts';
import { raiseStage, type Name, type Stage } from '../stage/entrants.ts';
import { circumstances, sizesOf, USUAL } from './circumstances.ts';
import { chooseRate, LATENCY_AGAINST, latencyRatios, latencyTable } from './latency.ts';
import { throughputRatios, throughputTable } from './throughput.ts';

/** Heats that count, that may be repeated, and what of a processor others may use in one. */
const HEATS = { heats: 5, repeats: 5, foreign: 0.1, random: () => Math.random() };

/** Whose code is compiled as it runs. */
const WARMED: readonly Name[] = ['dauth', 'buffered', 'naive'];

export const dispatch: Benchmark = {
  name: 'dispatch',
  title: 'A sealed call',
  async run(settings) {
    const all = circumstances(settings);
    settings.say('starting authority, executor, upstream and peers');
    await using stage = await raiseStage(sizesOf(all));
    const outcome = { ratios: [], tables: [], held: [] } as { -readonly [K in keyof Outcome]: Outcome[K][number][] };
    settings.say('warming up');
    for (const name of WARMED) await warmUp(stage.entrants[name], settings.quick ? 1_000 : 5_000, stage);
    let usualRate = 0;
    for (const at of all) {
      const heats = await heat(stage, at.load, ['dauth', ...at.against], at.words, settings);
      outcome.ratios.push(...throughputRatios(at, heats));
      outcome.tables.push(throughputTable(at, heats));
      if (at === all[0]) usualRate = slowest(heats, stage);
    }
    const rate = chooseRate(usualRate);
    const load: Load = { ...USUAL, callers: 64, seconds: settings.quick ? 2 : 5, rate };
    const open = await heat(stage, load, ['dauth', ...LATENCY_AGAINST], `open loop, ${rate} requests/s`, settings);
    outcome.ratios.push(...latencyRatios(rate, open));
    outcome.tables.push(latencyTable(rate, open));
    settings.say('checking that every defence held');
    outcome.held.push(...(await checkDefences(stage.dauth, USUAL.octets, stage.answered.dispatches)));
    return outcome;
  },
};

async function heat(
  stage: Stage,
  load: Load,
  names: readonly Name[],
  words: string,
  { say }: Settings,
): Promise<Heats<LoadRound>> {
  say(words);
  const heats = await runHeats(
    names.map((name) => contest(stage.entrants[name], load, stage)),
    HEATS,
  );
  const { disturbed, failures } = heats;
  if (disturbed + failures.length > 0)
    say(`  ${disturbed} heats disturbed, ${failures.length} failed ${failures.at(-1) ?? ''}`);
  return heats;
}

/** Requests per second of the executor in its slowest heat; 0 where none counts. */
function slowest({ heats }: Heats<LoadRound>, { entrants }: Stage): number {
  if (heats.length === 0) return 0;
  return Math.min(...heats.map((heat) => heat.get(entrants.dauth.name)!.perSecond));
}
