/** Answers of DAuth parties as values or as errors with a code. Never reads without a bound, never follows a redirect. */
import { DAuthError, decodeUtf8, isErrorCode, isObject, LIMITS, parseJson, type ErrorCode } from '@dauth/protocol';

/** An error that a party of DAuth answered with. */
export class RemoteError extends DAuthError {
  readonly requestId: string | undefined;
  /** OAuth error code (RFC 6749 §5.2) where the token endpoint said one. */
  readonly oauthError: string | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    more: { requestId?: string | undefined; oauthError?: string | undefined; cause?: unknown },
  ) {
    super(code, detail, { cause: more.cause });
    this.name = 'RemoteError';
    this.requestId = more.requestId;
    this.oauthError = more.oauthError;
  }
}

/** Reads a body within a bound, counted while it comes in: a peer that never ends costs no memory. @throws DAuthError `PAYLOAD_TOO_LARGE` */
export async function readOctets(response: Response, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) break;
    size += chunk.value.length;
    if (size > most) {
      await reader?.cancel();
      throw new DAuthError('PAYLOAD_TOO_LARGE', 'The answer is larger than allowed.');
    }
    chunks.push(chunk.value);
  }
  const octets = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    octets.set(chunk, at);
    at += chunk.length;
  }
  return octets;
}

/** The same answer with its body read within the bound, for a library that reads without one. */
export async function boundAnswer(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const body = await readOctets(response, LIMITS.jsonBody);
  const { status, headers } = response;
  return new Response(body, { status, headers });
}

/**
 * Reads an answer and has it parsed, or throws what its problem document says.
 * @throws RemoteError; `INTERNAL` where the answer is not what `parse` knows
 */
export async function readAnswer<T>(response: Response, parse: (body: unknown) => T): Promise<T> {
  const octets = await readOctets(response, LIMITS.jsonBody);
  if (!response.ok) throw asRemoteError(response, octets);
  try {
    return parse(octets.length === 0 ? undefined : parseBody(octets));
  } catch (cause) {
    // Said as the answer's fault: the sentences of the parsers speak of what a caller sent.
    throw new RemoteError('INTERNAL', 'The authority answered with something that this client does not know.', {
      cause,
    });
  }
}

function parseBody(octets: Uint8Array): unknown {
  return parseJson(decodeUtf8(octets), LIMITS.jsonBody);
}

function asRemoteError(response: Response, octets: Uint8Array): DAuthError {
  let body: unknown;
  try {
    body = parseBody(octets);
  } catch {
    body = undefined;
  }
  const problem = isObject(body) ? body : {};
  const requestId = typeof problem.request_id === 'string' ? problem.request_id : undefined;
  if (isErrorCode(problem.code)) {
    return new RemoteError(
      problem.code,
      typeof problem.detail === 'string' ? problem.detail : 'The request was refused.',
      { requestId },
    );
  }
  if (typeof problem.error === 'string') {
    const code: ErrorCode =
      response.status === 401 ? 'UNAUTHENTICATED' : response.status === 503 ? 'ENCLAVE_UNAVAILABLE' : 'FORBIDDEN';
    const detail =
      typeof problem.error_description === 'string' ? problem.error_description : 'The authority refused a token.';
    return new RemoteError(code, detail, { requestId, oauthError: problem.error });
  }
  const fallback: ErrorCode =
    response.status === 404 ? 'NOT_FOUND' : response.status < 500 ? 'BAD_REQUEST' : 'INTERNAL';
  return new RemoteError(fallback, 'The answer is not one of DAuth.', { requestId });
}
