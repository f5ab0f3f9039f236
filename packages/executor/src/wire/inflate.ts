/**
 * Undoing DEFLATE (RFC 1951) in memory of our own. Node's zlib gives its window back to the system's allocator with up to
 * 32 KiB of the plain answer in it, where nothing of ours can erase it (measured; docs/memory.md).
 * Never reads before the start of what it decoded, nor past what came.
 */
import { copyOctets, ownedBytes, wipe } from '../secret/memory.ts';
import { peek, type BitReader } from './bits.ts';
import { FIXED_CODES, readCodes, type BlockCodes } from './block-codes.ts';

/** How far back a repetition may reach (RFC 1951 §2). */
const WINDOW = 32_768;
/** Decoded octets that are handed on at once, at most. */
const FRESH = 65_536;
const LONGEST_REPETITION = 258;
const END_OF_BLOCK = 256;
const LAST_LENGTH = 285;
/** Two codes with their extra bits. */
const LONGEST_SYMBOL = 15 + 5 + 15 + 13;

/** RFC 1951 §3.2.5: extra bits by symbol from 257 on, and by symbol of a distance; then what they are added to. */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = Array.from({ length: 30 }, (_, symbol) => Math.max(0, (symbol >> 1) - 1));
const LENGTH_BASES = basesOf(LENGTH_BITS, 3).with(28, LONGEST_REPETITION);
const DISTANCE_BASES = basesOf(DISTANCE_BITS, 1);

/** What came is not DEFLATE. */
export class InflateError extends Error {}

type State = 'head' | 'stored' | 'codes' | 'over';

export class Inflate implements Disposable {
  readonly #bits: BitReader;
  /** What was decoded last; new octets go to `#end`. */
  readonly #decoded = ownedBytes(WINDOW + FRESH);
  #end = 0;
  #state: State = 'head';
  #isLast = false;
  #storedLeft = 0;
  #codes: BlockCodes = FIXED_CODES;

  constructor(bits: BitReader) {
    this.#bits = bits;
  }

  /** Whether the last block ended. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Begins anew, with nothing that could be repeated. */
  restart(): void {
    this.#state = 'head';
    this.#end = 0;
  }

  /**
   * Decodes on.
   * @returns a view that is true until the next call; null where more has to come, or nothing more does
   * @throws InflateError
   */
  read(): Buffer | null {
    if (this.#end > this.#decoded.length - LONGEST_REPETITION) {
      copyOctets(this.#decoded, this.#decoded.subarray(this.#end - WINDOW, this.#end));
      this.#end = WINDOW;
    }
    const from = this.#end;
    while (this.#step());
    return this.#end === from ? null : this.#decoded.subarray(from, this.#end);
  }

  [Symbol.dispose](): void {
    wipe(this.#decoded);
    this.#state = 'over';
  }

  /** @returns whether there is more to do with what is here */
  #step(): boolean {
    switch (this.#state) {
      case 'head': {
        const start = this.#bits.at;
        if (this.#readHead()) return true;
        this.#bits.at = start;
        return false;
      }
      case 'stored':
        return this.#copyStored();
      case 'codes':
        return this.#readSymbols();
      case 'over':
        return false;
    }
  }

  /** RFC 1951 §3.2.3. @returns false where it is not here as a whole */
  #readHead(): boolean {
    const bits = this.#bits;
    const isLast = bits.take(1) === 1;
    const type = bits.take(2);
    if (bits.isShort) return false;
    if (type === 3) throw new InflateError('a block of no known type');
    if (type === 0) {
      bits.align();
      const [length, complement] = [bits.take(16), bits.take(16)];
      if (bits.isShort) return false;
      if ((length ^ complement) !== 0xffff) throw new InflateError('a stored length without its complement');
      this.#storedLeft = length;
    } else {
      const codes = type === 1 ? FIXED_CODES : readCodes(bits);
      if (bits.isShort) return false;
      if (codes === null) throw new InflateError('codes that are none');
      this.#codes = codes;
    }
    this.#isLast = isLast;
    this.#state = type === 0 ? 'stored' : 'codes';
    return true;
  }

  /** RFC 1951 §3.2.4. */
  #copyStored(): boolean {
    const octets = this.#bits.takeOctets(Math.min(this.#storedLeft, this.#decoded.length - this.#end));
    copyOctets(this.#decoded, octets, this.#end);
    this.#end += octets.length;
    this.#storedLeft -= octets.length;
    return this.#storedLeft === 0 && this.#endBlock();
  }

  /** RFC 1951 §3.2.5; the hot loop. Leaves a symbol that is not here as a whole to be read again. */
  #readSymbols(): boolean {
    const { octets, limit } = this.#bits;
    const decoded = this.#decoded;
    const room = decoded.length - LONGEST_REPETITION;
    const { literals, distances } = this.#codes;
    let at = this.#bits.at;
    let end = this.#end;
    let isDone = false;
    while (end <= room && !isDone) {
      const entry = literals.entries[peek(octets, at) & literals.mask]!;
      let next = at + (entry & 15);
      const symbol = entry >> 4;
      if (symbol > END_OF_BLOCK) {
        if (symbol > LAST_LENGTH) throw new InflateError('a length of no meaning');
        const extra = LENGTH_BITS[symbol - 257]!;
        const length = LENGTH_BASES[symbol - 257]! + (peek(octets, next) & ((1 << extra) - 1));
        next += extra;
        const far = distances.entries[peek(octets, next) & distances.mask]!;
        next += far & 15;
        const farther = DISTANCE_BITS[far >> 4] ?? 0;
        const distance = DISTANCE_BASES[far >> 4]! + (peek(octets, next) & ((1 << farther) - 1));
        next += farther;
        if (next > limit || (far === 0 && at + LONGEST_SYMBOL > limit)) break;
        // Not a number for the two symbols that have no meaning.
        if (far === 0 || !(distance <= end)) throw new InflateError('a repetition of nothing');
        for (const until = end + length; end < until; end++) decoded[end] = decoded[end - distance]!;
      } else {
        if (next > limit || (entry === 0 && at + LONGEST_SYMBOL > limit)) break;
        if (entry === 0) throw new InflateError('a code of no symbol');
        if (symbol === END_OF_BLOCK) isDone = true;
        else decoded[end++] = symbol;
      }
      at = next;
    }
    this.#bits.at = at;
    this.#end = end;
    return isDone && this.#endBlock();
  }

  #endBlock(): true {
    this.#state = this.#isLast ? 'over' : 'head';
    return true;
  }
}

/** Each symbol stands for as many values as its extra bits tell apart. */
function basesOf(bits: readonly number[], first: number): readonly number[] {
  return bits.map((_, symbol) => bits.slice(0, symbol).reduce((base, extra) => base + 2 ** extra, first));
}
