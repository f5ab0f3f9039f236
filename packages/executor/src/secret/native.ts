/**
 * The native calls whose results are secrets: HMAC (RFC 2104), hashes, Diffie-Hellman and PBKDF2. What they give is in memory
 * of the engine's, which is freed as it is, and which no look holds on to: here, and nowhere else (architecture.json), it is
 * moved into memory of our own and zeroed, before any other code runs. What they leave on the stack is overwritten at the end
 * of the exchange.
 */
import { createHash, createHmac, diffieHellman, hash as hashOnce, pbkdf2Sync, type KeyObject } from 'node:crypto';
import type { HmacHash } from '@dauth/protocol';
import { copyOctets, ownedBytes, ownedConcat, wipe } from './memory.ts';
import { scrubRegisters } from './registers.ts';

/**
 * Never joins its parts: a body is large.
 * @returns owned memory which the caller zeroes
 */
export function mac(hash: HmacHash, key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac(hash, key);
  for (const part of parts) hmac.update(part);
  return taken(hmac.digest());
}

/**
 * The hash of a secret, in one native call: an object that hashes piece by piece keeps its result until it is collected
 * (measured).
 * @returns owned memory which the caller zeroes
 */
export function secretDigest(hash: HmacHash | 'md5', ...parts: readonly Uint8Array[]): Buffer {
  const joined = ownedConcat(...parts);
  try {
    return taken(hashOnce(hash, joined, 'buffer'));
  } finally {
    wipe(joined);
  }
}

/**
 * What two keys agree on (RFC 7748 §6.1, RFC 5903 §9).
 * @returns owned memory which the caller zeroes
 */
export function agree(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  return taken(diffieHellman({ privateKey, publicKey }));
}

/**
 * PBKDF2 (RFC 8018 §5.2) in one native call, which works in memory that it cleanses: thousands of rounds from here would hold
 * up all other calls.
 * @param length octets
 * @returns owned memory which the caller zeroes
 */
export function stretch(
  hash: HmacHash,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Buffer {
  return taken(pbkdf2Sync(password, salt, iterations, length, hash));
}

/** The hash of what may hold secrets, and is none itself. Never joins its parts either. */
export function digestOf(hash: HmacHash, ...parts: readonly Uint8Array[]): Buffer {
  const hasher = createHash(hash);
  for (const part of parts) hasher.update(part);
  const digest = hasher.digest();
  scrubRegisters();
  return digest;
}

/** Registers first: to make memory of our own is to run other code. */
function taken(made: Buffer): Buffer {
  scrubRegisters();
  const owned = ownedBytes(made.length);
  copyOctets(owned, made);
  wipe(made);
  return owned;
}
