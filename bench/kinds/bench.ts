/**
 * `kinds`: what a dispatch costs the executor with each kind of credential, beside the one that most APIs take: a header. The same
 * request, answer, audit and proof for all of them.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { makeTempDir } from '#test/support/process.js';
import { startStack, type Stack } from '#test/world/stack.js';
import { takeStanding } from '#test/world/standing.js';
import type { Benchmark } from '../benchmark.ts';
import { startCaller } from '../load/caller.ts';
import type { Target } from '../load/job.ts';
import { compare } from '../method/ratio.ts';
import { runHeats } from '../method/rounds.ts';
import { Allowance } from '../stage/allowance.ts';
import { contest, warmUp, type Load } from '../stage/contest.ts';
import { costTable } from '../stage/cost-table.ts';
import type { Entrant } from '../stage/entrants.ts';
import { startAll } from '../stage/started.ts';
import { OCTETS, startApi, type Api } from './api.ts';
import { JSON_HEADERS, USUAL, type Kind } from './kinds.ts';

const HEATS = { repeats: 5, foreign: 0.1, random: () => Math.random() };
const CALLERS = 16;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const kindsBench: Benchmark = {
  name: 'kinds',
  title: 'A sealed call by each kind of credential',
  async run({ quick, say }) {
    say('starting authority, executor and an API for every kind, and sealing one of each');
    await using stage = await raise();
    const { entrants, caller } = stage;
    const allowance = new Allowance({ now: () => Date.now(), sleep });
    const at = { caller, allowance, answered: { dispatches: 0 } };
    say('warming up');
    for (const entrant of entrants) await warmUp(entrant, quick ? 500 : 3_000, at);
    say(`${CALLERS} callers`);
    const load: Load = { callers: CALLERS, octets: OCTETS, seconds: quick ? 0.5 : 3 };
    const contestants = entrants.map((entrant) => contest(entrant, load, at));
    const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 7 });
    const others = entrants.filter(({ name }) => name !== USUAL);
    return {
      ratios: others.map(({ name }) => {
        const measure = {
          bench: 'kinds',
          measure: `CPU per dispatch, ${name}`,
          unit: 'CPU µs',
          better: 'less',
        } as const;
        return compare(measure, heats, name, USUAL, ({ cpu }) => cpu * 1e6);
      }),
      tables: [costTable(`${CALLERS} callers, 1 KiB`, heats)],
      held: [await checkRefused(stage.api, await readFile(stage.stack.caFile, 'utf8'))],
    };
  },
};

function raise() {
  return startAll(async (started) => {
    const { path: dir } = started.use(await makeTempDir('dauth-bench-'));
    const stack = started.use(await startStack({ dir: join(dir, 'stack') }));
    const api = started.use(await startApi(stack.leaf));
    const entrants: Entrant[] = [];
    for (const [at, kind] of api.kinds.entries()) entrants.push(await enter(stack, api, kind, dir, at));
    return { stack, api, entrants, caller: started.use(await startCaller()) };
  });
}

/** @throws Error where the API gives to who shows no credential */
async function checkRefused({ kinds, origin, certifiedOrigin }: Api, ca: string): Promise<string> {
  const agent = new Agent({ connect: { ca } });
  for (const { name, path, arrives = path, certified } of kinds) {
    const url = (certified === true ? certifiedOrigin : origin) + arrives.replace(/sk_\w+/, 'sk_wrong');
    const { statusCode, body } = await request(url, { dispatcher: agent });
    await body.dump();
    if (statusCode < 400) throw new Error(`the API gave ${statusCode} without a credential (${name})`);
  }
  await agent.close();
  return 'the API gives nothing to who shows no credential, for any kind';
}

/** Of its own each: a token with one connection costs less than one with many. */
async function enter(
  stack: Stack,
  { origin, certifiedOrigin }: Api,
  { name, flags, sealed, path, body, certified }: Kind,
  dir: string,
  at: number,
): Promise<Entrant> {
  const { executor, pids } = stack.ready;
  const standing = await takeStanding(stack, {
    ...{ dir, origin: certified === true ? certifiedOrigin : origin },
    ...{ name: `party${at}`, resource: `http://127.0.0.1:${at + 1}/mcp` },
  });
  const method = body === undefined ? 'GET' : 'POST';
  const handle = await standing.seal(sealed, ['--method', method, '--path', '/*', ...flags]);
  const asked = `/connections/${handle}${path}`;
  const target = async (): Promise<Target> => {
    const token = await standing.token();
    const signer = { key: standing.key, token, htu: executor + asked.split('?', 1)[0]! };
    const headers = ['authorization', `DPoP ${token}`, ...(body === undefined ? [] : JSON_HEADERS)];
    const wanted = [{ path: asked, headers, signer }];
    return { origin: executor, method, wanted, octets: OCTETS, ...(body === undefined ? {} : { body }) };
  };
  return { name, pids: { server: pids.executor, authority: pids.authority }, target, proves: true };
}
