/**
 * One question to the authority: bounded in time and size, never redirected.
 * A refusal is the authority's word; what cannot be read is nobody's, and so never the caller's mistake.
 */
import { DAuthError, isObject, parseJson, type JsonObject } from '@dauth/protocol';
import { readText } from '@dauth/verify';

const TIMEOUT_MS = 5_000;
/** Octets of one answer. */
const MAX_ANSWER = 131_072;

export interface Deps {
  readonly fetch: typeof fetch;
  /** Unix seconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @throws DAuthError `ENCLAVE_UNAVAILABLE` where there is no whole answer */
export async function ask({ fetch }: Deps, url: string, init: RequestInit): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { ...init, redirect: 'error', signal });
    return { status: response.status, text: await readText(response, MAX_ANSWER) };
  } catch (cause) {
    throw unreachable(cause);
  }
}

/**
 * The object an answer holds.
 * @param refused what a 4xx of a readable form means; without it, it is no usable answer
 * @throws DAuthError `ENCLAVE_UNAVAILABLE`, `RATE_LIMITED`, or `refused`
 */
export function readAnswer({ status, text }: Answer, refused?: DAuthError): JsonObject {
  let body: unknown;
  try {
    body = parseJson(text, MAX_ANSWER);
  } catch (cause) {
    throw unreachable(cause);
  }
  if (status === 429)
    throw new DAuthError('RATE_LIMITED', 'The authority limits the rate of requests. Try again later.');
  if (refused !== undefined && status >= 400 && status < 500) throw refused;
  if (status !== 200 || !isObject(body)) throw unavailable('The authority gave no usable answer. Try again shortly.');
  return body;
}

export function unavailable(sentence: string, cause?: unknown): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', sentence, { cause });
}

function unreachable(cause: unknown): DAuthError {
  return unavailable('The authority could not be reached. Try again shortly.', cause);
}
