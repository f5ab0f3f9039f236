/**
 * RSA keys of authorities that are not DAuth's, most of which sign RS256: 2048 to 4096 bits, one algorithm each.
 * Never for a proof, a seal or a token of DAuth's own authority: only a key set that was asked for them holds one.
 */
import { constants, createPublicKey, hash } from 'node:crypto';
import { DAuthError, decodeBase64url, isObject } from '@dauth/protocol';
import { assertUsage, type VerifyKey } from './key.ts';

/** The names that RSA signatures have beside those of `importKey` (RFC 7518 §3.3, §3.5). */
export const RSA_ALGS: readonly string[] = Object.freeze(['RS256', 'PS256']);

const PKCS1 = Object.freeze({ padding: constants.RSA_PKCS1_PADDING });
/** RFC 7518 §3.5: the salt is as long as the hash. */
const PSS = Object.freeze({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
/** RFC 7518 §3.3 asks for 2048 bits; past 4096 a verification takes longer than a stranger's token is worth. */
const MODULUS_BITS = { least: 2_048, most: 4_096 };
/** F4, which everybody uses: a large exponent is slow, a small or even one is weak or no key at all. */
const EXPONENT = 'AQAB';

/**
 * Imports an RSA public key. One key has one algorithm (RFC 8725 §3.1): that of its `alg`, or RS256 where it has none, as
 * the key sets of large issuers are.
 * @throws DAuthError `INVALID_REQUEST` for private members, another size, exponent, use or algorithm
 */
export function importRsaKey(value: unknown): VerifyKey {
  if (!isObject(value) || value.kty !== 'RSA' || Object.hasOwn(value, 'd')) throw unusable();
  assertUsage(value, RSA_ALGS);
  const { n, e } = value;
  if (typeof n !== 'string' || e !== EXPONENT) throw unusable();
  const bits = modulusBits(n);
  if (bits < MODULUS_BITS.least || bits > MODULUS_BITS.most) throw unusable();
  const alg = value.alg === 'PS256' ? 'PS256' : 'RS256';
  return Object.freeze({
    jkt: hash('sha256', `{"e":"${e}","kty":"RSA","n":"${n}"}`, 'base64url'),
    algs: Object.freeze([alg]),
    key: createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }),
    hash: 'sha256',
    octets: Math.ceil(bits / 8),
    padding: alg === 'PS256' ? PSS : PKCS1,
  });
}

/** Bits of a modulus without leading zeros (RFC 7518 §6.3.1.1); 0 for one that has them. */
function modulusBits(n: string): number {
  const octets = decodeBase64url(n);
  const first = octets[0] ?? 0;
  return first === 0 ? 0 : octets.length * 8 - Math.clz32(first) + 24;
}

function unusable(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A key is not a public key for RS256 or PS256 signatures.');
}
