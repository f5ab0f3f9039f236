/** The registers of the processor, in which ciphers and copies leave what they worked on. */
import { createCipheriv } from 'node:crypto';

/** More than one block, so that all registers are used; OpenSSL zeroes them behind this cipher. No secret: all of it is public. */
const BLOCKS = Buffer.alloc(32);
const CIPHER = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));

/**
 * Overwrites the vector registers. Ciphers, copies and comparisons leave up to 16 octets of what they worked on in each, and V8
 * writes all of them into memory that it frees as it is whenever it gives up a piece of optimized code. So right after such
 * work, before any other code runs.
 */
export function scrubRegisters(): void {
  CIPHER.update(BLOCKS);
}
