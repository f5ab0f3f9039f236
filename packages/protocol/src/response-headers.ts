/**
 * Headers of an upstream's answer that end in the executor unless the owner sealed that they go back (§2.1 `response_headers`).
 * Never one that is for this hop, that frames or encodes a body which was decoded, or that could be taken for DAuth's own word.
 */
import { LIMITS } from './limits.ts';
import { distinct, list, refuse } from './shape.ts';

/**
 * What an owner may let back: cookies, for an API whose calls belong together by one, and challenges under their own name, for
 * a library that answers them. Every relayed answer says that it is one (`DAuth-Upstream`), so neither is taken for the executor's.
 */
const RELEASABLE: readonly string[] = ['set-cookie', 'www-authenticate'];

/** @throws DAuthError `INVALID_REQUEST` */
export function parseResponseHeaders(value: unknown): readonly string[] {
  return distinct(
    list(value, '"response_headers"', 1, LIMITS.policyNames, parseReleasable),
    '"response_headers"',
    String,
  );
}

function parseReleasable(value: unknown): string {
  if (typeof value !== 'string' || !RELEASABLE.includes(value))
    refuse('A header of "response_headers" is "set-cookie" or "www-authenticate"; no other one can be let back.');
  return value;
}
