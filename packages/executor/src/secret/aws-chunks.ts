/**
 * A body that AWS is shown in signed pieces (Amazon S3, "Signature calculations for the Authorization header: transferring
 * payload in multiple chunks"): each piece is signed together with the signature before it, so that none can be changed, left
 * out or moved.
 * The pieces are cut here without a key; their signatures are written where they leave, by who was opened in that moment.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { writeHex } from './encode.ts';
import { copyOctets, ownedConcat, wipe } from './memory.ts';
import { digestOf, mac } from './native.ts';
import { ByteWriter } from './writer.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256-PAYLOAD';
/** Octets of a piece but the last; AWS wants 8 KiB at least. */
const PIECE = 65_536;
const EXTENSION = ';chunk-signature=';
const SIGNATURE = 64;
/** What stands where the signature will. */
const BLANK = '0'.repeat(SIGNATURE);
const CRLF = '\r\n';
/** SHA-256 of nothing, which AWS has in each text that is signed. */
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Cuts a body into pieces, one whole piece a write, each with room for its signature. */
export class AwsChunks extends Transform {
  /** Octets of the body itself. */
  readonly decodedLength: number;
  #left: number;
  #parts: Buffer[] = [];
  #held = 0;

  /** @param length octets that the caller said the body has */
  constructor(length: number) {
    // As objects: a piece stays one, whoever reads.
    super({ writableHighWaterMark: PIECE, readableObjectMode: true, readableHighWaterMark: 1 });
    this.decodedLength = length;
    this.#left = length;
  }

  /** Octets of all pieces with what stands around them. */
  get encodedLength(): number {
    const whole = Math.floor(this.decodedLength / PIECE);
    const rest = this.decodedLength % PIECE;
    return whole * frameLength(PIECE) + (rest === 0 ? 0 : frameLength(rest)) + frameLength(0);
  }

  override _transform(octets: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= octets.length;
    if (this.#left < 0) return done(new TypeError('A body is longer than was said.'));
    for (let at = 0; at < octets.length;) {
      const part = octets.subarray(at, at + PIECE - this.#held);
      this.#parts.push(part);
      this.#held += part.length;
      at += part.length;
      if (this.#held === PIECE) this.#pushFrame();
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#left > 0) return done(new TypeError('A body is shorter than was said.'));
    if (this.#held > 0) this.#pushFrame();
    this.#pushFrame();
    done();
  }

  #pushFrame(): void {
    const size = this.#held.toString(16);
    const head = Buffer.from(`${size}${EXTENSION}${BLANK}${CRLF}`, 'latin1');
    this.push(Buffer.concat([head, ...this.#parts, Buffer.from(CRLF, 'latin1')]));
    [this.#parts, this.#held] = [[], 0];
  }
}

function frameLength(size: number): number {
  return size.toString(16).length + EXTENSION.length + SIGNATURE + 2 * CRLF.length + size;
}

/** What pieces are signed with. All buffers are owned memory; whoever has it disposes of it. */
export class ChunkKey implements Disposable {
  readonly #key: Buffer;
  readonly #scope: Buffer;
  #before: Buffer;

  /**
   * @param key `kSigning`; copied
   * @param scope time and scope of the request's own signature, a line each
   * @param seed that signature, in hex; copied
   */
  constructor(key: Buffer, scope: string, seed: Buffer) {
    this.#key = ownedConcat(key);
    this.#scope = Buffer.from(`${ALGORITHM}\n${scope}`, 'latin1');
    this.#before = ownedConcat(seed);
  }

  /**
   * Writes the signature into one piece, as `AwsChunks` cut it.
   * @throws TypeError for anything else: then nothing may go out
   */
  sign(frame: Buffer): void {
    const at = frame.indexOf(EXTENSION) + EXTENSION.length;
    const start = at + SIGNATURE + CRLF.length;
    const size = Number.parseInt(frame.toString('latin1', 0, at - EXTENSION.length), 16);
    if (frame.length !== frameLength(size) || frame.toString('latin1', at, at + SIGNATURE) !== BLANK)
      throw new TypeError('A piece of a body was expected.');
    const data = digestOf('sha256', frame.subarray(start, start + size));
    const text = Buffer.from(`\n${NOTHING}\n${data.toString('hex')}`, 'latin1');
    const signature = mac('sha256', this.#key, this.#scope, this.#before, text);
    using hex = new ByteWriter(SIGNATURE);
    writeHex(hex, signature, 'lower');
    wipe(signature, this.#before);
    this.#before = hex.take();
    copyOctets(frame, this.#before, at);
  }

  [Symbol.dispose](): void {
    wipe(this.#key, this.#before);
  }
}
