/**
 * Opening: the one place where a sealed credential becomes readable (RFC 9180 base mode, composed on `node:crypto`).
 * Never a string, never an explanation: every failure is the same `DECRYPTION_FAILED`, and every intermediate is zeroed.
 */
import type { KeyObject } from 'node:crypto';
import { DAuthError, SUITES, type Envelope, type SuiteAlg } from '@dauth/protocol';
import { openAead } from './secret/aead.ts';
import { ownedBytes, wipe } from './secret/memory.ts';
import { Plaintext } from './secret/plaintext.ts';
import { keysOf } from './secret/schedule.ts';

/** One entry of the key directory with its private half. */
export interface OpeningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly alg: SuiteAlg;
  readonly privateKey: KeyObject;
  /** The public key as RFC 9180 `SerializePublicKey` writes it: 32 octets for X25519, 65 for P-256. */
  readonly publicRaw: Uint8Array;
}

/** What RFC 9180 §6.1 `OpenBase` takes. */
export interface SealedMessage {
  readonly enc: Uint8Array;
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** draft-ietf-jose-hpke-encrypt-21 §5: integrated encryption binds everything through `aad`; `info` stays empty. */
const INFO = new Uint8Array(0);
/** Octets of the key that comes out of an opening. */
const KEEPING = 32;

/**
 * Opens an envelope with the key its header names. The header's octets are the `aad`: whatever was changed in it, the
 * AEAD refuses.
 * @throws DAuthError `DECRYPTION_FAILED`, the same for every cause (an attacker learns nothing from which step failed)
 */
export function openEnvelope(envelope: Envelope, key: OpeningKey): Plaintext {
  const { header, protectedSegment, enc, ciphertext } = envelope;
  // One `kid` = one directory entry = one `alg` (§2): a key is never used with another suite than its own.
  if (header.kid !== key.kid || header.alg !== key.alg) throw new DAuthError('DECRYPTION_FAILED');
  const aad = Buffer.from(protectedSegment, 'ascii');
  const keeping = ownedBytes(KEEPING);
  return new Plaintext(openBase(key, { enc, info: INFO, aad, ciphertext }, keeping), keeping);
}

/**
 * RFC 9180 §6.1 `OpenBase`, one message. The result is memory of the caller's own.
 * @param exported is filled with what RFC 9180 §5.3 exports for kept tokens, where it is given: a key that nobody has who did
 * not open this very message
 * @throws DAuthError `DECRYPTION_FAILED`
 */
export function openBase(key: OpeningKey, { enc, info, aad, ciphertext }: SealedMessage, exported?: Buffer): Buffer {
  const suite = SUITES[key.alg];
  let aeadKey: Buffer | null = null;
  let nonce: Buffer | null = null;
  try {
    ({ aeadKey, nonce } = keysOf(key, enc, info, exported));
    const end = ciphertext.length - suite.tag;
    const [body, tag] = [ciphertext.subarray(0, end), ciphertext.subarray(end)];
    const plaintext = openAead({ aead: suite.aead as 1, key: aeadKey, nonce, aad, ciphertext: body, tag });
    if (plaintext === null) throw new TypeError('tag');
    return plaintext;
  } catch {
    throw new DAuthError('DECRYPTION_FAILED');
  } finally {
    wipe(aeadKey, nonce);
  }
}
