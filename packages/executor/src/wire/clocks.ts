/** The clocks of one call: how long it may take in all, and for how long nothing may come. */
import { DAuthError } from '@dauth/protocol';

export class CallClocks {
  readonly #late: () => void;
  readonly #total: NodeJS.Timeout;
  #quiet: NodeJS.Timeout | undefined;
  /** Milliseconds of the clock that runs. */
  #quietMs: number | undefined;

  /** @param totalMs milliseconds; @param fail ends the call with `DOWNSTREAM_TIMEOUT` */
  constructor(totalMs: number, fail: (error: DAuthError) => void) {
    this.#late = () => fail(new DAuthError('DOWNSTREAM_TIMEOUT'));
    this.#total = setTimeout(this.#late, totalMs);
  }

  /** (Re)starts the clock that runs while nothing comes. */
  watch(ms: number): void {
    if (this.#quietMs === ms) return void this.#quiet?.refresh();
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(this.#late, ms);
    this.#quietMs = ms;
  }

  /** Nothing is waited for until `watch`. */
  pause(): void {
    clearTimeout(this.#quiet);
    this.#quietMs = undefined;
  }

  stop(): void {
    clearTimeout(this.#total);
    this.pause();
  }
}
