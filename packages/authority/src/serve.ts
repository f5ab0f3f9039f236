/**
 * The authority behind a socket: node's server with its bounds, and answers with a request id even where no handler ran.
 * Never decides anything: what is decided is in the handler it is given.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { DAuthError, HEADER, problemDocument } from '@dauth/protocol';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Hono } from 'hono';
import { textOf } from './answer.ts';
import { SECURITY_HEADERS, type HttpEnv } from './http.ts';

export interface Served {
  readonly port: number;
  /** Stops taking connections, ends what never ends by itself, waits for the rest; cuts off after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly newId: () => string;
  /** Aborted by `close`; the status streams end with it. */
  readonly closing: AbortController;
}

/** @throws Error where the address cannot be had */
export async function listen(app: Hono<HttpEnv>, { host, port, newId, closing }: ServeOptions): Promise<Served> {
  const refusal = (error: DAuthError) => {
    const id = newId();
    const body = JSON.stringify(problemDocument(error, id));
    const headers = {
      ...SECURITY_HEADERS,
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      [HEADER.requestId]: id,
    };
    return { body, headers };
  };
  const answer: Parameters<typeof getRequestListener>[0] = async (request, env) => {
    const { outgoing } = env as HttpBindings;
    const response = await app.fetch(request, env as HttpBindings);
    const text = textOf(response);
    if (text === undefined) return response;
    outgoing.writeHead(response.status, [...response.headers].flat()).end(text);
    return RESPONSE_ALREADY_SENT;
  };
  const listener = getRequestListener(answer, {
    overrideGlobalObjects: false,
    // A target or Host that makes no URL never reaches the handler.
    errorHandler: () => {
      const { body, headers } = refusal(new DAuthError('INVALID_REQUEST'));
      return new Response(body, { status: 400, headers });
    },
  });
  const refuse = (outgoing: ServerResponse, error: DAuthError) => {
    const { body, headers } = refusal(error);
    outgoing.writeHead(error.status, { ...headers, connection: 'close' }).end(body);
  };
  const refuseSocket = (socket: Duplex, status: number, error: DAuthError) => {
    // First of all: nobody else listens on a socket that Node handed over, and its reset would end the process.
    socket.on('error', () => undefined);
    const { body, headers } = refusal(error);
    const lines = Object.entries({ ...headers, connection: 'close' });
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
    );
  };
  /** Sockets with an answer under way: into it nothing else is written, or its reader would take that for a part of it. */
  const answering = new Map<Duplex, ServerResponse>();
  // Node's own refusals have no request id; the one for a missing Host is ours too.
  const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
    answering.set(incoming.socket, outgoing);
    outgoing.once('close', () => answering.delete(incoming.socket));
    if (isPlain(incoming)) void listener(incoming, outgoing);
    else refuse(outgoing, new DAuthError('INVALID_REQUEST'));
  });
  server.on('checkExpectation', (_, outgoing: ServerResponse) => refuse(outgoing, new DAuthError('INVALID_REQUEST')));
  server.on('connect', (_, socket: Duplex) => refuseSocket(socket, 405, new DAuthError('METHOD_NOT_ALLOWED')));
  // Slow or endless requests end here; the status stream is an answer and is not bounded by these.
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || answering.get(socket)?.headersSent === true)
      return void socket.destroy();
    const { status, code } = CLIENT_ERRORS[error.code ?? ''] ?? { status: 400, code: 'INVALID_REQUEST' };
    refuseSocket(socket, status, new DAuthError(code));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: (graceMs) => drain(server, closing, graceMs) };
}

const CLIENT_ERRORS: Readonly<Record<string, { status: number; code: 'PAYLOAD_TOO_LARGE' | 'INVALID_REQUEST' }>> = {
  HPE_HEADER_OVERFLOW: { status: 413, code: 'PAYLOAD_TOO_LARGE' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'INVALID_REQUEST' },
};

/** `.` and `..` in every spelling a URL parser resolves. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * Whether the request has one meaning: exactly one Host (RFC 9112 §3.2), and a path that no URL parser rewrites, so that a
 * rule of a proxy in front cannot be walked around. The absolute form is refused too: it is for proxies.
 */
function isPlain({ rawHeaders, url = '' }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  const [path = ''] = url.split('?', 1);
  return hosts.length === 1 && /^\/(?!\/)[^\\]*$/.test(path) && !DOT_SEGMENT.test(path);
}

async function drain(server: Server, closing: AbortController, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  closing.abort();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
