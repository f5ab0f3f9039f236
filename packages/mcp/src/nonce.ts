/**
 * Nonces of a protected server (RFC 9449 §9): a proof that carries one was signed after it was given out, so proofs cannot be
 * signed ahead by whoever has the key for a moment. Nothing is stored: a nonce is a time and its MAC.
 * Never asked for unless `deps.nonces` is there; never a replay check, which `jti` is.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { equalSecret } from '@dauth/verify';

/** Gives out nonces, and knows its own. */
export interface NonceSource {
  issue(): string;
  verify(nonce: string): boolean;
}

export interface HmacNonceOptions {
  /** At least 32 octets, the same for all processes behind one resource URI. Default: made up, for one process. */
  readonly key?: Uint8Array;
  /** Seconds after which another nonce is given out; one is good until the next but one. 5 to 300, default 60. */
  readonly seconds?: number;
  /** Unix seconds. */
  readonly now?: () => number;
}

const KEY_OCTETS = 32;

/**
 * Nonces that need no store.
 * @throws TypeError for a key or a time that is out of range
 * @example
 * protect(config, { nonces: hmacNonces() });
 */
export function hmacNonces(options: HmacNonceOptions = {}): NonceSource {
  const { key = randomBytes(KEY_OCTETS), seconds = 60, now = () => Math.floor(Date.now() / 1_000) } = options;
  if (!(key instanceof Uint8Array) || key.length < KEY_OCTETS)
    throw new TypeError(`key must have at least ${KEY_OCTETS} octets`);
  if (!Number.isInteger(seconds) || seconds < 5 || seconds > 300)
    throw new TypeError('seconds must be a whole number from 5 to 300');
  const slot = () => Math.floor(now() / seconds);
  const nonceOf = (of: number) =>
    `${of}.${createHmac('sha256', key).update(`dauth-dpop-nonce.${seconds}.${of}`).digest('base64url')}`;
  return {
    issue: () => nonceOf(slot()),
    verify: (nonce) => [slot(), slot() - 1].some((of) => equalSecret(nonce, nonceOf(of))),
  };
}
