/** One entrant under one load, again and again: gets ready unmeasured, runs measured, and says what failed rather than count it. */
import type { Done, Latency } from '../load/job.ts';
import { watch } from '../method/machine.ts';
import type { Contestant, Round } from '../method/rounds.ts';
import type { Entrant, Stage } from './entrants.ts';

/** What all entrants of a heat are put under. */
export interface Load {
  readonly callers: number;
  /** Of each answer. */
  readonly octets: number;
  /** Seconds that a round is to last. */
  readonly seconds: number;
  /** Requests per second of an open loop. */
  readonly rate?: number;
}

/** A round under load. */
export interface LoadRound extends Round {
  /** Seconds on a processor for each request, of the server, and of the authority beside it. */
  readonly cpu: number;
  readonly authority: number;
  readonly perSecond: number;
  readonly octetsPerSecond: number;
  readonly latency: Latency;
}

const WARMING = { callers: 16, octets: 1_024 };
const [FEWEST_REQUESTS, MOST_REQUESTS] = [8, 20_000];
/** Octets of the answers by which an entrant's speed is learnt, and its code compiled, and how many at most. */
const [LEARNING_OCTETS, LEARNING_REQUESTS] = [67_108_864, 500];

export function contest(
  entrant: Entrant,
  load: Load,
  { caller, allowance, answered }: Pick<Stage, 'caller' | 'allowance' | 'answered'>,
): Contestant<LoadRound> {
  const { callers, octets, seconds, rate } = load;
  const run = async (requests: number, openRate?: number): Promise<LoadRound> => {
    const warmUp = Math.min(callers * 2, requests);
    if (entrant.proves) await allowance.take(requests + warmUp);
    const target = await entrant.target(octets);
    const job = { target, callers, requests, warmUp, ...(openRate === undefined ? {} : { rate: openRate }) };
    const unready = await caller.prepare(job);
    if (unready !== undefined) return { ...NOTHING, failure: unready };
    const { read } = watch(entrant.pids);
    const done = await caller.run();
    const round = toRound(done, read());
    if (entrant.proves) answered.dispatches += warmUp + goodOf(done);
    return round;
  };
  let perSecond = rate;
  return {
    name: entrant.name,
    async round() {
      if (perSecond === undefined) {
        const first = await run(bounded(LEARNING_OCTETS / octets, LEARNING_REQUESTS, callers));
        if (first.failure !== undefined) return first;
        ({ perSecond } = first);
      }
      const round = await run(bounded(perSecond * seconds, MOST_REQUESTS, callers), rate);
      if (rate === undefined && round.failure === undefined) ({ perSecond } = round);
      return round;
    },
  };
}

/** Has an entrant answer so many requests that count for nothing: a compiler needs thousands to know what to compile. */
export async function warmUp(
  entrant: Entrant,
  requests: number,
  { caller, allowance, answered }: Pick<Stage, 'caller' | 'allowance' | 'answered'>,
): Promise<void> {
  for (let left = requests; left > 0; left -= LEARNING_REQUESTS) {
    if (entrant.proves) await allowance.take(LEARNING_REQUESTS);
    const job = {
      target: await entrant.target(WARMING.octets),
      callers: WARMING.callers,
      requests: LEARNING_REQUESTS,
      warmUp: 0,
    };
    if ((await caller.prepare(job)) !== undefined) continue;
    const done = await caller.run();
    if (entrant.proves) answered.dispatches += goodOf(done);
  }
}

/** At least a few for each caller. */
function bounded(requests: number, most: number, callers: number): number {
  return Math.round(Math.max(Math.min(requests, most), FEWEST_REQUESTS, callers * 2));
}

function goodOf({ requests, failures }: Done): number {
  return Object.values(failures).reduce((left, count) => left - count, requests);
}

function toRound(
  done: Done,
  { used, foreign }: { used: Readonly<Record<string, number>>; foreign: number },
): LoadRound {
  const { requests, seconds, octets, latency, failures } = done;
  const failed = Object.entries(failures).map(([what, count]) => `${count} of ${requests} answers were ${what}`);
  return {
    ...{ foreign, latency },
    cpu: (used.server ?? 0) / requests,
    authority: (used.authority ?? 0) / requests,
    perSecond: requests / seconds,
    octetsPerSecond: octets / seconds,
    ...(failed.length === 0 ? {} : { failure: failed.join(', ') }),
  };
}

const NOTHING: LoadRound = {
  ...{ foreign: 0, cpu: 0, authority: 0, perSecond: 0, octetsPerSecond: 0 },
  latency: { p50: 0, p90: 0, p99: 0, max: 0 },
};
