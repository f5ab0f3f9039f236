/**
 * The head of a request as it goes to the upstream: request line, our own headers, the caller's, and the filled slots;
 * and the body, where that is filled too.
 * Never a string once a value is in it, and never a header of the caller that is ours to say.
 */
import { randomUUID } from 'node:crypto';
import { DAuthError, headerSlotKey, isConsumed, slotKeys, type Injection, type Method } from '@dauth/protocol';
import { AwsChunks } from '../secret/aws-chunks.ts';
import type { Fillable, Filled } from '../secret/inject.ts';
import { ByteWriter } from '../secret/writer.ts';
import type { UpstreamRequest } from './call.ts';

const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,128}$/;
/** RFC 9110 §5.5; a CR or LF would start a header of its own, or a request. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Upstreams refuse requests without one; the caller's own stands where it sent one, and a filled slot where it is one. */
const USER_AGENT = 'dauth';

/** What a caller says about a request, apart from its body. */
export interface CallerHead {
  readonly method: Method;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Before anything is opened. @throws DAuthError `INVALID_REQUEST` for octets that have no place in a head */
export function assertHead({ target, headers }: CallerHead): void {
  if (!TARGET.test(target))
    throw new DAuthError('INVALID_REQUEST', 'The path and query must be visible ASCII, percent-encoded where needed.');
  for (const [name, value] of headers) {
    if (!NAME.test(name) || !VALUE.test(value))
      throw new DAuthError('INVALID_REQUEST', 'A header has characters that cannot be sent.');
  }
}

/**
 * The request as `renderHead` writes it, for whoever signs it.
 * @param host as it stands among the HTTP client's lines
 */
export function describeRequest(request: UpstreamRequest, host: string, atMs: number): Fillable {
  const { method, target, headers, body, address } = request;
  const whole = body === null ? new Uint8Array(0) : body instanceof Uint8Array ? body : null;
  const isTls = address.scheme === 'https';
  const pieces = body instanceof AwsChunks ? { piecesOf: body.decodedLength } : {};
  const sent = { method, target, headers: sentHeaders(headers), host, isTls, body: whole };
  return { ...sent, ...pieces, atMs, random: randomUUID };
}

function sentHeaders(headers: CallerHead['headers']): CallerHead['headers'] {
  return headers.filter(([name]) => !isConsumed(name));
}

/**
 * @param framing the HTTP client's lines: host, connection, then how the body is framed
 * @param own further lines of ours, each with its CRLF
 * @returns owned memory which the caller zeroes; with the body behind the head where it is filled
 */
export function renderHead(
  { method, headers, injections }: CallerHead & { readonly injections: readonly Injection[] },
  filled: Filled,
  framing: Buffer,
  own = '',
): Buffer {
  const userAgent = headerSlotKey('user-agent');
  const hasUserAgent =
    headers.some(([name]) => headerSlotKey(name) === userAgent) ||
    injections.some((injection) => slotKeys(injection).includes(userAgent));
  const routing = framing.indexOf('\r\n', framing.indexOf('\r\n') + 2) + 2;
  using head = new ByteWriter(1024 + (filled.body?.length ?? 0));
  head.text(`${method} `).bytes(filled.target).text(' HTTP/1.1\r\n');
  head.bytes(framing.subarray(0, routing));
  // Identity: a decoder's window would keep an echoed value out of our reach. Encoded answers are still decoded.
  head.text('accept-encoding: identity\r\n');
  if (!hasUserAgent) head.text(`user-agent: ${USER_AGENT}\r\n`);
  head.text(own);
  for (const [name, value] of sentHeaders(headers)) head.text(`${name}: ${value}\r\n`);
  head.bytes(filled.lines);
  // The HTTP client was told of no body: how long a filled one is, nobody knows before it is opened.
  if (filled.body !== null) head.text(`content-length: ${filled.body.length}\r\n\r\n`).bytes(filled.body);
  else head.bytes(framing.subarray(routing));
  return head.take();
}
