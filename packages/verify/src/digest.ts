/** SHA-256 and constant-time comparison on `node:crypto`. Never a keyed operation: this package holds no key of its own. */
import { hash, timingSafeEqual } from 'node:crypto';
import { thumbprintInput, type PublicJwk } from '@dauth/protocol';

/** SHA-256 of bytes, or of a string's UTF-8. 32 octets. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', data, 'buffer'));
}

/** SHA-256 as 43 characters of base64url: `ath` (RFC 9449 §4.2), `sha256` of a seal proof, thumbprints. */
export function sha256Base64url(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url');
}

/** The RFC 7638 SHA-256 thumbprint of a public key: `jkt`, `kid`, an executor's identity. */
export function thumbprint(jwk: PublicJwk): string {
  return sha256Base64url(thumbprintInput(jwk));
}

/** Compares two texts in time that depends on their lengths only. */
export function equalSecret(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}
