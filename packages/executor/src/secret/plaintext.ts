/**
 * The one type an opened credential has: bytes that are lent, never shown, and end with their scope.
 * Never a string, never JSON, never copied out: whoever needs the bytes gets them inside a callback.
 */
import { inspect } from 'node:util';

const PRINTED = '[plaintext]';

/** An opened credential (protocol.md §2 layout). Use with `using`; after that every byte of it is zero. */
export class Plaintext {
  #bytes: Buffer | null;
  #keeping: Buffer | null;

  /**
   * Takes ownership of both, which must be memory that nobody else refers to (never pooled).
   * @param keeping the key that came out of this opening, for what is kept until the next one
   */
  constructor(bytes: Buffer, keeping: Buffer | null = null) {
    for (const owned of [bytes, keeping])
      if (owned !== null && owned.length !== owned.buffer.byteLength)
        throw new TypeError('A plaintext must own its whole memory.');
    this.#bytes = bytes;
    this.#keeping = keeping;
  }

  /**
   * Lends the bytes for the length of one synchronous call.
   * @throws TypeError after the scope ended, or when the borrower is asynchronous and could outlive it
   */
  lend<T>(borrow: (bytes: Buffer) => T): T {
    return lent(this.#bytes, borrow);
  }

  /** Lends the key that came out of this opening, as `lend` does. */
  lendKey<T>(borrow: (key: Buffer) => T): T {
    return lent(this.#keeping, borrow);
  }

  [Symbol.dispose](): void {
    this.#bytes?.fill(0);
    this.#keeping?.fill(0);
    this.#bytes = null;
    this.#keeping = null;
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

function lent<T>(bytes: Buffer | null, borrow: (bytes: Buffer) => T): T {
  if (bytes === null) throw new TypeError('The plaintext has ended.');
  const result = borrow(bytes);
  if (result instanceof Promise) throw new TypeError('A plaintext is lent to synchronous callers only.');
  return result;
}
