/**
 * Whether access may still be given: asked by every grant inside the transaction that issues, so that a revocation which was
 * acknowledged before is seen. Never answers which of several things ended it.
 */
import type { Revocable } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import type { Grant } from '../store/grants.ts';
import { OAuthError, type OAuthCode } from './errors.ts';

/** What a grant that ended is called (RFC 6749 §5.2); at the exchange it is another (RFC 8693 §2.2.2). */
const ENDED: OAuthCode = 'invalid_grant';

/** @throws OAuthError `code` where any of the named things was revoked */
export function assertUnrevoked(
  { store }: Authority,
  ids: Readonly<Partial<Record<Revocable, string>>>,
  code = ENDED,
): void {
  if (store.changes.isAnyRevoked(ids)) throw new OAuthError(code, 'This access was revoked.');
}

/** When a grant ends: what comes of it ends no later. @throws OAuthError `code` where it has */
export function endOf({ now }: Authority, grant: Grant | undefined, code = ENDED): number {
  const end = grant?.expires_at ?? Number.MAX_SAFE_INTEGER;
  if (grant === undefined || end <= now()) throw new OAuthError(code, 'The grant of this access has ended.');
  return end;
}
