/**
 * The executor's doors on bare `node:http`: what holds for every request, whatever address takes it (public.ts, private.ts).
 * Never a route of its own, never a tunnel, an upgrade only where a route says so, and never an answer without a request id.
 */
import { randomUUID } from 'node:crypto';
import { createServer, ServerResponse, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { asDAuthError, DAuthError, HEADER, problemDocument, type ErrorCode } from '@dauth/protocol';
import { answerProblem, resetConnection, type Exchanged } from './answers.ts';
import type { Refusals } from '../journal/refusals.ts';
import type { Log } from '../log.ts';
import { MAX_HEADER_BYTES, shapeRequest, type ShapedRequest } from './request-shape.ts';

/** What every door needs, besides what its routes need. */
export interface ServerDeps {
  readonly limits: { readonly totalMs: number };
  readonly refusals: Pick<Refusals, 'count'>;
  readonly log: Log;
}

export interface Route<Deps> {
  /** Empty where the route looks at the method itself. */
  readonly methods: readonly string[];
  /** Whether its requests may go on as WebSockets. */
  readonly isUpgradable?: boolean;
  readonly serve: (at: Exchanged, shaped: ShapedRequest, deps: Deps) => Promise<void> | void;
}

/** The one place that says which path is whose. */
export type FindRoute<Deps> = (path: string) => Route<Deps> | undefined;

/** How often Node looks for requests that take too long to arrive; its own 30 s would triple `headersTimeout`. */
const LATE_CHECK_MS = 1_000;

/** Makes the server; it does not listen yet. */
export function makeServer<Deps extends ServerDeps>(deps: Deps, findRoute: FindRoute<Deps>): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    // Node's own refusals have no code and no request id; step 1 asks for Host and says so.
    requireHostHeader: false,
    requestTimeout: deps.limits.totalMs,
    connectionsCheckingInterval: LATE_CHECK_MS,
  });
  // Node drops headers past its own count in silence; step 1 counts them and says so.
  server.maxHeadersCount = 0;
  server.headersTimeout = 10_000;
  server.keepAliveTimeout = 60_000;
  /** Sockets with answers that have not ended, and how many. */
  const answering = new Map<Duplex, number>();
  const begin = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (answering.get(socket) ?? 1) - 1;
      if (left === 0) answering.delete(socket);
      else answering.set(socket, left);
    });
    void serve({ request, response, requestId: randomUUID() }, deps, findRoute);
  };
  server.on('request', begin);
  // The caller waits for leave to send its body; it gets it when the body is first read.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const read = request._read.bind(request);
    request._read = (size) => {
      request._read = read;
      if (!response.headersSent) response.writeContinue();
      read(size);
    };
    begin(request, response);
  });
  server.on('checkExpectation', begin);
  server.on('upgrade', (request: IncomingMessage, socket: IncomingMessage['socket'], early: Buffer) => {
    socket.addListener('error', () => undefined);
    const response = new ServerResponse(request);
    // What is no WebSocket ends with its answer: nothing behind it was read as HTTP.
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => {
      response.detachSocket(socket);
      socket.destroySoon();
    });
    void serve({ request, response, requestId: randomUUID(), upgrade: { socket, early } }, deps, findRoute);
  });
  server.on('connect', (_request, socket) => refuseSocket(socket, 'METHOD_NOT_ALLOWED', deps));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Into an answer that is under way nothing else is written: its reader would take it for a part of the answer.
    if (error.code === 'ECONNRESET' || !socket.writable || answering.has(socket)) socket.destroy();
    else refuseSocket(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 'PAYLOAD_TOO_LARGE' : 'INVALID_REQUEST', deps);
  });
  return server;
}

async function serve<Deps extends ServerDeps>(at: Exchanged, deps: Deps, findRoute: FindRoute<Deps>): Promise<void> {
  try {
    const shaped = shapeRequest(at.request, at.upgrade !== undefined);
    const route = findRoute(shaped.path);
    if (route === undefined) throw new DAuthError('NOT_FOUND');
    if (shaped.webSocket !== undefined && route.isUpgradable !== true)
      throw new DAuthError('INVALID_REQUEST', 'The connection cannot be upgraded.');
    if (route.methods.length > 0 && !route.methods.includes(shaped.method)) {
      return answerProblem(at, new DAuthError('METHOD_NOT_ALLOWED'), { allow: route.methods.join(', ') });
    }
    await route.serve(at, shaped, deps);
  } catch (caught) {
    const error = asDAuthError(caught);
    deps.refusals.count(error.code);
    if (error.code === 'INTERNAL') deps.log('internal', { request_id: at.requestId, kind: nameOf(error.cause) });
    if (at.response.headersSent) resetConnection(at);
    else answerProblem(at, error);
  }
}

/** Answers on a socket that never became a request. */
function refuseSocket(socket: Duplex, code: ErrorCode, { refusals }: Pick<ServerDeps, 'refusals'>): void {
  // First of all: nobody else listens on a socket that Node handed over, and its reset would end the process.
  socket.on('error', () => undefined);
  refusals.count(code);
  const error = new DAuthError(code);
  const requestId = randomUUID();
  const body = JSON.stringify(problemDocument(error, requestId));
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\ncontent-type: application/problem+json\r\n` +
      `${HEADER.error}: ${code}\r\n${HEADER.requestId}: ${requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** The kind of a defect for the log; its text may hold anything. */
function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : typeof cause;
}
