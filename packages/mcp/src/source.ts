/**
 * The body of a request that came in on `node:http`, for as long as it is not answered: the gate takes it from the socket whole, and
 * whoever reads the request's own stream later gets the same octets. What is left when the answer is out is thrown away, up to a
 * bound: it stands between this request and the next one on the connection.
 * Never gives a late reader a part for the whole: it gets an error.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '@dauth/protocol';

/** The next octets, and `undefined` behind the last. */
export type Next = () => Promise<Uint8Array | undefined>;

/** Octets of a body nobody wanted that are still taken, so that whoever sends them gets to read the answer. */
const MAX_UNWANTED = 16 * LIMITS.jsonBody;
/** After each of them there is something to read, or never will be. */
const ARRIVALS = ['readable', 'end', 'close'];

const sources = new WeakMap<Request, BodySource>();

/** Of a request that our own adapter made. */
export function sourceOf(request: Request): BodySource | undefined {
  return sources.get(request);
}

export class BodySource {
  readonly #req: IncomingMessage;
  #isAnswered = false;
  /** Whether somebody reads the stream, a clone's included: it is theirs then. */
  #isStreamed = false;
  #taken: Promise<Uint8Array<ArrayBuffer>> | undefined;
  #wake = () => {};

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req;
    // Node would take what nobody began to read to its end, however far that is.
    req.read(0);
    res.once('finish', () => this.#discard());
  }

  /** Has `gather` take the body off the socket. @returns `undefined` where it is read as a stream already */
  take(gather: (next: Next) => Promise<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#isStreamed) return undefined;
    this.#taken ??= gather(() => this.#next());
    return this.#taken;
  }

  /** Whether `take` has it. */
  get isTaken(): boolean {
    return this.#taken !== undefined;
  }

  /** Makes the request whose body this is. */
  request(url: string, init: RequestInit): Request {
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      this.#isStreamed = true;
      const octets = this.#taken === undefined ? await this.#next() : await this.#taken;
      // A copy: its reader may do with it as it likes, and Node's own memory has other requests in it.
      if (octets !== undefined) controller.enqueue(new Uint8Array(octets));
      if (octets === undefined || this.#taken !== undefined) controller.close();
    };
    const body = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
    const request = new Request(url, { ...init, body, duplex: 'half' } as RequestInit);
    sources.set(request, this);
    return request;
  }

  async #next(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#isAnswered) throw new Error('The request was answered before its body was read.');
      const octets = this.#req.read() as Uint8Array | null;
      if (octets !== null) return octets;
      if (this.#req.complete && this.#req.readableLength === 0) return undefined;
      if (this.#req.destroyed) throw new Error('The connection was closed before the whole body was there.');
      await this.#arrival();
    }
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        for (const event of ARRIVALS) this.#req.off(event, this.#wake);
        resolve();
      };
      for (const event of ARRIVALS) this.#req.on(event, this.#wake);
    });
  }

  #discard(): void {
    const req = this.#req;
    if (req.readableEnded) return;
    this.#isAnswered = true;
    this.#wake();
    let left = MAX_UNWANTED;
    req.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) req.destroy();
    });
    req.resume();
  }
}
