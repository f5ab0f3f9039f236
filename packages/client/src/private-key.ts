/**
 * What a private key stands in before it is sealed (spec/dauth.md §2.6), so that a file that nobody could sign with is named here
 * and not at the first call. Reads labels and a few octets: never decodes a key, and never makes one into a string.
 */
import { DAuthError, encodeUtf8, readKeyContainer, type KeyLabel, type KeyUse, type SigningAlg } from '@dauth/protocol';

/** Which kinds of key PEM names by its label; `PRIVATE KEY` names none. */
const SIGNS: Readonly<Record<KeyLabel, readonly SigningAlg[]>> = {
  'PRIVATE KEY': ['RS256', 'ES256', 'Ed25519', 'EdDSA'],
  'RSA PRIVATE KEY': ['RS256'],
  'EC PRIVATE KEY': ['ES256'],
};
const ENCRYPTED = encodeUtf8('-----BEGIN ENCRYPTED PRIVATE KEY-----');
/** RFC 5208 §5: the version, and the SEQUENCE that says which kind of key it is. */
const PKCS8_START = [0x02, 0x01, 0x00, 0x30];

const LOCKED =
  'has a password, or something else than base64 in it. "openssl pkcs8 -topk8 -nocrypt -in key.pem -out open.pem" takes a password off';
const WHY = {
  block:
    'is no file with one private key: PKCS #8, PKCS #1 or SEC 1 in PEM, or PKCS #8 in DER. Text and "EC PARAMETERS" may stand before it, and no other key or certificate',
  inside: LOCKED,
  behind: 'has something behind the private key. Cut it off',
} as const;

/** @throws DAuthError `INVALID_REQUEST` */
export function assertKeyContainer({ field, alg }: KeyUse, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw new TypeError('A field value must be bytes (Uint8Array), never a string.');
  const unfit = (what: string) =>
    new DAuthError('INVALID_REQUEST', `The value of the field "${field}" ${what}. Nothing was sealed.`);
  const container = readKeyContainer(value);
  if (container.kind === 'unusable') throw unfit(holds(value, ENCRYPTED) ? LOCKED : WHY[container.why]);
  if (container.kind === 'der' && !isPkcs8(value)) throw unfit(WHY.block);
  if (container.kind === 'pem' && alg !== undefined && !SIGNS[container.label].includes(alg))
    throw unfit(`is no key for ${alg}: it says "${container.label}"`);
}

/** Of a length in the short or the long form (X.690 §8.1.3). */
function isPkcs8(der: Uint8Array): boolean {
  const first = der[1] ?? 0;
  const at = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return der[0] === 0x30 && PKCS8_START.every((octet, index) => der[at + index] === octet);
}

function holds(value: Uint8Array, wanted: Uint8Array): boolean {
  return value.some((_, at) => wanted.every((octet, index) => value[at + index] === octet));
}
