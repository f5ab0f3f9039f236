/**
 * Reads the executor's answer to a buffered dispatch (spec/dauth.md §5): bounded, and every member checked but the
 * upstream's own body.
 * Never takes a body for more than octets of somebody else: it is JSON of any shape, handed on as it came.
 */
import { DAuthError, isErrorCode, isObject, LIMITS } from '@dauth/protocol';
import { readText } from '@dauth/verify';

/** Octets of one answer, with its body as base64; also of one event that is filtered. */
export const MAX_ANSWER = 64 * LIMITS.jsonBody;

export interface DispatchResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed for JSON types, a string for text; else `body_base64` is set. */
  readonly body?: unknown;
  readonly body_base64?: string;
}

/** @throws DAuthError the executor's code; `RESPONSE_UNSCANNABLE` for an answer that is none of its */
export async function readDispatchAnswer(response: Response): Promise<DispatchResponse> {
  let answer: unknown;
  try {
    // The upstream's body stands in it as it came, so the strict parser would refuse what is none of its business.
    answer = JSON.parse(await readText(response, MAX_ANSWER));
  } catch (cause) {
    throw unusable(cause);
  }
  if (!isObject(answer)) throw unusable();
  if (answer.success === true) return readResponse(answer.response);
  if (!isObject(answer.error) || !isErrorCode(answer.error.code)) throw unusable();
  const { code, message } = answer.error;
  throw new DAuthError(code, typeof message === 'string' ? message : undefined);
}

function readResponse(value: unknown): DispatchResponse {
  if (!isObject(value)) throw unusable();
  const { status, headers, body, body_base64: base64 } = value;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 599) throw unusable();
  if (!isObject(headers) || !isTexts(headers)) throw unusable();
  if (base64 === undefined) return { status, headers, body };
  if (typeof base64 !== 'string' || body !== undefined) throw unusable();
  return { status, headers, body_base64: base64 };
}

function isTexts(value: object): value is Readonly<Record<string, string>> {
  return Object.values(value).every((text) => typeof text === 'string');
}

/** Not retryable: the call may well have been made. */
export function unusable(cause?: unknown): DAuthError {
  return new DAuthError(
    'RESPONSE_UNSCANNABLE',
    "The executor's answer cannot be read. The call may have been made; look before you repeat it.",
    { cause },
  );
}
