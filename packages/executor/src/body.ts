/**
 * The body of a dispatch at step 4 (§5.1): looked through where it is here, read where slots are in it, else left to stream by.
 * Never reads a body that nobody has to see whole, and never more of one than can be filled.
 */
import { Readable } from 'node:stream';
import { bodySlots, DAuthError, LIMITS, type Injection } from '@dauth/protocol';
import type { DispatchRequest } from './dispatch.ts';
import { readUpload } from './door/upload.ts';
import { assertSlottedType, placeSlots, type SlottedBody } from './where/body-slots.ts';
import { assertNoOverrideField } from './where/override.ts';
import type { Destination } from './where/target.ts';

/** A request whose body is ready to go: as it is, or with the places of the slots in it. */
export interface SettledRequest extends DispatchRequest {
  readonly slotted?: SlottedBody;
}

/**
 * @param headers those that go upstream
 * @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE`, `BAD_REQUEST` (late, or ended early)
 */
export async function settleBody(
  request: DispatchRequest,
  injections: readonly Injection[],
  headers: Destination['headers'],
): Promise<SettledRequest> {
  const { body, bodyLength = 0, ...rest } = request;
  const hasSlots = bodySlots(injections).length > 0;
  assertSlottedType(injections, body !== null, headers);
  if (body === null || (body instanceof Readable && !hasSlots)) return request;
  // Before the first octet: whoever says it is too large is believed.
  if (hasSlots && bodyLength > LIMITS.injectedBody) throw tooLarge();
  const octets = body instanceof Readable ? await readUpload(body, LIMITS.injectedBody) : body;
  assertNoOverrideField(octets, headers);
  if (!hasSlots) return request;
  if (octets.length > LIMITS.injectedBody) throw tooLarge();
  return { ...rest, body: null, slotted: placeSlots(octets, injections) };
}

function tooLarge(): DAuthError {
  return new DAuthError('PAYLOAD_TOO_LARGE', 'A body that the sealed credential goes into has at most 1 MiB.');
}
