/**
 * The replay store's interface and its in-memory form: one atomic "first time?" per (`jkt`, `jti`).
 * Never forgets a proof that could still be accepted: a full store refuses new proofs rather than drop an old one.
 */
import { DAuthError } from '@dauth/protocol';

/** Shared by all nodes behind one URL. */
export interface ReplayStore {
  /**
   * Records a proof in one atomic step.
   * @param key `${jkt}.${jti}`
   * @param expiresAt Unix second until which the proof could be accepted again, and so must be remembered
   * @returns true for the first use, false for every other
   * @throws DAuthError where the store cannot tell; the request is then refused
   */
  consume(key: string, expiresAt: number): boolean | Promise<boolean>;
}

/** A key is a thumbprint (43), a dot and a `jti` of at most 128 characters; longer ones did not come from a checked proof. */
const MAX_KEY = 256;

export interface MemoryReplayStoreOptions {
  /** Proofs remembered at once. A full store refuses. Default 100,000, about 25 MB. */
  readonly capacity?: number;
  /** Now, in Unix seconds. */
  readonly now: () => number;
}

/** For one process behind its own URL. */
export class MemoryReplayStore implements ReplayStore {
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #keys = new Set<string>();
  /** Keys by the second in which they may be forgotten: forgetting costs what was recorded, not what is stored. */
  readonly #bySecond = new Map<number, string[]>();
  /** The latest time ever seen. A clock set back must not make forgotten proofs fresh again. */
  #latest = 0;

  constructor(options: MemoryReplayStoreOptions) {
    this.#capacity = options.capacity ?? 100_000;
    this.#now = options.now;
    if (!Number.isSafeInteger(this.#capacity) || this.#capacity < 1)
      throw new TypeError('capacity must be a positive integer');
  }

  /** Proofs remembered now. */
  get size(): number {
    return this.#keys.size;
  }

  /** @throws DAuthError `RATE_LIMITED` while the store is full */
  consume(key: string, expiresAt: number): boolean {
    if (key.length === 0 || key.length > MAX_KEY) throw new TypeError('key must have 1 to 256 characters');
    if (!Number.isSafeInteger(expiresAt)) throw new TypeError('expiresAt must be a Unix time in seconds');
    this.#forget();
    if (this.#keys.has(key) || expiresAt < this.#latest) return false;
    if (this.#keys.size >= this.#capacity)
      throw new DAuthError('RATE_LIMITED', 'Too many proofs are in use at once. Try again shortly.');
    this.#keys.add(key);
    const second = this.#bySecond.get(expiresAt);
    if (second === undefined) this.#bySecond.set(expiresAt, [key]);
    else second.push(key);
    return true;
  }

  #forget(): void {
    const now = Math.floor(this.#now());
    if (now <= this.#latest) return;
    this.#latest = now;
    for (const [second, keys] of this.#bySecond) {
      if (second >= now) continue;
      for (const key of keys) this.#keys.delete(key);
      this.#bySecond.delete(second);
    }
  }
}
