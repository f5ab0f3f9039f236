/**
 * Step 1 of a dispatch: size and shape of the HTTP request, from the raw headers and the raw target.
 * Never reads a body, and never picks one of two: what two readers could read differently is refused.
 */
import type { IncomingMessage } from 'node:http';
import { DAuthError, HEADER, parseMethod, type Method } from '@dauth/protocol';
import { shapeHandshake, type CallerHandshake } from './handshake.ts';

/** Octets of all headers: a token of 32 KiB, a proof of 8 KiB and an ordinary request. Node answers 431 beyond. */
export const MAX_HEADER_BYTES = 65_536;
const MAX_HEADERS = 128;
const MAX_TARGET = 8_192;

/** Headers of which a second one would be somebody else's truth (RFC 9110 §5.3, RFC 9112 §6.3, RFC 9449 §4.3 step 1). */
const ONCE =
  /^(?:authorization|dpop|host|content-length|content-type|transfer-encoding|upgrade|sec-websocket-(?:key|version)|dauth-.*)$/;
/** Visible ASCII without what no request target has (RFC 3986 §2): a fragment, quotes, angle brackets. */
const TARGET = /^\/[!$-;=?-~]*$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A request whose line and headers have one meaning. */
export interface ShapedRequest {
  readonly method: Method;
  /** Raw path before `?`. */
  readonly path: string;
  /** `?` and what follows, or nothing. */
  readonly query: string;
  readonly rawHeaders: readonly string[];
  /** Lowercase names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Where the caller asks for a WebSocket. */
  readonly webSocket?: CallerHandshake;
}

/**
 * @param isUpgrade whether its connection was left to us for it
 * @throws DAuthError `INVALID_REQUEST`, `METHOD_NOT_ALLOWED`, `PAYLOAD_TOO_LARGE`
 */
export function shapeRequest(request: IncomingMessage, isUpgrade: boolean): ShapedRequest {
  // HTTP/1.0 ends a body by closing, so a failure after the head would look like a normal end.
  if (request.httpVersion !== '1.1') throw invalid('The request must be HTTP/1.1.');
  const { rawHeaders, url = '' } = request;
  if (url.length > MAX_TARGET) throw new DAuthError('PAYLOAD_TOO_LARGE', 'The request target is larger than allowed.');
  if (!TARGET.test(url))
    throw invalid('The request target must be a path and a query of visible ASCII; no absolute form.');
  if (rawHeaders.length > 2 * MAX_HEADERS) throw invalid('The request has too many headers.');
  const cut = url.indexOf('?');
  const method = shapeMethod(request.method);
  const headers = shapeHeaders(rawHeaders);
  if (!isUpgrade && headers.some(([name]) => name === 'upgrade')) throw invalid('The connection cannot be upgraded.');
  return {
    method,
    path: cut < 0 ? url : url.slice(0, cut),
    query: cut < 0 ? '' : url.slice(cut),
    rawHeaders,
    headers,
    ...(isUpgrade ? { webSocket: shapeHandshake(method, headers) } : {}),
  };
}

function shapeMethod(method: string | undefined): Method {
  try {
    return parseMethod(method);
  } catch (cause) {
    throw new DAuthError('METHOD_NOT_ALLOWED', undefined, { cause });
  }
}

function shapeHeaders(rawHeaders: readonly string[]): ShapedRequest['headers'] {
  const seen = new Set<string>();
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!;
    if (!TOKEN.test(name) || !VALUE.test(value)) throw invalid('A header has characters that cannot be sent.');
    if (seen.has(name) && ONCE.test(name)) throw invalid('A header that may stand once stands twice.');
    seen.add(name);
    headers.push([name, value]);
  }
  if (!seen.has('host')) throw invalid('The request has no Host header.');
  return headers;
}

/** The caller's own choice of origin, where it made one. */
export function originHeader(headers: ShapedRequest['headers']): string | undefined {
  return headers.find(([name]) => name === HEADER.origin)?.[1];
}

function invalid(detail: string): DAuthError {
  return new DAuthError('INVALID_REQUEST', detail);
}
