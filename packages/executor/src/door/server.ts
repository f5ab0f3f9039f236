/**
 * The executor's doors on bare `node:http`: which address takes which request, and nothing of what it means.
 * Never a route that is not in this file, never an upgrade or a tunnel, and never an answer without a request id.
 */
import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { asDAuthError, DAuthError, HEADER, LIMITS, problemDocument, type ErrorCode } from '@dauth/protocol';
import { answerJson, answerProblem, answerText, resetConnection, type Exchanged } from './answers.ts';
import { serveBuffered } from './buffered.ts';
import type { ExecutorLimits } from '../config.ts';
import type { DispatchDeps } from '../dispatch.ts';
import type { Log } from '../log.ts';
import type { Refusals } from '../journal/refusals.ts';
import { MAX_HEADER_BYTES, shapeRequest, type ShapedRequest } from './request-shape.ts';
import { CONNECTIONS_PATH, serveStreaming } from './streaming.ts';
import { assertAnnounced, readJson } from './upload.ts';

export interface DoorDeps {
  readonly dispatch: DispatchDeps;
  readonly limits: ExecutorLimits;
  readonly refusals: Pick<Refusals, 'count'>;
  readonly tryEnvelope: (body: unknown) => Promise<boolean>;
  readonly directory: () => string;
  /** Throws what keeps this node from serving. */
  readonly assertReady: () => void;
  readonly version: string;
  readonly log: Log;
}

interface Route {
  readonly methods: readonly string[];
  readonly serve: (at: Exchanged, shaped: ShapedRequest, deps: DoorDeps) => Promise<void> | void;
}

/** Octets and milliseconds of a try: an envelope, a ticket, sent by nobody that is known yet. */
const MAX_TRY = LIMITS.envelope + 8_192;
const TRY_UPLOAD_MS = 5_000;
/** How often Node looks for requests that take too long to arrive; its own 30 s would triple `headersTimeout`. */
const LATE_CHECK_MS = 1_000;

const PUBLIC = { 'access-control-allow-origin': '*' };

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/dispatch', { methods: ['POST'], serve: (at, shaped, deps) => serveDispatch(serveBuffered, at, shaped, deps) }],
  ['/try', { methods: ['POST'], serve: serveTry }],
  [
    '/.well-known/dauth-executor',
    {
      methods: ['GET', 'HEAD'],
      serve: (at, _shaped, deps) => answerText(at, 200, 'application/jose', deps.directory(), PUBLIC),
    },
  ],
  ['/livez', { methods: ['GET', 'HEAD'], serve: (at) => answerJson(at, 200, '{"status":"ok"}') }],
  ['/readyz', { methods: ['GET', 'HEAD'], serve: serveReady }],
  [
    '/version',
    {
      methods: ['GET', 'HEAD'],
      serve: (at, _, deps) => answerJson(at, 200, JSON.stringify({ name: 'dauth-executor', version: deps.version })),
    },
  ],
]);

/** Makes the server; it does not listen yet. */
export function makeServer(deps: DoorDeps): Server {
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
    void serve({ request, response, requestId: randomUUID() }, deps);
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
  server.on('connect', (_request, socket) => refuseSocket(socket, 'METHOD_NOT_ALLOWED', deps));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Into an answer that is under way nothing else is written: its reader would take it for a part of the answer.
    if (error.code === 'ECONNRESET' || !socket.writable || answering.has(socket)) socket.destroy();
    else refuseSocket(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 'PAYLOAD_TOO_LARGE' : 'INVALID_REQUEST', deps);
  });
  return server;
}

async function serve(at: Exchanged, deps: DoorDeps): Promise<void> {
  try {
    const shaped = shapeRequest(at.request);
    const route = findRoute(shaped.path);
    if (route === undefined) throw new DAuthError('NOT_FOUND');
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

function findRoute(path: string): Route | undefined {
  if (!path.startsWith(CONNECTIONS_PATH)) return ROUTES.get(path);
  return { methods: [], serve: (at, shaped, deps) => serveDispatch(serveStreaming, at, shaped, deps) };
}

/** Runs a dispatch with a signal that its caller's leaving aborts. */
async function serveDispatch(
  form: typeof serveBuffered | typeof serveStreaming,
  at: Exchanged,
  shaped: ShapedRequest,
  deps: DoorDeps,
): Promise<void> {
  const controller = new AbortController();
  at.response.once('close', () => controller.abort());
  await form(at, shaped, deps.limits, controller.signal, deps.dispatch);
}

async function serveTry(at: Exchanged, _shaped: ShapedRequest, deps: DoorDeps): Promise<void> {
  assertAnnounced(at.request, MAX_TRY);
  const ok = await deps.tryEnvelope(await readJson(at.request, MAX_TRY, TRY_UPLOAD_MS));
  answerJson(at, 200, JSON.stringify({ ok }));
}

function serveReady(at: Exchanged, _shaped: ShapedRequest, deps: DoorDeps): void {
  try {
    deps.assertReady();
    answerJson(at, 200, '{"status":"ready"}');
  } catch (error) {
    // Answered here: whoever polls until the node is ready asked for nothing that could be refused.
    answerProblem(at, asDAuthError(error));
  }
}

/** Answers on a socket that never became a request. */
function refuseSocket(socket: Duplex, code: ErrorCode, { refusals }: Pick<DoorDeps, 'refusals'>): void {
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
