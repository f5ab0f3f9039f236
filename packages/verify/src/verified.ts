/**
 * Signatures that verified, so that a token which is shown with every call is verified once: by the digest of its whole compact
 * form and the very key. Nothing else is skipped: its form, times, audience and what it may do are read each time, and a key that
 * is published no more is not found at all. Never keeps a token, which could be stolen from here, nor a refusal.
 */
import { sha256Base64url } from './digest.ts';
import type { VerifyKey } from './key.ts';

/** Some 200 octets each. */
const CAPACITY = 4_096;

export class VerifiedSignatures {
  readonly #capacity: number;
  readonly #keys = new Map<string, VerifyKey>();

  /** @param capacity how many are kept; the oldest makes room */
  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** How many are kept now. */
  get size(): number {
    return this.#keys.size;
  }

  /** Runs `assertSigned` unless it ran for this compact form and this key, and did not throw. */
  settle(compact: string, key: VerifyKey, assertSigned: () => void): void {
    const digest = sha256Base64url(compact);
    if (this.#keys.get(digest) === key) return;
    assertSigned();
    if (this.#keys.size >= this.#capacity) this.#keys.delete(this.#keys.keys().next().value!);
    this.#keys.set(digest, key);
  }
}
