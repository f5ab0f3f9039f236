/**
 * What reached an HTTPS server, as raw bytes after TLS: every connection's octets as they came in, and each request as it
 * was parsed. Bounded per connection; never changes or delays what it watches.
 */
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';

export interface WireRequest {
  /** Index of its connection. */
  readonly connection: number;
  readonly method: string;
  /** Request target exactly as sent. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
}

export interface WireConnection {
  /** First octets, up to 1 MiB. */
  readonly raw: Buffer;
  /** All octets, counted. */
  readonly octets: number;
  /** Server name the client asked for in TLS, empty where none. */
  readonly servername: string;
}

export interface Wire {
  readonly connections: readonly WireConnection[];
  readonly requests: readonly WireRequest[];
}

const KEPT = 1_048_576;

interface Growing {
  readonly chunks: Buffer[];
  octets: number;
  readonly servername: string;
}

export class WireRecorder {
  readonly #connections: Growing[] = [];
  readonly #requests: WireRequest[] = [];
  readonly #numbers = new WeakMap<object, number>();

  constructor(server: Server) {
    server.on('secureConnection', (socket: TLSSocket) => this.#watch(socket));
    server.on('request', (request: IncomingMessage) => {
      this.#requests.push({
        connection: this.#numbers.get(request.socket) ?? -1,
        method: request.method ?? '',
        target: request.url ?? '',
        rawHeaders: [...request.rawHeaders],
      });
    });
  }

  snapshot(): Wire {
    return {
      connections: this.#connections.map(({ chunks, octets, servername }) => ({
        raw: Buffer.concat(chunks),
        octets,
        servername,
      })),
      requests: [...this.#requests],
    };
  }

  #watch(socket: TLSSocket): void {
    const servername = (socket as TLSSocket & { servername?: string | false }).servername;
    const growing: Growing = { chunks: [], octets: 0, servername: typeof servername === 'string' ? servername : '' };
    this.#numbers.set(socket, this.#connections.push(growing) - 1);
    // Added behind the HTTP parser's own listener: node:http then reads the socket through events instead of around them.
    socket.on('data', (chunk: Buffer) => {
      if (growing.octets < KEPT) growing.chunks.push(Buffer.from(chunk.subarray(0, KEPT - growing.octets)));
      growing.octets += chunk.length;
    });
  }
}
