/**
 * One of the two ends of a WebSocket that the executor stands between: its frames in and out, its pings, its close.
 * Never passes a frame from one end to the other: what goes out is written here.
 */
import { wipe, ownedConcat } from '../secret/memory.ts';
import { FrameError, MAX_CONTROL, OPCODE, writeFrame, type MessageKind, type Sender } from './frame.ts';
import type { Line } from './line.ts';
import { FrameReader } from './reader.ts';

export interface PeerEvents {
  data(kind: MessageKind, octets: Buffer, isLast: boolean): void;
  /** The peer ends it; comes once. */
  close(code: number | null, reason: Buffer): void;
  /** Its frames are not as they must be; nothing of it is read any more. */
  broke(code: number): void;
  /** Its socket ended. */
  ended(): void;
  /** Nothing came for too long, not even an answer to a ping. */
  silent(): void;
  /** What was sent to it has not gone yet; has gone. */
  full(): void;
  drained(): void;
}

export class Peer implements Disposable {
  readonly #line: Line;
  readonly #events: PeerEvents;
  readonly #reader: FrameReader;
  /** Who writes to it: the other role than its own. */
  readonly #role: Sender;
  readonly #clock: NodeJS.Timeout;
  /** Whether a ping waits for its answer. */
  #isAsked = false;
  #isHeld = false;
  #isFull = false;
  /** The answer that waits: of several pings only the last needs one (RFC 6455 §5.5.3), so a flood of them is kept nowhere. */
  #pong: Buffer | null = null;
  #sentClose = false;
  #isOver = false;

  constructor(kind: Sender, line: Line, idleMs: number, events: PeerEvents) {
    this.#line = line;
    this.#events = events;
    this.#role = kind === 'client' ? 'server' : 'client';
    this.#reader = new FrameReader(kind, {
      data: (message, octets, isLast) => events.data(message, octets, isLast),
      close: (code, reason) => events.close(code, reason),
      ping: (payload) => this.#answer(payload),
    });
    this.#clock = setInterval(() => this.#ask(), idleMs / 2);
  }

  get sentClose(): boolean {
    return this.#sentClose;
  }

  /** Begins to read. */
  listen(): void {
    this.#line.listen({
      octets: (octets) => this.#read(octets),
      drained: () => this.#drained(),
      ended: () => this.#events.ended(),
    });
  }

  /** A frame of a message. `payload` is left to its owner. */
  send(opcode: number, isLast: boolean, payload: Uint8Array): void {
    if (!this.#sentClose) this.#write(opcode, isLast, payload);
  }

  /** The last frame. @param code null where the other end gave none */
  close(code: number | null, reason: Uint8Array = new Uint8Array(0)): void {
    if (this.#sentClose) return;
    const head = code === null ? new Uint8Array(0) : Uint8Array.of(code >> 8, code & 0xff);
    const payload = ownedConcat(head, code === null ? head : reason.subarray(0, MAX_CONTROL - 2));
    this.#write(OPCODE.close, true, payload);
    wipe(payload);
    this.#sentClose = true;
  }

  hold(): void {
    this.#isHeld = true;
    this.#line.hold();
  }

  release(): void {
    this.#isHeld = false;
    this.#heard();
    this.#line.release();
  }

  /** Ends the socket behind what was sent. */
  end(): void {
    this.#line.end();
  }

  /** Ends it now, and everything of it. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#clock);
    this.#reader[Symbol.dispose]();
    wipe(this.#pong);
    this.#line.destroy();
  }

  #read(octets: Buffer): void {
    this.#heard();
    if (this.#isOver) return;
    try {
      this.#reader.push(octets);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#reader[Symbol.dispose]();
      this.#events.broke(error.code);
    }
  }

  #heard(): void {
    this.#isAsked = false;
    if (!this.#isOver) this.#clock.refresh();
  }

  /** Whoever is held is not asked: what it sends is not looked at. */
  #ask(): void {
    if (this.#isHeld) return;
    if (this.#isAsked) return this.#events.silent();
    this.#isAsked = true;
    if (!this.#isFull) this.send(OPCODE.ping, true, new Uint8Array(0));
  }

  #answer(payload: Buffer): void {
    if (!this.#isFull) return this.send(OPCODE.pong, true, payload);
    wipe(this.#pong);
    this.#pong = ownedConcat(payload);
  }

  #write(opcode: number, isLast: boolean, payload: Uint8Array): void {
    if (this.#line.send(writeFrame(this.#role, opcode, isLast, payload)) || this.#isFull) return;
    this.#isFull = true;
    this.#events.full();
  }

  #drained(): void {
    if (!this.#isFull) return;
    // Who reads is there, whether it says something or not.
    this.#heard();
    this.#isFull = false;
    const pong = this.#pong;
    this.#pong = null;
    if (pong !== null) this.send(OPCODE.pong, true, pong);
    wipe(pong);
    if (!this.#isFull) this.#events.drained();
  }
}
