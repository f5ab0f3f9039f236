/**
 * One reading of a request's body: bounded, strict UTF-8 (RFC 3629, no byte order mark), JSON with one meaning.
 * Never lenient: what this refuses, another reader could read as something else, and the gate would have checked a message
 * that is not the one that runs.
 */
import { DAuthError, LIMITS } from '@dauth/protocol';
import { sourceOf, type Next } from './source.ts';

/** Octets of a message or batch; the SDK's own bound. */
const MAX_BODY = 4 * LIMITS.jsonBody;
/** More than any tool's arguments need; less than what a recursive reader behind the gate falls over. */
const MAX_DEPTH = 512;
/** Strings, with the colon that makes one a name, and brackets; in well-formed JSON nothing else has a structure. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")[ \t\n\r]*(:?)|[{}[\]]/g;

export interface CheckedBody {
  readonly octets: Uint8Array<ArrayBuffer>;
  /** Ordinary objects, as tools expect them. */
  readonly json: unknown;
}

/** @throws DAuthError `PAYLOAD_TOO_LARGE`; `INVALID_REQUEST` for anything but one JSON document that reads one way */
export async function readBody(request: Request): Promise<CheckedBody> {
  const octets = await readOctets(request);
  const text = decode(octets);
  const json = parse(text);
  assertOneMeaning(text);
  return { octets, json };
}

/** As strict as the decoder of `@dauth/protocol`, which has no platform to lean on; a byte order mark stays and is no JSON. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(octets: Uint8Array): string {
  try {
    return UTF8.decode(octets);
  } catch (cause) {
    throw new DAuthError('INVALID_REQUEST', 'A value is not well-formed UTF-8.', { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DAuthError('INVALID_REQUEST', 'A JSON document is not well-formed.', { cause });
  }
}

/**
 * Names only once, none of them `__proto__` or half a character: of two readers each could take another member. Values are
 * the tools' own business, so any number and any string is good that is JSON (RFC 8259 §6, §7).
 * @param text well-formed JSON
 */
function assertOneMeaning(text: string): void {
  const open: Set<string>[] = [];
  for (const [token, literal, colon] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (literal === undefined) open.pop();
    else if (colon === ':') {
      const name = literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1);
      if (name === '__proto__' || !name.isWellFormed() || open.at(-1)?.has(name) !== false)
        throw new DAuthError('INVALID_REQUEST', 'A JSON object has a duplicate or forbidden member.');
      open.at(-1)?.add(name);
    }
    if (open.length > MAX_DEPTH) throw new DAuthError('INVALID_REQUEST', 'A JSON document is nested too deeply.');
  }
}

async function readOctets(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get('content-length')) > MAX_BODY) throw new DAuthError('PAYLOAD_TOO_LARGE');
  // Not iterated: leaving a loop early cancels the stream, which on Node closes the socket before the refusal is written.
  return sourceOf(request)?.take(gather) ?? gather(nextOf(request.body?.getReader()));
}

function nextOf(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Next {
  return async () => (reader === undefined ? undefined : (await reader.read()).value);
}

async function gather(next: Next): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
    size += chunk.length;
    if (size > MAX_BODY) throw new DAuthError('PAYLOAD_TOO_LARGE');
    chunks.push(chunk);
  }
  return chunks.length === 1 ? new Uint8Array(chunks[0]!) : new Uint8Array(Buffer.concat(chunks));
}
