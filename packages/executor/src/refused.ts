/** How a call ends that had no answer to pass on: counted before its intent, an outcome behind it. Never throws. */
import { asDAuthError, type ConnectionHandle, type DAuthError } from '@dauth/protocol';
import { refusalFacts } from './facts.ts';
import type { Intent } from './journal/journal.ts';
import { makeReceipt } from './journal/receipt.ts';
import type { Refusals } from './journal/refusals.ts';
import type { Caller } from './who/authenticate.ts';
import type { Permit } from './who/authorize.ts';
import { LimitReached, type NamedState } from './who/use-limits.ts';

/** How far it had come. */
export interface Reached {
  readonly caller: Caller;
  readonly request: { readonly requestId: string; readonly handle: ConnectionHandle };
  readonly permitted: Permit | undefined;
  readonly intent: Intent | undefined;
  readonly limits: readonly NamedState[];
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number;
}

export interface RefusedDeps {
  readonly refusals: Pick<Refusals, 'record'>;
  /** Thumbprint of the executor's key. */
  readonly identity: string;
  readonly monotonic: () => number;
}

export interface Refused {
  readonly kind: 'error';
  /** From step 5 on. */
  readonly receipt?: string;
  readonly error: DAuthError;
  readonly limits: readonly NamedState[];
}

/** @param caught whatever was thrown */
export async function refused(
  caught: unknown,
  { caller, request, permitted, intent, limits, startedAt }: Reached,
  { refusals, identity, monotonic }: RefusedDeps,
): Promise<Refused> {
  const error = asDAuthError(caught);
  const asked = { kind: 'error', error, limits: error instanceof LimitReached ? error.states : limits } as const;
  if (intent === undefined) {
    refusals.record(error.code, refusalFacts(caller, request, permitted));
    return asked;
  }
  // 10 · outcome of a call that had no answer to pass on
  await intent.outcome({ code: error.code, ms: Math.round(monotonic() - startedAt) }).catch(() => undefined);
  return { ...asked, receipt: makeReceipt(identity, intent.head) };
}
