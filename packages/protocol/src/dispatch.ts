/**
 * The words of a dispatch (§5): the buffered request, header names, and which headers are whose.
 * Never decides: the executor's numbered steps do, with these tables.
 */
import { decodeBase64url } from './base64url.ts';
import { parseHandle, type ConnectionHandle } from './handle.ts';
import { isObject } from './json.ts';
import { parseMethod, type Method } from './method.ts';
import { parseOrigin, type Origin } from './origin.ts';
import { exactObject, integer, refuse, text } from './shape.ts';
import { encodeUtf8 } from './utf8.ts';

/** Our own header names, lowercase. */
export const HEADER = Object.freeze({
  origin: 'dauth-origin',
  upstream: 'dauth-upstream',
  error: 'dauth-error',
  receipt: 'dauth-receipt',
  requestId: 'dauth-request-id',
  upstreamChallenge: 'dauth-upstream-www-authenticate',
  executorProof: 'dauth-executor-proof',
  /** `withheld` on the answer of a login that says no in a body that may hold a credential (§2.8). */
  body: 'dauth-body',
});

const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/**
 * A header name as CGI and its heirs (RFC 3875 §4.1.18; WSGI, PHP, Rack) read it: there `_` and `-` are one character, so
 * `content_length` may be taken for `content-length`. Every comparison of a name with a table goes through here.
 */
export function canonicalHeaderName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/**
 * Caller's headers that are consumed here and never forwarded: its own credentials, routing and framing, and what is the
 * executor's own. `proxy-*`, `forwarded`, `x-forwarded*`, `sec-websocket-*` and `dauth-*` go too (`isConsumed`).
 */
const CONSUMED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...['authorization', 'dpop', 'cookie', 'host', 'content-length', 'expect', 'forwarded', 'via'],
  ...['range', 'if-range', 'accept-encoding'],
]);

/** Whether a caller's request header stays in the executor. */
export function isConsumed(name: string): boolean {
  const canonical = canonicalHeaderName(name);
  return CONSUMED.has(canonical) || /^(?:proxy-|x-forwarded(?:-|$)|sec-websocket-|dauth-)/.test(canonical);
}

/** Whether a header asks an upstream to act as if another method had been sent. */
export function isMethodOverride(name: string): boolean {
  return /^x-(?:http-)?(?:original-)?method(?:-override)?$/.test(canonicalHeaderName(name));
}

/** Whether a field of a form, a query or JSON does: `_method`, in any spelling that a server may decode to it. */
export function isOverrideField(name: string): boolean {
  const decoded = name.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return /^[\s+.[\]]*[_. ]method\b/i.test(decoded) || isMethodOverride(decoded);
}

/**
 * Whether a header asks an upstream to act as if another path or host had been asked for (IIS, Symfony, nginx habits), or on
 * another one too: object stores copy from `x-amz-copy-source` and its like, WebDAV to `destination` (RFC 4918 §10.3).
 */
export function isPathOverride(name: string): boolean {
  return /^(?:destination|x-(?:(?:http-)?(?:original|rewrite|override)-(?:url|uri|path|host)|(?:http-)?(?:url|uri|path|host)-override|host|[a-z]+-(?:copy|rename)-source))$/.test(
    canonicalHeaderName(name),
  );
}

const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...[
    'set-cookie',
    'set-cookie2',
    'clear-site-data',
    'dpop-nonce',
    'proxy-authenticate',
    'content-length',
    'content-encoding',
  ],
]);

/** Whether an upstream's response header ends here. `www-authenticate` is renamed instead (`HEADER.upstreamChallenge`). */
export function isDropped(name: string): boolean {
  return DROPPED.has(name) || name.startsWith('dauth-');
}

/** One call in the buffered form, in the original service's member names. */
export interface BufferedDispatch {
  readonly handle: ConnectionHandle;
  readonly method: Method;
  /** Path and query exactly as they go upstream. */
  readonly path: string;
  readonly origin?: Origin;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  /** Set where `body` was given as a JSON value rather than as text or octets. */
  readonly bodyIsJson: boolean;
  readonly timeoutMs?: number;
}

const MAX_HEADERS = 64;
const MAX_TARGET = 8_192;
const MAX_TIMEOUT_MS = 600_000;

/** Parses the JSON body of `POST /dispatch`. @throws DAuthError `INVALID_REQUEST` */
export function parseBufferedDispatch(value: unknown): BufferedDispatch {
  const call = exactObject(value, 'A dispatch', ['connection_handle', 'request']);
  const request = exactObject(
    call.request,
    '"request"',
    ['method', 'path'],
    ['body', 'body_base64', 'headers', 'timeout_ms', 'origin'],
  );
  const isJson = request.body !== undefined && request.body !== null && typeof request.body !== 'string';
  return Object.freeze({
    handle: parseHandle(call.connection_handle),
    method: parseMethod(request.method),
    path: text(request.path, '"path"', MAX_TARGET),
    ...(request.origin === undefined ? {} : { origin: parseOrigin(request.origin) }),
    headers: parseHeaders(request.headers),
    body: parseBody(request.body, request.body_base64),
    bodyIsJson: isJson,
    ...(request.timeout_ms === undefined
      ? {}
      : { timeoutMs: integer(request.timeout_ms, '"timeout_ms"', 1, MAX_TIMEOUT_MS) }),
  });
}

function parseBody(body: unknown, base64: unknown): Uint8Array | null {
  if (base64 !== undefined) {
    if (body !== undefined || typeof base64 !== 'string')
      refuse('Give "body" or "body_base64", the latter as a string.');
    return decodeBase64url(
      base64
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replace(/={1,2}$/, ''),
    );
  }
  if (body === undefined || body === null) return null;
  return encodeUtf8(typeof body === 'string' ? body : JSON.stringify(body));
}

function parseHeaders(value: unknown): BufferedDispatch['headers'] {
  if (value === undefined) return [];
  if (!isObject(value)) refuse('"headers" must be an object of strings.');
  const entries = Object.entries(value);
  if (entries.length > MAX_HEADERS) refuse(`"headers" has more than ${MAX_HEADERS} entries.`);
  return entries.map(([name, content]) => {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(name)) refuse('A header name is not an HTTP token.');
    if (typeof content !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(content))
      refuse('A header value has characters that cannot be sent.');
    return [name.toLowerCase(), content.trim()] as const;
  });
}
