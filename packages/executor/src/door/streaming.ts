/**
 * The streaming form of a dispatch, `ANY /connections/{handle}/{path and query}`: bodies flow both ways in constant memory.
 * Never ends an answer that failed as if it were whole: after the head a failure resets the connection (§5).
 */
import { pipeline } from 'node:stream/promises';
import { DAuthError, HEADER, parseHandle } from '@dauth/protocol';
import { answerProblem, hasBody, resetConnection, type Exchanged } from './answers.ts';
import { authenticate } from '../who/authenticate.ts';
import { dispatch, type DispatchDeps, type DispatchRequest } from '../dispatch.ts';
import { answerHandshake, lineOf } from './handshake.ts';
import { ownHeaders } from './rate-headers.ts';
import { originHeader, type ShapedRequest } from './request-shape.ts';
import { withoutHop } from '../where/target.ts';
import type { UpstreamAnswer } from '../wire/call.ts';

export const CONNECTIONS_PATH = '/connections/';

/** @throws DAuthError for steps 1 and 2 */
export async function serveStreaming(
  at: Exchanged,
  shaped: ShapedRequest,
  limits: { readonly streamedResponseBytes: number },
  signal: AbortSignal,
  deps: DispatchDeps,
): Promise<void> {
  // 1 · size and shape
  const asked = toRequest(at, shaped, limits, signal);
  // 2 · who
  const caller = await authenticate(shaped, deps);
  using place = deps.shares.enter(caller);
  // 3–10
  const result = await dispatch(caller, { ...asked, hold: place.hold }, deps);
  const receipt = ownHeaders(result);
  if (result.kind === 'error') answerProblem(at, result.error, receipt);
  else await relay(at, shaped, result.answer, receipt);
}

function toRequest(
  at: Exchanged,
  shaped: ShapedRequest,
  limits: { readonly streamedResponseBytes: number },
  signal: AbortSignal,
): Omit<DispatchRequest, 'hold'> {
  const rest = shaped.path.slice(CONNECTIONS_PATH.length);
  const slash = rest.indexOf('/');
  if (slash < 0) throw new DAuthError('INVALID_REQUEST', 'The address is /connections/{handle}/{path}.');
  const length = at.request.headers['content-length'];
  return {
    requestId: at.requestId,
    handle: parseHandle(rest.slice(0, slash)),
    wish: {
      method: shaped.method,
      target: rest.slice(slash) + shaped.query,
      origin: originHeader(shaped.headers),
      headers: withoutHop(shaped.headers),
      ...(shaped.webSocket === undefined ? {} : { webSocket: { protocols: shaped.webSocket.protocols } }),
    },
    body: hasBody(at.request) ? at.request : null,
    ...(length === undefined || length === '0' ? {} : { bodyLength: Number(length) }),
    maxResponseBytes: limits.streamedResponseBytes,
    signal,
  };
}

async function relay(
  at: Exchanged,
  { webSocket }: ShapedRequest,
  answer: UpstreamAnswer,
  receipt: Readonly<Record<string, string>>,
): Promise<void> {
  const { status, headers, body, length } = answer;
  const own = { [HEADER.upstream]: '1', [HEADER.requestId]: at.requestId, ...receipt };
  if (answer.webSocket !== undefined && webSocket !== undefined && at.upgrade !== undefined) {
    const { socket, early } = at.upgrade;
    at.response.detachSocket(socket);
    socket.write(answerHandshake(webSocket, answer.webSocket.protocol, own));
    answer.webSocket.meet(lineOf(socket, early));
    await answer.finished;
    return;
  }
  const raw = [...headers, ...Object.entries(own)].flat();
  // Counted rather than in chunks: the caller knows how much is to come, and the pieces go out as they are.
  if (length !== null) raw.push('content-length', `${length}`);
  try {
    at.response.writeHead(status, raw);
    await pipeline(body, at.response);
  } catch {
    body.destroy();
    resetConnection(at);
  }
}
