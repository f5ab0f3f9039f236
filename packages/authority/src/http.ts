/**
 * The edge between HTTP and the rooms behind it: sizes, duplicate headers, JSON, request ids, problem documents.
 * Never lets an unknown error speak: what is not ours becomes `INTERNAL` and a log line.
 */
import { asDAuthError, DAuthError, decodeUtf8, HEADER, LIMITS, parseJson, problemDocument } from '@dauth/protocol';
import type { RequestHeaders } from '@dauth/verify';
import type { Context, Hono } from 'hono';
import { placeOf, type Log } from './log.ts';

/** Per-request values; `incoming` is node's own message when served over a socket. */
export interface HttpEnv {
  Bindings: {
    readonly incoming?: {
      readonly rawHeaders: readonly string[];
      readonly socket?: { readonly remoteAddress?: string | undefined };
    };
  };
  Variables: { requestId: string; issuer: string; formCookie?: string };
}
export type HttpContext = Context<HttpEnv>;

/** On every answer that does not say it more exactly itself. No CORS header is among them: no page of another origin has a use for this API. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
});
const HSTS = 'max-age=31536000';

/** The other side stopped sending: its doing, and no fault of ours to look into. */
export class BodyAborted extends DAuthError {
  constructor(cause: unknown) {
    super('INVALID_REQUEST', 'The body of the request ended before it was whole.', { cause });
    this.name = 'BodyAborted';
  }
}

export interface EdgeOptions {
  readonly log: Log;
  readonly newId: () => string;
  /** Public base URL; https brings Strict-Transport-Security (RFC 6797 §7.2: never over http). */
  readonly issuer: string;
  /** Told of each answer: the pattern that matched, and the status. */
  readonly answered?: (route: string, status: number) => void;
  /** What a person is shown where a program gets a problem document. */
  readonly refusalPage?: (c: HttpContext, error: DAuthError) => Response;
}

/** Gives every answer a request id, security headers and one shape of error. */
export function installEdge(app: Hono<HttpEnv>, options: EdgeOptions): void {
  const { log, newId, issuer, answered, refusalPage } = options;
  const refuse = (c: HttpContext, error: DAuthError): Response =>
    refusalPage !== undefined && isForPerson(c) ? refusalPage(c, error) : problem(c, error);
  app.use(async (c, next) => {
    c.set('requestId', newId());
    c.set('issuer', issuer);
    await next();
    // The answer's own headers: `c.header` would make a whole new answer of it for each of them.
    const { headers } = c.res;
    headers.set(HEADER.requestId, c.get('requestId'));
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value);
    if (issuer.startsWith('https:')) headers.set('strict-transport-security', HSTS);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    answered?.(c.req.routePath, c.res.status);
  });
  app.notFound((c) => {
    const methods = methodsAt(app, c.req.path);
    if (methods.length === 0) return refuse(c, new DAuthError('NOT_FOUND'));
    c.header('allow', methods.join(', '));
    return refuse(c, new DAuthError('METHOD_NOT_ALLOWED'));
  });
  app.onError((error, c) => {
    const known = asDAuthError(error);
    const { method, routePath: route } = c.req;
    const internal = known.code === 'INTERNAL' ? { name: error.name, at: placeOf(error) } : {};
    const event = error instanceof BodyAborted ? 'body_aborted' : 'refused';
    log({ event, code: known.code, method, route, request_id: c.get('requestId'), ...internal });
    return refuse(c, known);
  });
}

/** Methods for which this path has a handler (RFC 9110 §15.5.6 wants them in `Allow`). */
function methodsAt(app: Hono<HttpEnv>, path: string): string[] {
  const routes = app.routes.filter(({ method, path: pattern }) => method !== 'ALL' && fits(pattern, path));
  return [...new Set(routes.map((route) => route.method))].sort();
}

function fits(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith(':') || part === given[index]);
}

