/** Secrets that this authority hands out: codes, refresh tokens, ids of requests. Known here by their SHA-256 only. */
import { randomBytes } from 'node:crypto';
import { sha256Base64url } from '@dauth/verify';

/** 256 random bits in base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a secret: with that many random bits, one hash says nothing about it. */
export function hashed(secret: string): string {
  return sha256Base64url(secret);
}
