/**
 * Our cookies: host-only, unreachable for scripts, sent along only when a person follows a link here or is here already.
 * Never without `Secure`, except where the issuer is http on loopback: there browsers keep no secure cookie.
 */
import { getCookie, setCookie } from 'hono/cookie';
import type { HttpContext } from '../http.ts';

/** 256 bits in base64url; anything else is none of ours. */
const VALUE = /^[A-Za-z0-9_-]{43}$/;

/** @param seconds its life; 0 drops it */
export function writeCookie(c: HttpContext, name: string, value: string, seconds?: number): void {
  const prefix = isSecure(c) ? ({ prefix: 'host', secure: true } as const) : {};
  const life = seconds === undefined ? {} : { maxAge: seconds };
  setCookie(c, name, value, { path: '/', httpOnly: true, sameSite: 'Lax', ...life, ...prefix });
}

export function readCookie(c: HttpContext, name: string): string | undefined {
  const value = isSecure(c) ? getCookie(c, name, 'host') : getCookie(c, name);
  return value !== undefined && VALUE.test(value) ? value : undefined;
}

function isSecure(c: HttpContext): boolean {
  return c.get('issuer').startsWith('https:');
}
