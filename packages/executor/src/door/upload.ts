/**
 * Reading the body of a request whole: bounded in size, bounded in time; JSON as strict UTF-8.
 * Never trusts a caller to send what it announced: one that stalls or leaves gets its code and holds nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { DAuthError, parseJson } from '@dauth/protocol';
import { readAll } from './body.ts';

/** Milliseconds for a whole body: 4 MiB at 1.2 Mbit/s. */
const UPLOAD_MS = 30_000;

/** Takes room for octets before they are kept, or throws: those of a caller's place (`Shares`). */
export type Hold = (octets: number) => void;

/** Refuses an announced size before anything is read. @throws DAuthError `PAYLOAD_TOO_LARGE` */
export function assertAnnounced({ headers }: IncomingMessage, most: number): void {
  if (Number(headers['content-length'] ?? 0) > most) throw new DAuthError('PAYLOAD_TOO_LARGE');
}

/** @throws DAuthError `PAYLOAD_TOO_LARGE`, `BAD_REQUEST` (late, or ended early), `INVALID_REQUEST` */
export async function readJson(request: Readable, most: number, hold: Hold, withinMs = UPLOAD_MS): Promise<unknown> {
  return parseJson(decodeText(await readWhole(request, most, { hold, withinMs })), most, 'kept');
}

interface WholeOptions {
  readonly hold: Hold;
  readonly withinMs?: number;
  readonly tooLarge?: () => DAuthError;
}

/** @throws DAuthError `PAYLOAD_TOO_LARGE` or what `tooLarge` makes, `BAD_REQUEST` (late, or ended early), what `hold` throws */
export async function readWhole(
  request: Readable,
  most: number,
  { hold, withinMs = UPLOAD_MS, tooLarge = () => new DAuthError('PAYLOAD_TOO_LARGE') }: WholeOptions,
): Promise<Buffer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DAuthError('BAD_REQUEST', 'The body did not arrive in time.')), withinMs);
  });
  try {
    return await Promise.race([wholeBody(request, most, tooLarge, hold), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function wholeBody(request: Readable, most: number, tooLarge: () => DAuthError, hold: Hold): Promise<Buffer> {
  try {
    return await readAll(request, most, tooLarge, hold);
  } catch (cause) {
    throw cause instanceof DAuthError
      ? cause
      : new DAuthError('BAD_REQUEST', 'The body ended before it was whole.', { cause });
  }
}

/** Strict UTF-8, by the platform: octet by octet a megabyte would hold up everybody else. @throws DAuthError `INVALID_REQUEST` */
export function decodeText(body: Uint8Array): string {
  try {
    // A byte order mark stays in, and the JSON parser refuses it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new DAuthError('INVALID_REQUEST', 'The body is not well-formed UTF-8.', { cause });
  }
}
