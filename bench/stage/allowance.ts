/**
 * How many proofs may still be used: the executor remembers each for two minutes, and where more than half of its store is in
 * use it takes few of any one key. Waits for room rather than have a round refused for it.
 */

export interface Clock {
  /** Milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** Half of the executor's store, and some room. */
const MOST = 45_000;
/** Two minutes, and the seconds that a proof may be signed ahead of its use. */
const KEPT_MS = 130_000;

export class Allowance {
  readonly #clock: Clock;
  #used: { readonly at: number; readonly count: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when so many proofs may be used from now on. @throws RangeError where they never could */
  async take(count: number): Promise<void> {
    if (count > MOST) throw new RangeError(`${count} proofs are more than the executor remembers`);
    for (;;) {
      const now = this.#clock.now();
      this.#used = this.#used.filter(({ at }) => at + KEPT_MS > now);
      const used = this.#used.reduce((sum, each) => sum + each.count, 0);
      const [oldest] = this.#used;
      if (oldest === undefined || used + count <= MOST) break;
      await this.#clock.sleep(oldest.at + KEPT_MS - now);
    }
    this.#used.push({ at: this.#clock.now(), count });
  }
}
