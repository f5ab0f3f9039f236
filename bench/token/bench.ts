/**
 * `token`: what a DPoP-bound token costs the authority, durable before it is answered, beside the least that one can cost and
 * beside oidc-provider. Ends with a look at what both gave, and whether they still took each request once.
 */
import type { Benchmark } from '../benchmark.ts';
import { makeForm } from '../load/forms.ts';
import { makeSigner } from '../load/proofs.ts';
import { compare, type Measure } from '../method/ratio.ts';
import { runHeats } from '../method/rounds.ts';
import { Allowance } from '../stage/allowance.ts';
import { contest, warmUp, type Load } from '../stage/contest.ts';
import { costTable } from '../stage/cost-table.ts';
import type { Entrant } from '../stage/entrants.ts';
import { FLOOR } from './floor.ts';
import { NAMES, raiseTokenStage, type Name } from './stage.ts';

const HEATS = { repeats: 5, foreign: 0.1, random: () => Math.random() };
const CALLERS = 16;
const ORDER: readonly Name[] = ['own', 'named', 'exchange', 'refresh', 'oidc'];
const OVER_FLOOR = { must: 3, aim: 2 };
const OVER_OIDC = { must: 0.5, aim: 0.3 };

export const tokenBench: Benchmark = {
  name: 'token',
  title: 'A token that is bound to a key, durable before it is answered',
  async run({ quick, say }) {
    say('starting authority, executor and oidc-provider');
    await using stage = await raiseTokenStage({ operations: quick ? 1_600 : 4_800, group: CALLERS });
    const { entrants, floor, caller } = stage;
    // Nobody takes from it: authority and peer remember what was used for as long as it could be used.
    const allowance = new Allowance({ now: () => Date.now(), sleep: () => Promise.resolve() });
    const at = { caller, allowance, answered: { dispatches: 0 } };
    say('warming up');
    for (const name of ORDER) await warmUp(entrants[name], quick ? 1_000 : 3_000, at);
    say(`${CALLERS} callers`);
    const load: Load = { callers: CALLERS, octets: 1_024, seconds: quick ? 1 : 3 };
    const contestants = [...ORDER.map((name) => contest(entrants[name], load, at)), floor];
    const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 7 });
    const versus = (measure: string, name: Name, against: string, target?: Measure['target']) => {
      const of: Omit<Measure, 'target'> = { bench: 'token', measure, unit: 'CPU µs', better: 'less' };
      const measured = target === undefined ? of : { ...of, target };
      return compare(measured, heats, NAMES[name], against, ({ cpu }) => cpu * 1e6);
    };
    say('checking what was given, and that it is given once');
    return {
      ratios: [
        versus('CPU per token', 'own', FLOOR, OVER_FLOOR),
        versus('CPU per token', 'own', NAMES.oidc, OVER_OIDC),
        versus('CPU per token that names a connection', 'named', FLOOR),
        versus('CPU per exchange', 'exchange', FLOOR),
        versus('CPU per refresh', 'refresh', FLOOR),
      ],
      tables: [costTable(`${CALLERS} callers`, heats)],
      held: [await checkOnce(ORDER.map((name) => entrants[name]))],
    };
  },
};

/** What is given is a JWT bound to a key; a form or a proof that was used gets none. @throws Error where one of them is not so */
async function checkOnce(all: readonly Entrant[]): Promise<string> {
  for (const { name, target } of all) {
    const { origin, wanted } = await target(0);
    const { path, headers, signer, form, refreshToken } = wanted[0]!;
    const [sign, make] = [makeSigner(signer!, 'POST'), makeForm(form!)];
    const fill = (): string => `${make()}${refreshToken === undefined ? '' : `&refresh_token=${refreshToken}`}`;
    const ask = async (dpop: string, body: string): Promise<string> => {
      const all = { [headers[0]!]: headers[1]!, dpop };
      const response = await fetch(origin + path, { method: 'POST', headers: all, body });
      const { access_token: token, error = '' } = (await response.json()) as { access_token?: string; error?: string };
      return token === undefined ? error : kindOf(token);
    };
    const [proof, body] = [sign(), fill()];
    const said = [await ask(proof, body), await ask(sign(), body), await ask(proof, fill())].join();
    // oidc-provider has one code for every grant that is not valid.
    if (!/^at\+jwt ES256 bound,invalid_client,invalid_(?:dpop_proof|grant)$/.test(said))
      throw new Error(`${name} answered ${said}`);
    // One that was used ends all that came of the same yes.
    if (refreshToken !== undefined && (await ask(sign(), fill())) !== 'invalid_grant')
      throw new Error(`${name} took a refresh token twice`);
  }
  return 'all give JWTs signed with ES256 and bound to a key, and for an assertion, a proof or a refresh token that was used nothing';
}

function kindOf(token: string): string {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  const { jkt } = (claims!.cnf ?? {}) as { jkt?: string };
  return `${String(header!.typ)} ${String(header!.alg)} ${jkt === undefined ? 'unbound' : 'bound'}`;
}
