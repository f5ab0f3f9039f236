/**
 * The edge between HTTP and the rooms behind it: sizes, duplicate headers, JSON, request ids, problem documents.
 * Never lets an unknown error speak: what is not ours becomes `INTERNAL` and a log line.
 */
import { randomUUID } from 'node:crypto';
import { asDAuthError, DAuthError, decodeUtf8, HEADER, LIMITS, parseJson, problemDocument } from '@dauth/protocol';
import type { RequestHeaders } from '@dauth/verify';
import type { Context, Hono } from 'hono';
import type { Log } from './log.ts';

/** Per-request values; `incoming` is node's own message when served over a socket. */
export interface HttpEnv {
  Bindings: { readonly incoming?: { readonly rawHeaders: readonly string[] } };
  Variables: { requestId: string };
}
export type HttpContext = Context<HttpEnv>;

/** Gives every answer a request id, security headers and one shape of error. */
export function installEdge(app: Hono<HttpEnv>, log: Log): void {
  app.use(async (c, next) => {
    c.set('requestId', randomUUID());
    await next();
    c.header(HEADER.requestId, c.get('requestId'));
    c.header('x-content-type-options', 'nosniff');
    c.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    c.header('referrer-policy', 'no-referrer');
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
  });
  app.notFound((c) => problem(c, new DAuthError('NOT_FOUND')));
  app.onError((error, c) => {
    const known = asDAuthError(error);
    if (known.code === 'INTERNAL') log({ event: 'internal_error', request_id: c.get('requestId'), name: error.name });
    return problem(c, known);
  });
}

export function problem(c: HttpContext, error: DAuthError): Response {
  c.header('content-type', 'application/problem+json');
  if (error.status === 401) c.header('www-authenticate', 'DPoP algs="ES256 Ed25519 EdDSA"');
  return c.body(JSON.stringify(problemDocument(error, c.get('requestId'))), error.status as 400);
}

/** Headers as they stood on the wire, where there was one: only there are duplicates visible. */
export function rawHeaders(c: HttpContext): RequestHeaders {
  return (c.env as HttpEnv['Bindings'] | undefined)?.incoming?.rawHeaders ?? c.req.raw.headers;
}

/** Reads a body within a bound, counted while it comes in. @throws DAuthError `PAYLOAD_TOO_LARGE` */
export async function readBody(c: HttpContext, maxOctets: number): Promise<Uint8Array> {
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > maxOctets) throw new DAuthError('PAYLOAD_TOO_LARGE');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxOctets) throw new DAuthError('PAYLOAD_TOO_LARGE');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a strict JSON body. @throws DAuthError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `INVALID_REQUEST` */
export async function readJson(c: HttpContext): Promise<unknown> {
  assertType(c, 'application/json');
  return parseJson(decodeUtf8(await readBody(c, LIMITS.jsonBody)), LIMITS.jsonBody);
}

/** Refuses any other media type; parameters such as charset are ignored. */
export function assertType(c: HttpContext, type: string): void {
  const given = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (given !== type) throw new DAuthError('UNSUPPORTED_MEDIA_TYPE', `Send this as ${type}.`);
}
