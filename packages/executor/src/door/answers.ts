/**
 * The executor's own answers over HTTP: one place turns codes into statuses, headers and documents (RFC 9457).
 * Never a value that was sent, an upstream's text or a stack: code, sentence, request id.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HEADER, problemDocument, type DAuthError } from '@dauth/protocol';

/** Members of every own answer. */
const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** One request at the door, with what every answer to it needs. */
export interface Exchanged {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The connection, where the request asks to go on as something else, and what came behind it. */
  readonly upgrade?: { readonly socket: IncomingMessage['socket']; readonly early: Buffer };
}

/** Answers with a JSON text. */
export function answerJson(
  at: Exchanged,
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerText(at, status, 'application/json', json, headers);
}

export function answerText(
  at: Exchanged,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { response, requestId } = at;
  if (response.headersSent || response.destroyed) return;
  const content = Buffer.from(body, 'utf8');
  response.writeHead(status, {
    ...COMMON,
    'content-type': type,
    'content-length': content.length,
    [HEADER.requestId]: requestId,
    ...closing(at.request),
    // RFC 6455 §4.4: which version would have been understood.
    ...(at.upgrade === undefined ? {} : { 'sec-websocket-version': '13' }),
    ...headers,
  });
  response.end(at.request.method === 'HEAD' ? undefined : content);
}

/** Answers with a problem document and `DAuth-Error`. */
export function answerProblem(at: Exchanged, error: DAuthError, headers: Readonly<Record<string, string>> = {}): void {
  const challenge: Readonly<Record<string, string>> =
    error.status === 401 ? { 'www-authenticate': 'DPoP algs="ES256 Ed25519 EdDSA"' } : {};
  answerText(at, error.status, 'application/problem+json', JSON.stringify(problemDocument(error, at.requestId)), {
    [HEADER.error]: error.code,
    ...challenge,
    ...headers,
  });
}

/** A body nobody will read must not keep the connection: what is left of it is not the next request. */
function closing(request: IncomingMessage): Readonly<Record<string, string>> {
  if (request.complete || !hasBody(request)) return {};
  request.resume();
  return { connection: 'close' };
}

/** Whether a request says that a body follows (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Ends the connection so that nobody can take what was sent for a whole answer. */
export function resetConnection({ response }: Exchanged): void {
  response.socket?.resetAndDestroy();
  response.destroy();
}
