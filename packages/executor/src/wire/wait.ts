/** Waiting for somebody else's work without being tied to it. Never ends that work. */
import { DAuthError } from '@dauth/protocol';
import { deferred } from './deferred.ts';

/** @throws DAuthError `DOWNSTREAM_TIMEOUT`, `ENCLAVE_UNAVAILABLE` (the waiting was cut off), and whatever the promise does */
export async function waitFor<T>(promise: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T> {
  const { promise: ended, reject } = deferred<never>();
  const aborted = (): void => reject(new DAuthError('ENCLAVE_UNAVAILABLE', 'The call was cut off.'));
  const timer = ms === Infinity ? undefined : setTimeout(() => reject(new DAuthError('DOWNSTREAM_TIMEOUT')), ms);
  signal?.addEventListener('abort', aborted);
  if (signal?.aborted === true) aborted();
  try {
    return await Promise.race([promise, ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  }
}
