/** The form of a token request: bounded, each parameter at most once (RFC 6749 §3.2), none of them unknown to us. */
import { decodeUtf8, LIMITS } from '@dauth/protocol';
import { readBody, type HttpContext } from '../http.ts';
import { OAuthError } from './errors.ts';

/** Parsed parameters; a null prototype, so a name cannot reach `Object.prototype`. */
export type Form = Readonly<Record<string, string | undefined>>;

export async function readForm(c: HttpContext): Promise<Form> {
  const type = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', 'Send the token request as application/x-www-form-urlencoded.');
  }
  const form = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(decodeUtf8(await readBody(c, LIMITS.jsonBody)))) {
    if (name in form) throw new OAuthError('invalid_request', 'A parameter of the token request is given twice.');
    if (value !== '') form[name] = value;
  }
  return form;
}

/** A parameter that must be there. */
export function need(form: Form, name: string): string {
  const value = form[name];
  if (value === undefined) throw new OAuthError('invalid_request', `The token request needs the parameter "${name}".`);
  return value;
}
