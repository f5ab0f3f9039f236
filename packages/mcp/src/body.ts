/**
 * One reading of a request's body: bounded, strict UTF-8 (RFC 3629, no byte order mark), strict JSON.
 * Never lenient: what this refuses, another reader could read as something else, and the gate would have checked a message
 * that is not the one that runs.
 */
import { DAuthError, decodeUtf8, LIMITS, parseJson } from '@dauth/protocol';

/** Octets of a message or batch; the SDK's own bound. */
const MAX_BODY = 4 * LIMITS.jsonBody;

export interface CheckedBody {
  readonly octets: Uint8Array<ArrayBuffer>;
  /** Ordinary objects, as tools expect them. */
  readonly json: unknown;
}

/** @throws DAuthError `PAYLOAD_TOO_LARGE`; `INVALID_REQUEST` for anything but one strict JSON document */
export async function readBody(request: Request): Promise<CheckedBody> {
  const octets = await readOctets(request);
  const text = decodeUtf8(octets);
  // Duplicate members, `__proto__` and a byte order mark end here; what is left reads the same to every JSON parser. A
  // tool's arguments may hold any number: `1.0` is what other languages write.
  parseJson(text, MAX_BODY, 'any');
  return { octets, json: JSON.parse(text) };
}

async function readOctets(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get('content-length')) > MAX_BODY) throw new DAuthError('PAYLOAD_TOO_LARGE');
  // Not iterated: leaving a loop early cancels the stream, which on Node closes the socket before the refusal is written.
  const reader = request.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) break;
    size += value.length;
    if (size > MAX_BODY) throw new DAuthError('PAYLOAD_TOO_LARGE');
    chunks.push(value);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
