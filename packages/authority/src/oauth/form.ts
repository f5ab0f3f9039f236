/**
 * The form of a token or authorization request: bounded, strictly decoded, each parameter at most once (RFC 6749 §3.1, §3.2,
 * appendix B).
 * Never lenient about a spelling: two readers of one form must not read two requests.
 */
import { DAuthError, decodeUtf8, LIMITS } from '@dauth/protocol';
import { mediaType, readBody, type HttpContext } from '../http.ts';
import { OAuthError } from './errors.ts';

/** Parsed parameters; a null prototype, so a name cannot reach `Object.prototype`. */
export type Form = Readonly<Record<string, string | undefined>>;

/** More than any grant here takes. */
const MAX_PARAMETERS = 32;

/** What is read, as its refusals call it. */
type What = 'token request' | 'authorization request';

/** @throws OAuthError `invalid_request` */
export async function readForm(c: HttpContext, what: What = 'token request'): Promise<Form> {
  if (mediaType(c) !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', `Send the ${what} as application/x-www-form-urlencoded.`);
  }
  return parseForm(await readBody(c, LIMITS.jsonBody), what);
}

export function parseForm(body: Uint8Array, what: What = 'token request', most = MAX_PARAMETERS): Form {
  const form = Object.create(null) as Record<string, string>;
  const seen = new Set<string>();
  const pairs = text(body, what).split('&', most + 1);
  if (pairs.length > most) throw malformed(`The ${what} has too many parameters.`);
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals), what);
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1), what);
    if (seen.has(name)) throw malformed(`A parameter of the ${what} is given twice.`);
    seen.add(name);
    // RFC 6749 §3.2: a parameter without a value is as good as absent.
    if (value !== '') form[name] = value;
  }
  return form;
}

/** A parameter that must be there. */
export function need(form: Form, name: string, what: What = 'token request'): string {
  const value = form[name];
  if (value === undefined) throw malformed(`The ${what} needs the parameter "${name}".`);
  return value;
}

/** The resource of a token: RFC 8707 §2 has one code for a missing and for an unknown one. @throws OAuthError `invalid_target` */
export function needResource({ resource }: Form): string {
  if (resource === undefined)
    throw new OAuthError('invalid_target', 'The token request needs the parameter "resource".');
  return resource;
}

function text(body: Uint8Array, what: What): string {
  try {
    return decodeUtf8(body);
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
    throw illFormed(what);
  }
}

function decode(text: string, what: What): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw illFormed(what);
  }
}

function illFormed(what: What): OAuthError {
  return malformed(`The form of the ${what} is not well-formed.`);
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
