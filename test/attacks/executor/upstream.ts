/**
 * An upstream that belongs to whoever writes the test: TLS with a leaf of the test CA, octets in as they came, octets out as
 * they are written. Knows no HTTP but where a request ends, so that nothing that arrives is mended before it is looked at.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Leaf } from '../../support/ca.ts';

/** A request as it arrived. */
export interface Arrived {
  /** `GET /x HTTP/1.1`. */
  readonly line: string;
  /** Raw lines behind it, in their order. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Of the TLS handshake. */
  readonly servername: string;
}

/** What it does with a request: octets to write back, after which it waits for the next one, or `null` where it did all itself. */
export type Answer = (request: Arrived, socket: TLSSocket) => string | Buffer | null;

export interface RawUpstream extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** All requests so far. */
  readonly arrived: readonly Arrived[];
  /** Connections that finished a handshake. */
  readonly connections: () => number;
  answer: Answer;
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';

/** Listens on 127.0.0.1, as `localhost`. */
export async function startRawUpstream(leaf: Leaf): Promise<RawUpstream> {
  const arrived: Arrived[] = [];
  const sockets = new Set<TLSSocket>();
  let connections = 0;
  const server = createServer({ ...leaf, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let held = '';
    socket.on('data', (chunk: Buffer) => {
      held += chunk.toString('latin1');
      for (let cut = requestEnd(held); cut > 0; cut = requestEnd(held)) {
        const request = parse(held.slice(0, cut), socket);
        held = held.slice(cut);
        arrived.push(request);
        const octets = upstream.answer(request, socket);
        if (octets !== null) socket.write(octets as string, 'latin1');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const upstream: RawUpstream = {
    ...{ origin: `https://localhost:${port}`, port, arrived, connections: () => connections },
    answer: () => OK,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return upstream;
}

/** Behind the request that `held` begins with; 0 where it is not whole. */
function requestEnd(held: string): number {
  const head = held.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const body = head + 4;
  if (/\r\ntransfer-encoding: chunked/i.test(held.slice(0, head))) {
    const last = held.indexOf('0\r\n\r\n', body);
    return last < 0 ? 0 : last + 5;
  }
  const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(held.slice(0, head)) ?? [];
  const end = body + Number(length);
  return held.length < end ? 0 : end;
}

function parse(octets: string, socket: TLSSocket): Arrived {
  const head = octets.indexOf('\r\n\r\n');
  const [line = '', ...headers] = octets.slice(0, head).split('\r\n');
  const { servername } = socket as TLSSocket & { servername?: string | false };
  return { line, headers, body: octets.slice(head + 4), servername: typeof servername === 'string' ? servername : '' };
}
