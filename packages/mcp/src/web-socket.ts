/**
 * A WebSocket to the executor, in the shape of the browser's: events, `send`, `close`.
 * Never a way past the executor: it ends there, and another one of the executor's own begins.
 */
import type { IncomingMessage } from 'node:http';
import { LIMITS } from '@dauth/protocol';
import { WebSocket as Socket, type CloseEvent as SocketClose } from 'ws';

/** What can be sent; octets are taken as they are then. */
export type SocketData = string | ArrayBuffer | ArrayBufferView;

/** `message`: text as a string, octets as an `ArrayBuffer`. */
export class SocketMessage extends Event {
  readonly data: string | ArrayBuffer;

  constructor(data: string | ArrayBuffer) {
    super('message');
    this.data = data;
  }
}

/** `close`: RFC 6455 §7.1.5 and 6. Where the executor ended it, `reason` is its code. */
export class SocketEnd extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor({ code, reason, wasClean }: Pick<SocketClose, 'code' | 'reason' | 'wasClean'>) {
    super('close');
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}

/** Milliseconds for a handshake: the executor's own to the upstream is in it. */
const HANDSHAKE_MS = 90_000;
/** Octets of an answer that refuses one. */
const MAX_REFUSAL = 65_536;

type Handler<T extends Event> = ((event: T) => void) | null;

/** An open WebSocket through a connection. Opaque: it prints no token and no address. */
export class ConnectionSocket extends EventTarget {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly #socket: Socket;
  /** It was open before anybody could listen for that. */
  onmessage: Handler<SocketMessage> = null;
  onclose: Handler<SocketEnd> = null;
  onerror: Handler<Event> = null;

  /** @internal */
  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) =>
      this.#tell(new SocketMessage(data as string | ArrayBuffer), this.onmessage),
    );
    socket.addEventListener('error', () => this.#tell(new Event('error'), this.onerror));
    socket.addEventListener('close', (event) => this.#tell(new SocketEnd(event), this.onclose));
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#socket.readyState;
  }

  /** Of those offered, the one that the upstream chose; empty where none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Octets that were sent and are not on their way yet: whoever sends much waits for it to fall. */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: SocketData): void {
    this.#socket.send(data);
  }

  /** @param code 1000 or 3000 to 4999 */
  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  #tell<T extends Event>(event: T, handler: Handler<T>): void {
    this.dispatchEvent(event);
    handler?.call(this, event);
  }
}

/**
 * Opens one.
 * @returns the answer in its place, where the handshake was refused
 * @throws Error where there was no answer
 */
export function openSocket(
  url: string,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
): Promise<ConnectionSocket | Response> {
  const socket = new Socket(url.replace(/^http/, 'ws'), [...protocols], {
    headers: { ...headers },
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: LIMITS.webSocketMessage,
    // The executor agrees on none; so there is nothing to offer.
    perMessageDeflate: false,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      // What is left of it has no reader.
      socket.on('error', () => undefined);
      void readAnswer(response)
        .then(resolve, reject)
        .finally(() => socket.terminate());
    });
    socket.once('open', () => {
      socket.off('error', reject);
      // Whoever waited for this listens a moment later; what comes with the handshake waits too.
      socket.pause();
      setImmediate(() => socket.resume());
      resolve(new ConnectionSocket(socket));
    });
  });
}

async function readAnswer(answer: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REFUSAL) break;
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (let i = 0; i < answer.rawHeaders.length; i += 2)
    headers.append(answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!);
  const status = answer.statusCode ?? 502;
  const isNull = [204, 205, 304].includes(status);
  return new Response(isNull ? null : Buffer.concat(chunks), { status, headers });
}
