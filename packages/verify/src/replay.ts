/**
 * The replay store's interface and its in-memory form: one atomic "first time?" per (`jkt`, `jti`).
 * Never forgets a proof that could still be accepted: a full store refuses new proofs rather than drop an old one. Never
 * lets one key fill it for all the others.
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
  /** Proofs of one key (`jkt`) remembered at once while more than half of the store is in use. Default 2,000. */
  readonly perKey?: number;
  /** Now, in Unix seconds. */
  readonly now: () => number;
}

/** For one process behind its own URL. */
export class MemoryReplayStore implements ReplayStore {
  readonly #capacity: number;
  readonly #perKey: number;
  readonly #now: () => number;
  readonly #keys = new Set<string>();
  /** Keys by the second in which they may be forgotten: forgetting costs what was recorded, not what is stored. */
  readonly #bySecond = new Map<number, string[]>();
  /** How many of them each key has. */
  readonly #byJkt = new Map<string, number>();
  /** The latest time ever seen. A clock set back must not make forgotten proofs fresh again. */
  #latest = 0;

  constructor(options: MemoryReplayStoreOptions) {
    this.#capacity = options.capacity ?? 100_000;
    this.#perKey = options.perKey ?? 2_000;
    this.#now = options.now;
    for (const [name, value] of [
      ['capacity', this.#capacity],
      ['perKey', this.#perKey],
    ] as const)
      if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${name} must be a positive integer`);
  }

  /** Proofs remembered now. */
  get size(): number {
    return this.#keys.size;
  }

  /** @throws DAuthError `RATE_LIMITED` while the store is full, or its second half is not for this key */
  consume(key: string, expiresAt: number): boolean {
    if (key.length === 0 || key.length > MAX_KEY) throw new TypeError('key must have 1 to 256 characters');
    if (!Number.isSafeInteger(expiresAt)) throw new TypeError('expiresAt must be a Unix time in seconds');
    this.#forget();
    if (this.#keys.has(key) || expiresAt < this.#latest) return false;
    if (this.#keys.size >= this.#capacity)
      throw new DAuthError('RATE_LIMITED', 'Too many proofs are in use at once. Try again shortly.');
    const jkt = jktOf(key);
    const held = this.#byJkt.get(jkt) ?? 0;
    if (this.#keys.size >= this.#capacity / 2 && held >= this.#perKey)
      throw new DAuthError('RATE_LIMITED', 'This key has too many proofs in use at once. Try again shortly.');
    this.#keys.add(key);
    this.#byJkt.set(jkt, held + 1);
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
      for (const key of keys) this.#drop(key);
      this.#bySecond.delete(second);
    }
  }

  #drop(key: string): void {
    const jkt = jktOf(key);
    const held = this.#byJkt.get(jkt)!;
    if (held === 1) this.#byJkt.delete(jkt);
    else this.#byJkt.set(jkt, held - 1);
    this.#keys.delete(key);
  }
}

/** A thumbprint has no dot; a `jti` may. */
function jktOf(key: string): string {
  return key.split('.', 1)[0]!;
}
