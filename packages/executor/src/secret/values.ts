/**
 * Values of templates: fixed text and fields put together for one scope, and held to what their slot can carry.
 * Never mends a value: one that does not fit is refused. Never makes one into a string.
 */
import { DAuthError, templateParts, type Template } from '@dauth/protocol';
import { ownedConcat, wipe } from './memory.ts';

/** By name; views into the plaintext. */
export type Fields = ReadonlyMap<string, Buffer>;
/** Which octets a slot takes. */
export type Rule = (octet: number) => boolean;

/** What no text has a use for, and what readers write and cut off as they like. */
export const NO_CONTROL: Rule = (octet) => octet >= 0x20 && octet !== 0x7f;

/** A template's value in owned memory for one scope; every octet of it must be one that the slot takes. */
export function fill(template: Template, fields: Fields, fits: Rule): { bytes: Buffer } & Disposable {
  const parts = templateParts(template).map((part) =>
    'text' in part ? Buffer.from(part.text, 'latin1') : fields.get(part.field)!,
  );
  const bytes = ownedConcat(...parts);
  if (!bytes.every(fits)) {
    wipe(bytes);
    throw unfit('has characters that its slot cannot carry');
  }
  return { bytes, [Symbol.dispose]: () => wipe(bytes) };
}

export function unfit(why: string): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    `A field of the sealed credential ${why}. Its owner has to seal another value.`,
  );
}