/** Browsers name `text/html` when a person goes somewhere, and programs ask for anything or for JSON. */
function isForPerson(c: HttpContext): boolean {
  return /(?:^|,)\s*text\/html\b/i.test(c.req.header('accept') ?? '');
}

export function problem(c: HttpContext, error: DAuthError): Response {
  c.header('content-type', 'application/problem+json');
  if (error.status === 401) c.header('www-authenticate', 'DPoP algs="ES256 Ed25519 EdDSA"');
  sayWhen(c, error);
  return c.body(JSON.stringify(problemDocument(error, c.get('requestId'))), error.status as 400);
}

/** When to try again, unless the refusal knew it more exactly. */
export function sayWhen(c: HttpContext, { status }: DAuthError): void {
  if (c.res.headers.has('retry-after')) return;
  if (status === 503) c.header('retry-after', '1');
  if (status === 429) c.header('retry-after', '60');
}

/** The request as Node's own server read it, where one did. */
export function incomingOf(c: HttpContext): HttpEnv['Bindings']['incoming'] | undefined {
  return (c.env as HttpEnv['Bindings'] | undefined)?.incoming;
}

/** Headers as they stood on the wire, where there was one: only there are duplicates visible. */
export function rawHeaders(c: HttpContext): RequestHeaders {
  return incomingOf(c)?.rawHeaders ?? c.req.raw.headers;
}

/**
 * Whose connection this is, for limits: an address, of IPv6 the network that one party is given. Behind a proxy it is the
 * proxy's, for what a header says about that is the caller's to choose.
 */
export function addressOf(c: HttpContext): string {
  const address = incomingOf(c)?.socket?.remoteAddress ?? '';
  return address.includes('.') ? address : address.split(':', 4).join(':');
}

/**
 * Where this request came in, for `htu`: the configured issuer and the path. `Host` is the caller's to choose and is
 * never read (RFC 9449 §4.3 step 9 behind a proxy).
 */
export function targetOf(c: HttpContext, issuer: string): string {
  return `${issuer}${new URL(c.req.url).pathname}`;
}

/** Reads a body within a bound, counted while it comes in. @throws DAuthError `PAYLOAD_TOO_LARGE`, BodyAborted */
export async function readBody(c: HttpContext, maxOctets: number): Promise<Uint8Array> {
  const declared = c.req.header('content-length');
  if (Number(declared ?? 0) > maxOctets) throw new DAuthError('PAYLOAD_TOO_LARGE');
  if (declared !== undefined && incomingOf(c) !== undefined) return readDeclared(c, maxOctets);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxOctets) throw new DAuthError('PAYLOAD_TOO_LARGE');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof DAuthError ? error : new BodyAborted(error);
  }
  return Buffer.concat(chunks);
}

/**
 * A body whose length stands in its head: Node itself reads that many octets and no more (RFC 9112 §6.3), and takes no request
 * that also says it comes in chunks. To make a stream of it costs more than to answer many a request.
 */
async function readDeclared(c: HttpContext, maxOctets: number): Promise<Uint8Array> {
  try {
    const body = new Uint8Array(await c.req.raw.arrayBuffer());
    if (body.length <= maxOctets) return body;
  } catch (error) {
    throw new BodyAborted(error);
  }
  throw new DAuthError('PAYLOAD_TOO_LARGE');
}

/** Reads a strict JSON body. @throws DAuthError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `INVALID_REQUEST` */
export async function readJson(c: HttpContext): Promise<unknown> {
  assertType(c, 'application/json');
  return parseJson(decodeUtf8(await readBody(c, LIMITS.jsonBody)), LIMITS.jsonBody);
}

/** Refuses any other media type; parameters such as charset are ignored. */
export function assertType(c: HttpContext, type: string): void {
  if (mediaType(c) !== type) throw new DAuthError('UNSUPPORTED_MEDIA_TYPE', `Send this as ${type}.`);
}

export function mediaType(c: HttpContext): string | undefined {
  return c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
}
