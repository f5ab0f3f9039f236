/** What every endpoint of the authority is given: configuration, key, store, clock, randomness, log. Nothing global. */
import type { AuthorityConfig } from './config.ts';
import type { DirectoryMirror } from './executor/mirror.ts';
import type { KeyRing } from './key-ring.ts';
import type { Log } from './log.ts';
import type { Nonces } from './oauth/nonce.ts';
import type { Outside } from './outside/open.ts';
import type { Store } from './store/store.ts';

export interface Authority {
  readonly config: AuthorityConfig;
  /** Signs, and verifies what it signed. */
  readonly key: KeyRing;
  /** For the DPoP proofs of clients that need one (RFC 9449 §8). */
  readonly nonces: Nonces;
  readonly store: Store;
  readonly directory: DirectoryMirror;
  /** Unix seconds. */
  readonly now: () => number;
  /** A fresh id that nobody can guess: 122 random bits as a UUID. */
  readonly newId: () => string;
  readonly fetch: typeof fetch;
  /** Documents of others, fetched with care. */
  readonly outside: Outside;
  readonly log: Log;
  /** Aborted when the process drains: what never ends by itself ends then. */
  readonly closing: AbortSignal;
}

/** The operator's own client; its registration is the configuration. */
export const OPERATOR_ID = 'operator';

/** The command line, as which `dauth login` signs a person in (spec/dauth.md §4.3). */
export const CLI_ID = 'dauth-cli';
