/**
 * The way back of one answer's body (step 9): decoded, scanned, and given to its reader no faster than it reads.
 * Never passes on an octet that was not scanned, and never ends a body that failed as if it were whole.
 */
import { Readable } from 'node:stream';
import { DAuthError } from '@dauth/protocol';
import type { AnswerHead, ContentCoding } from './answer.ts';
import type { Holding } from './call.ts';
import type { CapturedAnswer } from './capture.ts';
import { Decoder } from './decode.ts';
import { Scanner } from './scan.ts';
import type { Forms } from './forms.ts';
import { wipe } from '../secret/memory.ts';
import { ByteWriter } from '../secret/writer.ts';

export interface AnsweringOptions {
  readonly forms: Forms;
  readonly coding: ContentCoding;
  /** Octets of decoded answer. */
  readonly maxBytes: number;
  /** Why the answer is held until its end, and refused where a value stands in it. */
  readonly holding: Holding | null;
  /** Of an answer that may be a credential: takes all of it at once, and says what of it goes back. */
  readonly capture?: ((answer: Buffer) => Promise<CapturedAnswer>) | undefined;
  /** Stop taking from the socket; take again. */
  readonly hold: () => void;
  readonly release: () => void;
  /** The reader, for whom the socket was held, reads again. */
  readonly resumed: () => void;
  /** The answer cannot be passed on: the call fails. */
  readonly fail: (error: unknown) => void;
  /** Its reader went away before the end. */
  readonly left: () => void;
}

/** Octets of half a TLS record. */
const LARGE_PIECE = 8_192;
/** Octets of an answer that is held until its end. */
const HELD_ANSWER = 1_048_576;

export class Answering implements Disposable {
  readonly body: Readable;
  readonly #options: AnsweringOptions;
  readonly #scanner: Scanner;
  readonly #decoder: Decoder | null;
  /** Encoded pieces are decoded one after another; everything later waits its turn here. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Octets of this turn of the event loop, so that an answer in a thousand pieces costs one look and not a thousand. */
  #gathered: ByteWriter | null = null;
  #lookSoon: NodeJS.Immediate | undefined;
  /** What was looked at in this turn: it goes on together, so that many pieces are one write. */
  #ready: Buffer[] = [];
  /** All of an answer that is captured. */
  readonly #whole = new ByteWriter(0);
  #captured: Pick<CapturedAnswer, 'redactions' | 'headers'> = { redactions: 0, headers: [] };
  #isFull = false;
  #isOver = false;
  #bytes = 0;

  constructor(options: AnsweringOptions) {
    this.#options = options;
    this.#scanner = new Scanner(options.forms);
    const pass = (octets: Buffer): void => {
      this.#pass(octets);
      this.#handOn();
    };
    this.#decoder = options.coding === 'identity' ? null : new Decoder(options.coding, pass);
    this.body = this.#makeBody();
  }

  /** Octets of decoded answer so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Places starred out so far. */
  get redactions(): number {
    return this.#scanner.redactions + this.#captured.redactions;
  }

  /** Ours, of an answer that came whole. */
  get headers(): AnswerHead['headers'] {
    return this.#captured.headers;
  }

