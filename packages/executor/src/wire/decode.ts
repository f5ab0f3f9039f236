/**
 * Undoing a content encoding within bounds, so that a body can be scanned.
 * Never passes on a body that ends early or that is mostly made up by its encoding (a bomb).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DAuthError } from '@dauth/protocol';
import type { ContentCoding } from './answer.ts';
import { BitReader } from './bits.ts';
import { BrotliError } from './brotli-code.ts';
import { Brotli } from './brotli.ts';
import { deferred, type Deferred } from './deferred.ts';
import { Inflate, InflateError } from './inflate.ts';
import { BARE, GZIP, WrappingError, ZLIB, type Wrapping } from './wrapping.ts';

/** Decoded octets that need no excuse: a bomb this small harms nobody. */
const FREE = 8 * 1_048_576;
/** Beyond them, decoded : encoded. Text compresses to a twentieth at best; a thousandfold is an attack. */
const RATIO = 200;
/** Decoded octets until others have their turn. */
const TURN = 1_048_576;
/** A name or a comment longer than this is no name. */
const MAX_HEAD = 8_192;

/** Takes the decoded octets, which are not to be kept. */
export type Decoded = (octets: Buffer) => void;

type Part = 'head' | 'blocks' | 'tail' | 'between' | 'over';

/** Decodes one body. Chunks go in one at a time: the next one after `push` resolved. */
export class Decoder {
  readonly #coding: Exclude<ContentCoding, 'identity'>;
  readonly #decoded: Decoded;
  readonly #bits = new BitReader();
  readonly #blocks: Inflate | Brotli;
  #wrapping: Wrapping = GZIP;
  #part: Part = 'head';
  #check = 0;
  #memberOctets = 0;
  #encodedOctets = 0;
  #decodedOctets = 0;
  #held: Deferred<void> | null = null;
  #isDisposed = false;

  constructor(coding: Exclude<ContentCoding, 'identity'>, decoded: Decoded) {
    this.#coding = coding;
    this.#blocks = coding === 'br' ? new Brotli(this.#bits) : new Inflate(this.#bits);
    this.#decoded = decoded;
  }

  /** @throws DAuthError `RESPONSE_UNSCANNABLE` */
  async push(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    if (this.#encodedOctets === 0) {
      this.#wrapping = wrappingOf(this.#coding, chunk[0]!);
      this.#check = this.#wrapping.firstCheck;
    }
    this.#encodedOctets += chunk.length;
    this.#bits.feed(chunk);
    try {
      while (this.#part === 'blocks' ? await this.#unfold() : this.#step());
    } catch (error) {
      throw isMalformed(error) ? unscannable() : error;
    }
  }

  /** @throws DAuthError `RESPONSE_UNSCANNABLE` for a body that ends before its encoding does */
  async end(): Promise<void> {
    await this.#held?.promise;
    const isWhole = this.#encodedOctets === 0 || this.#part === 'between' || this.#part === 'over';
    if (this.#isDisposed || !isWhole) throw unscannable();
  }

  /** The reader is slow: what one encoded piece unfolds to may be large. */
  hold(): void {
    this.#held ??= deferred();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#bits[Symbol.dispose]();
    this.#blocks[Symbol.dispose]();
    this.release();
  }

  /** @returns whether there is more to do with what is here */
  #step(): boolean {
    const octets = this.#bits.rest();
    switch (this.#part) {
      case 'head': {
        const length = this.#wrapping.headLength(octets);
        if (length === null && octets.length > MAX_HEAD) throw new WrappingError('a head without end');
        if (length === null) return false;
        this.#bits.takeOctets(length);
        return this.#enter('blocks');
      }
      case 'tail': {
        if (octets.length < this.#wrapping.tailLength) return false;
        const tail = this.#bits.takeOctets(this.#wrapping.tailLength);
        if (!this.#wrapping.isTail(tail, this.#check, this.#memberOctets)) throw new WrappingError('a wrong tail');
        return this.#enter(this.#wrapping.isRepeated ? 'between' : 'over');
      }
      case 'between':
        if (octets.length === 0) return false;
        // Some pad with zeros what they send; anything else has to be another member (RFC 1952 §2.2).
        return this.#enter(octets[0] === 0 ? 'over' : 'head');
      default:
        // Behind the end stands nothing that anybody was to read.
        this.#bits.takeOctets(octets.length);
        return false;
    }
  }

  #enter(part: Part): true {
    this.#part = part;
    if (part === 'head') {
      // Only gzip has members.
      if (this.#blocks instanceof Inflate) this.#blocks.restart();
      this.#check = this.#wrapping.firstCheck;
      this.#memberOctets = 0;
    }
    return true;
  }

  /** @returns whether the last block ended */
  async #unfold(): Promise<boolean> {
    let turn = 0;
    for (let octets = this.#blocks.read(); octets !== null; octets = this.#blocks.read()) {
      this.#check = this.#wrapping.check(octets, this.#check);
      this.#memberOctets += octets.length;
      this.#decodedOctets += octets.length;
      this.#decoded(octets);
      if (this.#decodedOctets > FREE && this.#decodedOctets > this.#encodedOctets * RATIO) throw unscannable();
      turn += octets.length;
      // Without an octet it asks for others to have their turn.
      if (turn > TURN || octets.length === 0) {
        await nextTurn();
        turn = 0;
      }
      await this.#held?.promise;
      if (this.#isDisposed) throw unscannable();
    }
    if (!this.#blocks.isOver) return false;
    this.#bits.align();
    return this.#enter('tail');
  }
}

function wrappingOf(coding: Exclude<ContentCoding, 'identity'>, first: number): Wrapping {
  if (coding === 'gzip') return GZIP;
  if (coding === 'br') return BARE;
  // RFC 9110 §8.4.1.2 means the zlib format; some servers send the raw one, which cannot start like it.
  return (first & 0x0f) === 8 ? ZLIB : BARE;
}

function isMalformed(error: unknown): boolean {
  return error instanceof InflateError || error instanceof BrotliError || error instanceof WrappingError;
}

function unscannable(): DAuthError {
  return new DAuthError('RESPONSE_UNSCANNABLE', 'The upstream answer could not be decoded within bounds.');
}
