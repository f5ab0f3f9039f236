/**
 * Reads the frames of one peer (RFC 6455 §5): pieces of messages as they come, control frames whole.
 * Never lenient: what two readers could take for two things ends the connection, and nothing is kept but a head and 125 octets.
 */
import { isCloseCode, LIMITS } from '@dauth/protocol';
import { copyOctets, ownedBytes, wipe } from '../secret/memory.ts';
import { CLOSE, FrameError, mask, MAX_CONTROL, OPCODE, type MessageKind, type Sender } from './frame.ts';
import { Utf8Check } from './utf8-check.ts';

/** Takes what was read. Octets are the reader's again when a call returns. */
export interface FrameSink {
  /** A piece of a message. Empty where only its end came. */
  data(kind: MessageKind, octets: Buffer, isLast: boolean): void;
  ping(payload: Buffer): void;
  /** @param code null where the peer gave none; @param reason UTF-8 */
  close(code: number | null, reason: Buffer): void;
}

/**
 * Frames in one piece that was read. Each costs work, however little is in it: a peer that sends nothing but empty ones would keep
 * everybody else waiting.
 */
const MAX_FRAMES_A_PIECE = 2_048;
/** Two octets, eight of a length, four of a mask. */
const LONGEST_HEAD = 14;

interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly length: number;
  readonly key: Buffer | null;
  /** Octets of the payload that were read. */
  at: number;
}

export class FrameReader implements Disposable {
  readonly #peer: Sender;
  readonly #sink: FrameSink;
  readonly #head = ownedBytes(LONGEST_HEAD);
  #headLength = 0;
  #frame: Frame | null = null;
  readonly #control = ownedBytes(MAX_CONTROL);
  /** Of the message under way. */
  #kind: MessageKind | null = null;
  #octets = 0;
  #frames = 0;
  #framesInPiece = 0;
  #isOver = false;

  constructor(peer: Sender, sink: FrameSink) {
    this.#peer = peer;
    this.#sink = sink;
  }

  /** Reads all of `octets`, which are unmasked in place. After a close frame nothing is read. @throws FrameError */
  push(octets: Buffer): void {
    this.#framesInPiece = 0;
    for (let at = 0; at < octets.length && !this.#isOver;) {
      at = this.#frame === null ? this.#readHead(octets, at) : this.#readPayload(this.#frame, octets, at);
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    wipe(this.#control);
  }

  #readHead(octets: Buffer, at: number): number {
    this.#head[this.#headLength++] = octets[at]!;
    if (this.#headLength === 2) this.#assertBegins();
    if (this.#headLength < 2 || this.#headLength < headLength(this.#head)) return at + 1;
    const frame = this.#readFrame();
    this.#headLength = 0;
    this.#frame = frame;
    if (frame.length === 0) this.#readPayload(frame, octets, at + 1);
    return at + 1;
  }

  /** What the first two octets say by themselves. */
  #assertBegins(): void {
    const [first, second] = [this.#head[0]!, this.#head[1]!];
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    const isControl = opcode >= OPCODE.close;
    // Reserved bits belong to extensions, and none was agreed on.
    if ((first & 0x70) !== 0 || (opcode > OPCODE.binary && !isControl) || opcode > OPCODE.pong) throw broken();
    if (isControl && (!isLast || (second & 0x7f) > MAX_CONTROL)) throw broken();
    // RFC 6455 §5.4: a message is not begun within another one, and not gone on with where there is none.
    if (!isControl && (opcode === OPCODE.continuation) === (this.#kind === null)) throw broken();
    // RFC 6455 §5.1.
    if (((second & 0x80) !== 0) !== (this.#peer === 'client')) throw broken();
  }

  #readFrame(): Frame {
    if (++this.#framesInPiece > MAX_FRAMES_A_PIECE) throw new FrameError(CLOSE.tooBig);
    const head = this.#head;
    const short = head[1]! & 0x7f;
    const length = short < 126 ? short : short === 126 ? head.readUInt16BE(2) : longLength(head);
    // RFC 6455 §5.2: "the minimal number of bytes MUST be used".
    if ((short === 126 && length < 126) || (short === 127 && length < 65_536)) throw broken();
    const opcode = head[0]! & 0x0f;
    const key = this.#peer === 'client' ? Buffer.from(head.subarray(this.#headLength - 4, this.#headLength)) : null;
    if (opcode < OPCODE.close) this.#count(opcode, length);
    return { opcode, isLast: (head[0]! & 0x80) !== 0, length, key, at: 0 };
  }

  #count(opcode: number, length: number): void {
    if (opcode !== OPCODE.continuation) this.#kind = opcode === OPCODE.text ? 'text' : 'binary';
    this.#octets += length;
    if (this.#octets > LIMITS.webSocketMessage || ++this.#frames > LIMITS.webSocketFrames)
      throw new FrameError(CLOSE.tooBig);
  }

  #readPayload(frame: Frame, octets: Buffer, at: number): number {
    const piece = octets.subarray(at, at + frame.length - frame.at);
    if (frame.key !== null) mask(piece, frame.key, frame.at);
    const isControl = frame.opcode >= OPCODE.close;
    if (isControl) copyOctets(this.#control, piece, frame.at);
    frame.at += piece.length;
    const isWhole = frame.at === frame.length;
    if (isWhole) this.#frame = null;
    if (!isControl) this.#give(piece, isWhole && frame.isLast);
    else if (isWhole) this.#obey(frame.opcode, this.#control.subarray(0, frame.length));
    return at + piece.length;
  }

  #give(piece: Buffer, isLast: boolean): void {
    const kind = this.#kind!;
    if (isLast) {
      this.#kind = null;
      this.#octets = 0;
      this.#frames = 0;
    }
    if (piece.length > 0 || isLast) this.#sink.data(kind, piece, isLast);
  }

  #obey(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.#sink.ping(payload);
    if (opcode === OPCODE.close) {
      this.#isOver = true;
      this.#close(payload);
    }
    wipe(payload);
  }

  /** RFC 6455 §5.5.1: nothing, or a code and a reason in UTF-8. */
  #close(payload: Buffer): void {
    if (payload.length === 0) return this.#sink.close(null, payload);
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (!isCloseCode(code)) throw broken();
    const reason = payload.subarray(2);
    const check = new Utf8Check();
    if (!check.takes(reason) || !check.isWhole) throw new FrameError(CLOSE.notText);
    this.#sink.close(code, reason);
  }
}

/** Octets of a head, by its second one. */
function headLength(head: Buffer): number {
  const short = head[1]! & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + ((head[1]! & 0x80) === 0 ? 0 : 4);
}

/** RFC 6455 §5.2: the first bit is zero. What takes more than 48 bits is no message of anybody. */
function longLength(head: Buffer): number {
  const high = head.readUInt16BE(2);
  if (high > 0x7fff) throw broken();
  if (high > 0) throw new FrameError(CLOSE.tooBig);
  return head.readUIntBE(4, 6);
}

function broken(): FrameError {
  return new FrameError(CLOSE.protocol);
}