  /** The reader is slow, and what comes waits for it. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Octets as they came. */
  take(octets: Buffer): void {
    // A piece that is large beside what is held back anyway is worth a look of its own; gathered it would be copied twice more.
    const isLarge = octets.length >= Math.max(LARGE_PIECE, 4 * this.#options.forms.longest);
    if (isLarge && this.#gathered === null && this.#decoder === null) this.#pass(octets);
    else (this.#gathered ??= new ByteWriter(octets.length)).bytes(octets);
    this.#lookSoon ??= setImmediate(() => this.#look());
  }

  /**
   * No more comes: passes on what is left and ends the body.
   * @param hasHint whether the head gave a value away already
   * @param done called where the body ended whole
   */
  complete(hasHint: () => boolean, done: () => void): void {
    this.#look();
    this.#inTurn(async () => {
      await this.#decoder?.end();
      if (this.#isOver) return;
      await this.#capture();
      if (this.#isOver) return;
      this.#ready.push(this.#scanner.end());
      this.#handOn();
      if (this.#isOver) return;
      // Stars at a known place tell whoever chose what is echoed that the value stood there. Of a value that can be guessed,
      // not even the place is told, and nothing at all where its owner wants no such answer: it is refused as a whole.
      const { holding } = this.#options;
      if (holding !== null && (hasHint() || this.redactions > 0)) throw echoing(holding);
      this.body.push(null);
      done();
    });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearImmediate(this.#lookSoon);
    this.#gathered?.[Symbol.dispose]();
    this.#gathered = null;
    this.#ready = [];
    this.#decoder?.[Symbol.dispose]();
    this.#scanner[Symbol.dispose]();
    this.#whole[Symbol.dispose]();
  }

  /** Looks at what this turn brought. */
  #look(): void {
    clearImmediate(this.#lookSoon);
    this.#lookSoon = undefined;
    const piece = this.#gathered?.take();
    this.#gathered = null;
    const decoder = this.#decoder;
    if (decoder !== null && piece !== undefined && !this.#isOver)
      return this.#inTurn(() => decoder.push(piece).finally(() => wipe(piece)));
    if (piece !== undefined) this.#pass(piece);
    wipe(piece);
    this.#handOn();
  }

  #pass(octets: Buffer): void {
    if (this.#isOver) return;
    this.#bytes += octets.length;
    if (this.#bytes > this.#options.maxBytes) return this.#options.fail(new DAuthError('RESPONSE_TOO_LARGE'));
    if (this.#options.capture === undefined) this.#ready.push(this.#scanner.push(octets));
    else this.#whole.bytes(octets);
  }

  async #capture(): Promise<void> {
    const captured = await this.#options.capture?.(this.#whole.take());
    if (captured === undefined || this.#isOver) return;
    this.#captured = captured;
    if (captured.octets.length > 0) this.body.push(captured.octets);
  }

  #handOn(): void {
    const ready = this.#ready;
    this.#ready = [];
    let isRead = true;
    for (const octets of ready) isRead = octets.length === 0 ? isRead : this.body.push(octets);
    if (isRead || this.#isOver) return;
    if (this.#options.holding !== null) this.#options.fail(tooLargeToHold());
    else this.#hold();
  }

  #makeBody(): Readable {
    const body = new Readable({
      ...(this.#options.holding === null ? {} : { highWaterMark: HELD_ANSWER }),
      read: () => this.#release(),
      destroy: (error, done) => {
        if (!this.#isOver) this.#options.left();
        done(error);
      },
    });
    // It may fail in the tick that made it, before its reader has it; the reader hears of it all the same.
    body.on('error', () => undefined);
    return body;
  }

  #hold(): void {
    this.#isFull = true;
    this.#decoder?.hold();
    this.#options.hold();
  }

  #release(): void {
    if (!this.#isFull || this.#isOver) return;
    this.#isFull = false;
    this.#options.resumed();
    this.#decoder?.release();
    if (this.#waiting === 0) this.#options.release();
  }

  #inTurn(work: () => Promise<void>): void {
    if (this.#decoder !== null) this.#options.hold();
    this.#waiting++;
    this.#turn = this.#turn.then(async () => {
      try {
        if (!this.#isOver) await work();
      } catch (error) {
        this.#options.fail(error);
      }
      if (--this.#waiting === 0 && !this.#isFull) this.#options.release();
    });
  }
}

function echoing(holding: Holding): DAuthError {
  const why = {
    guessable: 'which is too short to be starred out without telling something of it',
    refused: 'and its owner sealed that such an answer is refused',
  }[holding];
  return new DAuthError('RESPONSE_UNSCANNABLE', `The upstream answer holds the credential, ${why}.`);
}

function tooLargeToHold(): DAuthError {
  return new DAuthError(
    'RESPONSE_TOO_LARGE',
    'The upstream answer is larger than one may be that is held until its end.',
  );
}
