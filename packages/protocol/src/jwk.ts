/**
 * Public keys as JWK (RFC 7517, 7518, 8037): only the curves DAuth uses, only public members.
 * Never takes a private member, not even to ignore it: a private key that reached this far has already leaked.
 */
import { decodeBase64url } from './base64url.ts';
import { isObject } from './json.ts';
import { refuse } from './shape.ts';

export interface EcJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

export interface OkpJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519' | 'X25519';
  readonly x: string;
}

export type PublicJwk = EcJwk | OkpJwk;

/** Every member that holds private material in any registered key type. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const COORDINATE_OCTETS = 32;

/** Reads a public key; returns its required members only. @throws DAuthError `INVALID_REQUEST` */
export function parsePublicJwk(value: unknown): PublicJwk {
  if (!isObject(value)) refuse('A key must be a JWK object.');
  if (PRIVATE.some((name) => Object.hasOwn(value, name)))
    refuse('A key holds private members; send the public half only.');
  if (value.kty === 'EC' && value.crv === 'P-256') {
    return Object.freeze({ kty: 'EC', crv: 'P-256', x: coordinate(value.x), y: coordinate(value.y) });
  }
  if (value.kty === 'OKP' && (value.crv === 'Ed25519' || value.crv === 'X25519') && value.y === undefined) {
    return Object.freeze({ kty: 'OKP', crv: value.crv, x: coordinate(value.x) });
  }
  return refuse('A key must be of type EC P-256, OKP Ed25519 or OKP X25519.');
}

function coordinate(value: unknown): string {
  if (typeof value !== 'string' || value.length > 64 || decodeBase64url(value).length !== COORDINATE_OCTETS) {
    refuse('A key coordinate must be 32 octets in canonical base64url.');
  }
  return value;
}

/** The exact text whose SHA-256 is the key's thumbprint (RFC 7638 §3: required members, lexicographic, no spaces). */
export function thumbprintInput(jwk: PublicJwk): string {
  return jwk.kty === 'EC'
    ? `{"crv":"${jwk.crv}","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`
    : `{"crv":"${jwk.crv}","kty":"OKP","x":"${jwk.x}"}`;
}

/** A SHA-256 thumbprint or digest: 43 characters of canonical base64url. @throws DAuthError `INVALID_REQUEST` */
export function parseThumbprint(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length !== 43 || decodeBase64url(value).length !== 32) {
    refuse(`${what} must be a SHA-256 value in base64url (43 characters).`);
  }
  return value;
}
