/**
 * The dispatches under way, with what each stands on: a revocation resets the ones it concerns at once (§6).
 * Never holds anything of a call but how to end it.
 */
import { DAuthError } from '@dauth/protocol';
import type { Standing, StatusView } from './who/view.ts';

interface OpenCall {
  readonly standing: Standing;
  readonly controller: AbortController;
  reason: DAuthError | undefined;
}

/** A call's way out of the list, and the signal that ends it. */
export interface EnteredCall {
  readonly signal: AbortSignal;
  readonly leave: () => void;
  /** Why it was ended from here, where it was. */
  readonly reason: () => DAuthError | undefined;
}

export class OpenCalls {
  readonly #open = new Set<OpenCall>();

  get size(): number {
    return this.#open.size;
  }

  /** @param signal the caller's: when it leaves, the call ends too */
  enter(standing: Standing, signal: AbortSignal): EnteredCall {
    const call: OpenCall = { standing, controller: new AbortController(), reason: undefined };
    const abort = (): void => call.controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#open.add(call);
    return {
      signal: call.controller.signal,
      leave: () => {
        signal.removeEventListener('abort', abort);
        this.#open.delete(call);
      },
      reason: () => call.reason,
    };
  }

  /** Ends every call that no longer stands. */
  review(view: Pick<StatusView, 'assertStands'>): void {
    for (const call of this.#open) {
      try {
        view.assertStands(call.standing);
      } catch (error) {
        end(call, error instanceof DAuthError ? error : new DAuthError('INTERNAL'));
      }
    }
  }

  /** Ends all there are: at the end of a drain, and where nobody can say any more which of them still stand. */
  endAll(why: string): void {
    for (const call of this.#open) end(call, new DAuthError('ENCLAVE_UNAVAILABLE', why));
  }
}

function end(call: OpenCall, reason: DAuthError): void {
  call.reason ??= reason;
  call.controller.abort(reason);
}
