/**
 * Envelopes fetched from the authority, kept as ciphertext only (§6): versions are immutable, so a fetched one stays good
 * until the status stream says that its connection changed. Never a plaintext, and bounded.
 */
import { DAuthError, type ConnectionHandle } from '@dauth/protocol';
import type { Authority, StoredEnvelope } from './authority.ts';

/** About 10 KiB each. */
const CAPACITY = 4_096;

export class EnvelopeShelf {
  readonly #authority: Pick<Authority, 'envelope'>;
  readonly #kept = new Map<ConnectionHandle, StoredEnvelope>();
  readonly #fetching = new Map<ConnectionHandle, Fetch>();

  constructor(authority: Pick<Authority, 'envelope'>) {
    this.#authority = authority;
  }

  /**
   * The stored envelope, at least of version `least`.
   * @throws DAuthError `CONNECTION_NOT_FOUND`, `ENCLAVE_UNAVAILABLE`
   */
  async take(handle: ConnectionHandle, least: number): Promise<StoredEnvelope> {
    const kept = this.#kept.get(handle);
    if (kept !== undefined && kept.ver >= least) {
      this.#kept.delete(handle);
      this.#kept.set(handle, kept);
      return kept;
    }
    let fetch = this.#fetch(handle);
    let fetched = await fetch.answer;
    // Asked before the change that dropped it: the version it brought may be replaced already.
    if (fetch.isDropped) {
      fetch = this.#fetch(handle);
      fetched = await fetch.answer;
    }
    if (fetched.ver < least)
      throw new DAuthError(
        'ENCLAVE_UNAVAILABLE',
        'The authority does not serve the current version yet. Try again shortly.',
      );
    return fetched;
  }

  /** Called for every change of a connection. A fetch under way may have been answered before it, so it is not kept. */
  drop(handle: ConnectionHandle): void {
    this.#kept.delete(handle);
    const running = this.#fetching.get(handle);
    if (running !== undefined) running.isDropped = true;
    this.#fetching.delete(handle);
  }

  #fetch(handle: ConnectionHandle): Fetch {
    const running = this.#fetching.get(handle);
    if (running !== undefined) return running;
    const fetch: Fetch = { isDropped: false, answer: this.#authority.envelope(handle) };
    this.#fetching.set(handle, fetch);
    const end = (stored?: StoredEnvelope) => {
      if (this.#fetching.get(handle) === fetch) this.#fetching.delete(handle);
      if (stored?.status === 'active' && !fetch.isDropped) this.#keep(handle, stored);
    };
    fetch.answer.then(end, () => end());
    return fetch;
  }

  #keep(handle: ConnectionHandle, stored: StoredEnvelope): void {
    this.#kept.set(handle, stored);
    if (this.#kept.size > CAPACITY) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

interface Fetch {
  readonly answer: Promise<StoredEnvelope>;
  isDropped: boolean;
}
