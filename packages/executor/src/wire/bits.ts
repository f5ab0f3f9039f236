/**
 * Octets of a compressed body as bits, lowest first (RFC 1951 §3.1.1), in memory of our own that is zeroed.
 * Never fails by itself: past what came there are zeros, and whoever read them asks `isShort`, goes back and waits.
 */
import { ownedBytes, ownedConcat, wipe } from '../secret/memory.ts';

/** The octets that one look takes in, so that a look at the end needs no test. */
const PADDING = 3;

export class BitReader implements Disposable {
  /** What came and is not read yet, and zeros. */
  #octets = ownedBytes(PADDING);
  /** In bits from the start of the octets. May be set back to where it was since the last `feed`. */
  at = 0;

  /** For loops that take their own looks: `peek` says how. */
  get octets(): Uint8Array {
    return this.#octets;
  }

  /** In bits: where what came ends. */
  get limit(): number {
    return (this.#octets.length - PADDING) * 8;
  }

  /** Whether more was read than came. */
  get isShort(): boolean {
    return this.at > this.limit;
  }

  /** Takes what came, and leaves it to its owner. */
  feed(chunk: Uint8Array): void {
    const from = this.at >> 3;
    const octets = ownedConcat(this.#octets.subarray(from, -PADDING), chunk, new Uint8Array(PADDING));
    wipe(this.#octets);
    this.#octets = octets;
    this.at -= from * 8;
  }

  /** The next 16 bits and some more, which stay. */
  look(): number {
    return peek(this.#octets, this.at);
  }

  /** The next 0 to 16 bits. */
  take(count: number): number {
    const bits = this.look() & ((1 << count) - 1);
    this.at += count;
    return bits;
  }

  /** Goes to the next whole octet. */
  align(): void {
    this.at = (this.at + 7) & ~7;
  }

  /** What came and is not read yet, from a whole octet on, as a view. */
  rest(): Buffer {
    return this.#octets.subarray(this.at >> 3, -PADDING);
  }

  /** Up to `most` octets of the rest. */
  takeOctets(most: number): Buffer {
    const taken = this.rest().subarray(0, most);
    this.at += taken.length * 8;
    return taken;
  }

  [Symbol.dispose](): void {
    wipe(this.#octets);
  }
}

/** At least 16 bits from a place on; further ones are to be masked off. */
export function peek(octets: Uint8Array, at: number): number {
  const from = at >> 3;
  return (octets[from]! | (octets[from + 1]! << 8) | (octets[from + 2]! << 16)) >> (at & 7);
}
