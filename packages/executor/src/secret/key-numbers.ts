/**
 * The secret numbers of a private key, by which TLS is spoken (spec/dauth.md §2.9) or a JWT is signed, where they stand in its DER.
 * Views only: nothing here copies an octet of a key.
 */
import { ED25519_KIND, innerItems, isKind, P256_KIND, P256_PARAMETERS, RSA_KIND, type Item } from './key-der.ts';

/** As Node calls it where it stands in a certificate. */
export type KeyKind = 'rsa' | 'ec' | 'ed25519';

export interface KeyNumbers {
  readonly kind: KeyKind;
  readonly secret: readonly Buffer[];
}

/** Octets of a modulus: RFC 7518 §3.3, and what holds up nobody else while it signs. */
const MODULUS = { least: 256, most: 512 };
/** Octets of a key of RSA with 4096 bits in DER. */
const MAX_DER = 2_400;
/** Octets of the number of a key of P-256 or Ed25519. */
const NUMBER = 32;
const VERSION_1 = Buffer.of(1);
/** RFC 8017 A.1.2: exponent and primes. The rest of a key follows from each of them. */
const RSA_SECRETS = [3, 4, 5];

/**
 * @param der a key as `derOf` gives it
 * @returns null for any other key than one of RSA with 2048 to 4096 bits, of P-256, or of Ed25519 (RFC 8410 §7)
 */
export function keyNumbers(der: Buffer): KeyNumbers | null {
  if (der.length > MAX_DER) return null;
  if (isKind(der, RSA_KIND)) return rsaNumbers(innerItems(der, RSA_KIND).map((item) => numberOf(der, item)));
  if (isKind(der, P256_KIND)) return alone('ec', p256Number(der));
  const isEd25519 = der.subarray(0, ED25519_KIND.length).equals(ED25519_KIND);
  return isEd25519 ? alone('ed25519', der.subarray(ED25519_KIND.length)) : null;
}

function alone(kind: KeyKind, number: Buffer | null): KeyNumbers | null {
  return number?.length === NUMBER ? { kind, secret: [number] } : null;
}

/**
 * RFC 5915 §3: version 1, the number, then parameters or none, and the public point or none. Parameters of another curve would be
 * signed with, and there are some by which OpenSSL never comes to an end.
 */
function p256Number(der: Buffer): Buffer | null {
  const [version, number, ...more] = innerItems(der, P256_KIND);
  const content = ({ start, end }: Item): Buffer => der.subarray(start, end);
  if (version?.tag !== 0x02 || !content(version).equals(VERSION_1) || number?.tag !== 0x04) return null;
  const named = more[0]?.tag === 0xa0 ? more.shift() : undefined;
  if (named !== undefined && !content(named).equals(P256_PARAMETERS.subarray(2))) return null;
  if (more[0]?.tag === 0xa1) more.shift();
  return more.length === 0 ? content(number) : null;
}

function rsaNumbers(numbers: readonly Buffer[]): KeyNumbers | null {
  const length = numbers[1]?.length ?? 0;
  const secret = RSA_SECRETS.map((item) => numbers[item]).filter((number) => (number?.length ?? 0) >= NUMBER);
  if (length < MODULUS.least || length > MODULUS.most || secret.length < RSA_SECRETS.length) return null;
  return { kind: 'rsa', secret: secret as Buffer[] };
}

/** An INTEGER without leading zeros; nothing where it is another item. */
export function numberOf(der: Buffer, { tag, start, end }: Item): Buffer {
  const number = tag === 0x02 ? der.subarray(start, end) : Buffer.alloc(0);
  const zeros = number.findIndex((octet) => octet !== 0);
  return number.subarray(zeros < 0 ? number.length : zeros);
}
