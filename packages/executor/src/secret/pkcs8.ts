/**
 * Private keys of a sealed credential (RFC 5208, RFC 7468 §10), from octets to a signature.
 * Never a key object, nor the one-call `sign`: both keep the key until they are collected. A `Sign` parses, uses and frees a
 * key of P-256 before it returns (measured on Node 20 and 24). It cannot do Ed25519, so neither can we.
 */
import { createSign } from 'node:crypto';
import type { JwtBearer } from '@dauth/protocol';
import { ownedBytes, ownedConcat, wipe } from './memory.ts';
import { signRs256, type RsaKey } from './rsa.ts';
import { scrubRegisters } from './registers.ts';

type Alg = JwtBearer['alg'];

/** RFC 7518 §3.1: version and kind of a key as they stand in its DER (RFC 3279 §2.3.1, RFC 5480 §2.1.1). */
const KINDS: Readonly<Record<Alg, Buffer>> = {
  RS256: Buffer.from('020100' + '300d06092a864886f70d0101010500', 'hex'),
  ES256: Buffer.from('020100' + '301306072a8648ce3d020106082a8648ce3d030107', 'hex'),
};

const BEGIN = Buffer.from('-----BEGIN PRIVATE KEY-----', 'ascii');
const END = Buffer.from('-----END PRIVATE KEY-----', 'ascii');
const BLANK = Buffer.alloc(32);
/** No leading zero, which DER forbids. */
const DECOY = 0x10;
/** Octets of a key of RSA with 4096 bits in DER. */
const MAX_DER = 2_400;

/**
 * Signs by the key's own kind alone.
 * @param key PKCS #8, PEM or DER
 * @returns memory of the caller's own; null for a key that is no such key
 */
export function signWith(key: Buffer, alg: Alg, input: Buffer): Buffer | null {
  const der = derOf(key);
  try {
    if (der === null || der.length > MAX_DER || !isKind(der, alg)) return null;
    return alg === 'RS256' ? signRs256(rsaNumbers(der), input) : signEs256(der, input);
  } finally {
    wipe(der);
    scrubRegisters();
  }
}

function signEs256(der: Buffer, input: Buffer): Buffer | null {
  let signature: Buffer | null = null;
  try {
    signature = signDer(der, input);
  } catch {
    // What OpenSSL says of a key is for nobody.
  }
  if (signature === null) der.fill(DECOY, versionAt(der) + KINDS.ES256.length);
  else disguise(der);
  signDecoy(der);
  return signature;
}

function signDer(der: Buffer, input: Buffer): Buffer {
  return createSign('sha256').update(input).sign({ key: der, format: 'der', type: 'pkcs8', dsaEncoding: 'ieee-p1363' });
}

/** OpenSSL frees the octets that it read a key from as they are; the same work with other octets takes the same memory. */
function signDecoy(der: Buffer): void {
  try {
    signDer(der, BLANK);
  } catch {
    // Most disguised keys are no keys.
  }
}

/** Puts other octets in the place of the secret number of a key that signed (RFC 5915 §3). */
function disguise(der: Buffer): void {
  for (const [item, { tag, start, end }] of innerItems(der, KINDS.ES256).entries())
    if (item > 0 && tag === 0x04) der.fill(DECOY, start, end);
}

/** Views of a key's numbers (RFC 8017 A.1.2). */
function rsaNumbers(der: Buffer): RsaKey {
  const [, modulus, publicExponent, privateExponent] = innerItems(der, KINDS.RS256).map(({ tag, start, end }) => {
    const number = tag === 0x02 ? der.subarray(start, end) : Buffer.alloc(0);
    const zeros = number.findIndex((octet) => octet !== 0);
    return number.subarray(zeros < 0 ? number.length : zeros);
  });
  const none = Buffer.alloc(0);
  return {
    modulus: modulus ?? none,
    publicExponent: publicExponent ?? none,
    privateExponent: privateExponent ?? none,
  };
}

interface Item {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** What stands in the SEQUENCE in the OCTET STRING behind a key's kind. */
function innerItems(der: Buffer, kind: Buffer): readonly Item[] {
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

/** Where the content of a DER item stands (X.690 §8.1.3); what is cut off ends behind its octets. */
function contentAt(der: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1] ?? 0;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + octets;
  const length = octets === 0 ? first : der.subarray(at + 2, start).reduce((sum, octet) => sum * 256 + octet, 0);
  return { start, end: start + length };
}

/** One SEQUENCE of a definite length and nothing behind it, in it the version, which kind of key it is, and a whole key. */
function isKind(der: Buffer, alg: Alg): boolean {
  const { start, end } = contentAt(der, 0);
  const keyAt = start + KINDS[alg].length;
  if (der[0] !== 0x30 || start > 4 || end !== der.length || !der.subarray(start, keyAt).equals(KINDS[alg]))
    return false;
  return innerItems(der, KINDS[alg]).every((item) => item.end <= der.length);
}

/** Where the version stands. */
function versionAt(der: Buffer): number {
  return contentAt(der, 0).start;
}

/** Owned memory. Decoded here, because the decoder of OpenSSL frees what it decoded as it is. */
function derOf(key: Buffer): Buffer | null {
  const start = key.indexOf(BEGIN);
  if (start < 0) {
    return ownedConcat(key);
  }
  const end = key.indexOf(END, start);
  if (start > 0 || end < 0 || !key.subarray(end + END.length).every(isSpace)) return null;
  const text = key.subarray(BEGIN.length, end);
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
  const der = Number.isNaN(length) ? null : ownedConcat(decoded.subarray(0, length));
  wipe(decoded);
  return der;
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || (octet >= 0x09 && octet <= 0x0d);
}

/** RFC 4648 §4. */
function base64Digit(octet: number): number {
  if (octet >= 0x41 && octet <= 0x5a) return octet - 0x41;
  if (octet >= 0x61 && octet <= 0x7a) return octet - 0x61 + 26;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30 + 52;
  return octet === 0x2b ? 62 : octet === 0x2f ? 63 : -1;
}
