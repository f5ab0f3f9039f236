/**
 * Undoing Brotli (RFC 7932) in memory of our own. Node's decoder gives its window back to the system's allocator with up to
 * 16 MiB of the plain answer in it, where nothing of ours can erase it (docs/memory.md).
 * Never reads before the start of what it decoded but for the words that everybody knows, nor past what came.
 */
import { copyOctets, ownedBytes, wipe } from '../secret/memory.ts';
import { peek, type BitReader } from './bits.ts';
import { changeKind, readBlockHead, readWindowBits, takeLength, type BlockHead } from './brotli-block.ts';
import { BrotliError, entryOf, takeBits, takeLong, type Waiting } from './brotli-code.ts';
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
  /** The command that is carried out. */
  #inserted = 0;
  #copied = 0;
  #hasDistance = false;
  #distance = 0;
  #isNew = false;

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
    yield* this.#commands(head, this.#end + length);
  }

  *#copyPlain(length: number): Waiting<void> {
    for (let left = length; left > 0;) {
      const octets = this.#bits.takeOctets(left);
      left -= octets.length;
      yield* this.#putAll(octets);
      if (left > 0) yield 'octets';
    }
  }

  /** RFC 7932 §5: some literals, then one copy, until the block is whole. */
  *#commands(head: BlockHead, end: number): Waiting<void> {
    while (this.#end < end) {
      if (head.commandKinds.left === 0) yield* changeKind(this.#bits, head.commandKinds);
      while (!this.#readCommand(head)) yield 'octets';
      if (this.#end + this.#inserted > end) throw new BrotliError('more literals than the block has');
      if (this.#inserted > 0) yield* this.#literals(head, this.#inserted);
      if (this.#end === end) return;
      if (this.#hasDistance) {
        if (head.distanceKinds.left === 0) yield* changeKind(this.#bits, head.distanceKinds);
        while (!this.#readDistance(head)) yield 'octets';
      }
      yield* this.#copyFrom(this.#hasDistance ? this.#distance : this.#distances[0], end);
    }
  }

  *#copyFrom(distance: number, end: number): Waiting<void> {
    const reach = Math.min(this.#end, 2 ** this.#windowBits - 16);
    if (distance > reach) return yield* this.#word(this.#copied, distance - reach - 1, end);
    // That of the command before is remembered already.
    if (this.#isNew) this.#distances = [distance, this.#distances[0], this.#distances[1], this.#distances[2]];
    if (this.#end + this.#copied > end) throw new BrotliError('a copy longer than the block');
    for (let left = this.#copied; left > 0;) {
      left -= this.#copy(distance, left);
      if (this.#isFull()) yield 'reader';
    }
  }

  /** @returns whether it is here as a whole; else nothing was read */
  #readCommand({ commandKinds: kinds, commands }: BlockHead): boolean {
    const bits = this.#bits;
    const start = bits.at;
    const entry = entryOf(commands[kinds.current]!, bits.look());
    bits.at += entry & 15;
    const command = entry >> 4;
    const insertCode = INSERT_CODES[command >> 6]! + ((command >> 3) & 7);
    const copyCode = COPY_CODES[command >> 6]! + (command & 7);
    this.#inserted = INSERT_BASES[insertCode]! + takeLong(bits, INSERT_BITS[insertCode]!);
    this.#copied = COPY_BASES[copyCode]! + takeLong(bits, COPY_BITS[copyCode]!);
    this.#hasDistance = command >= FIRST_WITH_DISTANCE;
    this.#isNew = false;
    if (!this.#isHere(start)) return false;
    kinds.left--;
    return true;
  }

  /** RFC 7932 §4. @returns whether it is here as a whole; else nothing was read */
  #readDistance({ distanceKinds: kinds, distanceMap, distances, direct, postfixBits }: BlockHead): boolean {
    const bits = this.#bits;
    const start = bits.at;
    const context = Math.min(this.#copied - 2, 3);
    const entry = entryOf(distances[distanceMap[kinds.current * 4 + context]!]!, bits.look());
    bits.at += entry & 15;
    const code = entry >> 4;
    const far = code - NEAR.length - direct;
    if (code < NEAR.length) this.#distance = this.#distances[NEAR[code]!]! + NEAR_BY[code]!;
    else if (far < 0) this.#distance = code - NEAR.length + 1;
    else {
      const width = 1 + (far >> (postfixBits + 1));
      const offset = (2 + ((far >> postfixBits) & 1)) * 2 ** width - 4;
      const low = far & ((1 << postfixBits) - 1);
      this.#distance = (offset + takeLong(bits, width)) * 2 ** postfixBits + low + direct + 1;
    }
    this.#isNew = code !== 0;
    if (!this.#isHere(start)) return false;
    if (this.#distance <= 0) throw new BrotliError('a copy of what comes only then');
    kinds.left--;
    return true;
  }

  #isHere(start: number): boolean {
    if (!this.#bits.isShort) return true;
    this.#bits.at = start;
    return false;
  }

  *#literals(head: BlockHead, count: number): Waiting<void> {
    const kinds = head.literalKinds;
    for (let left = count; left > 0;) {
      if (kinds.left === 0) yield* changeKind(this.#bits, kinds);
      const read = this.#readLiterals(head, Math.min(left, kinds.left));
      left -= read;
      kinds.left -= read;
      if (read > 0 && this.#isFull()) yield 'reader';
      else if (left > 0 && kinds.left > 0) yield 'octets';
    }
  }

  /** The hot loop. @returns how many there are, as far as they came and there is room */
  #readLiterals({ literalKinds: { current }, literalMap, literals, modes }: BlockHead, most: number): number {
    const { octets, limit } = this.#bits;
    const [ring, mask, mode, from] = [this.#ring, this.#ring.length - 1, modes[current]!, this.#end];
    const until = Math.min(from + most, (Math.floor(from / FRESH) + 1) * FRESH);
    let end = from;
    let at = this.#bits.at;
    let last = end > 0 ? ring[(end - 1) & mask]! : 0;
    let before = end > 1 ? ring[(end - 2) & mask]! : 0;
    while (end < until) {
      const entry = entryOf(literals[literalMap[current * 64 + contextOf(mode, last, before)]!]!, peek(octets, at));
      const next = at + (entry & 15);
      if (next > limit) break;
      at = next;
      before = last;
      last = entry >> 4;
      ring[end++ & mask] = last;
    }
    this.#bits.at = at;
    this.#end = end;
    return end - from;
  }

  *#word(length: number, number: number, end: number): Waiting<void> {
    const octets: number[] = [];
    writeWord(length, number, (octet) => octets.push(octet));
    if (this.#end + octets.length > end) throw new BrotliError('a word longer than the block');
    yield* this.#putAll(octets);
  }

  *#putAll(octets: Iterable<number>): Waiting<void> {
    for (const octet of octets) {
      this.#ring[this.#end++ & (this.#ring.length - 1)] = octet;
      if (this.#isFull()) yield 'reader';
    }
  }

  /** What is decoded already once more, octet by octet: a copy may reach into itself. @returns how many, as far as there is room */
  #copy(distance: number, most: number): number {
    const [ring, mask, from] = [this.#ring, this.#ring.length - 1, this.#end];
    const until = Math.min(from + most, (Math.floor(from / FRESH) + 1) * FRESH);
    for (let end = from; end < until; end++) ring[end & mask] = ring[(end - distance) & mask]!;
    this.#end = until;
    return until - from;
  }

  /** Behind each piece that was decoded. @returns whether it has to be taken before more is */
  #isFull(): boolean {
    // Up to the end of the ring, so that what is handed on is one piece.
    if ((this.#end & (FRESH - 1)) !== 0) return false;
    if (this.#end === this.#ring.length && this.#ring.length < 2 ** this.#windowBits) this.#grow();
    return true;
  }

  /** Memory as far as it is needed: most answers are much smaller than the window that they name. */
  #grow(): void {
    const larger = ownedBytes(2 * this.#ring.length);
    copyOctets(larger, this.#ring);
    wipe(this.#ring);
    this.#ring = larger;
  }

  /** RFC 7932 §9: what fills an octet up is zero. */
  #align(): void {
    const { at } = this.#bits;
    if (this.#bits.take(-at & 7) !== 0) throw new BrotliError('an octet that is filled up with something');
  }
}

function basesOf(bits: readonly number[], first: number): readonly number[] {
  return bits.map((_, code) => bits.slice(0, code).reduce((base, extra) => base + 2 ** extra, first));
}
