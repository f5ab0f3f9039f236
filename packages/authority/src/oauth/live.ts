/**
 * Whether access may still be given: asked by every grant inside the transaction that issues, so that a revocation which was
 * acknowledged before is seen. Never answers which of several things ended it.
 */
import type { Revocable } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import type { Grant } from '../store/grants.ts';
import { OAuthError } from './errors.ts';

/** @throws OAuthError `invalid_grant` where any of the named things was revoked */
export function assertUnrevoked({ store }: Authority, ids: Readonly<Partial<Record<Revocable, string>>>): void {
  if (store.changes.isAnyRevoked(ids)) throw new OAuthError('invalid_grant', 'This access was revoked.');
}

/** When a grant ends: what comes of it ends no later. @throws OAuthError `invalid_grant` where it has */
export function endOf({ now }: Authority, grant: Grant | undefined): number {
  const end = grant?.expires_at ?? Number.MAX_SAFE_INTEGER;
  if (grant === undefined || end <= now()) throw new OAuthError('invalid_grant', 'The grant of this access has ended.');
  return end;
}
