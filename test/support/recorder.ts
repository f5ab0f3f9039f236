/**
 * A recording hop: takes connections (TLS with a leaf of the test CA, or plain TCP), passes every byte on to a target, and
 * keeps both directions as plaintext. Changes nothing on the way.
 */
import { once } from 'node:events';
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { Leaf } from './ca.ts';
import { findSecret } from './encodings.ts';

export interface RecorderOptions {
  /** Terminate TLS with this certificate. Default: plain TCP. */
  readonly leaf?: Leaf;
  /** Where everything goes. With `ca` over TLS, its certificate checked for `servername`. */
  readonly target: { readonly host: string; readonly port: number; readonly ca?: string; readonly servername?: string };
}

export interface Recorder extends AsyncDisposable {
  readonly port: number;
  /** Every connection so far, both directions after TLS. */
  readonly connections: readonly Recording[];
  /** All recorded bytes, connection by connection. */
  all(): Buffer;
  /** Where `secret` was seen: `toServer utf-8`, `toClient hex` … Empty where it was never seen. */
  sightings(secret: Uint8Array): readonly string[];
  close(): Promise<void>;
}

export interface Recording {
  toServer(): Buffer;
  toClient(): Buffer;
}

/** Starts a recorder on a free port of 127.0.0.1. */
export async function startRecorder(options: RecorderOptions): Promise<Recorder> {
  const connections: Recording[] = [];
  const sockets = new Set<Socket>();
  const take = (client: Socket): void => {
    const server = dial(options.target);
    connections.push(join(client, server, sockets));
  };
  const listener: Server =
    options.leaf === undefined ? createTcpServer(take) : createTlsServer({ ...options.leaf }, take);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (!listener.listening) return;
    listener.close();
    await once(listener, 'close');
  };
  return {
    port: (listener.address() as AddressInfo).port,
    connections,
    all: () => Buffer.concat(connections.flatMap((recording) => [recording.toServer(), recording.toClient()])),
    sightings: (secret) =>
      connections.flatMap((recording) => [
        ...findSecret(recording.toServer(), secret).map((encoding) => `toServer ${encoding}`),
        ...findSecret(recording.toClient(), secret).map((encoding) => `toClient ${encoding}`),
      ]),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function dial(target: RecorderOptions['target']): Socket {
  const { host, port, ca, servername } = target;
  return ca === undefined ? connectTcp({ host, port }) : connectTls({ host, port, ca, servername: servername ?? host });
}

function join(client: Socket, server: Socket, sockets: Set<Socket>): Recording {
  const record = (from: Socket, to: Socket): Buffer[] => {
    const bytes: Buffer[] = [];
    sockets.add(from);
    from.on('data', (chunk: Buffer) => bytes.push(chunk));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      // An orderly end travels by `pipe`; what was cut off has to be cut off on the other side too.
      if (!from.readableEnded) to.destroy();
    });
    from.pipe(to);
    return bytes;
  };
  const up = record(client, server);
  const down = record(server, client);
  return { toServer: () => Buffer.concat(up), toClient: () => Buffer.concat(down) };
}
