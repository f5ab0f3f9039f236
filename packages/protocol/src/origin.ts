/**
 * Origins and resource URIs: strings compared byte for byte, so only their one serialized form is taken (§2).
 * Never resolved or dialled here. No IP literals at all: an address says nothing about who answers at it.
 */
import { DAuthError } from './errors.ts';

declare const brand: unique symbol;
/** `https://host[:port]` as the WHATWG URL standard serializes it. */
export type Origin = string & { readonly [brand]: 'Origin' };

const FORM = /^(https?):\/\/([a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A host whose last label is a number is an IPv4 address to every WHATWG parser ("ends in a number"). */
const NUMERIC = /^(?:[0-9]+|0x[0-9a-f]*)$/;

export interface OriginParts {
  readonly scheme: 'https' | 'http';
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

/** Takes an origin apart; `port` is the default one where none is written. */
export function originParts(origin: Origin): OriginParts {
  const [, scheme, host, written] = FORM.exec(origin) ?? [];
  if (scheme === undefined || host === undefined) throw malformed();
  const labels = host.split('.');
  if (!labels.every((label) => LABEL.test(label)) || NUMERIC.test(labels.at(-1)!)) throw malformed();
  const standard = scheme === 'https' ? 443 : 80;
  const port = written === undefined ? standard : Number(written);
  if (port > 65_535 || (written !== undefined && port === standard)) throw malformed();
  return { scheme: scheme as 'https' | 'http', host, port };
}

const RESOURCE = /^https?:\/\/[!-"$-;=?-Z\\[\]^_`a-z{|}~]{1,500}$/;

/**
 * Checks an issuer or a resource URI (RFC 8707 §2: absolute, no fragment). Compared byte for byte afterwards.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function parseResource(value: unknown): string {
  if (typeof value !== 'string' || !RESOURCE.test(value) || /^https?:\/\/[^/?]*@/.test(value)) {
    throw new DAuthError('INVALID_REQUEST', 'A resource must be an absolute https URI without userinfo or fragment.');
  }
  return value;
}

function malformed(): DAuthError {
  return new DAuthError(
    'INVALID_REQUEST',
    'An origin must be https://host[:port] in lowercase, without a path, a trailing dot, a default port or an IP address.',
  );
}
