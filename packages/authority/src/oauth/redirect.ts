/**
 * Where a browser is sent back to: a registered URI octet for octet (RFC 9700 §2.1, OAuth 2.1 §4.1.1), and of a loopback
 * one any port (RFC 8252 §7.3). Never a redirect to anything a request alone names.
 */
import type { Client } from '../store/registry.ts';
import type { OAuthError } from './errors.ts';

/** A registered URI of this machine itself: what stands before and after its port. */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]{1,5}))?([/?].*)?$/s;
const MAX_PORT = 65_535;

/** The redirect URI of a request, or undefined where it is not one of the client's. */
export function settleRedirect({ redirect_uris }: Client, asked: string | undefined): string | undefined {
  // RFC 6749 §3.1.2.3: it may be left out where only one can be meant; a loopback one without its port is not meant.
  if (asked === undefined) return redirect_uris.length === 1 ? redirect_uris[0] : undefined;
  return redirect_uris.some((registered) => isSame(registered, asked)) ? asked : undefined;
}

function isSame(registered: string, asked: string): boolean {
  if (registered === asked) return true;
  const [one, other] = [LOOPBACK.exec(registered), LOOPBACK.exec(asked)];
  if (one === null || other === null) return false;
  const port = Number(other[2] ?? 80);
  return one[1] === other[1] && one[3] === other[3] && port >= 1 && port <= MAX_PORT;
}

/** Whether a redirect URI leads to this machine, or to whichever app took its scheme: nobody can say which (RFC 8252 §8.6). */
export function isLocal(redirectUri: string): boolean {
  if (!redirectUri.startsWith('https://')) return true;
  const { hostname } = new URL(redirectUri);
  return hostname === '[::1]' || /(?:^|\.)localhost\.?$/.test(hostname) || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

/** What every authorization response says beside its own (RFC 6749 §4.1.2, RFC 9207). */
export interface Returning {
  readonly redirect_uri: string;
  readonly state: string | null;
}

/** The URL an authorization response is: `iss` always, `state` as it came. */
export function responseUrl(to: Returning, issuer: string, parameters: Readonly<Record<string, string>>): string {
  const all = { ...parameters, ...(to.state === null ? {} : { state: to.state }), iss: issuer };
  return `${to.redirect_uri}${to.redirect_uri.includes('?') ? '&' : '?'}${new URLSearchParams(all).toString()}`;
}

/** RFC 6749 §4.1.2.1, which has no quotation mark in a description. */
export function errorUrl(to: Returning, issuer: string, { code, description }: OAuthError): string {
  return responseUrl(to, issuer, { error: code, error_description: description.replaceAll('"', "'") });
}
