/**
 * The buffered form of a dispatch, `POST /dispatch`: the original service's JSON in and out (§5).
 * A request that is not well-formed or not authenticated (steps 1 and 2) gets its 4xx and a problem document; from step 3 on
 * every answer is HTTP 200 with `success` true or false, as the original's SDKs read it. `DAuth-Error` stands on both.
 */
import { asDAuthError, DAuthError, HEADER, parseBufferedDispatch, type BufferedDispatch } from '@dauth/protocol';
import { answerJson, resetConnection, type Exchanged } from './answers.ts';
import { authenticate } from '../who/authenticate.ts';
import { readAll } from './body.ts';
import { dispatch, type DispatchDeps, type DispatchRequest, type DispatchResult } from '../dispatch.ts';
import type { ShapedRequest } from './request-shape.ts';
import { ownHeaders } from './rate-headers.ts';
import type { Place } from '../who/shares.ts';
import { assertAnnounced, readJson, type Hold } from './upload.ts';
import type { UpstreamAnswer } from '../wire/call.ts';

export interface BufferedLimits {
  readonly bufferedRequestBytes: number;
  readonly bufferedResponseBytes: number;
}

const JSON_TYPE = /^application\/(?:[a-z0-9!#$&^_.+-]+\+)?json\s*(?:;|$)/i;
/** Types whose bytes are text to whoever asked; others go back as base64 even where they happen to be UTF-8. */
const TEXT_TYPE =
  /^(?:text\/|application\/(?:[a-z0-9!#$&^_.+-]+\+)?(?:json|xml|javascript|x-www-form-urlencoded|x-ndjson)\b)/i;

/** @throws DAuthError for steps 1 and 2 */
export async function serveBuffered(
  at: Exchanged,
  shaped: ShapedRequest,
  limits: BufferedLimits,
  signal: AbortSignal,
  deps: DispatchDeps,
): Promise<void> {
  // 1 · size and shape of the head
  const type = shaped.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw new DAuthError('UNSUPPORTED_MEDIA_TYPE', 'A dispatch is sent as application/json.');
  assertAnnounced(at.request, limits.bufferedRequestBytes);
  // 2 · who, before anything of the body is read: nobody unknown may cost a parse, or hold a place by sending slowly
  const caller = await authenticate(shaped, deps);
  using place = deps.shares.enter(caller);
  // 1 · size and shape of the body; the proof is used up whatever it turns out to be
  const call = parseBufferedDispatch(await readJson(at.request, limits.bufferedRequestBytes, place.hold));
  const names = new Set(call.headers.map(([name]) => name));
  if (names.size !== call.headers.length)
    throw new DAuthError('INVALID_REQUEST', 'A header stands twice in "headers".');
  // 3–10
  const result = await dispatch(caller, toRequest(at, call, names, { limits, signal, hold: place.hold }), deps);
  await answerResult(at, result, limits, place);
  await taken(at);
}

/** Milliseconds in which a reader has to take something of its answer. */
const READER_MS = 30_000;

/** The place is held until the answer was taken: unread answers are memory too. */
async function taken(at: Exchanged): Promise<void> {
  const { response } = at;
  if (response.closed) return;
  response.setTimeout(READER_MS, () => resetConnection(at));
  await new Promise<void>((resolve) => response.once('close', resolve));
}

function toRequest(
  at: Exchanged,
  call: BufferedDispatch,
  names: ReadonlySet<string>,
  { limits, signal, hold }: Pick<DispatchRequest, 'signal' | 'hold'> & { readonly limits: BufferedLimits },
): DispatchRequest {
  const needsType = call.bodyIsJson && !names.has('content-type');
  return {
    requestId: at.requestId,
    handle: call.handle,
    wish: {
      method: call.method,
      target: call.path,
      origin: call.origin,
      headers: needsType ? [...call.headers, ['content-type', 'application/json']] : call.headers,
    },
    body: call.body,
    ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
    maxResponseBytes: limits.bufferedResponseBytes,
    signal,
    hold,
  };
}

async function answerResult(
  at: Exchanged,
  result: DispatchResult,
  limits: BufferedLimits,
  place: Place,
): Promise<void> {
  const receipt = ownHeaders(result);
  if (result.kind === 'error') return answerFailure(at, result.error, receipt);
  try {
    const tooLarge = () => new DAuthError('RESPONSE_TOO_LARGE');
    const hold: Hold = (octets) => place.hold(octets, tooMuch);
    const body = await readAll(result.answer.body, limits.bufferedResponseBytes, tooLarge, hold);
    answerJson(at, 200, success(result.answer, body), { [HEADER.upstream]: '1', ...receipt });
  } catch (error) {
    answerFailure(at, asDAuthError(error), receipt);
  }
}

/** Not to be sent again by itself: the upstream has done what it was asked. */
function tooMuch(): DAuthError {
  return new DAuthError(
    'RESPONSE_TOO_LARGE',
    'Too many large answers are under way to hold this one whole. Use the streaming form.',
  );
}

function answerFailure(at: Exchanged, error: DAuthError, receipt: Readonly<Record<string, string>>): void {
  const { code, publicMessage: message, retryable } = error;
  answerJson(at, 200, JSON.stringify({ success: false, error: { code, message, retryable } }), {
    [HEADER.error]: code,
    ...receipt,
  });
}

/** JSON goes into the answer as it came, so that no number loses digits on the way. */
function success({ status, headers }: UpstreamAnswer, body: Buffer): string {
  const joined: Record<string, string> = Object.create(null) as Record<string, string>;
  const cookies = headers.flatMap(([name, value]) => (name === 'set-cookie' ? [value] : []));
  for (const [name, value] of headers) joined[name] = joined[name] === undefined ? value : `${joined[name]}, ${value}`;
  // RFC 6265 §3: cookies that were joined cannot be told apart any more, for a date has a comma too.
  const all = cookies.length === 0 ? joined : { ...joined, 'set-cookie': cookies };
  const head = JSON.stringify({ status, headers: all }).slice(0, -1);
  return `{"success":true,"response":${head},${bodyMember(joined['content-type'] ?? '', body)}}}`;
}

function bodyMember(type: string, body: Buffer): string {
  if (body.length === 0) return '"body":null';
  const text = type === '' || TEXT_TYPE.test(type) ? tryText(body) : undefined;
  if (text === undefined) return `"body_base64":"${body.toString('base64')}"`;
  if (JSON_TYPE.test(type) && isJson(text)) return `"body":${text}`;
  return `"body":${JSON.stringify(text)}`;
}

function tryText(body: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
