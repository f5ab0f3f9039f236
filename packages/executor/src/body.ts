/**
 * The body of a dispatch at step 4 (§5.1): looked through where it is here, read where a rule has conditions on it, slots are
 * in it or a signature covers it, else left to stream by. Never reads a body that nobody has to see whole, or more than may be.
 */
import { Readable } from 'node:stream';
import { bodySlots, DAuthError, LIMITS, type EnvelopePolicy } from '@dauth/protocol';
import type { DispatchRequest } from './dispatch.ts';
import { readWhole } from './door/upload.ts';
import { assertSlottedType, placeSlots, type SlottedBody } from './where/body-slots.ts';
import { settleConditions } from './where/conditions.ts';
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
  { allow, inject: injections }: Pick<EnvelopePolicy, 'allow' | 'inject'>,
  to: Destination,
): Promise<SettledRequest> {
  const { body: asked, bodyLength = 0, ...rest } = request;
  const { hold } = request;
  assertSlottedType(injections, asked !== null, to.headers);
  const given = await settleConditions(asked, { length: bodyLength, hold }, allow, to);
  if (bodySlots(injections).length === 0) {
    const body = await makeSignable(given, injections, to, asked === null ? 0 : request.bodyLength, hold);
    if (body instanceof Uint8Array) assertNoOverrideField(body, to.headers);
    return { ...request, body };
  }
  // Before the first octet: whoever says it is too large is believed.
  if (bodyLength > LIMITS.injectedBody) throw tooLarge();
  const octets = given instanceof Readable ? await readWhole(given, LIMITS.injectedBody, { hold, tooLarge }) : given!;
  if (octets.length > LIMITS.injectedBody) throw tooLarge();
  assertNoOverrideField(octets, to.headers);
  return { ...rest, body: null, slotted: placeSlots(octets, injections) };
}

function tooLarge(): DAuthError {
  return new DAuthError('PAYLOAD_TOO_LARGE', 'A body that the sealed credential goes into has at most 1 MiB.');
}
