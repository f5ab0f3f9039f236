/**
 * Sealing again: the one place where the executor makes an envelope (§6), to its own key, out of one that it opened. What it
 * holds is the same credential with other values of named fields, and its header the same but for version, key and algorithm.
 * Never for another key than its own, and never a string of what is sealed.
 */
import { createCipheriv, randomFillSync } from 'node:crypto';
import { joinEnvelope, nextHeader, SUITES, type EnvelopeHeader } from '@dauth/protocol';
import type { OpeningKey } from './open.ts';
import { putField } from './secret/fields.ts';
import { ownedBytes, wipe } from './secret/memory.ts';
import type { Plaintext } from './secret/plaintext.ts';
import { keysOf } from './secret/schedule.ts';
import { scrubRegisters } from './secret/registers.ts';

/** What takes the place of what, or comes beside what is there. `value` stays the caller's to zero. */
export interface Replacement {
  readonly field: string;
  readonly value: Uint8Array;
}

/** RFC 7748 §4.1. */
const PRIME = 2n ** 255n - 19n;
const A = 486_662n;

/**
 * @returns the compact envelope of the version after the one that `header` is of
 * @throws DAuthError `DECRYPTION_FAILED` for a plaintext in another layout, or one that grows too large
 */
export function resealEnvelope(
  plaintext: Plaintext,
  header: EnvelopeHeader,
  key: OpeningKey,
  ...replacements: readonly Replacement[]
): string {
  const protectedSegment = nextHeader(header, key);
  const enc = makeEncapsulated(key);
  const { aeadKey, nonce } = keysOf(key, enc);
  const sealed = plaintext.lend((bytes) => withFields(bytes, replacements));
  try {
    const cipher = createCipheriv('aes-128-gcm', aeadKey, nonce);
    cipher.setAAD(Buffer.from(protectedSegment, 'ascii'));
    const ciphertext = cipher.update(sealed);
    cipher.final();
    scrubRegisters();
    return joinEnvelope(protectedSegment, enc, Buffer.concat([ciphertext, cipher.getAuthTag()]));
  } finally {
    wipe(sealed, aeadKey, nonce);
  }
}

/** Owned memory; what it was made out of on the way is zeroed. */
function withFields(plaintext: Buffer, replacements: readonly Replacement[]): Buffer {
  return replacements.reduce<Buffer>((bytes, { field, value }) => {
    const next = putField(bytes, field, value);
    if (bytes !== plaintext) wipe(bytes);
    return next;
  }, plaintext);
}

/**
 * An encapsulated key without an ephemeral private key. A sender needs one to reach the shared secret (RFC 9180 §4.1 `Encap`);
 * who seals to itself reaches it from the other side, as in `Decap`. Node keeps the octets of a private key until the collector
 * finds the object, and with those of an ephemeral one the envelope could be opened. A random point of the curve is what
 * an ephemeral public key is; the points of its twist are left out, for which nobody promises anything.
 */
function makeEncapsulated({ alg }: OpeningKey): Buffer {
  const { crv, aead } = SUITES[alg];
  if (crv !== 'X25519' || aead !== 1) throw new TypeError('The executor seals again to a key of HPKE-3 only.');
  const enc = ownedBytes(SUITES[alg].enc);
  do {
    randomFillSync(enc);
    // RFC 7748 §5: that bit is no part of the number.
    enc[31]! &= 0x7f;
  } while (!isOnCurve(enc));
  return enc;
}

/** Whether u³ + Au² + u is a square, by Euler's criterion. All of it is public. */
function isOnCurve(enc: Uint8Array): boolean {
  const u = enc.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n) % PRIME;
  let base = (u * u * u + A * u * u + u) % PRIME;
  let power = 1n;
  for (let exponent = (PRIME - 1n) / 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) power = (power * base) % PRIME;
    base = (base * base) % PRIME;
  }
  return power === 1n;
}
