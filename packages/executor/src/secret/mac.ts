/**
 * HMAC (RFC 2104) with keys that are secrets, and hashes over what may hold some. Keys and results are buffers that whoever
 * has them zeroes; what the native call leaves in registers is overwritten at once, and on its stack at the end of the exchange.
 * Never joins its parts: a body is large, and the rest may be secret.
 */
import { createHash, createHmac, hash as hashOnce } from 'node:crypto';
import type { HmacHash } from '@dauth/protocol';
import { ownedConcat, wipe } from './memory.ts';
import { scrubRegisters } from './registers.ts';

export function mac(hash: HmacHash, key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac(hash, key);
  for (const part of parts) hmac.update(part);
  const digest = hmac.digest();
  scrubRegisters();
  return digest;
}

/**
 * The hash of a secret, in one native call: an object that hashes piece by piece keeps its result until it is collected
 * (measured). The parts are few and short.
 * @returns owned memory which the caller zeroes
 */
export function secretDigest(hash: 'sha256' | 'sha512' | 'md5', ...parts: readonly Uint8Array[]): Buffer {
  const joined = ownedConcat(...parts);
  let digest: Buffer | undefined;
  try {
    digest = hashOnce(hash, joined, 'buffer');
    scrubRegisters();
    return ownedConcat(digest);
  } finally {
    wipe(joined, digest);
  }
}

export function digestOf(hash: HmacHash, ...parts: readonly Uint8Array[]): Buffer {
  const hasher = createHash(hash);
  for (const part of parts) hasher.update(part);
  const digest = hasher.digest();
  scrubRegisters();
  return digest;
}
