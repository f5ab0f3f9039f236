/**
 * The form of a token request: bounded, strictly decoded, each parameter at most once (RFC 6749 §3.2, appendix B).
 * Never lenient about a spelling: two readers of one form must not read two requests.
 */
import { DAuthError, decodeUtf8, LIMITS } from '@dauth/protocol';
import { mediaType, readBody, type HttpContext } from '../http.ts';
import { OAuthError } from './errors.ts';

/** Parsed parameters; a null prototype, so a name cannot reach `Object.prototype`. */
export type Form = Readonly<Record<string, string | undefined>>;

/** More than any grant here takes. */
const MAX_PARAMETERS = 32;

/** @throws OAuthError `invalid_request` */
export async function readForm(c: HttpContext): Promise<Form> {
  if (mediaType(c) !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', 'Send the token request as application/x-www-form-urlencoded.');
  }
  return parseForm(await readBody(c, LIMITS.jsonBody));
}

export function parseForm(body: Uint8Array): Form {
  const form = Object.create(null) as Record<string, string>;
  const seen = new Set<string>();
  const pairs = text(body).split('&', MAX_PARAMETERS + 1);
  if (pairs.length > MAX_PARAMETERS) throw malformed('The token request has too many parameters.');
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    if (seen.has(name)) throw malformed('A parameter of the token request is given twice.');
    seen.add(name);
    // RFC 6749 §3.2: a parameter without a value is as good as absent.
    if (value !== '') form[name] = value;
  }
  return form;
}

/** A parameter that must be there. */
export function need(form: Form, name: string): string {
  const value = form[name];
  if (value === undefined) throw malformed(`The token request needs the parameter "${name}".`);
  return value;
}

function text(body: Uint8Array): string {
  try {
    return decodeUtf8(body);
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
    throw malformed();
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed();
  }
}

function malformed(description = 'The form of the token request is not well-formed.'): OAuthError {
  return new OAuthError('invalid_request', description);
}
