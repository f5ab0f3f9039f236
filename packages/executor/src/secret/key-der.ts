/**
 * A private key as it was sealed, to the one form that is signed with: PKCS #8 in DER (RFC 5208), in owned memory.
 * Decoded here, because the decoder of OpenSSL frees what it decoded as it is. Never a string, and never a key object.
 */
import { isSpace, readKeyContainer, type KeyLabel } from '@dauth/protocol';
import { copyOctets, ownedBytes, ownedConcat, wipe } from './memory.ts';

/** RFC 3279 §2.3.1 and RFC 5480 §2.1.1: version 0, and which kind of key it is, as PKCS #8 begins. */
export const RSA_KIND = Buffer.from('020100' + '300d06092a864886f70d0101010500', 'hex');
export const P256_KIND = Buffer.from('020100' + '301306072a8648ce3d020106082a8648ce3d030107', 'hex');
/** RFC 8410 §7, to the octets of the key: nothing of it has another length. */
export const ED25519_KIND = Buffer.from('302e020100' + '300506032b6570' + '04220420', 'hex');
/** RFC 5915 §3: the parameters, which name the curve. OpenSSL takes the curve from here, whatever stands around it. */
export const P256_PARAMETERS = Buffer.from('a00a06082a8648ce3d030107', 'hex');
/** RFC 5915 §3: version 1, and a secret number of 32 octets. */
const SEC1_START = Buffer.from('0201010420', 'hex');
const SEC1_NUMBER = 32;
/** RFC 5208 §5 and RFC 5915 §3: what stands before the number in a key that has neither parameters nor a point. */
const P256_START = Buffer.concat([Buffer.of(0x30, 0x41), P256_KIND, Buffer.from('0427' + '30250201010420', 'hex')]);
/** RFC 8017 A.1.2: version 0 is a key of two primes. */
const PKCS1_START = Buffer.from('020100', 'hex');

/** What is in PEM as PKCS #8: owned memory; null where it is no such key. The octets that are given are the caller's to zero. */
const TO_PKCS8: Readonly<Record<KeyLabel, (der: Buffer) => Buffer | null>> = {
  'PRIVATE KEY': (der) => ownedConcat(der),
  // GitHub gives out keys of its Apps like this (RFC 8017 A.1.2).
  'RSA PRIVATE KEY': (der) => wrap(RSA_KIND, der),
  'EC PRIVATE KEY': (der) => (namesCurve(der) ? wrap(P256_KIND, der) : null),
};

/** @returns owned memory which the caller zeroes; null for what is no such key. What is not PEM is taken for DER as it is. */
export function derOf(key: Buffer): Buffer | null {
  const container = readKeyContainer(key);
  if (container.kind === 'unusable') return null;
  const pkcs8 = container.kind === 'der' ? ownedConcat(key) : readPem(container.base64, TO_PKCS8[container.label]);
  // RFC 8017 §3.2: of another form than the one that is signed with.
  if (pkcs8 === null || !hasMorePrimes(pkcs8)) return pkcs8;
  wipe(pkcs8);
  return null;
}

function readPem(base64: Uint8Array, toPkcs8: (der: Buffer) => Buffer | null): Buffer | null {
  const der = decodeBase64(base64);
  const pkcs8 = der === null ? null : toPkcs8(der);
  wipe(der);
  return pkcs8;
}

function hasMorePrimes(pkcs8: Buffer): boolean {
  const kind = contentAt(pkcs8, 0).start;
  if (!startsWith(pkcs8, RSA_KIND)) return false;
  const key = contentAt(pkcs8, kind + RSA_KIND.length).start;
  return !startsWith(pkcs8.subarray(key), PKCS1_START);
}

/** Where the content of a DER item stands (X.690 §8.1.3); what is cut off ends behind its octets. */
export function contentAt(der: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1] ?? 0;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + octets;
  const length = octets === 0 ? first : der.subarray(at + 2, start).reduce((sum, octet) => sum * 256 + octet, 0);
  return { start, end: start + length };
}

