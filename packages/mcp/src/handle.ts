/**
 * Connection handles in tools: a standard `fetch` and `dispatch` that name a connection and never see its credential.
 * Never sends anything to an upstream itself: every call goes to the executor, with a token bound to this server's key.
 */
import {
  DAuthError,
  HEADER,
  isErrorCode,
  isObject,
  parseJson,
  parseSubprotocols,
  type ConnectionDetail,
} from '@dauth/protocol';
import { readText } from '@dauth/verify';
import { readDispatchAnswer, unusable, type DispatchResponse } from './answer.ts';
import { signProof } from './key.ts';
import { ConnectionSocket, openSocket } from './web-socket.ts';
import { sessionOf, type Session, type ToolContext } from './session.ts';

/** A connection the caller's token names. Opaque: it prints as its name. */
export interface ConnectionHandle {
  readonly name: string;
  /** Origins it can reach. */
  readonly origins: readonly string[];
  /** Of the shape of `fetch`: a path (where there is one origin) or a URL of one of its origins. Bind-free. */
  readonly fetch: typeof fetch;
  /**
   * Opens a WebSocket: a path (where there is one origin) or a `wss:` or `https:` URL of one of its origins.
   * @param protocols subprotocols to offer
   * @throws DAuthError with the executor's code; `HandshakeRefused` with the upstream's answer where that refused it
   * @example
   * const socket = await connection(ctx, 'realtime').webSocket('/v1/stream');
   * socket.onmessage = ({ data }) => console.log(data);
   */
  readonly webSocket: (path: string | URL, protocols?: string | readonly string[]) => Promise<ConnectionSocket>;
}

/** The upstream's own answer to a handshake that it refused. */
export class HandshakeRefused extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super(`The upstream refused the WebSocket with status ${response.status}.`);
    this.name = 'HandshakeRefused';
    this.response = response;
  }
}

export interface DispatchRequest {
  readonly method: string;
  /** Path and query exactly as they go upstream. */
  readonly path: string;
  /** A string goes as it is, octets as octets, any other JSON value as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
  readonly timeoutMs?: number;
}

/** Headers that an SDK may set for itself and that are not its to set here. */
const OURS = ['authorization', 'dpop', 'cookie', 'host', HEADER.origin];
const NULL_BODY = [101, 103, 204, 205, 304];
/** Octets of a problem document. */
const MAX_REFUSAL = 65_536;
const RETRY_AFTER_MS = 300;
/** What has no other effect when it is done twice (RFC 9110 §9.2.2). */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];
/** How a connection fails that was never made: nothing was sent over it. */
const NEVER_MADE = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'];

/**
 * The named connection of the caller.
 * @throws DAuthError `CONNECTION_NOT_FOUND` where the token does not name it; nothing was asked of anybody
 * @example
 * const octokit = new Octokit({ request: { fetch: connection(ctx, 'github').fetch } });
 */
export function connection(ctx: ToolContext, name: string): ConnectionHandle {
  const session = sessionOf(ctx);
  const { details, executor } = find(session, name);
  const origins = [...new Set(details.map((detail) => detail.locations[0]))];
  const handleFetch: typeof fetch = async (input, init) => {
    const request = toRequest(input, init, origins);
    return send({ executor, deps: session.deps }, details[0]!.identifier, request);
  };
  const webSocket: ConnectionHandle['webSocket'] = async (path, protocols = []) => {
    const offered = parseSubprotocols(typeof protocols === 'string' ? [protocols] : protocols);
    // The same address in the words of its own scheme.
    const request = toRequest(String(path).replace(/^wss:/, 'https:'), undefined, origins);
    return open({ executor, deps: session.deps }, details[0]!.identifier, request, offered);
  };
  return Object.freeze({ name, origins, fetch: handleFetch, webSocket });
}

/**
 * One buffered call through a connection.
 * @throws DAuthError with the executor's code; an upstream 4xx or 5xx is an answer, not an error
 */
export async function dispatch(ctx: ToolContext, name: string, request: DispatchRequest): Promise<DispatchResponse> {
  const session = sessionOf(ctx);
  const { details, executor } = find(session, name);
  const { body, timeoutMs, ...rest } = request;
  const octets = body instanceof Uint8Array ? { body_base64: Buffer.from(body).toString('base64') } : { body };
  const call = {
    ...rest,
    ...(body === undefined ? {} : octets),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  };
  const url = `${executor.url}/dispatch`;
  const init = { method: 'POST', body: JSON.stringify({ connection_handle: details[0]!.identifier, request: call }) };
  const headers = { 'content-type': 'application/json' };
  const response = await authorized({ executor, deps: session.deps }, url, request.method, { ...init, headers });
  if (!response.ok) throw await readRefusal(response, request.method);
  return readDispatchAnswer(response);
}

/** Not which name: a tool may have it from its caller. */
const NOT_NAMED =
  "The caller's token names no such connection. Its owner has none of that name for this server, left it unticked on the page that asked, or the client did not ask for it. Connect it, then sign in again and tick it, or name it in the token request.";

type Reached = NonNullable<Session['executor']>;

/** What a call goes through: the executor, and how. */
export interface Way {
  readonly executor: Reached;
  readonly deps: Session['deps'];
}

