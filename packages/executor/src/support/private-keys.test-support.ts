/** Private keys as they are sealed, and what of them is secret. Only for the proofs of `memory.clean`. */
import { createHash, type KeyObject } from 'node:crypto';
import type { Material } from './memory-sealed.test-support.ts';
import { makePair } from './signer.test-support.ts';

/** The secret numbers of a key, as they stand in it and as OpenSSL computes with them. */
export function secretNumbers(key: KeyObject): Record<string, Buffer> {
  const jwk = key.export({ format: 'jwk' });
  if (jwk.crv === 'Ed25519') {
    const seed = Buffer.from(jwk.d!, 'base64url');
    // RFC 8032 §5.1.5 and 6: what is signed with, of which nonces are made, too.
    const expanded = createHash('sha512').update(seed).digest();
    const scalar = Buffer.from(expanded.subarray(0, 32));
    scalar[0]! &= 0xf8;
    scalar[31] = (scalar[31]! & 0x7f) | 0x40;
    return { 'private d': seed, 'scalar of d': scalar, 'prefix of d': expanded.subarray(32) };
  }
  return Object.fromEntries(
    (['d', 'p', 'q', 'dp', 'dq', 'qi'] as const).flatMap((name) => {
      if (jwk[name] === undefined) return [];
      const number = Buffer.from(jwk[name], 'base64url');
      return [
        [`private ${name}`, number],
        [`private ${name}, words`, Buffer.from(number.toReversed())],
      ];
    }),
  );
}

const BEHIND = 'SEC 1 behind parameters';
export type KeyForm = 'PKCS #8' | 'PKCS #8 in DER' | 'PKCS #1' | 'SEC 1' | typeof BEHIND;

/** As `openssl ecparam -genkey` writes them. */
const PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

/**
 * Where the text that is secret begins and ends in PEM: behind the modulus of RSA; of P-256 behind what says which kind it is,
 * and in SEC 1 before the public point.
 */
const SECRET_TEXT: Readonly<Record<string, readonly [start: number, end: number]>> = {
  'RSA-2048 pkcs8': [460, -30],
  'RSA-2048 pkcs1': [460, -30],
  'P-256 pkcs8': [60, -30],
  'P-256 sec1': [41, 83],
  'Ed25519 pkcs8': [50, 92],
};

/** A new key in this form. */
export function privateKey(kind: 'RSA-2048' | 'P-256' | 'Ed25519', form: KeyForm): Material {
  const key = makePair(kind).privateKey;
  const parts = secretNumbers(key);
  if (form === 'PKCS #8 in DER') return { value: key.export({ format: 'der', type: 'pkcs8' }), parts };
  const type = { 'PKCS #8': 'pkcs8', 'PKCS #1': 'pkcs1', 'SEC 1': 'sec1', [BEHIND]: 'sec1' }[form] as 'pkcs8';
  const pem = Buffer.from(key.export({ format: 'pem', type }));
  const value = form === BEHIND ? Buffer.concat([Buffer.from(PARAMETERS), pem]) : pem;
  const text = value.subarray(value.length - pem.length).subarray(...SECRET_TEXT[`${kind} ${type}`]!);
  return { value, parts: { ...parts, 'key in PEM': text } };
}
