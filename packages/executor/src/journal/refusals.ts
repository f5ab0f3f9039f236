/**
 * How refusals are audited (§6): at steps 1 and 2 counted, at 3 and 4 journaled within a quota of their own.
 * Never lets refused requests use up what allowed dispatches need: past the quota they are counted too.
 */
import type { ErrorCode } from '@dauth/protocol';
import type { Facts } from './journal.ts';

export interface RefusalOptions {
  readonly journal: { note(kind: string, facts: Facts): Promise<void> };
  readonly perMinute: number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

const MINUTE_MS = 60_000;

export class Refusals {
  readonly #options: RefusalOptions;
  #counted = new Map<ErrorCode, number>();
  #windowStart = -Infinity;
  #inWindow = 0;

  constructor(options: RefusalOptions) {
    this.#options = options;
  }

  /** A refusal without a verified caller. */
  count(code: ErrorCode): void {
    this.#counted.set(code, (this.#counted.get(code) ?? 0) + 1);
  }

  /** A refusal of a verified caller. Never waits for the disk and never fails: the request is refused either way. */
  record(code: ErrorCode, facts: Facts): void {
    const now = this.#options.monotonic();
    if (now - this.#windowStart >= MINUTE_MS) {
      this.#windowStart = now;
      this.#inWindow = 0;
    }
    if (this.#inWindow >= this.#options.perMinute) return this.count(code);
    this.#inWindow++;
    this.#options.journal.note('refusal', { code, ...facts }).catch(() => this.count(code));
  }

  /** Writes the counts down and starts anew; where that fails they stay counted. */
  async flush(): Promise<void> {
    if (this.#counted.size === 0) return;
    const counts = this.#counted;
    this.#counted = new Map();
    try {
      await this.#options.journal.note('refusals', { counts: Object.fromEntries(counts) });
    } catch {
      for (const [code, count] of counts) this.#counted.set(code, (this.#counted.get(code) ?? 0) + count);
    }
  }
}
