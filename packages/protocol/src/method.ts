/** HTTP methods as policy names them: uppercase tokens (RFC 9110 §9.1), never one that changes what a connection is. */
import { DAuthError } from './errors.ts';

declare const brand: unique symbol;
export type Method = string & { readonly [brand]: 'Method' };

const FORM = /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]{0,31}$/;
/** CONNECT turns the connection into a tunnel, TRACE echoes the credential back (RFC 9110 §9.3.6, §9.3.8). */
const REFUSED: readonly string[] = ['CONNECT', 'TRACE'];

/** @throws DAuthError `INVALID_REQUEST` */
export function parseMethod(value: unknown): Method {
  if (typeof value !== 'string' || !FORM.test(value) || value.includes('*') || REFUSED.includes(value)) {
    throw new DAuthError(
      'INVALID_REQUEST',
      'A method must be an uppercase HTTP method, and neither CONNECT nor TRACE.',
    );
  }
  return value as Method;
}
