/**
 * A version that was sealed again here (§6): durable, on record, stored at the authority, known. Only then is anything done with it.
 * Never used before it is all of that, and never gone back from.
 */
import { DAuthError, parseEnvelope, TYP, type SealedVersion } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Journal } from '../journal/journal.ts';
import type { Identity } from '../secret/keys.ts';
import type { Permit } from '../who/authorize.ts';
import type { Seen } from '../who/seen.ts';
import type { EnvelopeShelf } from '../who/shelf.ts';
import type { StatusView } from '../who/view.ts';
import type { Pending } from './pending.ts';

/** A version as step 3 allowed it, or as it was made out of that. */
export type SealedUse = Pick<Permit, 'envelope' | 'use' | 'base'>;

export interface StoreDeps {
  readonly pending: Pick<Pending, 'settle' | 'keep'>;
  readonly journal: Pick<Journal, 'note'>;
  readonly seen: Pick<Seen, 'admit'>;
  readonly shelf: Pick<EnvelopeShelf, 'drop'>;
  readonly view: Pick<StatusView, 'assertStands' | 'bridge' | 'unbridge'>;
  readonly identity: Pick<Identity, 'sign'>;
  /** Calls under way are looked at again. */
  readonly onReplaced: () => void;
}

/**
 * @param compact the version after `sealed`
 * @param capturedAt Unix seconds, where what it holds was captured
 * @throws DAuthError `ENCLAVE_UNAVAILABLE`, `AUDIT_UNAVAILABLE`
 */
export async function storeVersion(
  { envelope, use, base }: SealedUse,
  compact: string,
  { pending, journal, view, seen, shelf, identity, onReplaced }: StoreDeps,
  capturedAt?: number,
): Promise<SealedUse> {
  const { handle } = envelope.header.dauth;
  const from: SealedVersion = { ver: use.ver, sha256: use.digest };
  const to: SealedVersion = { ver: use.ver + 1, sha256: sha256Base64url(compact) };
  const captured = capturedAt === undefined ? {} : { captured_at: capturedAt };
  // 5 · durable here, in the space that was kept for it
  await pending.keep({
    ...{ handle, envelope: compact },
    reseal: identity.sign(TYP.reseal, { handle, base, from, to, ...captured }),
  });
  await journal.note('reseal', { handle, from, to, ...captured });
  // 6 · stored there, by compare and swap; calls under way stand on the new version before anybody tells of it
  view.bridge(handle, to.ver);
  const revision = await pending.settle(handle).catch((error: unknown) => {
    // Nobody knows yet whether it will be stored: calls under way do not wait for that.
    view.unbridge(handle);
    throw error;
  });
  if (revision === null) {
    view.unbridge(handle);
    onReplaced();
    throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The connection was changed by its owner meanwhile. Try again.');
  }
  // 7 · the version before is not gone back to
  const next = { ...use, ver: to.ver, digest: to.sha256, resealedFrom: use.resealedFrom ?? use.ver };
  await seen.admit(handle, next, () => undefined);
  shelf.drop(handle);
  return { envelope: parseEnvelope(compact), use: next, base };
}
