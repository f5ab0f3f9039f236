/**
 * A token between its endpoint's answer and the requests it goes into: sealed under a key that only opening its envelope
 * gives (RFC 9180 §5.3). Never plain at rest, so that whoever cannot open the envelope cannot use what was obtained with it.
 */
import { createCipheriv, randomFillSync } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';
import { openAead } from './aead.ts';
import { ownedBytes, wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';
import { scrubRegisters } from './registers.ts';

/** All of it is public. */
export interface KeptToken {
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
  /** Assertions that are good still, by which a token can be had. */
  readonly behind?: readonly KeptToken[];
}

const NONCE = 12;
/** RFC 9180 §7.3: AES-256-GCM. */
const AEAD = 2;
const AAD = Buffer.from('dauth kept token', 'ascii');

/** Seals what the envelope of `plaintext` was exchanged for. Leaves zeroing `token` to the caller. */
export function keepToken(token: Uint8Array, plaintext: Plaintext): KeptToken {
  const nonce = randomFillSync(ownedBytes(NONCE));
  return plaintext.lendKey((key) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(AAD);
    const ciphertext = cipher.update(token);
    cipher.final();
    scrubRegisters();
    return { nonce, ciphertext, tag: cipher.getAuthTag() };
  });
}

/**
 * The token, and behind it the assertions, which answers must not contain either.
 * @returns owned memory which the caller zeroes
 * @throws DAuthError as below
 */
export function openTokens(kept: KeptToken, plaintext: Plaintext): readonly Buffer[] {
  const opened: Buffer[] = [];
  try {
    for (const one of [kept, ...(kept.behind ?? [])]) opened.push(openToken(one, plaintext));
    return opened;
  } catch (error) {
    wipe(...opened);
    throw error;
  }
}

/** The same, sealed under what the opening of another envelope gives. @throws DAuthError as below */
export function rekeepToken(kept: KeptToken, from: Plaintext, to: Plaintext): KeptToken {
  const token = openToken(kept, from);
  try {
    return keepToken(token, to);
  } finally {
    wipe(token);
  }
}

/**
 * @returns owned memory which the caller zeroes
 * @throws DAuthError `DECRYPTION_FAILED` for a token of another envelope
 */
export function openToken({ nonce, ciphertext, tag }: KeptToken, plaintext: Plaintext): Buffer {
  const token = plaintext.lendKey((key) => openAead({ aead: AEAD, key, nonce, aad: AAD, ciphertext, tag }));
  if (token === null) throw new DAuthError('DECRYPTION_FAILED');
  return token;
}
