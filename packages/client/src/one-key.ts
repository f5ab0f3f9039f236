/**
 * Whether one key is sealed under two names (spec/dauth.md §2.6), which nobody who reads the envelope can see: with one key for two
 * servers, what an assertion says of whom it is for has to keep them apart. Looks at octets, and keeps none.
 */
import { DAuthError, keyUses, type Injection } from '@dauth/protocol';
import type { Fields } from './fields.ts';

/** @throws DAuthError `INVALID_REQUEST` */
export function assertKeysDiffer(inject: readonly Injection[], fields: Fields): void {
  const [one, other] = keyUses(inject).map(({ field }) => field);
  if (one === undefined || other === undefined || one === other) return;
  if (!isEqual(fields[one]!, fields[other]!)) return;
  throw new DAuthError(
    'INVALID_REQUEST',
    `The fields "${one}" and "${other}" hold one key. Name one field as "private_key" of both clients, or seal two keys.`,
  );
}

/** On its owner's own device, so that how long it takes tells nobody anything. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}
