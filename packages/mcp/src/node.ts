/**
 * Serves a protected handler on plain `node:http`. Headers come from `rawHeaders`: Node itself silently drops a second
 * Authorization header, and a request with two of them must be refused, not half read.
 * Never closes a socket without an answer: every refusal has a code, a sentence and a request id.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { asDAuthError, DAuthError, type ErrorCode } from '@dauth/protocol';
import { refusal } from './challenge.ts';
import { BodySource } from './source.ts';

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
    onceOver(req, 'end', end);
    onceOver(res, 'finish', end);
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

/** A stream that is cut off has only `close`. */
function onceOver(stream: IncomingMessage | ServerResponse, event: 'end' | 'finish', then: () => void): void {
  const end = () => {
    stream.off(event, end).off('close', end);
    then();
  };
  stream.on(event, end).on('close', end);
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
  res.on('error', () => res.destroy());
  res.writeHead(response.status, [...response.headers].flat());
  if (response.body !== null) await pass(response.body, res);
  res.end();
}

/** Until the client goes: then whoever still makes the answer is told. */
async function pass(body: ReadableStream<Uint8Array>, res: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const leave = (): void => void reader.cancel().catch(() => undefined);
  res.once('close', leave);
  if (res.destroyed) leave();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!res.write(value) && !res.destroyed) await drained(res);
  }
  res.off('close', leave);
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      res.off('drain', end).off('close', end);
      resolve();
    };
    res.on('drain', end).on('close', end);
  });
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
  const headers = new Headers();
  let hosts = 0;
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]!.toLowerCase() === 'host') hosts++;
    headers.append(req.rawHeaders[i]!, req.rawHeaders[i + 1]!);
  }
  if (hosts > 1 || (hosts === 0 && req.httpVersion === '1.1'))
    throw new DAuthError('INVALID_REQUEST', 'A request has exactly one Host header.');
  const gone = new AbortController();
  // After a whole answer nobody is left to be told, and to say why is an error with its stack each time.
  res.on('close', () => res.writableFinished || gone.abort());
  const init = { method, headers, signal: gone.signal };
  return method === 'GET' || method === 'HEAD' ? new Request(url, init) : new BodySource(req, res).request(url, init);
}

/** Origin form or absolute form (RFC 9112 §3.2). The host only completes the URL; nothing is decided by it. */
function toUrl(target: string): string {
  const text = target.startsWith('/') ? `http://localhost${target}` : target;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new DAuthError('INVALID_REQUEST', 'The request target must be a path or an absolute http URL.');
  const { pathname, search } = new URL(text);
  return `http://localhost${pathname}${search}`;
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
