/**
 * A caller's WebSocket handshake (RFC 6455 §4.2.1) at step 1, and the answer to it once there is something to answer.
 * Never an extension, and never a key of the caller's further than here.
 */
import type { Duplex } from 'node:stream';
import { DAuthError, parseSubprotocols } from '@dauth/protocol';
import type { Line } from '../frames/line.ts';
import { wipe } from '../secret/memory.ts';
import { acceptOf } from '../wire/handshake.ts';

type Headers = readonly (readonly [name: string, value: string])[];

/** What a caller asks for with its upgrade. */
export interface CallerHandshake {
  readonly key: string;
  readonly protocols: readonly string[];
}

/** RFC 6455 §4.1 item 7: 16 octets in base64; the last letter before the signs has four zero bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** @throws DAuthError `INVALID_REQUEST` */
export function shapeHandshake(method: string, headers: Headers): CallerHandshake {
  const valuesOf = (name: string): string[] => headers.flatMap(([other, value]) => (other === name ? [value] : []));
  const [upgrade = ''] = valuesOf('upgrade');
  if (upgrade.toLowerCase() !== 'websocket') throw invalid('The connection cannot be upgraded.');
  if (method !== 'GET') throw invalid('A WebSocket is opened by a GET.');
  const [length = '0'] = valuesOf('content-length');
  if (length !== '0' || valuesOf('transfer-encoding').length > 0)
    throw invalid('A WebSocket is opened without a body.');
  if (valuesOf('sec-websocket-version')[0] !== '13') throw invalid('A WebSocket is opened in version 13.');
  const [key = ''] = valuesOf('sec-websocket-key');
  if (!KEY.test(key)) throw invalid('A WebSocket is opened with a key of 16 octets in base64.');
  const offered = valuesOf('sec-websocket-protocol').flatMap((value) => value.split(','));
  return { key, protocols: parseSubprotocols(offered.map((one) => one.trim())) };
}

/** The head of a 101. @param own further headers of the executor's */
export function answerHandshake(
  { key }: CallerHandshake,
  protocol: string | null,
  own: Readonly<Record<string, string>>,
): string {
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-accept': acceptOf(key),
    ...(protocol === null ? {} : { 'sec-websocket-protocol': protocol }),
    ...own,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`;
}

/** A caller's socket that carries no HTTP any more. @param early what came behind its request */
export function lineOf(socket: Duplex, early: Buffer): Line {
  return {
    listen(reader) {
      socket.on('data', (octets: Buffer) => reader.octets(octets));
      socket.on('drain', () => reader.drained());
      socket.on('end', () => reader.ended());
      socket.on('close', () => reader.ended());
      if (early.length > 0) reader.octets(early);
      if (socket.destroyed) reader.ended();
    },
    send(octets) {
      if (socket.writable) return socket.write(octets, () => wipe(octets));
      wipe(octets);
      return true;
    },
    hold: () => void socket.pause(),
    release: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}

function invalid(detail: string): DAuthError {
  return new DAuthError('INVALID_REQUEST', detail);
}
