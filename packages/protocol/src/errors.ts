/**
 * The closed table of error codes: code → HTTP status, public sentence, retryable (spec/dauth.md §5 "Codes").
 * Never a place for values somebody sent, upstream texts or stacks: what stands here is what a caller may read.
 */

interface ErrorEntry {
  readonly status: number;
  readonly message: string;
  readonly retryable: boolean;
}

const entry = (status: number, retryable: boolean, message: string): ErrorEntry => ({ status, message, retryable });

/** Every code DAuth answers with. The first thirteen are the original service's; the rest are ours. */
export const ERRORS = Object.freeze({
  CONNECTION_NOT_FOUND: entry(
    404,
    false,
    'This token names no such connection. Ask its owner to connect it, then ask for a new token.',
  ),
  CONNECTION_REVOKED: entry(403, false, 'The connection was revoked. Its owner has to connect again.'),
  CONNECTION_SUSPENDED: entry(403, false, 'The connection is suspended. Its owner can resume it.'),
  ORG_MISMATCH: entry(403, false, 'The connection belongs to another organisation than the token.'),
  DECRYPTION_FAILED: entry(
    422,
    false,
    'The sealed credential cannot be opened here. Its owner has to seal it again for the current executor key.',
  ),
  INVALID_REQUEST: entry(400, false, 'The request is not well-formed.'),
  BAD_REQUEST: entry(400, false, 'The request cannot be served as it stands.'),
  DOWNSTREAM_TIMEOUT: entry(504, true, 'The upstream API did not answer in time.'),
  DOWNSTREAM_UNREACHABLE: entry(502, true, 'The upstream API could not be reached.'),
  DOWNSTREAM_TLS_ERROR: entry(502, false, 'The upstream API did not prove its identity over TLS.'),
  DOWNSTREAM_AUTH_FAILURE: entry(
    502,
    false,
    'The upstream API refused the credential. Its owner has to seal a working one.',
  ),
  DOWNSTREAM_RATE_LIMITED: entry(429, true, 'The upstream API limits the rate of requests. Try again later.'),
  ENCLAVE_UNAVAILABLE: entry(
    503,
    true,
    'The executor cannot serve this now. Nothing was sent upstream; try again shortly.',
  ),
  POLICY_DENIED: entry(403, false, 'The policy sealed with the credential, or the token, does not allow this request.'),
  RESPONSE_TOO_LARGE: entry(502, false, 'The upstream answer is larger than allowed.'),
  RESPONSE_UNSCANNABLE: entry(
    502,
    false,
    'The upstream answer cannot be checked for the credential, so it was not passed on.',
  ),
  NEEDS_REAUTHORIZATION: entry(
    409,
    false,
    'The upstream grant is gone. The owner of the connection has to authorize again.',
  ),
  REPLAY_DETECTED: entry(401, false, 'This proof or token was used before. Sign a fresh proof for each request.'),
  RATE_LIMITED: entry(429, true, 'Too many requests. Try again later.'),
  AUDIT_UNAVAILABLE: entry(503, true, 'The audit journal cannot record this, so nothing was sent. Try again later.'),
  UNAUTHENTICATED: entry(401, false, 'A valid token and a fresh proof by its key are required.'),
  FORBIDDEN: entry(403, false, 'The token does not allow this.'),
  NOT_FOUND: entry(404, false, 'There is nothing here.'),
  METHOD_NOT_ALLOWED: entry(405, false, 'This address does not take that method.'),
  CONFLICT: entry(409, false, 'This collides with what is already stored. Use rotate to replace a credential.'),
  PAYLOAD_TOO_LARGE: entry(413, false, 'The request is larger than allowed.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, false, 'The request has a content type that is not taken here.'),
  UNTRUSTED_EXECUTOR: entry(
    422,
    false,
    'The executor key could not be verified against what you trust, so nothing was sealed or sent.',
  ),
  INTERNAL: entry(500, true, 'Something went wrong on our side. Quote the request id when you report it.'),
});

/** A stable code of the table above. */
export type ErrorCode = keyof typeof ERRORS;

/** True where `value` is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/**
 * The one error that crosses rooms. `publicMessage` is safe to show to anyone: a sentence from the table, or a more
 * exact one written by us. `cause` is for the local log only and is never serialized.
 */
export class DAuthError extends Error {
  readonly code: ErrorCode;
  readonly publicMessage: string;

  /** @param detail a sentence we wrote that says more than the table's; never with a value that was sent */
  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(`${code}: ${detail ?? ERRORS[code].message}`, options);
    this.name = 'DAuthError';
    this.code = code;
    this.publicMessage = detail ?? ERRORS[code].message;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** RFC 9457 problem document, as every DAuth endpoint outside OAuth answers. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly request_id: string;
}

/** Renders an error for the wire: code, sentence, request id; nothing else. */
export function problemDocument(error: DAuthError, requestId: string): ProblemDocument {
  const { status, message, retryable } = ERRORS[error.code];
  return {
    type: `urn:dauth:error:${error.code}`,
    title: message,
    status,
    code: error.code,
    detail: error.publicMessage,
    retryable,
    request_id: requestId,
  };
}

/** Turns anything thrown into a `DAuthError`; what is not one of ours becomes the silent `INTERNAL` (style.md 27). */
export function asDAuthError(error: unknown): DAuthError {
  return error instanceof DAuthError ? error : new DAuthError('INTERNAL', undefined, { cause: error });
}
