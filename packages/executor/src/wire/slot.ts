/**
 * Slots: the one-time names under which the HTTP client carries a request whose head it must not see.
 * Never holds a credential: a slot leads to whoever writes the real head, once, at the moment of writing.
 */
import { randomBytes } from 'node:crypto';
import type { SlottedHead } from './framing.ts';

/** Writes a request's real head. Called once, in the tick in which the bytes go to the socket. */
export interface HeadWriter {
  /**
   * @returns the head up to and including the client's `framing`, in owned memory which the caller zeroes; or, in place of the
   * last of its lines, other framing and the whole body, where that is filled: the HTTP client must know of none then
   */
  writeHead(head: SlottedHead): Buffer;
}

/**
 * Open slots. 128 random bits each, never shown to anybody: the name stands only between our own client and our own
 * stream, which takes it out of the request line at the one place where a head begins. A body that contains slot-like
 * text is not looked at, and a slot that was used is gone.
 */
export class Slots<W extends HeadWriter> {
  readonly #open = new Map<string, W>();

  issue(writer: W): string {
    const slot = randomBytes(16).toString('hex');
    this.#open.set(slot, writer);
    return slot;
  }

  take(slot: string): W | undefined {
    const writer = this.#open.get(slot);
    this.#open.delete(slot);
    return writer;
  }

  /** Whose heads are not written yet, the first one first. */
  waiting(): Iterable<W> {
    return this.#open.values();
  }

  /** For a call that ended before its head was written. */
  withdraw(slot: string): void {
    this.#open.delete(slot);
  }
}
