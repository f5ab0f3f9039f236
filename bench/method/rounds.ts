/**
 * The order of rounds: in each heat every contestant has one round, in an order drawn anew, so that what drifts falls on all of
 * them alike. A heat that a neighbour disturbed, or that failed, counts for nobody: it is repeated, and said. Never a comparison
 * across heats.
 */

/** One contestant's round. */
export interface Round {
  /** Processors that somebody else kept busy meanwhile; 0.1 is a tenth of one. */
  readonly foreign: number;
  /** Why it is no measurement, where it is none. */
  readonly failure?: string;
}

export interface Contestant<R extends Round> {
  readonly name: string;
  readonly round: () => Promise<R>;
}

export interface HeatOptions {
  /** Heats to count, at least. */
  readonly heats: number;
  /** Heats that may be repeated. */
  readonly repeats: number;
  /** Most that somebody else may use in any round of a heat that counts. */
  readonly foreign: number;
  /** Numbers from 0 up to 1. */
  readonly random: () => number;
}

/** By name, of one heat. */
export type Heat<R extends Round> = ReadonlyMap<string, R>;

export interface Heats<R extends Round> {
  readonly heats: readonly Heat<R>[];
  /** Heats that were disturbed. Those that had to count all the same, where the machine was never quiet, are among them. */
  readonly disturbed: number;
  /** Why heats failed, each time. */
  readonly failures: readonly string[];
  /** Whether each heat that counts had the machine for itself. */
  readonly isQuiet: boolean;
}

/** Runs heats until enough of them count, or no more may be repeated: then the least disturbed ones have to do. */
export async function runHeats<R extends Round>(
  contestants: readonly Contestant<R>[],
  { heats: wanted, repeats, foreign, random }: HeatOptions,
): Promise<Heats<R>> {
  const quiet: Heat<R>[] = [];
  const disturbed: Heat<R>[] = [];
  const failures: string[] = [];
  while (quiet.length < wanted && quiet.length + disturbed.length + failures.length < wanted + repeats) {
    const heat = await runHeat(contestants, random);
    if (typeof heat === 'string') failures.push(heat);
    else if (worst(heat) > foreign) disturbed.push(heat);
    else quiet.push(heat);
  }
  const stopgaps = disturbed.toSorted((a, b) => worst(a) - worst(b)).slice(0, wanted - quiet.length);
  return {
    heats: [...quiet, ...stopgaps],
    disturbed: disturbed.length,
    failures,
    isQuiet: stopgaps.length === 0,
  };
}

/** @returns why it failed, where it did: the rounds behind it would be for nothing */
async function runHeat<R extends Round>(
  contestants: readonly Contestant<R>[],
  random: () => number,
): Promise<Heat<R> | string> {
  const heat = new Map<string, R>();
  for (const { name, round } of shuffled(contestants, random)) {
    const done = await round();
    if (done.failure !== undefined) return `${name}: ${done.failure}`;
    heat.set(name, done);
  }
  return heat;
}

/** Most that somebody else used in any of its rounds. */
export function worst(heat: Heat<Round>): number {
  return Math.max(...[...heat.values()].map((round) => round.foreign));
}

/** Each order as likely as any other (Fisher and Yates). */
export function shuffled<T>(values: readonly T[], random: () => number): readonly T[] {
  const order = [...values];
  for (let left = order.length - 1; left > 0; left--) {
    const at = Math.floor(random() * (left + 1));
    [order[left], order[at]] = [order[at]!, order[left]!];
  }
  return order;
}
