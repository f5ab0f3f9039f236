/**
 * Takes tools out of answers that the caller's scopes do not reach: JSON, or an event stream of any length.
 * Never passes on what it could not read: a JSON answer is replaced by a refusal, an event stream ends in an error.
 * Every answer is looked at, not only that to `tools/list`: a stream taken up again by GET replays older ones.
 */
import { DAuthError, isObject } from '@dauth/protocol';
import { MAX_ANSWER } from './answer.ts';
import type { Settings } from './config.ts';

const JSON_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json$/;
const LINE_END = /\r\n|\n|\r/;
/** A blank line ends an event; any of three line ends may make it (WHATWG HTML §9.2.6). */
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))/;
const EVENT_END_LENGTH = 4;

/** @throws DAuthError `INTERNAL` where a JSON answer cannot be read */
export async function filterAnswer(
  settings: Settings,
  scopes: readonly string[],
  response: Response,
): Promise<Response> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  const init = { status: response.status, statusText: response.statusText, headers };
  if (response.body === null) return response;
  if (type === 'text/event-stream') return new Response(response.body.pipeThrough(eventFilter(settings, scopes)), init);
  if (!JSON_TYPE.test(type)) return response;
  return new Response(filterJson(settings, scopes, await response.text()), init);
}

function eventFilter(settings: Settings, scopes: readonly string[]): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const encoder = new TextEncoder();
  // An event that has not ended, in pieces: joined or searched again for every chunk, a long one would cost its square.
  let pieces: string[] = [];
  let length = 0;
  /** The last of it, where its end may have begun. */
  let tail = '';
  const pass = (event: string) => encoder.encode(filterEvent(settings, scopes, event));
  return new TransformStream({
    transform(chunk, controller) {
      let text = decoder.decode(chunk, { stream: true });
      for (let end = EVENT_END.exec(tail + text); end !== null; end = EVENT_END.exec(text)) {
        const cut = end.index + end[0].length - tail.length;
        controller.enqueue(pass([...pieces, text.slice(0, cut)].join('')));
        text = text.slice(cut);
        [pieces, length, tail] = [[], 0, ''];
      }
      length += text.length;
      if (length > MAX_ANSWER) throw unchecked();
      pieces.push(text);
      tail = (tail + text).slice(1 - EVENT_END_LENGTH);
    },
    flush(controller) {
      const rest = [...pieces, decoder.decode()].join('');
      if (rest !== '') controller.enqueue(pass(rest));
    },
  });
}

/** An event whose `data` lines are one JSON document; comments, ids and empty data stay as they are. */
function filterEvent(settings: Settings, scopes: readonly string[], event: string): string {
  const lines = event.split(LINE_END);
  const isData = (line: string) => /^data(?::|$)/.test(line);
  const data = lines
    .filter(isData)
    .map((line) => line.slice(5).replace(/^ /, ''))
    .join('\n');
  if (data === '') return event;
  const filtered = filterJson(settings, scopes, data);
  if (filtered === data) return event;
  return [...lines.filter((line) => line !== '' && !isData(line)), `data: ${filtered}`, '', ''].join('\n');
}

function filterJson(settings: Settings, scopes: readonly string[], text: string): string {
  if (text === '') return text;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw unchecked(cause);
  }
  const isReachable = (tool: unknown) =>
    !isObject(tool) || (settings.toolScopes.get(String(tool.name)) ?? []).every((scope) => scopes.includes(scope));
  let isWhole = true;
  for (const message of Array.isArray(answer) ? (answer as unknown[]) : [answer]) {
    if (!isObject(message) || !isObject(message.result) || !Array.isArray(message.result.tools)) continue;
    const { tools } = message.result;
    const reachable = tools.filter(isReachable);
    if (reachable.length === tools.length) continue;
    isWhole = false;
    (message.result as { tools: unknown[] }).tools = reachable;
  }
  return isWhole ? text : JSON.stringify(answer);
}

function unchecked(cause?: unknown): DAuthError {
  return new DAuthError('INTERNAL', 'The answer of this server could not be checked, so it was not passed on.', {
    cause,
  });
}
