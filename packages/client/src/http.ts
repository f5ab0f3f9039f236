/** Answers of DAuth parties as errors with a code. Never follows a redirect, never repeats what a stranger's body says. */
import { DAuthError, isErrorCode, isObject, LIMITS, parseJson, type ErrorCode } from '@dauth/protocol';

/** An error that a party of DAuth answered with. */
export class RemoteError extends DAuthError {
  readonly requestId: string | undefined;
  /** OAuth error code (RFC 6749 §5.2) where the token endpoint said one. */
  readonly oauthError: string | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    more: { requestId?: string | undefined; oauthError?: string | undefined },
  ) {
    super(code, detail);
    this.name = 'RemoteError';
    this.requestId = more.requestId;
    this.oauthError = more.oauthError;
  }
}

/** Reads a bounded JSON answer, or throws what its problem document says. */
export async function readAnswer(response: Response): Promise<unknown> {
  const text = response.status === 204 ? '' : await response.text();
  if (text.length > LIMITS.jsonBody) throw new DAuthError('PAYLOAD_TOO_LARGE', 'The answer is larger than allowed.');
  if (response.ok) return text === '' ? undefined : parseJson(text, LIMITS.jsonBody);
  throw asRemoteError(response, text);
}

function asRemoteError(response: Response, text: string): DAuthError {
  let body: unknown;
  try {
    body = parseJson(text, LIMITS.jsonBody);
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
