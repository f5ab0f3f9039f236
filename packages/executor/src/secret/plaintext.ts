/**
 * The one type an opened credential has: bytes that are lent, never shown, and end with their scope.
 * Never a string, never JSON, never copied out: whoever needs the bytes gets them inside a callback.
 */
import { inspect } from 'node:util';

const PRINTED = '[plaintext]';

/** An opened credential (protocol.md §2 layout). Use with `using`; after that every byte of it is zero. */
export class Plaintext {
  #bytes: Buffer | null;

  /** Takes ownership of `bytes`, which must be memory that nobody else refers to (never pooled). */
  constructor(bytes: Buffer) {
    if (bytes.length !== bytes.buffer.byteLength) throw new TypeError('A plaintext must own its whole memory.');
    this.#bytes = bytes;
  }

  /**
   * Lends the bytes for the length of one synchronous call.
   * @throws TypeError after the scope ended, or when the borrower is asynchronous and could outlive it
   */
  lend<T>(borrow: (bytes: Buffer) => T): T {
    if (this.#bytes === null) throw new TypeError('The plaintext has ended.');
    const result = borrow(this.#bytes);
    if (result instanceof Promise) throw new TypeError('A plaintext is lent to synchronous callers only.');
    return result;
  }

  [Symbol.dispose](): void {
    this.#bytes?.fill(0);
    this.#bytes = null;
  }

  toString(): string {
    return PRINTED;
  }

  toJSON(): string {
    return PRINTED;
  }

  [inspect.custom](): string {
    return PRINTED;
  }
}
