/**
 * The door of sessions with databases, `POST /sessions/{handle}/{READ|WRITE}/{database}`: the driver's octets are the body, the
 * database's the answer, both at once. Never an upgrade of the connection, so that nothing on this port ever leaves HTTP.
 */
import { DAuthError, databaseOf, HEADER, parseHandle, type Method } from '@dauth/protocol';
import { authenticate } from '../who/authenticate.ts';
import { openSession, type AskedSession, type SessionDeps } from '../session.ts';
import { answerProblem, hasBody, resetConnection, type Exchanged } from './answers.ts';
import { ownHeaders } from './rate-headers.ts';
import { originHeader, type ShapedRequest } from './request-shape.ts';

export const SESSIONS_PATH = '/sessions/';

const PATH = /^\/sessions\/([^/]+)\/(READ|WRITE)(\/[^/]+)$/;

/** @throws DAuthError for steps 1 and 2 */
export async function serveSession(
  at: Exchanged,
  shaped: ShapedRequest,
  limits: { readonly totalMs: number },
  signal: AbortSignal,
  deps: SessionDeps,
): Promise<void> {
  // 1 · size and shape
  const asked = toSession(at, shaped, limits, signal);
  // 2 · who
  const caller = await authenticate(shaped, deps);
  using place = deps.shares.enter(caller);
  // 3–10
  const result = await openSession(caller, { ...asked, hold: place.hold }, deps);
  const ours = ownHeaders(result);
  if (result.kind === 'error') return answerProblem(at, result.error, ours);
  const own = { [HEADER.upstream]: '1', [HEADER.requestId]: at.requestId, ...ours };
  at.response.writeHead(200, { ...own, 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
  at.response.flushHeaders();
  const error = result.kind === 'session' ? await result.run(at.response) : null;
  if (error === null) at.response.end();
  else resetConnection(at);
}

function toSession(
  at: Exchanged,
  shaped: ShapedRequest,
  { totalMs }: { readonly totalMs: number },
  signal: AbortSignal,
): Omit<AskedSession, 'hold'> {
  const [, handle, method, path] = PATH.exec(shaped.path) ?? [];
  if (handle === undefined || path === undefined || databaseOf(path) === undefined || shaped.query !== '')
    throw new DAuthError('INVALID_REQUEST', 'The address is /sessions/{handle}/{READ or WRITE}/{database}.');
  if (!hasBody(at.request)) throw new DAuthError('INVALID_REQUEST', 'The body is what the driver says.');
  return {
    requestId: at.requestId,
    handle: parseHandle(handle),
    wish: { method: method as Method, path, origin: originHeader(shaped.headers) },
    ...{ body: at.request, totalMs, signal },
  };
}
