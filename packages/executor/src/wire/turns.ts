/**
 * Work that holds the event loop takes turns: one piece of it in each turn of the loop, so that whatever else is ready is served in
 * between. A signature by RSA of 4096 bits takes a tenth of a second, and nothing else can be done meanwhile.
 */
import { DAuthError } from '@dauth/protocol';
import { waitFor } from './wait.ts';

/** So many wait at most: the last of them has its turn well before its call has to end. */
const MOST = 64;

interface Waiting {
  readonly run: () => void;
}

export class Turns {
  readonly #waiting = new Set<Waiting>();
  #isNear = false;

  /**
   * Whoever waits no more has no turn.
   * @param ms how long it may wait
   * @throws DAuthError `RATE_LIMITED` where too many wait, `DOWNSTREAM_TIMEOUT` and `ENCLAVE_UNAVAILABLE` as waiting does, and
   * whatever the work throws
   */
  async take<T>(work: () => T, ms: number, signal: AbortSignal | undefined): Promise<T> {
    if (this.#waiting.size >= MOST)
      throw new DAuthError('RATE_LIMITED', 'Too many tokens are being asked for with signatures. Try again shortly.');
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
      this.#waiting.add(waiting);
    });
    this.#next();
    try {
      return await waitFor(done, ms, signal);
    } finally {
      this.#waiting.delete(waiting!);
    }
  }

  #next(): void {
    if (this.#isNear || this.#waiting.size === 0) return;
    this.#isNear = true;
    setImmediate(() => {
      this.#isNear = false;
      const [first] = this.#waiting;
      if (first === undefined) return;
      this.#waiting.delete(first);
      this.#next();
      first.run();
    });
  }
}
