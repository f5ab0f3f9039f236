/** Who runs in the heats of a benchmark: us, what people would put in our place, and the call by itself. */
import { startCaller, type Caller } from '../load/caller.ts';
import type { Target } from '../load/job.ts';
import { startNaiveProxy, startNginxProxy, type Peer } from '../peers/proxies.ts';
import { Allowance } from './allowance.ts';
import { startDauth, type Dauth } from './dauth.ts';
import { startAll } from './started.ts';
import type { Place } from './upstream.ts';

export const NAMES = {
  dauth: 'DAuth',
  buffered: 'DAuth, buffered',
  pooled: 'nginx, pooled',
  handshakes: 'nginx, a handshake each',
  naive: 'Node and undici',
  direct: 'the call itself',
} as const;
export type Name = keyof typeof NAMES;

/** One of them. */
export interface Entrant {
  readonly name: string;
  /** Processes of the server that are measured, by name; `server` is the one that counts. None of the call itself. */
  readonly pids: Readonly<Record<string, number>>;
  /** How it is called for an answer of so many octets. */
  readonly target: (octets: number) => Promise<Target>;
  /** Whether each call takes a proof. */
  readonly proves: boolean;
}

export interface Stage extends AsyncDisposable {
  readonly dauth: Dauth;
  readonly caller: Caller;
  readonly allowance: Allowance;
  /** Dispatches that were answered so far, all of which the audit has to have. */
  readonly answered: { dispatches: number };
  readonly entrants: Readonly<Record<Name, Entrant>>;
}

export function raiseStage(sizes: readonly number[]): Promise<Stage> {
  return startAll(async (started) => {
    const dauth = started.use(await startDauth(sizes));
    const { upstream, stack } = dauth;
    const [pooled, handshakes, naive, caller] = [
      started.use(await startNginxProxy(upstream, { kept: true })),
      started.use(await startNginxProxy(upstream, { kept: false })),
      started.use(await startNaiveProxy(upstream)),
      started.use(await startCaller()),
    ];
    const pids = { server: stack.ready.pids.executor, authority: stack.ready.pids.authority };
    const entrants: Record<Name, Entrant> = {
      dauth: { name: NAMES.dauth, pids, target: (octets) => dauth.streaming(octets), proves: true },
      buffered: { name: NAMES.buffered, pids, target: (octets) => dauth.buffered(octets), proves: true },
      pooled: behind(NAMES.pooled, pooled),
      handshakes: behind(NAMES.handshakes, handshakes),
      naive: behind(NAMES.naive, naive),
      direct: directly(upstream),
    };
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const allowance = new Allowance({ now: () => Date.now(), sleep });
    return { dauth, caller, allowance, answered: { dispatches: 0 }, entrants };
  });
}

function behind(name: string, { pid, origin }: Peer): Entrant {
  const target = async (octets: number): Promise<Target> => ({
    ...{ origin, method: 'GET', octets },
    wanted: [{ path: `/${octets}`, headers: [] }],
  });
  return { name, pids: { server: pid }, target, proves: false };
}

function directly({ origin, ca, credential }: Place): Entrant {
  const target = async (octets: number): Promise<Target> => ({
    ...{ origin, ca, method: 'GET', octets },
    wanted: [{ path: `/${octets}`, headers: ['authorization', `Bearer ${credential}`] }],
  });
  return { name: NAMES.direct, pids: {}, target, proves: false };
}
