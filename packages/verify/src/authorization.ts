/**
 * The `Authorization` and `DPoP` headers of a request: each at most once, in one exact form.
 * Never picks one of several: two readers of one request would pick different ones (RFC 9110 §5.3, RFC 9449 §4.3 step 1).
 * Never reads a token from a query or a body (RFC 6750 §2.2–2.3).
 */
import { DAuthError, LIMITS } from '@dauth/protocol';

/** `IncomingMessage.rawHeaders` (name, value, name, value …), or anything with the `get` of Web `Headers`. */
export type RequestHeaders = readonly string[] | { get(name: string): string | null };

export interface Authorization {
  readonly scheme: 'DPoP' | 'Bearer';
  readonly token: string;
  /** The `DPoP` header, present for scheme `DPoP`; not verified here. */
  readonly proof?: string;
}

/** RFC 9110 §11.4: scheme, one space, token68. No comma can stand in it, so Web `Headers`' joined duplicates never match. */
const CREDENTIALS = /^([A-Za-z]+) ([A-Za-z0-9._~+/-]+=*)$/;
const PROOF = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Reads who is asking.
 * @throws DAuthError `UNAUTHENTICATED` where a header is missing, doubled or malformed, or the scheme is another one
 */
export function readAuthorization(headers: RequestHeaders): Authorization {
  const value = readOnce(headers, 'authorization', LIMITS.token);
  if (value === undefined) throw new DAuthError('UNAUTHENTICATED', 'The request has no Authorization header.');
  const [, scheme, token] = CREDENTIALS.exec(value) ?? [];
  if (scheme === undefined || token === undefined) {
    throw new DAuthError(
      'UNAUTHENTICATED',
      'The Authorization header must be "DPoP" or "Bearer", one space and one token.',
    );
  }
  const proof = readProof(headers);
  switch (scheme.toLowerCase()) {
    case 'dpop':
      if (proof === undefined)
        throw new DAuthError('UNAUTHENTICATED', 'The request has no DPoP header. Sign a proof for it.');
      return { scheme: 'DPoP', token, proof };
    case 'bearer':
      return { scheme: 'Bearer', token, ...(proof === undefined ? {} : { proof }) };
    default:
      throw new DAuthError(
        'UNAUTHENTICATED',
        'The Authorization header has a scheme that is not taken here. Use DPoP.',
      );
  }
}

/**
 * Reads the `DPoP` header alone, as a token request has it.
 * @returns `undefined` where there is none
 * @throws DAuthError `UNAUTHENTICATED` where it is doubled or malformed
 */
export function readProof(headers: RequestHeaders): string | undefined {
  const value = readOnce(headers, 'dpop', LIMITS.proof);
  if (value !== undefined && !PROOF.test(value))
    throw new DAuthError('UNAUTHENTICATED', 'The DPoP header must be exactly one compact JWS.');
  return value;
}

function readOnce(headers: RequestHeaders, name: string, maxLength: number): string | undefined {
  const values = isRaw(headers) ? rawValues(headers, name) : webValues(headers, name);
  const [value] = values;
  if (values.length > 1)
    throw new DAuthError('UNAUTHENTICATED', `The request has more than one ${title(name)} header.`);
  if (value !== undefined && value.length > maxLength)
    throw new DAuthError('UNAUTHENTICATED', `The ${title(name)} header is larger than allowed.`);
  return value;
}

function isRaw(headers: RequestHeaders): headers is readonly string[] {
  return Array.isArray(headers);
}

function rawValues(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]!.toLowerCase() === name);
}

/** Web `Headers` join duplicates by `, `; none of our values can hold a comma, so one means two headers. */
function webValues(headers: { get(name: string): string | null }, name: string): string[] {
  const value = headers.get(name);
  if (value === null) return [];
  return value.includes(',') ? value.split(',') : [value];
}

function title(name: string): string {
  return name === 'dpop' ? 'DPoP' : 'Authorization';
}
