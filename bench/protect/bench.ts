/**
 * `protect`: what DAuth's protection adds to a tool call of an MCP server on the official SDK: token and DPoP proof verified on
 * each call, each proof taken once. Ends with a look at whether it still refused what it is to refuse.
 */
import type { Benchmark } from '../benchmark.ts';
import { makeSigner } from '../load/proofs.ts';
import { compare, type Measure, type Missing, type Ratio } from '../method/ratio.ts';
import type { Table } from '../method/report.ts';
import { runHeats } from '../method/rounds.ts';
import { Allowance } from '../stage/allowance.ts';
import { contest, warmUp, type Load } from '../stage/contest.ts';
import type { Entrant } from '../stage/entrants.ts';
import { costTable } from '../stage/cost-table.ts';
import { NAMES, raiseProtectStage, type Name } from './stage.ts';

const HEATS = { repeats: 5, foreign: 0.1, random: () => Math.random() };
/** A ratio of processor time: 1.25 is a quarter more. */
const TARGET = { must: 1.25, aim: 1.15 };
const ORDER: readonly Name[] = ['bare', 'sdk', 'dauth'];

export const protectBench: Benchmark = {
  name: 'protect',
  title: 'A tool call of a protected MCP server',
  async run({ quick, say }) {
    say('starting authority, executor and MCP servers');
    await using stage = await raiseProtectStage();
    const { caller, entrants } = stage;
    // Of its own each: the servers remember proofs apart from each other.
    const entered = ORDER.map((name) => ({
      entrant: entrants[name],
      with: { caller, allowance: new Allowance(CLOCK), answered: { dispatches: 0 } },
    }));
    say('warming up');
    for (const each of entered) await warmUp(each.entrant, quick ? 1_000 : 3_000, each.with);
    const ratios: (Ratio | Missing)[] = [];
    const tables: Table[] = [];
    for (const callers of quick ? [16] : [1, 16]) {
      const words = `${callers} ${callers === 1 ? 'caller' : 'callers'}`;
      say(words);
      const load: Load = { callers, octets: 1_024, seconds: quick ? 1 : 2 };
      const contestants = entered.map((each) => contest(each.entrant, load, each.with));
      const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 7 });
      const measure: Measure = {
        ...{ bench: 'protect', measure: `CPU per tool call, ${words}`, unit: 'CPU µs', better: 'less' },
        target: TARGET,
      };
      for (const name of ['sdk', 'dauth'] as const) {
        const named = { ...measure, measure: `${measure.measure}, ${NAMES[name]}` };
        ratios.push(compare(named, heats, NAMES[name], NAMES.bare, ({ cpu }) => cpu * 1e6));
      }
      tables.push(costTable(words, heats));
    }
    say('checking that it still refuses');
    const held = [await checkProofs(entrants.sdk), await checkProofs(entrants.dauth)];
    return { ratios, tables, held: [...new Set(held)] };
  },
};

const CLOCK = {
  now: () => Date.now(),
  sleep: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** One call with a fresh proof, the same again, and one without any. @throws Error unless only the first was let in */
async function checkProofs(entrant: Entrant): Promise<string> {
  const { origin, body, wanted } = await entrant.target(0);
  const { path, headers, signer } = wanted[0]!;
  const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]!] as const] : []));
  const dpop = makeSigner(signer!, 'POST')();
  const ask = async (more: Readonly<Record<string, string>>): Promise<string> => {
    const all = { ...Object.fromEntries(pairs), ...more };
    const response = await fetch(origin + path, { method: 'POST', headers: all, body: body! });
    const text = await response.text();
    return response.ok ? 'ok' : (JSON.parse(text) as { code: string }).code;
  };
  const said = [await ask({ dpop }), await ask({ dpop }), await ask({})].join();
  if (said !== 'ok,REPLAY_DETECTED,UNAUTHENTICATED') throw new Error(`${entrant.name} answered ${said}`);
  return 'a call whose proof was used, or that has none, is refused';
}
