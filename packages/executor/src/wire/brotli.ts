/**
 * Undoing Brotli (RFC 7932) in memory of our own. Node's decoder gives its window back to the system's allocator with up to
 * 16 MiB of the plain answer in it, where nothing of ours can erase it (docs/memory.md).
 * Never reads before the start of what it decoded but for the words that everybody knows, nor past what came.
 */
import { ownedBytes, wipe } from '../secret/memory.ts';
import type { BitReader } from './bits.ts';
import { changeKind, readBlockHead, type BlockHead, type Kinds } from './brotli-block.ts';
import { BrotliError, readSymbol, takeBits, takeSymbol, type BrotliCode, type Waiting } from './brotli-code.ts';
import { contextOf } from './brotli-context.ts';
import { writeWord } from './brotli-words.ts';

/** Decoded octets that are handed on at once, at most; the first piece of memory is as large. */
const FRESH = 65_536;
const NOTHING = Buffer.alloc(0);

/** RFC 7932 §5: extra bits of the codes of insert and copy lengths; then what they are added to. */
const INSERT_BITS = [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 12, 14, 24];
const COPY_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 24];
const INSERT_BASES = basesOf(INSERT_BITS, 0);
const COPY_BASES = basesOf(COPY_BITS, 2);
/** By the upper bits of a command: the first code of its insert length and of its copy length. */
const INSERT_CODES = [0, 0, 0, 0, 8, 8, 0, 16, 8, 16, 16];
const COPY_CODES = [0, 8, 0, 8, 0, 8, 16, 0, 16, 8, 16];
/** Commands below it copy from where the one before did. */
const FIRST_WITH_DISTANCE = 128;
/** RFC 7932 §4: which of the last four distances, and what is added to it. */
const NEAR = [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
const NEAR_BY = [0, 0, 0, 0, -1, 1, -2, 2, -3, 3, -1, 1, -2, 2, -3, 3];

export class Brotli implements Disposable {
  readonly #bits: BitReader;
  readonly #work: Waiting<void>;
  /** What was decoded last, in a ring that grows up to the window. Its length is a power of two. */
  #ring = ownedBytes(FRESH);
  #windowBits = 0;
  /** Octets decoded so far, and handed on. */
  #end = 0;
  #given = 0;
  #isOver = false;
  /** The last distance first. */
  #distances: [number, number, number, number] = [4, 11, 15, 16];

  constructor(bits: BitReader) {
    this.#bits = bits;
    this.#work = this.#decode();
  }

  /** Whether the last block ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Decodes on.
   * @returns a view that is true until the next call, empty where others are to have their turn; null where more has to come,
   * or nothing more does
   * @throws BrotliError
   */
  read(): Buffer | null {
    this.#given = this.#end;
    if (this.#isOver) return null;
    const { done, value } = this.#work.next();
    if (done === true) this.#isOver = true;
    if (this.#end > this.#given) {
      const from = this.#given & (this.#ring.length - 1);
      return this.#ring.subarray(from, from + this.#end - this.#given);
    }
    return value === 'turn' ? NOTHING : null;
  }

  [Symbol.dispose](): void {
    wipe(this.#ring);
    this.#isOver = true;
  }

  *#decode(): Waiting<void> {
    this.#windowBits = yield* readWindowBits(this.#bits);
    for (let isLast = false; !isLast;) {
      isLast = (yield* takeBits(this.#bits, 1)) === 1;
      if (isLast && (yield* takeBits(this.#bits, 1)) === 1) break;
      const nibbles = yield* takeBits(this.#bits, 2);
      if (nibbles === 3) yield* this.#skip();
      else yield* this.#block(isLast, yield* takeLength(this.#bits, 4 + nibbles, 4));
    }
    this.#align();
  }

  /** A block without anything to decode. */
  *#skip(): Waiting<void> {
    if ((yield* takeBits(this.#bits, 1)) === 1) throw new BrotliError('a bit that has no meaning');
    const octets = yield* takeBits(this.#bits, 2);
    let left = octets === 0 ? 0 : yield* takeLength(this.#bits, octets, 8);
    this.#align();
    while (left > 0) {
      left -= this.#bits.takeOctets(left).length;
      if (left > 0) yield 'octets';
    }
  }

  *#block(isLast: boolean, length: number): Waiting<void> {
    if (!isLast && (yield* takeBits(this.#bits, 1)) === 1) {
      this.#align();
      return yield* this.#copyPlain(length);
    }
    const head = yield* readBlockHead(this.#bits);
    const end = this.#end + length;
    while (this.#end < end) yield* this.#command(head, end);
  }

  *#copyPlain(length: number): Waiting<void> {
    for (let left = length; left > 0;) {
      const octets = this.#bits.takeOctets(left);
      left -= octets.length;
      for (const octet of octets) if (this.#put(octet)) yield 'reader';
      if (left > 0) yield 'octets';
    }
  }

  /** RFC 7932 §5: some literals, then one copy. */
  *#command(head: BlockHead, end: number): Waiting<void> {
    const command = yield* this.#of(head.commandKinds, (kind) => head.commands[kind]!);
    const insertCode = INSERT_CODES[command >> 6]! + ((command >> 3) & 7);
    const copyCode = COPY_CODES[command >> 6]! + (command & 7);
    const literals = INSERT_BASES[insertCode]! + (yield* takeBits(this.#bits, INSERT_BITS[insertCode]!));
    const copied = COPY_BASES[copyCode]! + (yield* takeBits(this.#bits, COPY_BITS[copyCode]!));
    if (this.#end + literals > end) throw new BrotliError('more literals than the block has');
    yield* this.#literals(head, literals);
    if (this.#end === end) return;
    const code = command < FIRST_WITH_DISTANCE ? 0 : yield* this.#distanceCode(head, copied);
    const distance = code === 0 ? this.#distances[0] : yield* this.#distance(head, code);
    const reach = Math.min(this.#end, 2 ** this.#windowBits - 16);
    if (distance > reach) return yield* this.#word(copied, distance - reach - 1, end);
    // That of the command before is remembered already.
    if (code !== 0) this.#remember(distance);
    if (this.#end + copied > end) throw new BrotliError('a copy longer than the block');
    for (let left = copied; left > 0; left--)
      if (this.#put(this.#ring[(this.#end - distance) & (this.#ring.length - 1)]!)) yield 'reader';
  }

  /** The hot loop. */
  *#literals(head: BlockHead, count: number): Waiting<void> {
    const { literalKinds: kinds, literalMap, literals, modes } = head;
    for (let left = count; left > 0; left--) {
      if (kinds.left === 0) yield* changeKind(this.#bits, kinds);
      const mask = this.#ring.length - 1;
      const last = this.#end > 0 ? this.#ring[(this.#end - 1) & mask]! : 0;
      const before = this.#end > 1 ? this.#ring[(this.#end - 2) & mask]! : 0;
      const context = contextOf(modes[kinds.current]!, last, before);
      const code = literals[literalMap[kinds.current * 64 + context]!]!;
      let literal = readSymbol(this.#bits, code);
      if (literal < 0) literal = yield* takeSymbol(this.#bits, code);
      kinds.left--;
      if (this.#put(literal)) yield 'reader';
    }
  }

  *#distanceCode({ distanceKinds, distanceMap, distances }: BlockHead, copied: number): Waiting<number> {
    const context = Math.min(copied - 2, 3);
    return yield* this.#of(distanceKinds, (kind) => distances[distanceMap[kind * 4 + context]!]!);
  }

  /** RFC 7932 §4. */
  *#distance({ direct, postfixBits }: BlockHead, code: number): Waiting<number> {
    if (code < NEAR.length) {
      const distance = this.#distances[NEAR[code]!]! + NEAR_BY[code]!;
      if (distance <= 0) throw new BrotliError('a copy of what comes only then');
      return distance;
    }
    if (code < NEAR.length + direct) return code - NEAR.length + 1;
    const far = code - NEAR.length - direct;
    const width = 1 + (far >> (postfixBits + 1));
    const offset = (2 + ((far >> postfixBits) & 1)) * 2 ** width - 4;
    const extra = yield* takeBits(this.#bits, width);
    return (offset + extra) * 2 ** postfixBits + (far & ((1 << postfixBits) - 1)) + direct + 1;
  }

  *#word(length: number, number: number, end: number): Waiting<void> {
    const octets: number[] = [];
    writeWord(length, number, (octet) => octets.push(octet));
    if (this.#end + octets.length > end) throw new BrotliError('a word longer than the block');
    for (const octet of octets) if (this.#put(octet)) yield 'reader';
  }

  *#of(kinds: Kinds, codeOf: (kind: number) => BrotliCode): Waiting<number> {
    if (kinds.left === 0) yield* changeKind(this.#bits, kinds);
    kinds.left--;
    return yield* takeSymbol(this.#bits, codeOf(kinds.current));
  }

  #remember(distance: number): void {
    const [first, second, third] = this.#distances;
    this.#distances = [distance, first, second, third];
  }

  /** @returns whether what is decoded has to be taken before more is */
  #put(octet: number): boolean {
    this.#ring[this.#end & (this.#ring.length - 1)] = octet;
    this.#end++;
    // Up to the end of the ring, so that what is handed on is one piece.
    if ((this.#end & (FRESH - 1)) !== 0) return false;
    if (this.#end === this.#ring.length && this.#ring.length < 2 ** this.#windowBits) this.#grow();
    return true;
  }

  /** Memory as far as it is needed: most answers are much smaller than the window that they name. */
  #grow(): void {
    const larger = ownedBytes(2 * this.#ring.length);
    this.#ring.copy(larger);
    wipe(this.#ring);
    this.#ring = larger;
  }

  /** RFC 7932 §9: what fills an octet up is zero. */
  #align(): void {
    const { at } = this.#bits;
    if (this.#bits.take(-at & 7) !== 0) throw new BrotliError('an octet that is filled up with something');
  }
}

/** RFC 7932 §9.1. */
function* readWindowBits(bits: BitReader): Waiting<number> {
  if ((yield* takeBits(bits, 1)) === 0) return 16;
  const large = yield* takeBits(bits, 3);
  if (large > 0) return 17 + large;
  const small = yield* takeBits(bits, 3);
  // 1 would be a window larger than the format has.
  if (small === 1) throw new BrotliError('a window that is none');
  return small === 0 ? 17 : 8 + small;
}

/** A length less one, in digits from the lowest on; the highest of a longer number is not zero. */
function* takeLength(bits: BitReader, digits: number, width: number): Waiting<number> {
  let [length, digit] = [0, 0];
  for (let at = 0; at < digits; at++) {
    digit = yield* takeBits(bits, width);
    length += digit * 2 ** (width * at);
  }
  if (digit === 0 && digits > (width === 4 ? 4 : 1)) throw new BrotliError('a length with a zero before it');
  return length + 1;
}

function basesOf(bits: readonly number[], first: number): readonly number[] {
  return bits.map((_, code) => bits.slice(0, code).reduce((base, extra) => base + 2 ** extra, first));
}
