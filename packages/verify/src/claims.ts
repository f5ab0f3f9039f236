/** Readers of single claims: each returns the typed value or refuses with the subject's code. Never a default for a missing one. */
import { type JsonObject } from '@dauth/protocol';
import { refuseSubject, type Subject } from './refuse.ts';

// oxlint-disable-next-line no-control-regex -- controls are what this finds
const CONTROL = /[\u0000-\u001f\u007f]/;
/** Printable ASCII without spaces: identifiers, never prose. */
const VISIBLE = /^[\x21-\x7e]+$/;

/** A string of 1 to `maxLength` characters without controls. */
export function claimText(claims: JsonObject, name: string, maxLength: number, subject: Subject): string {
  const value = claims[name];
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength || CONTROL.test(value)) {
    return refuseSubject(subject, `needs a usable "${name}" claim.`);
  }
  return value;
}

/** A string of 1 to `maxLength` visible ASCII characters: `jti`, `ath`. */
export function claimName(claims: JsonObject, name: string, maxLength: number, subject: Subject): string {
  const value = claimText(claims, name, maxLength, subject);
  if (!VISIBLE.test(value)) refuseSubject(subject, `needs a usable "${name}" claim.`);
  return value;
}

/** A NumericDate in whole seconds (RFC 7519 §2; fractions are refused, as everywhere in DAuth). */
export function claimTime(claims: JsonObject, name: string, subject: Subject): number {
  const value = claims[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    return refuseSubject(subject, `needs "${name}" in whole seconds.`);
  }
  return value;
}

/** Honours `exp` and `nbf` where an optional one is present (RFC 7519 §4.1.4–5). */
export function assertWithinValidity(claims: JsonObject, now: number, leeway: number, subject: Subject): void {
  if (claims.exp !== undefined && claimTime(claims, 'exp', subject) <= now - leeway)
    refuseSubject(subject, 'has expired.');
  if (claims.nbf !== undefined && claimTime(claims, 'nbf', subject) > now + leeway)
    refuseSubject(subject, 'is not valid yet.');
}
