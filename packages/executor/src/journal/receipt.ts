/**
 * `DAuth-Receipt` (§5, §6): names the intent record behind an answer, so that its audit can be found and checked.
 * Never proof by itself: the record and a signed checkpoint are.
 */
import type { Head } from './journal-format.ts';

/** `<identity thumbprint>.<seq>.<SHA-256 of the intent line>`. */
export function makeReceipt(identity: string, intent: Head): string {
  return `${identity}.${intent.seq}.${intent.hash}`;
}
