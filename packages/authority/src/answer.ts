/**
 * JSON that goes to a socket as the text it is. A `Response` makes a stream of its body, only for the server to read it at once
 * and put it together again, which costs as much as a signature. Never a second way to say headers: those are the answer's own.
 */
import { incomingOf, type HttpContext } from './http.ts';

const texts = new WeakMap<Response, string>();

/** An object as JSON; where a socket waits for it, its text lies beside the answer, for `textOf`. */
export function json(c: HttpContext, value: object): Response {
  if (incomingOf(c) === undefined) return c.json(value);
  const text = JSON.stringify(value);
  // Said with the rest: an answer that lost its text on the way would be seen to end too early, and be no empty one.
  const length = String(Buffer.byteLength(text));
  const answer = c.body(null, 200, { 'content-type': 'application/json', 'content-length': length });
  texts.set(answer, text);
  return answer;
}

/** What is to be written in the place of this answer's body, where it lies beside it. */
export function textOf(answer: Response): string | undefined {
  return texts.get(answer);
}
