/**
 * Opening an AEAD without a trace. Node has a cipher write into memory of its own, copies that and frees it as it is, where
 * nobody can zero it (measured on Node 20 and 24). So no cipher ever writes a plaintext here: the ciphertext goes through
 * the bare stream cipher under a random mask, which comes off in memory of ours, and the tag is that of encrypting once more.
 */
import { createCipheriv, createDecipheriv, randomFillSync, timingSafeEqual } from 'node:crypto';
import { ownedBytes, wipe } from './memory.ts';

/** By RFC 9180 §7.3, with the stream cipher inside and the counter at which it starts: behind the block that is for the tag. */
const AEADS = {
  // NIST SP 800-38D §7.2: a nonce of 96 bits, then a counter of 32 bits that is 1 for the tag.
  1: { aead: 'aes-128-gcm', stream: 'aes-128-ctr', iv: (nonce: Uint8Array) => [...nonce, 0, 0, 0, 2] },
  2: { aead: 'aes-256-gcm', stream: 'aes-256-ctr', iv: (nonce: Uint8Array) => [...nonce, 0, 0, 0, 2] },
  // RFC 8439 §2.8: the counter is little-endian, stands first, and is 0 for the key of the tag.
  3: { aead: 'chacha20-poly1305', stream: 'chacha20', iv: (nonce: Uint8Array) => [1, 0, 0, 0, ...nonce] },
} as const;

export interface Sealed {
  readonly aead: keyof typeof AEADS;
  readonly key: Uint8Array;
  /** 12 octets. */
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** 16 octets. */
  readonly tag: Uint8Array;
}

/** @returns memory of the caller's own, null where the tag is another */
export function openAead({ aead: id, key, nonce, aad, ciphertext, tag }: Sealed): Buffer | null {
  const { aead, stream, iv } = AEADS[id];
  const plaintext = unmask(createDecipheriv(stream, key, Buffer.from(iv(nonce))), ciphertext);
  // Typed for one of them; the others take the same.
  const cipher = createCipheriv(aead as 'aes-128-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  // What comes out is the ciphertext again, and no secret.
  cipher.update(plaintext);
  cipher.final();
  if (timingSafeEqual(cipher.getAuthTag(), tag)) return plaintext;
  wipe(plaintext);
  return null;
}

/** A stream cipher adds its stream octet by octet: what was added before can be taken away behind it. */
function unmask(cipher: ReturnType<typeof createDecipheriv>, ciphertext: Uint8Array): Buffer {
  const mask = randomFillSync(ownedBytes(ciphertext.length));
  const covered = added(mask, ciphertext);
  const opened = cipher.update(covered);
  // Ends it, and with it what it keeps of its stream.
  cipher.final();
  const plaintext = added(mask, opened);
  // Without the mask, what Node freed is random octets. What went in would give the mask away.
  wipe(mask, covered, opened);
  return plaintext;
}

function added(one: Uint8Array, other: Uint8Array): Buffer {
  const sum = ownedBytes(one.length);
  for (let at = 0; at < sum.length; at++) sum[at] = one[at]! ^ other[at]!;
  return sum;
}
