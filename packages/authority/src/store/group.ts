/**
 * Group commit: what is ready in the same turn of the event loop becomes durable by one write to the disk, and nobody hears of
 * it before. Each body is whole or not at all by itself: one that is refused takes nothing back of another's.
 * Never a transaction that is open from one turn to the next: in between others would read, and tell, what may yet be lost.
 */
import type { Attempt, Database } from './driver.ts';

/** In one transaction. Others who write wait for it, and whoever comes beyond is in the next. */
const MOST = 64;

interface Waiting {
  readonly body: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

export class Group {
  readonly #db: Database;
  readonly #waiting: Waiting[] = [];

  constructor(database: Database) {
    this.#db = database;
  }

  /**
   * Runs `body` in a later step of this turn. Time has passed by then: what others may have changed is asked inside.
   * @returns what it returned, once that is durable
   * @throws what it threw, and then nothing of it happened; or what the commit threw, and then nothing of anybody's did
   */
  run<T>(body: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      // After all sockets that are readable now were read, so that those who ask at once are together.
      if (this.#waiting.length === 0) setImmediate(() => this.#commit());
      this.#waiting.push({ body, resolve, reject });
    });
  }

  #commit(): void {
    const group = this.#waiting.splice(0, MOST);
    if (this.#waiting.length > 0) setImmediate(() => this.#commit());
    let attempts: readonly Attempt<unknown>[];
    try {
      // Where all were refused there is nothing to keep, and nobody makes the disk work for it.
      attempts = this.#db.transaction(
        () => group.map(({ body }) => this.#db.attempt(body)),
        (all) => all.some((attempt) => 'value' in attempt),
      );
    } catch (reason) {
      // A full disk, say: what the bodies returned is not there.
      attempts = group.map(() => ({ reason }));
    }
    attempts.forEach((attempt, at) => {
      if ('reason' in attempt) group[at]!.reject(attempt.reason);
      else group[at]!.resolve(attempt.value as never);
    });
  }
}