export function find(session: Session, name: string): { details: readonly ConnectionDetail[]; executor: Reached } {
  const { executor } = session;
  if (executor === undefined)
    throw new DAuthError(
      'CONNECTION_NOT_FOUND',
      'Connections come with the tokens of a DAuth authority, and this server takes those of another.',
    );
  const details = session.details.get(name);
  if (details === undefined) throw new DAuthError('CONNECTION_NOT_FOUND', NOT_NAMED);
  return { details, executor };
}

function toRequest(input: string | URL | Request, init: RequestInit | undefined, origins: readonly string[]): Request {
  const isRelative = typeof input === 'string' && input.startsWith('/');
  if (isRelative && origins.length !== 1)
    throw new DAuthError('INVALID_REQUEST', 'This connection has several origins; give a whole URL.');
  const target = isRelative ? new URL(input, origins[0]) : input;
  const request = new Request(target, {
    ...init,
    ...(init?.body === undefined || init.body === null ? {} : { duplex: 'half' }),
  } as RequestInit);
  if (!origins.includes(new URL(request.url).origin)) {
    throw new DAuthError('POLICY_DENIED', 'The connection was not sealed for that origin. Nothing was sent.');
  }
  return request;
}

async function send(way: Way, handle: string, request: Request): Promise<Response> {
  const { origin } = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of OURS) headers.delete(name);
  headers.set(HEADER.origin, origin);
  const url = streamingUrl(way, handle, request);
  const init = {
    method: request.method,
    headers,
    body: request.body,
    duplex: 'half',
    signal: request.signal,
    redirect: 'manual',
  };
  let response = await authorized(way, url, request.method, init as RequestInit);
  // Nothing was sent upstream; only a request without a body can be said again.
  if (response.headers.get(HEADER.error) === 'ENCLAVE_UNAVAILABLE' && request.body === null) {
    await response.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    response = await authorized(way, url, request.method, init as RequestInit);
  }
  if (response.headers.get(HEADER.upstream) !== '1') throw await readRefusal(response, request.method);
  return asUpstream(response, request.url);
}

function streamingUrl({ executor }: Way, handle: string, { url }: Request): string {
  const { pathname, search } = new URL(url);
  return `${executor.url}/connections/${handle}${pathname}${search}`;
}

/** As `send`; a handshake has no body, and reaches no upstream that could not be reached. */
async function open(
  way: Way,
  handle: string,
  request: Request,
  protocols: readonly string[],
): Promise<ConnectionSocket> {
  const url = streamingUrl(way, handle, request);
  const once = async (): Promise<ConnectionSocket | Response> => {
    const accessToken = await way.executor.dispatchToken();
    const own = { ...proofFor(way, 'GET', url, accessToken), [HEADER.origin]: new URL(request.url).origin };
    try {
      return await openSocket(url, protocols, own);
    } catch (error) {
      throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The executor could not be reached.', { cause: error });
    }
  };
  let opened = await once();
  if (opened instanceof Response && opened.headers.get(HEADER.error) === 'ENCLAVE_UNAVAILABLE') {
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    opened = await once();
  }
  if (opened instanceof ConnectionSocket) return opened;
  if (opened.headers.get(HEADER.upstream) !== '1') throw await readRefusal(opened, 'GET');
  throw new HandshakeRefused(asUpstream(opened, request.url));
}

function proofFor({ executor, deps }: Way, htm: string, url: string, accessToken: string): Record<string, string> {
  const { origin, pathname } = new URL(url);
  const dpop = signProof(executor.server, { htm, htu: `${origin}${pathname}`, accessToken }, deps.now());
  return { authorization: `DPoP ${accessToken}`, dpop };
}

/**
 * @param method of the call itself, which a buffered one only names in its body
 * @param least seconds that the dispatch token still has to live
 */
export async function authorized(
  way: Way,
  url: string,
  method: string,
  init: RequestInit,
  least?: number,
): Promise<Response> {
  const accessToken = await way.executor.dispatchToken(least);
  const headers = new Headers(init.headers);
  const own = proofFor(way, init.method ?? 'GET', url, accessToken);
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  try {
    return await way.deps.fetch(url, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    if (!IDEMPOTENT.includes(method) && !wasNeverMade(error)) throw unusable(error);
    throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The executor could not be reached.', { cause: error });
  }
}

/** `fetch` puts the reason into the cause of its own error. */
function wasNeverMade(error: unknown): boolean {
  const cause = error instanceof Error && isObject(error.cause) ? error.cause : {};
  return NEVER_MADE.includes(String(cause.code));
}

/** Where nobody says what became of a call, it may have been made. */
export async function readRefusal(response: Response, method: string): Promise<DAuthError> {
  const code = response.headers.get(HEADER.error);
  let detail: string | undefined;
  try {
    const problem = parseJson(await readText(response, MAX_REFUSAL), MAX_REFUSAL);
    if (isObject(problem) && typeof problem.detail === 'string') detail = problem.detail;
  } catch {
    detail = undefined;
  }
  if (isErrorCode(code)) return new DAuthError(code, detail);
  return IDEMPOTENT.includes(method) ? new DAuthError('ENCLAVE_UNAVAILABLE', detail) : unusable();
}

/** The upstream's answer under the URL that was asked for; `DAuth-Receipt` and `DAuth-Request-Id` stay, for the log. */
function asUpstream(response: Response, url: string): Response {
  const headers = new Headers(response.headers);
  headers.delete(HEADER.upstream);
  const body = NULL_BODY.includes(response.status) ? null : response.body;
  const answer = new Response(body, { status: response.status, statusText: response.statusText, headers });
  Object.defineProperty(answer, 'url', { value: url });
  return answer;
}
