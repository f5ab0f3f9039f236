/**
 * What a change that the authority tells of ends here: what is kept of a connection, and the calls under way on it. Rather too
 * much is dropped than too little: all of it can be had again, where it still may be.
 */
import type { Revocable, StatusChange } from '@dauth/protocol';
import type { OpenCalls } from './open-calls.ts';
import type { Refreshes } from './refresh/refreshes.ts';
import type { EnvelopeShelf } from './who/shelf.ts';
import type { StatusView } from './who/view.ts';
import type { Tokens } from './wire/tokens.ts';
import type { Upstream } from './wire/upstream.ts';

interface Kept {
  readonly tokens: Tokens;
  readonly refreshes: Refreshes;
  readonly shelf: EnvelopeShelf;
  readonly upstream: Upstream;
  readonly calls: OpenCalls;
  /** As it is after the changes. */
  readonly view: StatusView;
}

/** Why a call under way is ended where the stream no longer says all that happened since it began. */
const SKIPPED = 'The executor was without news of revocations for too long; the call was ended. Make it again.';

/** What many connections end with. */
const WHOLE: readonly Revocable[] = ['owner', 'org'];

/** The changes of one message of the stream, in their order. */
export function applyChanges(
  changes: readonly StatusChange[],
  { tokens, refreshes, shelf, upstream, calls, view }: Kept,
): void {
  for (const change of changes) {
    // Whose tokens end with an owner, an organisation or what is not told, their names do not say; all can be had again.
    if (change.kind === 'skipped' || (change.kind === 'revoked' && WHOLE.includes(change.what))) {
      tokens.drop();
      refreshes.drop();
    }
    if (change.kind !== 'connection') continue;
    shelf.drop(change.handle);
    tokens.drop(change.handle);
    // That a version was made here out of the one before is no change of what it holds.
    if (change.status !== 'active' || !view.isResealed(change.handle, change.ver, change.ver))
      refreshes.drop(change.handle);
    if (change.status !== 'active') upstream.reset(change.handle);
  }
  calls.review(view);
  // What was skipped ended long ago, but a call under way may stand on it, and nobody says so any more.
  if (changes.some(({ kind }) => kind === 'skipped')) calls.endAll(SKIPPED);
}
