/**
 * Slots in the body, before anything is opened (§5.4): whether a caller's body is one that they fit into, and where.
 * Never sees a value and never changes an octet of the body: what is found here is filled where the plaintext is lent.
 */
import { bareName, bodySlots, canonicalHeaderName, DAuthError, type BodySlot, type Injection } from '@dauth/protocol';
import { isNamed, taken } from './collision.ts';
import { pairsOf } from './form.ts';
import { placesInJson } from './json-places.ts';

/** A caller's body with the places of the slots in it. */
export interface SlottedBody {
  readonly octets: Uint8Array;
  /** In the order of `at`; one for each body slot of the credential. */
  readonly places: readonly Place[];
}

/** One slot in a body. */
export interface Place {
  readonly slot: BodySlot;
  /** Octets of the body that stand before it. */
  readonly at: number;
  /** ASCII that goes with the value. */
  readonly before: string;
  readonly behind: string;
}

type Headers = readonly (readonly [name: string, value: string])[];

const FORM_TYPE = /^application\/x-www-form-urlencoded[ \t]*(?:;|$)/i;
/** RFC 8259 §11 and RFC 6839 §3.1. Not a sequence of documents: none of them would be the one that a pointer means. */
const JSON_TYPE = /^application\/(?:[a-z0-9!#$&^_.+-]+\+)?json[ \t]*(?:;|$)/i;

/**
 * Before the body is read: whether it can be the one that the slots are in.
 * @param headers lowercase names, without what the door consumed
 * @throws DAuthError `POLICY_DENIED`
 */
export function assertSlottedType(injections: readonly Injection[], hasBody: boolean, headers: Headers): void {
  const [slot] = bodySlots(injections);
  if (slot === undefined) return;
  if (!hasBody) throw noBody();
  if ('pointer' in slot && !isJsonType(headers))
    throw denied('The sealed credential goes into a JSON body; send one, with the content type application/json.');
  if ('field' in slot && !isOf(FORM_TYPE, headers))
    throw denied(
      'The sealed credential goes into a form; send one, with the content type application/x-www-form-urlencoded.',
    );
}

/** Whether a body says that it is one JSON document. */
export function isJsonType(headers: Headers): boolean {
  return isOf(JSON_TYPE, headers);
}

/** By its one name: what only some servers take for the type would be read as another one by the rest. */
function isOf(type: RegExp, headers: Headers): boolean {
  const types = headers.filter(([name]) => canonicalHeaderName(name) === 'content-type');
  return types.some(([name, value]) => name === 'content-type' && type.test(value));
}

/** @throws DAuthError `INVALID_REQUEST` for a body that is not what its type says, `POLICY_DENIED` for one that has no place or names a slot */
export function placeSlots(octets: Uint8Array, injections: readonly Injection[]): SlottedBody {
  if (octets.length === 0) throw noBody();
  const slots = bodySlots(injections);
  const pointers = slots.filter((slot) => 'pointer' in slot);
  const fields = slots.filter((slot) => 'field' in slot);
  return { octets, places: fields.length > 0 ? placesInForm(octets, fields) : placesInJson(octets, pointers) };
}

type FormSlot = Extract<BodySlot, { field: string }>;

/** In front of the caller's fields, so that nothing they do to a parser reaches ours. */
function placesInForm(octets: Uint8Array, slots: readonly FormSlot[]): readonly Place[] {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
  if (!/^[!-~]+$/.test(text))
    throw new DAuthError('INVALID_REQUEST', 'The form has characters that need percent-encoding.');
  const names = new Set(slots.map(({ field }) => bareName(field)));
  for (const pair of pairsOf(text)) {
    if (isNamed(names, pair)) throw taken();
  }
  return slots.map((slot) => ({ slot, at: 0, before: `${slot.field}=`, behind: '&' }));
}

function noBody(): DAuthError {
  return denied('The sealed credential goes into the body of a request, and this request has none.');
}

function denied(detail: string): DAuthError {
  return new DAuthError('POLICY_DENIED', detail);
}
