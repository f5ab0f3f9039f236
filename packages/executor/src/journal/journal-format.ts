/**
 * The lines of the journal and their chain: one JSON object a line, `prev` = SHA-256 of the line before (§6).
 * Never mends a chain: it says where it holds and where it ends.
 */
import { isObject, parseJson, type JsonObject } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';

/** What `prev` of the very first line is. */
export const GENESIS = sha256Base64url('dauth journal');
/** Octets of one line with its line end: a path of 4 KiB, names and ids fit. */
export const MAX_LINE = 16_384;

/** Where a chain stands: number and digest of its last line. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

export const EMPTY_HEAD: Head = Object.freeze({ seq: 0, hash: GENESIS });

/** A line as it was read. */
export interface Line {
  readonly text: string;
  readonly record: JsonObject;
  readonly head: Head;
  /** Octets up to and including its line end, from the start of what was read. */
  readonly end: number;
}

/** Writes the line that follows `head`, without its line end. */
export function chainLine(
  head: Head,
  time: string,
  kind: string,
  facts: object,
): { readonly text: string; readonly head: Head } {
  const seq = head.seq + 1;
  const text = JSON.stringify({ seq, prev: head.hash, time, kind, ...facts });
  return { text, head: { seq, hash: sha256Base64url(text) } };
}

/**
 * Reads lines as long as the chain holds.
 * @param from the head before the first line; `undefined` takes the first line's word for it
 */
export function* readChain(content: Buffer, from: Head | undefined): Generator<Line> {
  let head = from;
  let start = 0;
  for (;;) {
    const end = content.indexOf(0x0a, start);
    if (end === -1 || end - start >= MAX_LINE) return;
    const line = parseLine(content.toString('utf8', start, end), head);
    if (line === undefined) return;
    head = line.head;
    start = end + 1;
    yield { ...line, end: start };
  }
}

function parseLine(text: string, previous: Head | undefined): Omit<Line, 'end'> | undefined {
  const record = tryParse(text);
  if (!isObject(record) || typeof record.seq !== 'number' || !Number.isSafeInteger(record.seq)) return undefined;
  if (previous !== undefined && (record.seq !== previous.seq + 1 || record.prev !== previous.hash)) return undefined;
  return { text, record, head: { seq: record.seq, hash: sha256Base64url(text) } };
}

function tryParse(text: string): unknown {
  try {
    return parseJson(text, MAX_LINE);
  } catch {
    return undefined;
  }
}
