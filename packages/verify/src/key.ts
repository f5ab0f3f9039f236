/**
 * Public keys ready to verify with: imported once, remembered by thumbprint in a bounded table.
 * Never a private key, and never a key whose algorithm somebody else names: ES256 and Ed25519 follow from the key itself
 * (RFC 8725 §3.1).
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { decodeBase64url, DAuthError, isObject, parsePublicJwk, type PublicJwk } from '@dauth/protocol';
import { thumbprint } from './digest.ts';

/** An imported public key. Made by `importKey` and `importRsaKey` only. */
export interface VerifyKey {
  /** RFC 7638 thumbprint. */
  readonly jkt: string;
  /** Names a header may give this key's algorithm; RFC 9864 deprecates `EdDSA`, clients in use still send it. */
  readonly algs: readonly string[];
  readonly key: KeyObject;
  readonly hash: 'sha256' | null;
  /** Octets of each of its signatures. */
  readonly octets: number;
  /** RSA only. */
  readonly padding?: { readonly padding: number; readonly saltLength?: number };
}

/** A key of one of DAuth's own kinds, with the JWK it was made of. */
export interface PointKey extends VerifyKey {
  readonly jwk: PublicJwk;
}

/** Importing costs more than half of an ES256 verification, so the keys of live callers stay imported. */
const REMEMBERED = 1_024;
const SIGNATURE_OCTETS = 64;
const ES256: readonly string[] = Object.freeze(['ES256']);
const ED25519: readonly string[] = Object.freeze(['Ed25519', 'EdDSA']);
const remembered = new Map<string, PointKey>();

/**
 * Imports a public key for verification. The least recently used of 1,024 remembered keys makes room.
 * @throws DAuthError `INVALID_REQUEST` where the JWK is no usable signing key: private or symmetric members, `use`, `key_ops` or
 * `alg` that say otherwise (RFC 7517 §4.2–4.4), X25519, a point off the curve or of small order
 */
export function importKey(value: unknown): PointKey {
  const jwk = parsePublicJwk(value);
  const algs = jwk.kty === 'EC' ? ES256 : ED25519;
  assertUsage(value, algs);
  const jkt = thumbprint(jwk);
  const known = remembered.get(jkt);
  if (known !== undefined) {
    remembered.delete(jkt);
    remembered.set(jkt, known);
    return known;
  }
  assertStrongPoint(jwk);
  const made = Object.freeze({
    jwk,
    jkt,
    algs,
    key: toKeyObject(jwk),
    hash: jwk.kty === 'EC' ? 'sha256' : null,
    octets: SIGNATURE_OCTETS,
  } as const);
  remembered.set(jkt, made);
  if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value!);
  return made;
}

/** How many keys are remembered now. */
export function rememberedKeys(): number {
  return remembered.size;
}

/** Whether `signature` over `data` is by `key`. ES256 signatures are R‖S (RFC 7518 §3.4), Ed25519 ones RFC 8032's. */
export function isSignedBy(key: VerifyKey, data: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== key.octets) return false;
  if (key.padding !== undefined) return verify(key.hash, data, { key: key.key, ...key.padding }, signature);
  return verify(key.hash, data, key.key, key.hash === null ? signature : ecdsaSigValue(signature));
}

/**
 * R‖S as the DER that OpenSSL takes, ECDSA-Sig-Value (RFC 3279 §2.2.3). Node does the same when it is asked to, but Node 24 takes
 * a third of the time of a whole verification for it.
 */
function ecdsaSigValue(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const der = Buffer.allocUnsafe(signature.length + 8);
  const end = putInteger(der, putInteger(der, 2, signature.subarray(0, half)), signature.subarray(half));
  der[0] = 0x30;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** The shortest form of a number that is not negative (X.690 §8.3). @returns where the next one begins */
function putInteger(der: Buffer, at: number, octets: Uint8Array): number {
  const first = octets.findIndex((octet) => octet !== 0);
  const digits = octets.subarray(first === -1 ? octets.length - 1 : first);
  const sign = digits[0]! >>> 7;
  der[at] = 0x02;
  der[at + 1] = sign + digits.length;
  der[at + 2] = 0;
  der.set(digits, at + 2 + sign);
  return at + 2 + sign + digits.length;
}

/** @throws DAuthError `INVALID_REQUEST` where the JWK itself says that it is for something else (RFC 7517 §4.2–4.4) */
export function assertUsage(value: unknown, algs: readonly string[]): void {
  if (!isObject(value)) return;
  if (value.use !== undefined && value.use !== 'sig') throw unusable();
  if (value.key_ops !== undefined && !(Array.isArray(value.key_ops) && value.key_ops.includes('verify')))
    throw unusable();
  if (value.alg !== undefined && !algs.includes(value.alg as string)) throw unusable();
}

function toKeyObject(jwk: PublicJwk): KeyObject {
  if (jwk.crv === 'X25519') throw unusable();
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch (cause) {
    throw new DAuthError('INVALID_REQUEST', 'A key is not a point of its curve.', { cause });
  }
}

/**
 * Ed25519 points of small order, without the sign bit. OpenSSL takes them, and under such a key one signature fits every
 * message, so anyone could sign for whoever registered it (RFC 8032 §5.1, "Taming the many EdDSAs" §2).
 */
const SMALL_ORDER: readonly string[] = Object.freeze([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

function assertStrongPoint(jwk: PublicJwk): void {
  if (jwk.crv !== 'Ed25519') return;
  const point = Buffer.from(decodeBase64url(jwk.x));
  point[31] = point[31]! & 0x7f;
  // y ≥ p = 2^255 − 19 is a second spelling of a smaller y (RFC 8032 §5.1.3 step 1): octets 1 to 30 ff, last 7f, first ≥ ed.
  const isSecondSpelling =
    point[31] === 0x7f && point[0]! >= 0xed && point.subarray(1, 31).every((octet) => octet === 0xff);
  if (isSecondSpelling || SMALL_ORDER.includes(point.toString('hex'))) {
    throw new DAuthError('INVALID_REQUEST', 'A key is a point of small order or not canonical.');
  }
}

function unusable(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A key is not a public key for ES256 or Ed25519 signatures.');
}
