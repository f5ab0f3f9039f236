/**
 * The layout of a credential's plaintext (spec/dauth.md §2.2): octets in, octets out.
 * Never a string of a value: names are ASCII, values are copied once and the copy is the caller's to zero.
 */
import { LIMITS, parseFieldName } from '@dauth/protocol';

/** Field name → value octets. */
export type Fields = Readonly<Record<string, Uint8Array>>;

const MAX_VALUE = 0xffff;

/**
 * Lays fields out, padded with zeros to a multiple of 64.
 * @param least how many there are at least; none where all of them are captured later
 * @throws TypeError for a caller's mistake
 */
export function encodeFields(fields: Fields, least = 1): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(fields);
  if (entries.length < least || entries.length > LIMITS.fields)
    throw new TypeError(`A credential has ${least} to ${LIMITS.fields} fields.`);
  let size = 1;
  for (const [name, value] of entries) {
    parseFieldName(name);
    if (!(value instanceof Uint8Array))
      throw new TypeError('A field value must be bytes (Uint8Array), never a string.');
    if (value.length === 0 || value.length > MAX_VALUE)
      throw new TypeError('A field value must have 1 to 65,535 octets.');
    size += 3 + name.length + value.length;
  }
  const padded = Math.ceil(size / LIMITS.plaintextBlock) * LIMITS.plaintextBlock;
  if (padded > LIMITS.plaintext) throw new TypeError('A credential has at most 65,536 octets with its field names.');
  const bytes = new Uint8Array(padded);
  let at = 0;
  for (const [name, value] of entries) {
    bytes[at++] = name.length;
    for (let i = 0; i < name.length; i++) bytes[at++] = name.charCodeAt(i);
    bytes[at++] = value.length >>> 8;
    bytes[at++] = value.length & 0xff;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}
