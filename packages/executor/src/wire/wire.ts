/**
 * The last metre: the stream between the HTTP client and the socket, where a slot becomes the real head.
 * Never corks a head (a corked write is copied in native memory), never keeps one: it is zeroed once it was written.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { DAuthError } from '@dauth/protocol';
import type { Line, LineReader } from '../frames/line.ts';
import { RequestFraming } from './framing.ts';
import { ownedConcat, wipe } from '../secret/memory.ts';
import { scrubRegisters } from '../secret/registers.ts';
import type { HeadWriter, Slots } from './slot.ts';

/** A call, as its socket sees it. */
export interface Traveller extends HeadWriter {
  /** The head goes out on this wire. */
  boarded(wire: Wire): void;
  /** Looks at octets of a body before the socket has them; may change them in place. @throws where they may not go out */
  leaving(octets: Buffer): void;
  /** Looks at octets of the answer before the HTTP client does; may change them in place. */
  arriving(octets: Buffer): void;
}

/** How many octets the HTTP client may have before it; it reads as they come, so this never fills. */
const READ_AHEAD = 65_536;

/** Made before its socket, because the socket's reads need somewhere to go. */
export class Wire extends Duplex {
  readonly #slots: Slots<Traveller>;
  readonly #framing = new RequestFraming();
  #socket: Socket | null = null;
  #traveller: Traveller | null = null;
  /** The head on its way to the socket. */
  #head: Buffer | null = null;
  /** Octets given to the HTTP client: not yet read by it, and read but perhaps still looked at. */
  #given: Buffer[] = [];
  #lent: Buffer[] = [];
  #headRead = true;
  /** Of a socket that carries no HTTP any more. */
  #reader: LineReader | null = null;
  #isEnded = false;

  constructor(slots: Slots<Traveller>) {
    super({ readableHighWaterMark: READ_AHEAD, writableHighWaterMark: READ_AHEAD, allowHalfOpen: false });
    this.#slots = slots;
  }

  /** Joins the connected socket. */
  attach(socket: Socket): this {
    this.#socket = socket;
    socket.on('end', () => {
      this.#isEnded = true;
      if (this.#reader === null) this.push(null);
      else this.#reader.ended();
    });
    socket.on('drain', () => this.#reader?.drained());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    // With a read buffer of our own, a socket still has to be told to run.
    socket.resume();
    return this;
  }

  /** What the socket read; the octets are gone after this call. */
  receive(octets: Buffer): void {
    if (this.#reader !== null) return this.#reader.octets(octets);
    const copy = ownedConcat(octets);
    if (!this.#headRead) this.#traveller?.arriving(copy);
    this.#given.push(copy);
    this.push(copy);
  }

  /** The HTTP client has handed over the whole head of the answer: nothing refers to older octets any more. */
  headRead(): void {
    this.#headRead = true;
  }

  /** The answer's reader is slow: stop taking from the socket. Octets that are here already still come. */
  hold(): void {
    this.#socket?.pause();
  }

  release(): void {
    this.#socket?.resume();
  }

  /** What is left of the socket once the HTTP client let go of it (RFC 9110 §7.8). */
  upgraded(): Line {
    this.#headRead = true;
    // Nobody else listens any more, and what a socket fails with must not end the process.
    this.on('error', () => undefined);
    return {
      listen: (reader) => this.#listen(reader),
      send: (octets) => this.#send(octets),
      hold: () => this.hold(),
      release: () => this.release(),
      end: () => void this.#socket?.end(),
      destroy: () => void this.destroy(),
    };
  }

  #listen(reader: LineReader): void {
    // Before anything is read: who gets too much at once has it held again.
    this.release();
    // What came in one piece with the head is a part of octets that the HTTP client has read already.
    const lent = this.#lent;
    this.#lent = [];
    for (let early = this.read(); early !== null; early = this.read()) reader.octets(early);
    wipe(...lent);
    this.#reader = reader;
    this.once('close', () => reader.ended());
    if (this.#isEnded || this.destroyed) reader.ended();
  }

  #send(octets: Buffer): boolean {
    if (this.#socket?.writable !== true) {
      wipe(octets);
      return true;
    }
    return this.#socket.write(octets, () => wipe(octets));
  }

  ref(): void {
    this.#socket?.ref();
  }

  unref(): void {
    this.#socket?.unref();
  }

  /**
   * The HTTP client parses what it read before it reads again, and copies nothing but heads: so each read ends the
   * octets of the one before.
   */
  override read(size?: number): Buffer | null {
    // Parsing leaves some of them in the registers.
    if (this.#headRead) this.#wipeLent();
    else scrubRegisters();
    // One piece a time, as it came: several at once would be copied into one.
    const piece = this.#given.shift();
    const octets = super.read(piece?.length ?? size) as Buffer | null;
    if (piece !== undefined) this.#lent.push(piece);
    if (octets !== null && octets !== piece) this.#lent.push(octets);
    return octets;
  }

  override _read(): void {}

  override _write(written: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let head;
    try {
      head = this.#framing.next(written);
      if (head === null) {
        this.#traveller?.leaving(written);
        return void this.#socket!.write(written, done);
      }
      const traveller = this.#slots.take(head.slot);
      // The call gave up before its turn: nothing may go out in its name.
      if (traveller === undefined) throw new DAuthError('DOWNSTREAM_TIMEOUT');
      this.#traveller = traveller;
      traveller.boarded(this);
      this.#head = traveller.writeHead(head);
      this.#headRead = false;
    } catch (error) {
      return done(error as Error);
    }
    this.#socket!.write(this.#head, (error) => {
      this.#wipeHead();
      done(error);
    });
  }

  override _final(done: () => void): void {
    this.#socket!.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.destroy();
    this.#wipeHead();
    this.#wipeLent();
    wipe(...this.#given);
    this.#traveller = null;
    done(error);
  }

  #wipeHead(): void {
    wipe(this.#head);
    this.#head = null;
  }

  #wipeLent(): void {
    wipe(...this.#lent);
    this.#lent = [];
  }
}
