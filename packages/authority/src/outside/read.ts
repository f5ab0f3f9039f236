/**
 * One document from outside, from its URL to its members: checked, dialled, bounded in time and in size, strict JSON.
 * Never trusts a length that was announced, and never takes anything but a whole 200 answer.
 */
import { DAuthError, decodeUtf8, isObject, parseJson, type JsonObject } from '@dauth/protocol';
import { checkAddresses, parseOutsideUrl, type Resolve } from './address.ts';
import type { Answer, Dial } from './dial.ts';
import { OutsideError } from './fault.ts';

export interface Reading {
  readonly resolve: Resolve;
  readonly dial: Dial;
  /** Tests and demos only: loopback addresses, and http to them. */
  readonly dangerouslyAllowLoopback: boolean;
  /** Octets of one document. */
  readonly maxOctets: number;
  /** Milliseconds for everything: resolving, connecting, reading. */
  readonly timeoutMs: number;
}

export interface Document {
  readonly value: JsonObject;
  readonly cacheControl: string | undefined;
}

const JSON_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json\s*(?:;|$)/i;

/** @throws OutsideError */
export async function readDocument(text: string, reading: Reading): Promise<Document> {
  const url = parseOutsideUrl(text, reading.dangerouslyAllowLoopback);
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutsideError('timeout')), reading.timeoutMs);
  });
  try {
    // Raced, not only aborted: a resolver or a socket that overlooks the signal must not hold every caller.
    return await Promise.race([read(url, reading, controller.signal), tooLate]);
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

async function read(url: URL, reading: Reading, signal: AbortSignal): Promise<Document> {
  const ips = await checkAddresses(url, reading.resolve, reading.dangerouslyAllowLoopback);
  // The time may have ended while the name was resolved: then nothing is dialled any more.
  if (signal.aborted) throw new OutsideError('timeout');
  const answer = await reading.dial(url, ips, signal);
  if (answer.status !== 200) throw new OutsideError('status');
  if (!JSON_TYPE.test(answer.contentType ?? '')) throw new OutsideError('type');
  // It was not asked for; and what is packed has another size than it says.
  if (answer.contentEncoding !== undefined && answer.contentEncoding !== 'identity') throw new OutsideError('type');
  return { value: parse(await readBody(answer, reading.maxOctets)), cacheControl: answer.cacheControl };
}

async function readBody({ body }: Answer, maxOctets: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  try {
    for await (const chunk of body) {
      octets += chunk.length;
      if (octets > maxOctets) throw new OutsideError('size');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof OutsideError ? cause : new OutsideError('unreachable', { cause });
  }
  return Buffer.concat(chunks);
}

function parse(octets: Uint8Array): JsonObject {
  try {
    const value = parseJson(decodeUtf8(octets), octets.length);
    if (isObject(value)) return value;
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
  }
  throw new OutsideError('form');
}
