/**
 * Who is signed in here: a random id in a cookie, its SHA-256 in the store, and the way to the sign-in page and back.
 * Never an id that was known before the sign-in (fixation), and never a session longer than its person's rights.
 */
import { randomBytes } from 'node:crypto';
import { sha256Base64url } from '@dauth/verify';
import type { Authority } from '../context.ts';
import type { HttpContext } from '../http.ts';
import { readCookie, writeCookie } from './cookie.ts';

export interface Session {
  readonly sub: string;
  readonly org: string;
  readonly name: string;
  readonly email: string | null;
  /** What every form of this session carries (page-form.ts). */
  readonly csrf: string;
  /** When the password was given, in Unix seconds. */
  readonly authTime: number;
}

const COOKIE = 'dauth-session';
const LIFE = 12 * 3_600;
const IDLE = 3_600;
/** A look at a page is written down at most this often, in seconds. */
const TOUCH = 60;

/** The live session of this browser. One that is over, or whose person or organisation was revoked, is none. */
export function sessionOf(authority: Authority, c: HttpContext): Session | undefined {
  const { store } = authority;
  const now = authority.now();
  const secret = readCookie(c, COOKIE);
  if (secret === undefined) return undefined;
  const id = sha256Base64url(secret);
  const stored = store.people.session(id);
  if (stored === undefined || stored.expires_at <= now || stored.seen_at + IDLE <= now) return undefined;
  const user = store.people.user(stored.sub);
  if (user === undefined || store.changes.isAnyRevoked({ owner: user.sub, org: user.org })) return undefined;
  if (stored.seen_at + TOUCH <= now) store.people.touchSession(id, now);
  const { sub, org, name, email } = user;
  return { sub, org, name, email, csrf: csrfOf(secret), authTime: stored.created_at };
}

/** Signs a person in here, under a fresh id; what this browser was before ends. */
export function openSession(authority: Authority, c: HttpContext, sub: string): void {
  const { store } = authority;
  const now = authority.now();
  const secret = randomBytes(32).toString('base64url');
  store.transaction(() => {
    store.people.dropEndedSessions(now, now - IDLE);
    forget(authority, c);
    const times = { created_at: now, seen_at: now, expires_at: now + LIFE };
    store.people.addSession(sha256Base64url(secret), { sub, ...times });
  });
  writeCookie(c, COOKIE, secret, LIFE);
}

export function closeSession(authority: Authority, c: HttpContext): void {
  forget(authority, c);
  writeCookie(c, COOKIE, '', 0);
}

function forget({ store }: Authority, c: HttpContext): void {
  const secret = readCookie(c, COOKIE);
  if (secret !== undefined) store.people.endSession(sha256Base64url(secret));
}

/** What a form has to carry. Made from the cookie, which no other site's page can read or set, so nothing is stored for it. */
export function csrfOf(secret: string): string {
  return sha256Base64url(`dauth form ${secret}`);
}

/** To the sign-in page, and from there back to `returnTo`. */
export function signInFirst(c: HttpContext, returnTo: string): Response {
  const next = localPath(c, returnTo) ?? '/account';
  return c.redirect(`/sign-in?next=${encodeURIComponent(next)}`, 303);
}

/** Visible ASCII after one slash, without a backslash: browsers read `//` and `/\` as the beginning of another host. */
const LOCAL = /^\/(?!\/)[\x21-\x5b\x5d-\x7e]{0,8191}$/;

/** A path of our own, or nothing: what comes in a parameter is whatever somebody put into a link. */
export function localPath(c: HttpContext, value: string | undefined): string | undefined {
  if (value === undefined || !LOCAL.test(value)) return undefined;
  const { issuer } = c.var;
  return URL.canParse(value, issuer) && new URL(value, issuer).origin === issuer ? value : undefined;
}
