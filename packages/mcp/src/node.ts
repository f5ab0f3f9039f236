/**
 * Serves a protected handler on plain `node:http`. Headers come from `rawHeaders`: Node itself silently drops a second
 * Authorization header, and a request with two of them must be refused, not half read.
 * Never closes a socket without an answer: every refusal has a code, a sentence and a request id.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { finished, PassThrough, Readable, type Duplex } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { asDAuthError, DAuthError, LIMITS, type ErrorCode } from '@dauth/protocol';
import { refusal } from './challenge.ts';

interface Handler {
  fetch(request: Request): Promise<Response>;
}

/** What no `Request` can have (WHATWG Fetch §2.2.1). */
const FORBIDDEN_METHODS = ['CONNECT', 'TRACE', 'TRACK'];
const ALLOW = { allow: 'GET, POST, DELETE' };
/** Octets of a body nobody wanted that are still taken, so that whoever sends them gets to read the answer. */
const MAX_UNWANTED = 16 * LIMITS.jsonBody;

/**
 * Answers everything a server can be asked, also what never becomes a request: malformed heads and tunnels.
 * @example
 * serveOn(createServer(), protect(config).handler(mcpHandler)).listen(3000);
 */
export function serveOn(server: Server, handler: Handler): Server {
  const listener = toListener(handler);
  // Node refuses a missing Host without a word, and drops headers past its own count in silence; the head's size is bounded.
  Object.assign(server, { requireHostHeader: false, maxHeadersCount: 0 });
  /** Sockets with requests or answers that have not ended, and how many. */
  const busy = new Map<Duplex, number>();
  const begin = (req: IncomingMessage, res: ServerResponse): void => {
    const { socket } = req;
    let open = 2;
    const end = () => {
      if (--open > 0) return;
      const left = (busy.get(socket) ?? 1) - 1;
      if (left === 0) busy.delete(socket);
      else busy.set(socket, left);
    };
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    finished(req, end);
    finished(res, end);
    listener(req, res);
  };
  server.on('request', begin);
  server.on('checkExpectation', begin);
  server.on('connect', (_request, socket: Duplex) => {
    if (busy.has(socket)) socket.destroy();
    else void refuseSocket(socket, 'METHOD_NOT_ALLOWED');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // Into an answer that is under way nothing else is written: its reader would take it for a part of the answer.
    if (error.code === 'ECONNRESET' || !socket.writable || busy.has(socket)) socket.destroy();
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
  if (response.body === null) return void res.end();
  const body = Readable.fromWeb(response.body as WebStream);
  // A pipe leaves its source open when its target goes: the tool would go on for a client that has left.
  finished(res, () => body.destroy());
  body.on('error', () => res.destroy()).pipe(res);
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
  const body = hasBody ? { body: Readable.toWeb(readable(req, res)), duplex: 'half' } : {};
  return new Request(url, { method, headers, signal: gone.signal, ...body } as unknown as RequestInit);
}

/**
 * A request's body, for as long as it is not answered. What is left then is thrown away, up to a bound: it stands between
 * this request and the next one on the connection. A late reader gets an error, and never a part for the whole.
 */
function readable(req: IncomingMessage, res: ServerResponse): Readable {
  const body = req.pipe(new PassThrough());
  finished(req, (error) => {
    if (error) body.destroy(error);
  });
  res.once('finish', () => {
    if (req.readableEnded) return;
    body.destroy();
    let left = MAX_UNWANTED;
    req.unpipe(body).on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) req.destroy();
    });
    req.resume();
  });
  return body;
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
  // First of all: nobody else listens on a socket that Node handed over, and its reset would end the process.
  socket.on('error', () => socket.destroy());
  const isMethod = code === 'METHOD_NOT_ALLOWED';
  const response = refusal(new DAuthError(code), isMethod ? ALLOW : {});
  const body = await response.text();
  const lines = [...response.headers, ['content-length', String(Buffer.byteLength(body))], ['connection', 'close']];
  socket.end(
    `HTTP/1.1 ${response.status} \r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}
