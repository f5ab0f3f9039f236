/**
 * A growing run of bytes in memory of our own, for whatever is built from secrets.
 * Never leaves an old copy behind: growing zeroes what it grew out of.
 */
import { copyOctets, ownedBytes, ownedConcat, wipe } from './memory.ts';

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = ownedBytes(capacity);
  }

  get length(): number {
    return this.#length;
  }

  octet(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bytes(part: Uint8Array): this {
    if (this.#length + part.length > this.#bytes.length) this.#grow(part.length);
    copyOctets(this.#bytes, part, this.#length);
    this.#length += part.length;
    return this;
  }

  /** Public text only, one octet per character. */
  text(part: string): this {
    if (this.#length + part.length > this.#bytes.length) this.#grow(part.length);
    this.#length += this.#bytes.write(part, this.#length, 'latin1');
    return this;
  }

  /** Whether what was written from `start` on stands at `at` already. */
  isRepeated(start: number, at: number): boolean {
    for (let i = start; i < this.#length; i++) if (this.#bytes[i] !== this.#bytes[at + i - start]) return false;
    return true;
  }

  /** Takes back what was written from `start` on. */
  takeBack(start: number): void {
    for (let i = start; i < this.#length; i++) this.#bytes[i] = 0;
    this.#length = start;
  }

  /** Ends the writer with one owned buffer of exactly what was written. */
  take(): Buffer {
    const [all, length] = [this.#bytes, this.#length];
    this.#bytes = ownedBytes(0);
    this.#length = 0;
    if (all.length === length) return all;
    const taken = ownedConcat(all.subarray(0, length));
    wipe(all);
    return taken;
  }

  [Symbol.dispose](): void {
    wipe(this.#bytes);
    this.#length = 0;
  }

  #grow(by: number): void {
    const wider = ownedBytes(Math.max(this.#bytes.length * 2, this.#length + by));
    copyOctets(wider, this.#bytes.subarray(0, this.#length));
    wipe(this.#bytes);
    this.#bytes = wider;
  }
}
