/**
 * Where a request may go by address (protocol.md §5 step 4): every resolved address must be globally routable.
 * Never dials: `dial.ts` connects to exactly the address checked here.
 */
import type { Origin } from '@dauth/protocol';

/** An origin with the one address that was checked for it. */
export interface CheckedAddress {
  readonly origin: Origin;
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  readonly ip: string;
}
