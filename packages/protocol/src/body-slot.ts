/**
 * Slots in a request's body: a member of a JSON document, named by a pointer (RFC 6901), or a field of a form (§2.1).
 * Never reads a body: what stands here is public and is decided when the envelope is parsed.
 */
import { isOverrideField } from './dispatch.ts';
import { refuse } from './shape.ts';

/** A slot in a body, by either name; `value` is the template. */
export type BodySlot =
  | { readonly in: 'body'; readonly pointer: string; readonly value: string }
  | { readonly in: 'body'; readonly field: string; readonly value: string };

/** Printable ASCII that needs no escape in JSON; `~` only as RFC 6901 §3 escapes it. No member without a name. */
const POINTER = /^(?:\/(?:[ !#-.0-9:-[\]-}]|~[01])+)+$/;
const MAX_POINTER = 256;
/** Half of the depth that a JSON document may have. */
const MAX_STEPS = 16;

/** @throws DAuthError `INVALID_REQUEST` */
export function parsePointer(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > MAX_POINTER || !POINTER.test(value))
    refuse(`The pointer of ${what} is a JSON pointer in printable ASCII, as in "/auth/token".`);
  const names = pointerNames(value);
  if (names.length > MAX_STEPS) refuse(`The pointer of ${what} is too deep.`);
  assertNoOverride(names.at(-1)!);
  return value;
}

/** The member names that a pointer goes through; the last one is the slot. */
export function pointerNames(pointer: string): readonly string[] {
  // RFC 6901 §4: ~1 first, or "~01" would become "/".
  return pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * A member name as readers compare it that ignore case, also those with their own idea of it (`ſ` is an `s`), and as those in C
 * do, to which it ends at a zero.
 */
export function foldName(name: string): string {
  return name.split('\0', 1)[0]!.toUpperCase().toLowerCase();
}

/** An upstream would take the credential for a method. @throws DAuthError `INVALID_REQUEST` */
export function assertNoOverride(name: string): void {
  if (isOverrideField(name)) refuse('A method override can never be an injection slot.');
}

/**
 * What no single body could be: JSON and a form at once, a slot inside another one, one name in two spellings.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function assertOneBody(slots: readonly BodySlot[]): void {
  const pointers = slots.flatMap((slot) => ('pointer' in slot ? [slot.pointer] : []));
  if (pointers.length > 0 && pointers.length < slots.length)
    refuse('The body injections of a credential are all pointers into JSON, or all fields of a form.');
  const whole = new Set(pointers.map(foldName));
  const spellings = new Map<string, string>();
  for (const pointer of pointers) {
    for (let end = pointer.indexOf('/', 1); end > 0; end = pointer.indexOf('/', end + 1)) {
      const before = pointer.slice(0, end);
      const folded = foldName(before);
      if (whole.has(folded)) refuse('A body injection lies inside another one.');
      if ((spellings.get(folded) ?? before) !== before) refuse('Two body injections spell one member in two ways.');
      spellings.set(folded, before);
    }
  }
}
