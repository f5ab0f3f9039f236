/**
 * Where a private key stands in what is sealed as one (§2.6, RFC 7468), for whoever seals it and for whoever opens it. Reads octets
 * where they lie: never copies one, never decodes a key, and makes no string of anything.
 */
import { encodeUtf8 } from './utf8.ts';

/** RFC 7468 §10, RFC 8017 A.1.2, RFC 5915 §4. */
export type KeyLabel = 'PRIVATE KEY' | 'RSA PRIVATE KEY' | 'EC PRIVATE KEY';

export type KeyContainer =
  /** No PEM; whether it is a key, its decoder says. */
  | { readonly kind: 'der' }
  | {
      readonly kind: 'pem';
      readonly label: KeyLabel;
      /** From its first dash on, with the space behind it. */
      readonly block: Uint8Array;
      /** What stands between its two lines. */
      readonly base64: Uint8Array;
    }
  /** Another block than a key's, one that is cut off, more than base64 in it, or something behind it. */
  | { readonly kind: 'unusable'; readonly why: 'block' | 'inside' | 'behind' };

interface Boundaries {
  readonly begin: Uint8Array;
  readonly end: Uint8Array;
}

interface Block {
  /** The first octet between its lines, the one behind those, and the one behind it all. */
  readonly start: number;
  readonly stop: number;
  readonly to: number;
}

const BEGIN = encodeUtf8('-----BEGIN ');
const DASHES = BEGIN.subarray(0, 5);
const LABELS = (['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'] as const).map((label) => ({
  label,
  ...boundaries(label),
}));
/** The name of the curve, which `openssl ecparam -genkey` writes once more ahead of a key. */
const PARAMETERS = boundaries('EC PARAMETERS');
const [LF, CR] = [0x0a, 0x0d];

/**
 * Finds the one private key of a PEM file. Text may stand before it (RFC 7468 §2), as `openssl pkcs12` writes `Bag Attributes`, and
 * before a key in SEC 1 its parameters; nothing but space stands behind it. Five dashes in a row are never text: whatever another
 * reader might take for a block is one here, and refused.
 * @param key what was sealed, or is about to be
 */
export function readKeyContainer(key: Uint8Array): KeyContainer {
  if (find(key, BEGIN, 0) < 0) return { kind: 'der' };
  const first = find(key, DASHES, 0);
  const parameters = blockAt(key, first, PARAMETERS);
  const at = parameters === null ? first : find(key, DASHES, parameters.to);
  for (const { label, ...lines } of LABELS) {
    const found = blockAt(key, at, lines);
    if (found === null || (parameters !== null && label !== 'EC PRIVATE KEY')) continue;
    const base64 = key.subarray(found.start, found.stop);
    if (!base64.every((octet) => isBase64(octet) || isSpace(octet))) return { kind: 'unusable', why: 'inside' };
    if (!key.subarray(found.to).every(isSpace)) return { kind: 'unusable', why: 'behind' };
    return { kind: 'pem', label, block: key.subarray(at), base64 };
  }
  return { kind: 'unusable', why: 'block' };
}

/** A block of these two lines, which begins a line (RFC 7468 §3) and has no five dashes in it. */
function blockAt(key: Uint8Array, from: number, { begin, end }: Boundaries): Block | null {
  if (from > 0 && key[from - 1] !== LF && key[from - 1] !== CR) return null;
  if (!stands(key, begin, from)) return null;
  const start = from + begin.length;
  const stop = find(key, DASHES, start);
  return stands(key, end, stop) ? { start, stop, to: stop + end.length } : null;
}

function boundaries(label: string): Boundaries {
  return { begin: encodeUtf8(`-----BEGIN ${label}-----`), end: encodeUtf8(`-----END ${label}-----`) };
}

/** @returns -1 where it stands nowhere from there on */
function find(key: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = from; at + wanted.length <= key.length; at++)
    if (key[at] === wanted[0] && stands(key, wanted, at)) return at;
  return -1;
}

function stands(key: Uint8Array, wanted: Uint8Array, at: number): boolean {
  return at >= 0 && wanted.every((octet, index) => key[at + index] === octet);
}

/** RFC 7468 §3, laxly. */
export function isSpace(octet: number): boolean {
  return octet === 0x20 || (octet >= 0x09 && octet <= 0x0d);
}

/** RFC 4648 §4, with what it is padded by. */
export function isBase64(octet: number): boolean {
  const isLetter = (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a);
  return isLetter || (octet >= 0x2f && octet <= 0x39) || octet === 0x2b || octet === 0x3d;
}
