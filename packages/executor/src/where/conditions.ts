/**
 * Conditions of sealed rules on the body (§2.1), at step 4: the caller's whole body is read, and is what goes upstream.
 * Never a body that is JSON by guess: it says so by its type, and is one text that every reader reads alike.
 */
import { Readable } from 'node:stream';
import { allowsRequest, DAuthError, JsonBody, LIMITS, parseJson, type AllowRule } from '@dauth/protocol';
import { decodeText, readWhole, type Hold } from '../door/upload.ts';
import { isJsonType } from './body-slots.ts';
import type { Destination } from './target.ts';

type Body = Readable | Uint8Array | null;

/**
 * @param coming the length that was announced, and what takes room for it
 * @returns the body to send: the one that was given, or all of it where rules have conditions on it
 * @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE`, `BAD_REQUEST` (late, or ended early)
 */
export async function settleConditions(
  body: Body,
  { length, hold }: { readonly length: number; readonly hold: Hold },
  allow: readonly AllowRule[],
  { onBody, headers }: Destination,
): Promise<Body> {
  if (onBody === undefined) return body;
  // Of a GET, GraphQL is in the query: what a rule asks of the body is that there is none.
  if (body === null && allowsRequest(allow, { ...onBody, body })) return body;
  if (body === null || !isJsonType(headers))
    throw denied('The sealed policy has conditions on a JSON body; send one, with the content type application/json.');
  // Before the first octet: whoever says it is too large is believed.
  if (length > LIMITS.conditionedBody) throw tooLarge();
  const octets = body instanceof Readable ? await readWhole(body, LIMITS.conditionedBody, { hold, tooLarge }) : body;
  if (octets.length > LIMITS.conditionedBody) throw tooLarge();
  const read = new JsonBody(parseJson(decodeText(octets), LIMITS.conditionedBody, 'kept', LIMITS.bodyValues));
  if (!allowsRequest(allow, { ...onBody, body: read }))
    throw denied('The policy sealed with the credential does not allow this request with this body.');
  return octets;
}

function tooLarge(): DAuthError {
  return new DAuthError('PAYLOAD_TOO_LARGE', 'A body that the sealed policy has conditions on has at most 1 MiB.');
}

function denied(detail: string): DAuthError {
  return new DAuthError('POLICY_DENIED', detail);
}
