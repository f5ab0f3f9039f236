/**
 * What a connection of the scheme `oauth2` holds (§2.6): a refresh token, the code of a person's yes that nobody has redeemed
 * yet, or an access token that came without a refresh token. Octets in place, told apart by the first one.
 * Never made into a string, and never more than a view into the plaintext but where it says so.
 */
import { DAuthError, GRANT, refreshField, tokenSchemeOf, type Injection, type OAuth2 } from '@dauth/protocol';
import { readFields } from './fields.ts';
import type { Fields } from './fill.ts';
import { isDigit } from './json-walk.ts';
import { keepToken, type KeptToken } from './kept-token.ts';
import { ownedConcat, placeOf } from './memory.ts';
import type { Plaintext } from './plaintext.ts';

/** Views into the plaintext. */
export type Grant =
  | { readonly kind: 'refresh'; readonly token: Buffer }
  | { readonly kind: 'code'; readonly code: Buffer; readonly verifier: Buffer }
  /** `endsAt` in Unix seconds; null where nobody said when. */
  | { readonly kind: 'access'; readonly token: Buffer; readonly endsAt: number | null };

/** What of it may leave the opening. */
export type HeldGrant =
  | { readonly kind: 'refresh' | 'code' }
  | { readonly kind: 'access'; readonly token: KeptToken; readonly endsAt: number | null };

const SPACE = 0x20;
/** RFC 7636 §4.1. */
const VERIFIER = { least: 43, most: 128 };
/** Of Unix seconds; more are no time. */
const DIGITS = 15;

/** @throws DAuthError `DECRYPTION_FAILED` for a layout that no client of ours seals */
export function readGrant(scheme: OAuth2, fields: Fields): Grant {
  const value = fields.get(refreshField(scheme))!;
  if (scheme.redirect_uri === undefined || value[0]! >= SPACE) return { kind: 'refresh', token: value };
  const space = placeOf(value, SPACE);
  const [first, second] = [value.subarray(1, space), value.subarray(space + 1)];
  if (space < 0 || second.length === 0) throw new DAuthError('DECRYPTION_FAILED');
  if (value[0] === GRANT.code && first.length >= VERIFIER.least && first.length <= VERIFIER.most)
    return { kind: 'code', code: second, verifier: first };
  if (value[0] !== GRANT.access || first.length === 0 || first.length > DIGITS || !first.every(isDigit))
    throw new DAuthError('DECRYPTION_FAILED');
  const endsAt = first.reduce((sum, digit) => sum * 10 + (digit - 0x30), 0);
  return { kind: 'access', token: second, endsAt: endsAt === 0 ? null : endsAt };
}

/** Which of the three it is, and an access token as it is kept. Throws as `readGrant` does. */
export function lookAtGrant(plaintext: Plaintext, scheme: OAuth2): HeldGrant {
  return plaintext.lend((bytes) => {
    const grant = readGrant(scheme, readFields(bytes, new Set([refreshField(scheme)])));
    if (grant.kind !== 'access') return { kind: grant.kind };
    return { ...grant, token: keepToken(grant.token, plaintext) };
  });
}

/**
 * The field's value for an access token without a refresh token.
 * @param endsAt Unix seconds; null where nobody said when
 * @returns owned memory which the caller zeroes
 */
export function accessValue(token: Uint8Array, endsAt: number | null): Buffer {
  const second = Math.min(endsAt ?? 0, 10 ** DIGITS - 1);
  return ownedConcat(Buffer.from([GRANT.access]), Buffer.from(`${second} `, 'latin1'), token);
}

/** What an answer is searched for in the place of a field's value: the value itself, mostly. Views. */
export function searchedParts(injections: readonly Injection[], name: string, fields: Fields): readonly Buffer[] {
  const scheme = tokenSchemeOf(injections);
  if (scheme?.scheme !== 'oauth2' || name !== refreshField(scheme)) return [fields.get(name)!];
  const grant = readGrant(scheme, fields);
  return grant.kind === 'code' ? [grant.code, grant.verifier] : [grant.token];
}
