/**
 * The signing keys over time: the next one is published before it signs, the one before until what it signed has ended.
 * Which key does what follows from the entries and the time alone, so a restart changes nothing. Knows no file, and never
 * gives a private half away.
 */
import { sign, type KeyObject } from 'node:crypto';
import { joinJws, jwsSigningInput, LIMITS, type PublicJwk } from '@dauth/protocol';
import type { KeyResolver } from '@dauth/verify';

export interface PublishedKey {
  /** RFC 7638 thumbprint of `jwk`. */
  readonly kid: string;
  readonly jwk: PublicJwk;
}

export interface RingKey extends PublishedKey {
  /** Null once it has signed its last. */
  readonly privateKey: KeyObject | null;
  /** Unix second from which it signs, until the next one does. */
  readonly from: number;
}

export interface Rotation {
  /** Of the key that signs next, and the Unix second from which it does. */
  readonly kid: string;
  readonly from: number;
  readonly isNew: boolean;
}

export interface KeyRingOptions {
  /** In the order of `from`; the last one has its private half. */
  readonly keys: readonly RingKey[];
  /** Unix seconds. */
  readonly now: () => number;
  /** Seconds between a key's publication and its first signature. */
  readonly publishAhead: number;
  /** Days after which a key is replaced; 0: never by itself. */
  readonly rotateAfter: number;
  readonly make: (from: number) => RingKey;
  /** Makes the keys durable; what it threw for did not happen. */
  readonly save: (keys: readonly RingKey[]) => void;
}

/** Until the last token of a key has ended, and the window in which a long call may still be exchanged (spec/dauth.md §4). */
const KEEP_SECONDS = LIMITS.accessTokenSeconds + LIMITS.callWindowSeconds + 2 * LIMITS.clockLeewaySeconds;
const DAY = 86_400;

export class KeyRing {
  readonly #options: KeyRingOptions;
  #keys: readonly RingKey[];

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#keys = options.keys;
  }

  /** Signs claims under an explicit type (RFC 8725 §3.11) with the key whose turn it is. */
  sign(typ: string, claims: object): string {
    const { kid, privateKey } = this.#signing();
    const input = jwsSigningInput({ typ, alg: 'ES256', kid }, claims);
    return joinJws(input, sign('sha256', Buffer.from(input), { key: privateKey!, dsaEncoding: 'ieee-p1363' }));
  }

  /** The published key of this id, for verifying what was signed here. */
  readonly find: KeyResolver = (kid) => this.published().find((key) => key.kid === kid)?.jwk;

  /** The keys that a verifier may meet now or soon: before, now, next. */
  published(): readonly PublishedKey[] {
    return this.#needed().map(({ kid, jwk }) => ({ kid, jwk }));
  }

  /**
   * Publishes the next key, or finds it published and not yet signing: asked twice, it is one rotation.
   * @param note told of a new key before it is durable; where it throws, nothing happened
   */
  rotate(note: (kid: string) => void): Rotation {
    const { now, publishAhead, make } = this.#options;
    const newest = this.#keys.at(-1)!;
    if (newest.from > now()) return { kid: newest.kid, from: newest.from, isNew: false };
    const next = make(now() + publishAhead);
    note(next.kid);
    this.#put([...this.#needed(), next]);
    return { kid: next.kid, from: next.from, isNew: true };
  }

  /** Lets go of private halves that have signed their last, and of keys nobody needs any more. */
  tidy(): void {
    const now = this.#options.now();
    const kept = this.#needed().map((key) => {
      const next = this.#after(key);
      const isDone = next !== undefined && next.from + LIMITS.clockLeewaySeconds <= now;
      return isDone && key.privateKey !== null ? { ...key, privateKey: null } : key;
    });
    const isSame = kept.length === this.#keys.length && kept.every((key, index) => key === this.#keys[index]);
    if (!isSame) this.#put(kept);
  }

  /** Whether the key that was made last is as old as the configuration lets one become. */
  isDue(): boolean {
    const { now, rotateAfter } = this.#options;
    return rotateAfter > 0 && this.#keys.at(-1)!.from + rotateAfter * DAY <= now();
  }

  #signing(): RingKey {
    const able = this.#keys.filter(({ privateKey }) => privateKey !== null);
    // A clock set back before the first of them: better that one than no answer at all.
    return able.findLast(({ from }) => from <= this.#options.now()) ?? able[0]!;
  }

  #needed(): readonly RingKey[] {
    const now = this.#options.now();
    return this.#keys.filter((key) => (this.#after(key)?.from ?? Infinity) + KEEP_SECONDS > now);
  }

  #after(key: RingKey): RingKey | undefined {
    return this.#keys[this.#keys.indexOf(key) + 1];
  }

  #put(keys: readonly RingKey[]): void {
    this.#options.save(keys);
    this.#keys = keys;
  }
}
