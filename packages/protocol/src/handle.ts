/**
 * Connection handles: names chosen by the sealing client, exact form of the original service (spec/dauth.md §3).
 * Never an authority: a handle opens nothing, and one that the caller's token does not name does not exist for it.
 */
import { DAuthError } from './errors.ts';

declare const brand: unique symbol;
/** `ddls:conn:` and a lowercase UUIDv7 (RFC 9562 §5.7). */
export type ConnectionHandle = string & { readonly [brand]: 'ConnectionHandle' };

const FORM = /^ddls:conn:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LENGTH = 46;
/** 74 random bits stand in a UUIDv7; ten octets carry 80, six of which give way to version and variant. */
const RANDOM_OCTETS = 10;

export function isHandle(value: unknown): value is ConnectionHandle {
  return typeof value === 'string' && value.length === LENGTH && FORM.test(value);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseHandle(value: unknown): ConnectionHandle {
  if (!isHandle(value)) throw new DAuthError('INVALID_REQUEST', 'A connection handle has the form ddls:conn:<UUIDv7>.');
  return value;
}

/**
 * Makes a handle.
 * @param unixMs milliseconds since the epoch
 * @param random at least ten octets from a cryptographic source
 */
export function makeHandle(unixMs: number, random: Uint8Array): ConnectionHandle {
  if (!Number.isSafeInteger(unixMs) || unixMs < 0 || unixMs >= 2 ** 48)
    throw new TypeError('unixMs must be a time in milliseconds');
  if (random.length < RANDOM_OCTETS) throw new TypeError('random must hold at least ten octets');
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const tail = Array.from(random.subarray(0, RANDOM_OCTETS), (octet) => hex(octet, 2)).join('');
  const time = hex(unixMs, 12);
  const variant = hex(0x80 | (random[2]! & 0x3f), 2);
  const uuid = `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(1, 4)}-${variant}${tail.slice(6, 8)}-${tail.slice(8)}`;
  return parseHandle(`ddls:conn:${uuid}`);
}