export interface Item {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/**
 * A key of P-256 for OpenSSL, of which nothing is said but its number: what else stood around that one is the owner's, who may have
 * put there what OpenSSL never comes to an end with.
 * @returns owned memory which the caller zeroes
 */
export function p256Der(number: Buffer): Buffer {
  return ownedConcat(P256_START, number);
}

/** What stands in the SEQUENCE in the OCTET STRING behind a key's kind. */
export function innerItems(der: Buffer, kind: Buffer): readonly Item[] {
  let at = versionAt(der) + kind.length;
  for (let depth = 0; depth < 2; depth++) at = contentAt(der, at).start;
  const items: Item[] = [];
  while (at < der.length) {
    const { start, end } = contentAt(der, at);
    items.push({ tag: der[at]!, start, end });
    at = Math.max(end, at + 1);
  }
  return items;
}

/** One SEQUENCE of a definite length and nothing behind it, in it the version, which kind of key it is, and a whole key. */
export function isKind(der: Buffer, kind: Buffer): boolean {
  const { start, end } = contentAt(der, 0);
  const keyAt = start + kind.length;
  if (der[0] !== 0x30 || start > 4 || end !== der.length || !der.subarray(start, keyAt).equals(kind)) return false;
  return innerItems(der, kind).every((item) => item.end <= der.length);
}

/** Where the version stands. */
export function versionAt(der: Buffer): number {
  return contentAt(der, 0).start;
}

/** RFC 5208 §5: the key in an OCTET STRING, behind its kind. */
function wrap(kind: Buffer, key: Buffer): Buffer {
  const head = Buffer.concat([kind, itemHead(0x04, key.length)]);
  return ownedConcat(itemHead(0x30, head.length + key.length), head, key);
}

/** X.690 §8.1.3, in the fewest octets (§10.1). */
function itemHead(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length);
  return length < 0x100 ? Buffer.of(tag, 0x81, length) : Buffer.of(tag, 0x82, length >> 8, length & 0xff);
}

/** A SEQUENCE that begins so. */
function startsWith(der: Buffer, start: Buffer): boolean {
  const at = contentAt(der, 0).start;
  return der[0] === 0x30 && der.subarray(at, at + start.length).equals(start);
}

/** Parameters may be left out (RFC 5915 §3), but then nobody says what curve it is of. Of which, is looked at with its numbers. */
function namesCurve(der: Buffer): boolean {
  const parameters = contentAt(der, 0).start + SEC1_START.length + SEC1_NUMBER;
  return startsWith(der, SEC1_START) && der[parameters] === P256_PARAMETERS[0];
}

/** RFC 7468 §3. @returns owned memory; null for anything but base64 and space */
function decodeBase64(text: Uint8Array): Buffer | null {
  const decoded = ownedBytes(text.length);
  let [length, bits, held] = [0, 0, 0];
  let hasEnded = false;
  for (const octet of text) {
    if (isSpace(octet)) continue;
    const digit = base64Digit(octet);
    if (octet === 0x3d) hasEnded = true;
    else if (digit < 0 || hasEnded) length = NaN;
    else {
      held = ((held << 6) | digit) & 0xfff;
      bits += 6;
      if (bits >= 8) decoded[length++] = (held >> (bits -= 8)) & 0xff;
    }
  }
  const der = Number.isNaN(length) ? null : ownedBytes(length);
  if (der !== null) copyOctets(der, decoded.subarray(0, length));
  wipe(decoded);
  return der;
}

/** RFC 4648 §4. */
function base64Digit(octet: number): number {
  if (octet >= 0x41 && octet <= 0x5a) return octet - 0x41;
  if (octet >= 0x61 && octet <= 0x7a) return octet - 0x61 + 26;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30 + 52;
  return octet === 0x2b ? 62 : octet === 0x2f ? 63 : -1;
}
