/**
 * Dummy operations of the same shape as real ones, to overwrite what those left where we own no memory (libraries.md "The
 * executor's data path"). Never part of an answer: they run after it.
 */
import { Duplex } from 'node:stream';
import { Client, request } from '../wire/http-client.ts';

/** A TLS read goes through a 16 KiB array on the native stack, below a 12 KiB one of the event loop. */
const STACK_WORDS = 8_192;
const BLANKS: readonly number[] = Array.from({ length: STACK_WORDS }, () => 0);
/** More than one read ever brings, so that the parser's buffer is made once and never moved. */
const PARSER_OCTETS = 131_072;

let planned = false;

/** Overwrites the native stack from the event loop's depth on, once this turn of the loop is over. */
export function scrubStackSoon(): void {
  if (planned) return;
  planned = true;
  setImmediate(() => {
    planned = false;
    // Spreading puts every word on the stack, whatever the compiler makes of it.
    Math.max(...BLANKS);
  });
}

/** An upstream inside the process that answers anything with blanks, in one piece. */
class BlankUpstream extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.push(
      Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${PARSER_OCTETS}\r\n\r\n${' '.repeat(PARSER_OCTETS)}`, 'latin1'),
    );
    done();
  }
}

/** The HTTP client parses in one buffer for the whole process, where the last octets of an answer stay. */
export class ParserScrub {
  readonly #client = new Client('http://blank.invalid', {
    // Not in the same tick: the client takes a connection only after it asked for one.
    connect: (_: unknown, done: (error: null, socket: never) => void) =>
      queueMicrotask(() => done(null, new BlankUpstream() as never)),
  });

  /** Resolves when the parser's buffer holds nothing but blanks. */
  async run(): Promise<void> {
    const { body } = await request(this.#client, { method: 'GET', path: '/' });
    await body.dump();
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }
}
