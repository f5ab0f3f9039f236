/**
 * The plaintext's layout (protocol.md §2): fields of name and value, read as bytes in place.
 * Never makes a value into a string and never copies it: what comes back is a view that ends with the plaintext.
 */
import { DAuthError, LIMITS } from '@dauth/protocol';
import { ByteWriter } from './writer.ts';

const FIRST = /^[a-z]$/;
const REST = /^[a-z0-9_]$/;

/**
 * Finds the values of the named fields. The layout is checked to its last octet: a plaintext that two readers could
 * read differently is refused.
 * @returns name → view into `plaintext`
 * @throws DAuthError `DECRYPTION_FAILED` where the layout is broken or a field is missing: sealed by something else than our client
 */
export function readFields(plaintext: Buffer, names: ReadonlySet<string>): ReadonlyMap<string, Buffer> {
  const found = findFields(plaintext, names);
  if (found.size !== names.size) throw broken();
  return found;
}

/** As `readFields`, of those that are there. */
export function findFields(plaintext: Buffer, names: ReadonlySet<string>): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  const seen = new Set<string>();
  let at = 0;
  for (;;) {
    const nameLength = octet(plaintext, at++);
    if (nameLength === 0) break;
    const name = fieldName(plaintext, at, nameLength);
    at += nameLength;
    const length = octet(plaintext, at) * 256 + octet(plaintext, at + 1);
    at += 2;
    if (length === 0 || at + length > plaintext.length || seen.has(name) || seen.size === LIMITS.fields) throw broken();
    seen.add(name);
    if (names.has(name)) found.set(name, plaintext.subarray(at, at + length));
    at += length;
  }
  for (; at < plaintext.length; at++) if (plaintext[at] !== 0) throw broken();
  return found;
}

/**
 * The same plaintext with another value of one field, padded anew.
 * @returns owned memory which the caller zeroes
 * @throws DAuthError `DECRYPTION_FAILED` as `readFields`, and where the value makes it larger than a plaintext may be
 */
export function replaceField(plaintext: Buffer, name: string, value: Uint8Array): Buffer {
  const old = readFields(plaintext, new Set([name])).get(name)!;
  const at = old.byteOffset - plaintext.byteOffset;
  let end = 0;
  while (plaintext[end] !== 0) {
    end += 1 + plaintext[end]!;
    end += 2 + plaintext[end]! * 256 + plaintext[end + 1]!;
  }
  const { plaintextBlock: block, plaintext: most } = LIMITS;
  const padded = Math.ceil((end + 1 - old.length + value.length) / block) * block;
  if (value.length === 0 || value.length > 0xffff || padded > most) throw broken();
  using next = new ByteWriter(padded);
  next
    .bytes(plaintext.subarray(0, at - 2))
    .octet(value.length >> 8)
    .octet(value.length & 0xff);
  next.bytes(value).bytes(plaintext.subarray(at + old.length, end));
  while (next.length < padded) next.octet(0);
  return next.take();
}

/**
 * The same plaintext with a value in a field that it has, or has not yet.
 * @returns owned memory which the caller zeroes
 * @throws DAuthError as `replaceField`, and where there would be too many fields
 */
export function putField(plaintext: Buffer, name: string, value: Uint8Array): Buffer {
  let end = 0;
  let fields = 0;
  readFields(plaintext, new Set());
  while (plaintext[end] !== 0) {
    const length = plaintext[end]!;
    if (fieldName(plaintext, end + 1, length) === name) return replaceField(plaintext, name, value);
    end += 1 + length;
    end += 2 + plaintext[end]! * 256 + plaintext[end + 1]!;
    fields++;
  }
  const { plaintextBlock: block, plaintext: most } = LIMITS;
  const padded = Math.ceil((end + 4 + name.length + value.length) / block) * block;
  if (value.length === 0 || value.length > 0xffff || padded > most || fields === LIMITS.fields) throw broken();
  using next = new ByteWriter(padded);
  next.bytes(plaintext.subarray(0, end)).octet(name.length).text(name);
  next.octet(value.length >> 8).octet(value.length & 0xff);
  next.bytes(value);
  while (next.length < padded) next.octet(0);
  return next.take();
}

/** A name is not a secret (it stands in the header's templates), so it may be a string. */
function fieldName(plaintext: Buffer, at: number, length: number): string {
  if (length > 63) throw broken();
  let name = '';
  for (let i = 0; i < length; i++) {
    const letter = String.fromCharCode(octet(plaintext, at + i));
    if (!(i === 0 ? FIRST : REST).test(letter)) throw broken();
    name += letter;
  }
  return name;
}

function octet(plaintext: Buffer, at: number): number {
  const value = plaintext[at];
  if (value === undefined) throw broken();
  return value;
}

function broken(): DAuthError {
  return new DAuthError('DECRYPTION_FAILED');
}
