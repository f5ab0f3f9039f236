/**
 * The frames of PostgreSQL's protocol, version 3 (PostgreSQL documentation §55.2, §55.7): one octet of type, four of length,
 * the rest. Never hands on a part of a message, and never holds more than a bound of one.
 */
import { DAuthError } from '@dauth/protocol';
import { copyOctets, ownedBytes, wipe } from '../secret/memory.ts';

/** A whole message with its type and length; it ends with the call. */
export type OnMessage = (type: string, message: Buffer) => void;

export type Hold = (octets: number, full: () => DAuthError) => void;

/** Type and length. */
const HEAD = 5;

export interface FrameLimits {
  /** Octets of one message. */
  readonly most: number;
  readonly tooLarge: () => DAuthError;
  /** Takes room for octets of a message before they are held, or throws what `full` makes. */
  readonly hold: Hold;
}

export class Frames {
  readonly #limits: FrameLimits;
  readonly #onMessage: OnMessage;
  readonly #head = ownedBytes(HEAD);
  #headed = 0;
  #message: Buffer | null = null;
  #filled = 0;
  /** Octets of the longest message so far: room is taken once for all that are no longer. */
  #held = 0;

  constructor(limits: FrameLimits, onMessage: OnMessage) {
    this.#limits = limits;
    this.#onMessage = onMessage;
  }

  /** Whether octets stand between two messages. */
  get isBetween(): boolean {
    return this.#headed === 0;
  }

  /** @throws DAuthError for a length that no message has, and whatever the receiver throws */
  push(octets: Buffer): void {
    for (let at = 0; at < octets.length;) {
      if (this.#message === null) {
        const piece = octets.subarray(at, at + HEAD - this.#headed);
        copyOctets(this.#head, piece, this.#headed);
        this.#headed += piece.length;
        at += piece.length;
        if (this.#headed < HEAD) return;
        this.#message = this.#begin();
        this.#filled = HEAD;
      }
      const piece = octets.subarray(at, at + this.#message.length - this.#filled);
      copyOctets(this.#message, piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === this.#message.length) this.#complete();
    }
  }

  [Symbol.dispose](): void {
    wipe(this.#message, this.#head);
    this.#message = null;
  }

  #begin(): Buffer {
    const length = this.#head.readUInt32BE(1);
    if (length < 4) throw new DAuthError('INVALID_REQUEST', 'A message of the session is not well-formed.');
    if (length + 1 > this.#limits.most) throw this.#limits.tooLarge();
    if (length + 1 > this.#held) {
      this.#limits.hold(length + 1 - this.#held, this.#limits.tooLarge);
      this.#held = length + 1;
    }
    const message = ownedBytes(length + 1);
    copyOctets(message, this.#head);
    return message;
  }

  #complete(): void {
    const message = this.#message!;
    this.#message = null;
    this.#headed = 0;
    try {
      this.#onMessage(String.fromCharCode(message[0]!), message);
    } finally {
      wipe(message);
    }
  }
}
