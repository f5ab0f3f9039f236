/**
 * How limits stand, as header fields (draft-ietf-httpapi-ratelimit-headers-11; Retry-After of RFC 9110 §10.2.3). Lists of
 * structured fields (RFC 9651): beside an upstream's own they stand as further members, told apart by their names.
 */
import { HEADER } from '@dauth/protocol';
import type { DispatchResult } from '../dispatch.ts';
import type { SessionResult } from '../session.ts';
import { LimitReached, type NamedState } from '../who/use-limits.ts';

/** What goes with every answer of a dispatch or a session, whatever it was. */
export function ownHeaders(result: DispatchResult | SessionResult): Readonly<Record<string, string>> {
  const retryAfter =
    result.kind === 'error' && result.error instanceof LimitReached ? result.error.retryAfterSeconds : undefined;
  return {
    ...rateHeaders(result.limits, retryAfter),
    ...(result.receipt === undefined ? {} : { [HEADER.receipt]: result.receipt }),
  };
}

/** @param retryAfterSeconds where a limit refused the request */
function rateHeaders(states: readonly NamedState[], retryAfterSeconds?: number): Readonly<Record<string, string>> {
  if (states.length === 0) return {};
  return {
    'ratelimit-policy': states.map(({ name, count, seconds }) => `"${name}";q=${count};w=${seconds}`).join(', '),
    ratelimit: states
      .map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`)
      .join(', '),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  };
}
