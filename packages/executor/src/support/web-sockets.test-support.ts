/** WebSockets for tests: an executor between a real client and a real server over TLS, or one that answers whatever it is told. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ConnectionHandle } from '@dauth/protocol';
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws';
import type { World } from './room.test-support.ts';
import { detail } from './statements.test-support.ts';
import { serveRaw, started, type Identity, type TestServer } from './upstreams.test-support.ts';

/** A WebSocket server on loopback under the name `localhost`. */
export async function serveWebSockets(
  identity: Identity,
  talk: (socket: WebSocket, request: IncomingMessage) => void,
  options: ServerOptions = {},
): Promise<TestServer> {
  const server = createServer(identity);
  const sockets = new WebSocketServer({ server, perMessageDeflate: true, ...options });
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined);
    talk(socket, request);
  });
  return started(server, 'localhost');
}

/** A server that answers a handshake with what `answer` makes of the right accept value, then talks as it likes. */
export function serveHandshakes(
  identity: Identity,
  answer: (accept: string) => string,
  talk: (socket: TLSSocket) => void = () => undefined,
): Promise<TestServer> {
  return serveRaw(identity, (socket) => {
    let head = '';
    const read = (octets: Buffer): void => {
      head += octets.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1] ?? '';
      socket.write(answer(acceptFor(key)), 'latin1');
      talk(socket);
    };
    socket.on('data', read);
  });
}

export function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

export function switching(accept: string, more = ''): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;
}

export interface Received {
  readonly text: string | null;
  readonly octets: Buffer;
}

/** What a caller's end of one saw. */
export class CallerSocket {
  readonly socket: WebSocket;
  readonly received: Received[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer, isBinary) =>
      this.received.push({ text: isBinary ? null : data.toString('utf8'), octets: data }),
    );
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
    });
  }

  /** The message of this number, once it is here; rejects where the end comes first. */
  async message(number = this.received.length): Promise<Received> {
    while (this.received.length <= number) {
      const more = new Promise<null>((resolve) => this.socket.once('message', () => resolve(null)));
      const how = await Promise.race([more, this.closed]);
      if (how !== null && this.received.length <= number) throw new Error(`closed with ${how.code} ${how.reason}`);
    }
    return this.received[number]!;
  }
}

export interface Refused {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface Opening {
  readonly target?: string;
  readonly protocols?: readonly string[];
  readonly options?: ClientOptions;
  readonly token?: string;
  /** Reads nothing until it is told to. */
  readonly isPaused?: boolean;
  readonly origin: string;
}

/** Asks the executor for a WebSocket through a connection. */
export async function openSocket(
  world: World,
  handle: ConnectionHandle,
  { target = '/repos/socket', protocols = [], options = {}, origin, token, isPaused = false }: Opening,
): Promise<CallerSocket | Refused> {
  const path = `/connections/${handle}${target}`;
  const named = token ?? world.token(handle, { authorization_details: [detail(handle, { locations: [origin] })] });
  const [, authorization, , dpop] = world.headers('GET', path, named);
  const headers = { authorization: authorization!, dpop: dpop!, ...options.headers };
  const socket = new WebSocket(`ws://127.0.0.1:${world.port}${path}`, [...protocols], { ...options, headers });
  const caller = new CallerSocket(socket);
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      if (isPaused) socket.pause();
      resolve(caller);
    });
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const json = /json/.test(response.headers['content-type'] ?? '') ? (JSON.parse(text) as Refused['json']) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        socket.terminate();
      });
    });
  });
}
