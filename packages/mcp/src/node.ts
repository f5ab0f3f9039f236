/**
 * Serves a protected handler on plain `node:http`. Headers come from `rawHeaders`: Node itself silently drops a second
 * Authorization header, and a request with two of them must be refused, not half read.
 * Never closes a socket without an answer: every refusal has a code, a sentence and a request id.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Readable, type Duplex } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { asDAuthError, DAuthError, type ErrorCode } from '@dauth/protocol';
import { refusal } from './challenge.ts';

interface Handler {
  fetch(request: Request): Promise<Response>;
}

/** What no `Request` can have (WHATWG Fetch §2.2.1). */
const FORBIDDEN_METHODS = ['CONNECT', 'TRACE', 'TRACK'];
const ALLOW = { allow: 'GET, POST, DELETE' };

/**
 * Answers everything a server can be asked, also what never becomes a request: malformed heads and tunnels.
 * @example
 * serveOn(createServer(), protect(config).handler(mcpHandler)).listen(3000);
 */
export function serveOn(server: Server, handler: Handler): Server {
  const listener = toListener(handler);
  // Node refuses a missing Host without a word, and drops headers past its own count in silence; the head's size is bounded.
  Object.assign(server, { requireHostHeader: false, maxHeadersCount: 0 });
  server.on('request', listener);
  server.on('checkExpectation', listener);
  server.on('connect', (_request, socket: Duplex) => void refuseSocket(socket, 'METHOD_NOT_ALLOWED'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else void refuseSocket(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 'PAYLOAD_TOO_LARGE' : 'INVALID_REQUEST');
  });
  return server;
}

/**
 * For a server with other listeners of its own; what never becomes a request stays with that server.
 * @example
 * createServer(toListener(protect(config).handler(mcpHandler))).listen(3000);
 */
export function toListener(handler: Handler): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    void answer(handler, req, res).catch(() => res.destroy());
  };
}

async function answer(handler: Handler, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const response = await ask(handler, req, res);
  res.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) res.end();
  else
    Readable.fromWeb(response.body as WebStream)
      .on('error', () => res.destroy())
      .pipe(res);
}

async function ask(handler: Handler, req: IncomingMessage, res: ServerResponse): Promise<Response> {
  const method = req.method ?? 'GET';
  if (FORBIDDEN_METHODS.includes(method)) return refusal(new DAuthError('METHOD_NOT_ALLOWED'), ALLOW);
  try {
    return await handler.fetch(toRequest(method, req, res));
  } catch (error) {
    return refusal(asDAuthError(error));
  }
}

function toRequest(method: string, req: IncomingMessage, res: ServerResponse): Request {
  const url = toUrl(req.url ?? '/');
  const hosts = req.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1 || (hosts.length === 0 && req.httpVersion === '1.1'))
    throw new DAuthError('INVALID_REQUEST', 'A request has exactly one Host header.');
  const headers = new Headers();
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i]!, req.rawHeaders[i + 1]!);
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? { body: Readable.toWeb(req), duplex: 'half' } : {};
  return new Request(url, { method, headers, signal: gone.signal, ...body } as unknown as RequestInit);
}

/** Origin form or absolute form (RFC 9112 §3.2). The host only completes the URL; nothing is decided by it. */
function toUrl(target: string): URL {
  const text = target.startsWith('/') ? `http://localhost${target}` : target;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new DAuthError('INVALID_REQUEST', 'The request target must be a path or an absolute http URL.');
  const { pathname, search } = new URL(text);
  return new URL(`http://localhost${pathname}${search}`);
}

/** For a socket on which no request was read. */
async function refuseSocket(socket: Duplex, code: ErrorCode): Promise<void> {
  const isMethod = code === 'METHOD_NOT_ALLOWED';
  const response = refusal(new DAuthError(code), isMethod ? ALLOW : {});
  const body = await response.text();
  const lines = [...response.headers, ['content-length', String(Buffer.byteLength(body))], ['connection', 'close']];
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${response.status} \r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}
