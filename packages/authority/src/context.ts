/** What every endpoint of the authority is given: configuration, key, store, clock, randomness, log. Nothing global. */
import { randomUUID } from 'node:crypto';
import type { AuthorityConfig } from './config.ts';
import type { DirectoryMirror } from './executor/mirror.ts';
import type { SigningKey } from './keys.ts';
import type { Log } from './log.ts';
import type { Store } from './store/store.ts';

export interface Authority {
  readonly config: AuthorityConfig;
  readonly key: SigningKey;
  readonly store: Store;
  readonly directory: DirectoryMirror;
  /** Unix seconds. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  readonly log: Log;
}

/** A fresh id: 122 random bits. */
export function newId(): string {
  return randomUUID();
}
