/**
 * The body of a dispatch at step 4 (§5.1): looked through where it is here, read where slots are in it or a signature covers it,
 * else left to stream by. Never reads a body that nobody has to see whole, and never more of one than can be filled or signed.
 */
import { Readable } from 'node:stream';
import { bodySlots, DAuthError, LIMITS, type Injection } from '@dauth/protocol';
import type { DispatchRequest } from './dispatch.ts';
import { readWhole } from './door/upload.ts';
import { assertSlottedType, placeSlots, type SlottedBody } from './where/body-slots.ts';
import { assertNoOverrideField } from './where/override.ts';
import { makeSignable } from './where/signable.ts';
import type { Destination } from './where/target.ts';

/** A request whose body is ready to go: as it is, or with the places of the slots in it. */
export interface SettledRequest extends DispatchRequest {
  readonly slotted?: SlottedBody;
}

/** @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE`, `BAD_REQUEST` (late, or ended early) */
export async function settleBody(
  request: DispatchRequest,
  injections: readonly Injection[],
  to: Destination,
): Promise<SettledRequest> {
  const { body: given, bodyLength = 0, ...rest } = request;
  assertSlottedType(injections, given !== null, to.headers);
  if (bodySlots(injections).length === 0) {
    const body = await makeSignable(given, injections, to);
    if (body instanceof Uint8Array) assertNoOverrideField(body, to.headers);
    return { ...request, body };
  }
  // Before the first octet: whoever says it is too large is believed.
  if (bodyLength > LIMITS.injectedBody) throw tooLarge();
  const octets = given instanceof Readable ? await readWhole(given, LIMITS.injectedBody, { tooLarge }) : given!;
  if (octets.length > LIMITS.injectedBody) throw tooLarge();
  assertNoOverrideField(octets, to.headers);
  return { ...rest, body: null, slotted: placeSlots(octets, injections) };
}

function tooLarge(): DAuthError {
  return new DAuthError('PAYLOAD_TOO_LARGE', 'A body that the sealed credential goes into has at most 1 MiB.');
}
