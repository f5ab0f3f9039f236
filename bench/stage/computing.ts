/** What computes in this very process, as one of a heat's contestants: so many seconds of it, by processor time of all its threads. */
import { watch } from '../method/machine.ts';
import type { Contestant, Round } from '../method/rounds.ts';

export interface Computed extends Round {
  /** Seconds on a processor, each time. */
  readonly cpu: number;
}

const MICROSECONDS = 1e6;
/** However long it takes on a machine that is busy: of fewer, what began the round would count. */
const FEWEST = 20;

/** @param once what is done; where it gives a promise, the next one begins behind it */
export function computing(name: string, once: () => unknown, seconds: number): Contestant<Computed> {
  return {
    name,
    round: async () => {
      const { read } = watch({});
      // As the system says it of this process alone: to look at all others costs more than many of these things.
      const before = process.cpuUsage();
      const until = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
      let times = 0;
      for (; times < FEWEST || process.hrtime.bigint() < until; times++) {
        const done = once();
        if (done instanceof Promise) await done;
      }
      const { user, system } = process.cpuUsage(before);
      return { foreign: read().foreign, cpu: (user + system) / MICROSECONDS / times };
    },
  };
}
