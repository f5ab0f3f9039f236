/**
 * HMAC (RFC 2104) with keys that are secrets. Keys and results are buffers that whoever has them zeroes; what the native
 * call leaves on its stack is overwritten at the end of the exchange.
 * Never a string: a key in hex or base64 is decoded octet by octet.
 */
import { createHmac } from 'node:crypto';

export function mac(hash: 'sha256', key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac(hash, key).update(data).digest();
}
