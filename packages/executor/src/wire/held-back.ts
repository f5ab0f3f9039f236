/**
 * Between TLS and its TCP socket: nothing but a ClientHello goes out before the server is known. Node checks a certificate once
 * the handshake is over, and by then a client's own certificate, and a signature by its key, are with whoever answered.
 * Never changes an octet, and never sees one in clear but a hello.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** RFC 8446 §5.1. */
const [CHANGE_CIPHER_SPEC, HANDSHAKE] = [20, 22];
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;

export class HeldBack extends Duplex {
  readonly #tcp: Socket;
  readonly #assertKnown: () => void;
  #isKnown = false;

  /** @param assertKnown throws where the server is not who the socket is for */
  constructor(tcp: Socket, assertKnown: () => void) {
    super({ allowHalfOpen: false });
    this.#tcp = tcp;
    this.#assertKnown = assertKnown;
    tcp.on('data', (octets: Buffer) => {
      if (!this.push(octets)) tcp.pause();
    });
    tcp.on('end', () => this.push(null));
    tcp.on('error', (error) => this.destroy(error));
    // TLS may have let go of it by then, and an error without a listener ends the process.
    this.on('error', () => undefined);
    tcp.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#tcp.resume();
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.#isKnown && !isHello(octets)) {
      try {
        this.#assertKnown();
        this.#isKnown = true;
      } catch (error) {
        // Not even an alert: there is nobody to tell.
        this.#tcp.destroy();
        return done(error as Error);
      }
    }
    this.#tcp.write(octets, done);
  }

  override _final(done: () => void): void {
    this.#tcp.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#tcp.destroy();
    done(error);
  }
}

/** One whole record with a ClientHello, which says nothing of a key; in a second one (RFC 8446 §4.1.4) behind one that is empty (D.4). */
function isHello(octets: Buffer): boolean {
  const at = octets[0] === CHANGE_CIPHER_SPEC ? RECORD_HEAD + 1 : 0;
  if (at > 0 && at === octets.length) return true;
  return (
    octets.length > at + RECORD_HEAD &&
    octets[at] === HANDSHAKE &&
    at + RECORD_HEAD + octets.readUInt16BE(at + 3) === octets.length &&
    octets[at + RECORD_HEAD] === CLIENT_HELLO
  );
}
