/**
 * Undoing a content encoding within bounds, so that a body can be scanned.
 * Never passes on a body that ends early or that is mostly made up by its encoding (a bomb).
 */
import { createGunzip, createInflate, createInflateRaw, type Gunzip } from 'node:zlib';
import { DAuthError } from '@dauth/protocol';
import type { ContentCoding } from './answer.ts';
import { ownedConcat, wipe } from '../secret/memory.ts';

/** Decoded octets that need no excuse: a bomb this small harms nobody. */
const FREE = 8 * 1_048_576;
/** Beyond them, decoded : encoded. Text compresses to a twentieth at best; a thousandfold is an attack. */
const RATIO = 200;

/** Takes the decoded octets, which are zeroed when it returns. */
export type Decoded = (octets: Buffer) => void;

/** Decodes one body. Chunks go in one at a time: the next one after `push` resolved. */
export class Decoder {
  readonly #coding: Exclude<ContentCoding, 'identity'>;
  readonly #decoded: Decoded;
  #stream: Gunzip | null = null;
  #failure: DAuthError | null = null;
  #encodedOctets = 0;
  #decodedOctets = 0;

  constructor(coding: Exclude<ContentCoding, 'identity'>, decoded: Decoded) {
    this.#coding = coding;
    this.#decoded = decoded;
  }

  /** @throws DAuthError `RESPONSE_UNSCANNABLE` */
  async push(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    this.#encodedOctets += chunk.length;
    const stream = (this.#stream ??= this.#start(chunk[0]!));
    const input = ownedConcat(chunk);
    await this.#step((done) => stream.write(input, () => done()));
    wipe(input);
    if (this.#failure !== null) throw this.#failure;
  }

  /** @throws DAuthError `RESPONSE_UNSCANNABLE` for a body that ends before its encoding does */
  async end(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) return;
    await this.#step((done) => stream.once('end', done).end());
    if (this.#failure !== null) throw this.#failure;
  }

  /** The reader is slow: what one encoded piece unfolds to may be large. */
  hold(): void {
    this.#stream?.pause();
  }

  release(): void {
    this.#stream?.resume();
  }

  [Symbol.dispose](): void {
    this.#failure ??= unscannable();
    this.#stream?.destroy();
  }

  /** Waits for one operation, or for the failure that makes it never answer. */
  #step(start: (done: () => void) => void): Promise<void> {
    const stream = this.#stream!;
    return new Promise((resolve) => {
      if (this.#failure !== null) return resolve();
      const done = (): void => {
        stream.removeListener('close', done);
        resolve();
      };
      stream.once('close', done);
      start(done);
    });
  }

  #start(first: number): Gunzip {
    const stream = open(this.#coding, first);
    stream.on('data', (octets: Buffer) => {
      this.#decodedOctets += octets.length;
      try {
        if (this.#failure === null) this.#decoded(octets);
      } finally {
        wipe(octets);
      }
      if (this.#decodedOctets > FREE && this.#decodedOctets > this.#encodedOctets * RATIO) this.#fail();
    });
    stream.on('error', () => this.#fail());
    return stream;
  }

  #fail(): void {
    this.#failure ??= unscannable();
    this.#stream?.destroy();
  }
}

function open(coding: Exclude<ContentCoding, 'identity'>, first: number): Gunzip {
  switch (coding) {
    case 'gzip':
      return createGunzip();
    case 'deflate':
      // RFC 9110 §8.4.1.2 means the zlib format; some servers send the raw one, which cannot start like it.
      return (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
  }
}

function unscannable(): DAuthError {
  return new DAuthError('RESPONSE_UNSCANNABLE', 'The upstream answer could not be decoded within bounds.');
}
