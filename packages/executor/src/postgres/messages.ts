/**
 * The messages of PostgreSQL's protocol that the executor itself writes and reads (PostgreSQL documentation §55.7).
 * Never a value of a credential in a string: what holds one is octets that come in and go out as they are.
 */
import { DAuthError } from '@dauth/protocol';
import { ownedConcat } from '../secret/memory.ts';

/** Version 3.0: its keys for cancelling have four octets. */
const VERSION = 0x0003_0000;
const CANCEL_REQUEST = 0x04d2_162e;
const SSL_REQUEST = 0x04d2_162f;
const GSSENC_REQUEST = 0x04d2_1630;
const MAX_STARTUP = 10_000;

/** What a driver says first: that it wants a session, or one of another connection to stop what it does. */
export type Startup =
  | { readonly kind: 'session'; readonly parameters: ReadonlyMap<string, string> }
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: number };

/** How many octets the first packet has; undefined where not enough are here to say. @throws DAuthError `INVALID_REQUEST` */
export function startupLength(octets: Buffer): number | undefined {
  if (octets.length < 4) return undefined;
  const length = octets.readUInt32BE(0);
  if (length < 8 || length > MAX_STARTUP) throw malformed();
  return length;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseStartup(packet: Buffer): Startup {
  const code = packet.readUInt32BE(4);
  if (code === CANCEL_REQUEST && packet.length === 16)
    return { kind: 'cancel', pid: packet.readUInt32BE(8), key: packet.readUInt32BE(12) };
  if (code === SSL_REQUEST || code === GSSENC_REQUEST)
    throw new DAuthError(
      'INVALID_REQUEST',
      'The way to the executor is encrypted already; turn SSL off in the driver.',
    );
  if (code >>> 16 !== VERSION >>> 16)
    throw new DAuthError('INVALID_REQUEST', 'The session speaks version 3 of the PostgreSQL protocol.');
  const texts = packet.toString('utf8', 8).split('\0');
  // Pairs, an empty name, and nothing behind it.
  if (texts.length % 2 !== 0 || texts.at(-1) !== '' || texts.at(-2) !== '') throw malformed();
  const parameters = new Map<string, string>();
  for (let i = 0; i < texts.length - 2; i += 2) {
    const name = texts[i]!;
    if (name === '' || parameters.has(name)) throw malformed();
    parameters.set(name, texts[i + 1]!);
  }
  return { kind: 'session', parameters };
}

function malformed(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'The first packet of the session is not well-formed.');
}

/**
 * A message: its type, and texts that end with a zero octet or octets as they are.
 * @returns owned memory: one proves a password, and whoever wrote it zeroes it
 */
export function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part));
  const length = body.reduce((sum, part) => sum + part.length, 4);
  return ownedConcat(Buffer.from(type, 'latin1'), uint32(length), ...body);
}

export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

export function sslRequest(): Buffer {
  return Buffer.concat([uint32(8), uint32(SSL_REQUEST)]);
}

/** @param key as the server gave it: process id and secret */
export function cancelRequest(key: Buffer): Buffer {
  return Buffer.concat([uint32(key.length + 8), uint32(CANCEL_REQUEST), key]);
}

export function startupMessage(parameters: Iterable<readonly [string, string]>): Buffer {
  const texts = [...parameters].map(([name, value]) => `${name}\0${value}\0`).join('');
  const body = Buffer.concat([uint32(VERSION), Buffer.from(`${texts}\0`)]);
  return Buffer.concat([uint32(body.length + 4), body]);
}

export const AUTHENTICATION_OK = message('R', uint32(0));
export const TERMINATE = message('X');
export const SYNC = message('S');

/** One statement in the simple form, said in the extended one: the server itself then takes no second statement. */
export function asOneStatement(query: Buffer): readonly Buffer[] {
  const sql = query.subarray(5);
  const none = Buffer.alloc(2);
  return [
    message('P', '', sql, none),
    message('B', '', '', none, none, none),
    message('D', Buffer.from('P'), ''),
    message('E', '', uint32(0)),
    SYNC,
  ];
}

/** The first text of a message's body: a command's tag, the name of a parameter. */
export function textsOf(octets: Buffer): readonly string[] {
  return octets.toString('latin1', 5).split('\0');
}

/** The SQLSTATE of an error or a notice; empty where it says none. */
export function sqlState(octets: Buffer): string {
  return (
    textsOf(octets)
      .find((field) => field.startsWith('C'))
      ?.slice(1) ?? ''
  );
}
