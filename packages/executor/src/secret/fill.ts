/**
 * A template's value: fixed text and fields in owned memory, for one scope.
 * Never mends a value: one with an octet that its slot cannot carry is refused.
 */
import { DAuthError, templateParts, type Template } from '@dauth/protocol';
import { ownedConcat, wipe } from './memory.ts';

/** Name → view into the plaintext. */
export type Fields = ReadonlyMap<string, Buffer>;
/** Which octets a slot takes. */
export type Rule = (octet: number) => boolean;
/** RFC 9110 §5.5 field content without obs-text: one line, nothing invisible. */
export const HEADER_OCTET: Rule = (octet) => octet >= 0x20 && octet <= 0x7e;
/** What no text has a use for, and what readers write and cut off as they like. */
export const NO_CONTROL: Rule = (octet) => octet >= 0x20 && octet !== 0x7f;
/** Owned memory that is zeroed at the end of its scope. */
export type Held = { readonly bytes: Buffer } & Disposable;

/** @throws DAuthError `POLICY_DENIED` where an octet of the value is not one that the slot takes */
export function fill(template: Template, fields: Fields, fits: Rule): Held {
  const parts = templateParts(template).map((part) =>
    'text' in part ? Buffer.from(part.text, 'latin1') : fields.get(part.field)!,
  );
  const bytes = ownedConcat(...parts);
  if (!bytes.every(fits)) {
    wipe(bytes);
    throw unfit('has characters that its slot cannot carry');
  }
  return held(bytes);
}

export function held(bytes: Buffer): Held {
  return { bytes, [Symbol.dispose]: () => wipe(bytes) };
}

export function unfit(why: string): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    `A field of the sealed credential ${why}. Its owner has to seal another value.`,
  );
}
