/**
 * Whether one key is sealed under two names (spec/dauth.md §2.6), which nobody who reads the envelope can see: with one key for two
 * servers, what an assertion says of whom it is for has to keep them apart. Looks at octets, and keeps none.
 */
import { DAuthError, isSpace, keyUses, readKeyContainer, type Injection } from '@dauth/protocol';
import type { Fields } from './fields.ts';

/** @throws DAuthError `INVALID_REQUEST` */
export function assertKeysDiffer(inject: readonly Injection[], fields: Fields): void {
  const [one, other] = keyUses(inject).map(({ field }) => field);
  if (one === undefined || other === undefined || one === other) return;
  if (!isOneKey(fields[one]!, fields[other]!)) return;
  throw new DAuthError(
    'INVALID_REQUEST',
    `The fields "${one}" and "${other}" hold one key. Name one field as "private_key" of both clients, or seal two keys.`,
  );
}

/**
 * By what stands between the lines of PEM, however it is broken and whatever stands before it. One key in two encodings is not seen:
 * that takes decoding it. On its owner's own device, so that how long it takes tells nobody anything.
 */
function isOneKey(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [readKeyContainer(a), readKeyContainer(b)];
  if (one.kind === 'pem' && other.kind === 'pem') return isEqual(one.base64, other.base64, isSpace);
  return isEqual(a, b, () => false);
}

function isEqual(a: Uint8Array, b: Uint8Array, isLeftOut: (octet: number) => boolean): boolean {
  let at = 0;
  for (const octet of a) {
    if (isLeftOut(octet)) continue;
    while (at < b.length && isLeftOut(b[at]!)) at++;
    if (b[at++] !== octet) return false;
  }
  return b.subarray(at).every(isLeftOut);
}
