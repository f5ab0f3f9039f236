/** How often something may be done in a minute, in all or for each of many. Never remembers more than it was told to. */

/** Different ones that are counted in one minute; whoever comes beyond them waits for the next. */
const MAX_KEYS = 10_000;

export class MinuteLimit {
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  #minute = 0;

  /** @param most times in one minute, for each key */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts once more. @param now Unix seconds @returns whether it may be done */
  take(now: number, key = ''): boolean {
    const minute = Math.floor(now / 60);
    if (minute !== this.#minute) this.#counts.clear();
    this.#minute = minute;
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#most || (count === 0 && this.#counts.size >= MAX_KEYS)) return false;
    this.#counts.set(key, count + 1);
    return true;
  }
}

/** What many share: so often in all, and so often for each, so that one of them cannot take what is everybody's. */
export class SharedLimit {
  readonly #all: MinuteLimit;
  readonly #each: MinuteLimit;

  constructor(all: number, each: number) {
    this.#all = new MinuteLimit(all);
    this.#each = new MinuteLimit(each);
  }

  /** @param key whose turn it is @returns whether it may be done */
  take(now: number, key: string): boolean {
    // Its own first: one that asks too often takes nothing of what is everybody's.
    return this.#each.take(now, key) && this.#all.take(now);
  }
}
