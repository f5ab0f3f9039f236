/**
 * Origins and resource URIs: strings compared byte for byte, so only their one serialized form is taken (§2).
 * Never resolved or dialled here. No IP literals at all: an address says nothing about who answers at it.
 */
import { isALabel } from './a-label.ts';
import { DAuthError } from './errors.ts';
import { isRequestPath } from './path.ts';

declare const brand: unique symbol;
/** `https://host[:port]` as the WHATWG URL standard serializes it, or `postgres://host[:port]` in the same spelling. */
export type Origin = string & { readonly [brand]: 'Origin' };

const FORM = /^(https?|postgres):\/\/([a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** What is left out where it is meant. */
const DEFAULT_PORTS: Readonly<Record<OriginParts['scheme'], number>> = { https: 443, http: 80, postgres: 5432 };
/** A host whose last label is a number is an IPv4 address to every WHATWG parser ("ends in a number"). */
const NUMERIC = /^(?:[0-9]+|0x[0-9a-f]*)$/;

export interface OriginParts {
  readonly scheme: 'https' | 'http' | 'postgres';
  readonly host: string;
  readonly port: number;
}

/**
 * Checks an origin. `http` is well-formed here, but only an executor started with its dangerous loopback switch dials it.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function parseOrigin(value: unknown): Origin {
  if (typeof value !== 'string') throw malformed();
  originParts(value as Origin);
  return value as Origin;
}

/** A label that says it is an A-label has to be one, or the origin has no WHATWG serialization and nobody can dial it. */
function isLabel(label: string): boolean {
  return LABEL.test(label) && (!label.startsWith('xn--') || isALabel(label));
}

/** Takes an origin apart; `port` is the default one where none is written. */
export function originParts(origin: Origin): OriginParts {
  const [, named, host, written] = FORM.exec(origin) ?? [];
  if (named === undefined || host === undefined) throw malformed();
  const scheme = named as OriginParts['scheme'];
  const labels = host.split('.');
  if (!labels.every(isLabel) || NUMERIC.test(labels.at(-1)!) || !isPort(written, scheme)) throw malformed();
  return { scheme, host, port: written === undefined ? DEFAULT_PORTS[scheme] : Number(written) };
}

const RESOURCE = /^(https?):\/\/([^/?]{1,260})(\/[^?]*)?(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)?$/;
const MAX_RESOURCE = 512;
/** Four decimal octets without leading zeros, or the one IPv6 address whose spelling needs no rules: loopback. */
const ADDRESS = /^(?:(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})|\[::1\])(?::([1-9][0-9]{0,4}))?$/;

/**
 * Checks an issuer or a resource URI (RFC 8707 §2: absolute, no fragment). Compared byte for byte afterwards, so only one
 * spelling is taken: a lowercase host, no default port, and a path that no parser would shorten.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function parseResource(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_RESOURCE) throw malformedResource();
  const [, scheme, authority, path, query] = RESOURCE.exec(value) ?? [];
  if (scheme === undefined || authority === undefined) throw malformedResource();
  if (!isAddress(scheme, authority)) assertAuthority(`${scheme}://${authority}`);
  if (path !== undefined && !isRequestPath(path)) throw malformedResource();
  if (query !== undefined && /%(?![0-9A-Fa-f]{2})/.test(query)) throw malformedResource();
  return value;
}

/** The authority of a URL on this machine itself: a name or an address that never leaves it. */
const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.[0-9]{1,3}){3})(?::|$)/;

/** A resource that secrets and tokens may travel to: https, or http on a loopback address. @throws DAuthError `INVALID_REQUEST` */
export function parseSecureUrl(value: unknown): string {
  const resource = parseResource(value);
  const [, scheme, authority] = RESOURCE.exec(resource) ?? [];
  if (scheme === 'http' && !LOOPBACK.test(authority ?? ''))
    throw new DAuthError('INVALID_REQUEST', 'Plain http is only for a loopback address.');
  return resource;
}

/** Operators' own parts may stand at an address (a loopback of one machine); an origin never does. */
function isAddress(scheme: string, authority: string): boolean {
  const found = ADDRESS.exec(authority);
  if (found === null) return false;
  const octets = authority.startsWith('[') ? [] : authority.split(':', 1)[0]!.split('.');
  return octets.every((octet) => Number(octet) <= 255) && isPort(found[1], scheme as 'https' | 'http');
}

function assertAuthority(origin: string): void {
  try {
    originParts(origin as Origin);
  } catch (cause) {
    throw malformedResource(cause);
  }
}

function isPort(written: string | undefined, scheme: OriginParts['scheme']): boolean {
  return written === undefined || (Number(written) <= 65_535 && Number(written) !== DEFAULT_PORTS[scheme]);
}

function malformedResource(cause?: unknown): DAuthError {
  return new DAuthError(
    'INVALID_REQUEST',
    'A resource must be an absolute https URI in its plain form: a lowercase host, no default port, no dot segments, no userinfo, no fragment.',
    { cause },
  );
}

function malformed(): DAuthError {
  return new DAuthError(
    'INVALID_REQUEST',
    'An origin must be https://host[:port] (or postgres://host[:port]) in lowercase, without a path, a trailing dot, a default port or an IP address.',
  );
}
