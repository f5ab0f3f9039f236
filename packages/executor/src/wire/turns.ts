/**
 * Work that holds the event loop takes turns: one piece of it in each turn of the loop, so that whatever else is ready is served in
 * between. A signature by RSA of 4096 bits takes a tenth of a second, and nothing else can be done meanwhile.
 */
import { DAuthError } from '@dauth/protocol';
import { waitFor } from './wait.ts';

/** So many of one owner wait at most; of all together no more than there may be dispatches. */
const MOST = 64;

interface Waiting {
  readonly run: () => void;
}

/** Who asks for a turn, and for how long. */
export interface Patience {
  /** Owners have turns by turns, however many of one wait. */
  readonly owner: string;
  readonly ms: number;
  readonly signal: AbortSignal | undefined;
}

export class Turns {
  /** By owner; whose turn it is next stands first. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  #isNear = false;

  /**
   * Whoever waits no more has no turn.
   * @throws DAuthError `RATE_LIMITED` where too many of that owner wait, `DOWNSTREAM_TIMEOUT` and `ENCLAVE_UNAVAILABLE` as waiting
   * does, and whatever the work throws
   */
  async take<T>(work: () => T, { owner, ms, signal }: Patience): Promise<T> {
    const mine = this.#waiting.get(owner) ?? new Set();
    if (mine.size >= MOST)
      throw new DAuthError('RATE_LIMITED', 'Too many tokens are being asked for with signatures. Try again shortly.');
    this.#waiting.set(owner, mine);
    let waiting: Waiting | undefined;
    const done = new Promise<T>((resolve, reject) => {
      waiting = {
        run() {
          try {
            resolve(work());
          } catch (error) {
            reject(error as Error);
          }
        },
      };
      mine.add(waiting);
    });
    this.#next();
    try {
      return await waitFor(done, ms, signal);
    } finally {
      mine.delete(waiting!);
    }
  }

  #next(): void {
    if (this.#isNear || this.#waiting.size === 0) return;
    this.#isNear = true;
    setImmediate(() => {
      this.#isNear = false;
      const first = this.#first();
      this.#next();
      first?.run();
    });
  }

  /** Of the owner whose turn it is, who stands last then. */
  #first(): Waiting | undefined {
    for (const [owner, queue] of this.#waiting) {
      this.#waiting.delete(owner);
      const [first] = queue;
      if (first === undefined) continue;
      queue.delete(first);
      if (queue.size > 0) this.#waiting.set(owner, queue);
      return first;
    }
    return undefined;
  }
}
