/**
 * Forms of our pages: sent from one of them by the person it was shown to, and nothing else (CSRF). Never a form that
 * another site, or another person's page, could have sent.
 */
import { randomBytes } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';
import { equalSecret } from '@dauth/verify';
import { assertType, readBody, type HttpContext } from '../http.ts';
import { OAuthError } from '../oauth/errors.ts';
import { parseForm, type Form } from '../oauth/form.ts';
import { readCookie, writeCookie } from './cookie.ts';
import { markup, type Html } from './html.ts';
import { csrfOf, type Session } from './session.ts';

/** Of a browser that nobody is signed in with; without it another site could sign a person in as somebody else. */
const COOKIE = 'dauth-form';
const MAX_FORM = 65_536;
/** More than any page has boxes. */
const MAX_FIELDS = 256;

/** The hidden field of every form. Before a sign-in it also sets the cookie the field is held against. */
export function csrfField(c: HttpContext, session: Pick<Session, 'csrf'> | null): Html {
  return markup`<input type="hidden" name="csrf" value="${session?.csrf ?? csrfOf(formCookie(c))}">`;
}

/**
 * Reads a form of a page, each parameter at most once.
 * @param session whom the page was shown to; null for the pages before a sign-in
 * @throws DAuthError `FORBIDDEN`, `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `INVALID_REQUEST`
 */
export async function readPageForm(c: HttpContext, session: Pick<Session, 'csrf'> | null): Promise<Form> {
  assertFromHere(c);
  assertType(c, 'application/x-www-form-urlencoded');
  const form = parse(await readBody(c, MAX_FORM));
  const cookie = readCookie(c, COOKIE);
  const wanted = session?.csrf ?? (cookie === undefined ? undefined : csrfOf(cookie));
  if (wanted === undefined || form.csrf === undefined || !equalSecret(form.csrf, wanted))
    throw new DAuthError('FORBIDDEN', 'This form is out of date. Go back, load the page again, and send it once more.');
  return form;
}

function assertFromHere(c: HttpContext): void {
  const origin = c.req.header('origin');
  // Every browser says where a POST comes from; one that leaves `Origin` out says at least whether it was here.
  const isFromHere = origin === undefined ? c.req.header('sec-fetch-site') === 'same-origin' : origin === c.var.issuer;
  if (isFromHere) return;
  throw new DAuthError('FORBIDDEN', `Forms are taken only from pages of ${c.var.issuer}. Open the page there.`);
}

function parse(body: Uint8Array): Form {
  try {
    return parseForm(body, undefined, MAX_FIELDS);
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause;
    throw new DAuthError('INVALID_REQUEST', 'The form is not well-formed.', { cause });
  }
}

function formCookie(c: HttpContext): string {
  const known = readCookie(c, COOKIE) ?? c.get('formCookie');
  if (known !== undefined) return known;
  const made = randomBytes(32).toString('base64url');
  writeCookie(c, COOKIE, made);
  // A page may have a second form; both are held against one cookie.
  c.set('formCookie', made);
  return made;
}
