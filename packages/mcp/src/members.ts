/**
 * Readers of single members of `AuthorizationConfig`: each returns the checked value or throws.
 * Never a default: what may be left out is said in config.ts.
 */
import {
  DAuthError,
  isObject,
  parseConnectionName,
  parseInjections,
  parseOrigin,
  parseSecureUrl,
} from '@dauth/protocol';
import type { ConnectionWish } from './config.ts';
import { readServerKey, type ServerKey } from './key.ts';

/** This server's registration, with its key ready to sign. */
export type ServerClient = ServerKey & { readonly clientId: string };

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
/** Claims are compared by name only; whoever needs a space or a control in one has another problem. */
const CLAIM = /^[\x21-\x7e]{1,128}$/;

/** A path that every URL parser leaves as it is, and that can stand in a quoted string. */
export function isPlainPath(path: string): boolean {
  return (
    /^(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)+\/?$/.test(path) && new URL(`http://localhost${path}`).pathname === path
  );
}

export function parseOwnResource(value: unknown): string {
  const resource = parseSecureUrl(value);
  const { origin, pathname } = new URL(resource);
  const isPlain = resource === origin || resource === `${origin}/` || resource === `${origin}${pathname}`;
  if (!isPlain || (pathname !== '/' && !isPlainPath(pathname)))
    throw new DAuthError(
      'INVALID_REQUEST',
      'It is written without escapes or a query, which other readers would write in another way.',
    );
  return resource;
}

/** A room of DAuth: an origin. */
export function parseBase(value: unknown): string {
  const url = parseSecureUrl(value);
  if (new URL(url).origin !== url)
    throw new DAuthError('INVALID_REQUEST', 'It is an origin, without a path or a trailing slash.');
  return url;
}

/** Exactly one issuer: an origin where it is DAuth's, any issuer of RFC 8414 §2 where it is not. */
export function parseIssuers(value: unknown, isDauth: boolean): string {
  if (!Array.isArray(value) || value.length !== 1) throw new TypeError();
  const [issuer] = value as unknown[];
  if (isDauth) return parseBase(issuer);
  const url = parseSecureUrl(issuer);
  if (url.includes('?')) throw new DAuthError('INVALID_REQUEST', 'It has no query.');
  return url;
}

export function parseScopes(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((scope) => typeof scope === 'string' && SCOPE.test(scope)))
    throw new TypeError();
  return Object.freeze([...new Set(value as string[])]);
}

export function parseClaimNames(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string' && CLAIM.test(name)))
    throw new TypeError();
  return Object.freeze([...new Set(value as string[])]);
}

export function parseFlag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError();
  return value;
}

export function readTools(value: unknown): ReadonlyMap<string, readonly string[]> {
  if (!isObject(value)) throw new TypeError();
  return new Map(
    Object.entries(value).map(([tool, needs]) => {
      if (!isObject(needs) || Object.keys(needs).some((name) => name !== 'requiredScopes')) throw new TypeError();
      return [tool, parseScopes(needs.requiredScopes)];
    }),
  );
}

export function readWishes(value: unknown): Readonly<Record<string, ConnectionWish>> {
  if (!isObject(value)) throw new TypeError();
  for (const [name, wish] of Object.entries(value)) {
    parseConnectionName(name);
    if (
      !isObject(wish) ||
      Object.keys(wish).some((member) => !['purpose', 'origins', 'inject'].includes(member)) ||
      typeof wish.purpose !== 'string' ||
      !Array.isArray(wish.origins) ||
      wish.origins.length === 0
    )
      throw new TypeError();
    wish.origins.forEach(parseOrigin);
    parseInjections(wish.inject);
  }
  return value as Readonly<Record<string, ConnectionWish>>;
}

export function readServer(value: unknown): ServerClient {
  if (!isObject(value) || typeof value.clientId !== 'string' || value.clientId === '') throw new TypeError();
  return { clientId: value.clientId, ...readServerKey(value.key) };
}
