/**
 * What has to be stored before a connection may be used (§6): a version that an earlier run made here, or that the authority did
 * not take yet. Whoever began with the one that it replaces would be ended by the storing.
 * Never a way around it: where it cannot be stored, nothing is done with the version before.
 */
import type { ConnectionHandle } from '@dauth/protocol';
import type { Pending } from '../refresh/pending.ts';
import { waitFor } from '../wire/wait.ts';
import type { EnvelopeShelf } from './shelf.ts';

export interface OwedDeps {
  readonly shelf: Pick<EnvelopeShelf, 'drop'>;
  readonly pending: Pick<Pending, 'settleOwed'>;
}

/** How long somebody waits; where nothing is said, for as long as the authority may take to answer. */
export interface Patience {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** @throws DAuthError `ENCLAVE_UNAVAILABLE`, `DOWNSTREAM_TIMEOUT` */
export async function settleOwed(
  handle: ConnectionHandle,
  { pending, shelf }: OwedDeps,
  { timeoutMs = Infinity, signal }: Patience,
): Promise<void> {
  const storing = pending.settleOwed(handle);
  if (storing === undefined) return;
  await waitFor(storing, timeoutMs, signal);
  // The stream may tell of it later than the shelf is asked.
  shelf.drop(handle);
}
