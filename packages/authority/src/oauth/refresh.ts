/**
 * Refresh tokens (RFC 6749 §6, RFC 9700 §4.14, RFC 9449 §5): rotated at each use, bound to the client, and to its key where
 * it is public. A token that was used before ends the grant at once. There is no second chance for a lost answer: it looks
 * exactly like a thief who came first, and a window for the one would be a window for the other.
 */
import type { Authority } from '../context.ts';
import type { Grant } from '../store/grants.ts';
import type { RefreshFamily } from '../store/refresh.ts';
import type { Client } from '../store/registry.ts';
import { boundTo, consumeOnce, type AuthenticatedClient } from './client-auth.ts';
import { issueConsented, type Terms } from './consented.ts';
import { OAuthError } from './errors.ts';
import { need, type Form } from './form.ts';
import type { TokenAnswer } from './issue.ts';
import { hashed, newSecret } from './secret.ts';

/** A device that did not come back for so long has to ask its person again. */
const IDLE_SECONDS = 2_592_000;
/** Name of the family, and the secret that changes. */
const FORM = /^([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/;

/** The first refresh token of a code, where the client is registered for any. Call inside the transaction that issues. */
export function openFamily(
  authority: Authority,
  by: AuthenticatedClient,
  grant: Grant,
  { scopes, details }: Terms,
): Pick<TokenAnswer, 'refresh_token' | 'refresh_token_timeout'> {
  if (!by.client.grants.includes('refresh_token')) return {};
  const [family, secret] = [newSecret(), newSecret()];
  const expires_at = expiryOf(authority, grant);
  authority.store.refresh.add<Terms>({
    ...{ family: hashed(family), hash: hashed(secret), grant_id: grant.id, client_id: by.client.client_id },
    ...{ jkt: keyOf(by), terms: { scopes, details }, expires_at },
  });
  return { refresh_token: `${family}.${secret}`, refresh_token_timeout: expires_at - authority.now() };
}

/** The family that a refresh token is of, whether it is the one that works now or was used before. */
export function findFamily({ store }: Authority, token: string): RefreshFamily<Terms> | undefined {
  const [, family] = FORM.exec(token) ?? [];
  return family === undefined ? undefined : store.refresh.find<Terms>(hashed(family));
}

/** The grant type `refresh_token`. */
export async function grantRefresh(authority: Authority, by: AuthenticatedClient, form: Form): Promise<TokenAnswer> {
  const { store, now } = authority;
  const [, family = '', secret = ''] = FORM.exec(need(form, 'refresh_token')) ?? [];
  const answer = await store.grouped(() => {
    consumeOnce(authority, by);
    const row = store.refresh.find<Terms>(hashed(family));
    // One that never was, one that ended, and another client's are one answer.
    if (row === undefined || row.client_id !== by.client.client_id || row.expires_at <= now()) throw noToken();
    // By whatever key it comes: a copy is about.
    if (row.hash !== hashed(secret)) return endGrant(authority, row.grant_id, by.client);
    if (row.jkt !== keyOf(by))
      throw new OAuthError('invalid_grant', 'The refresh token is bound to another DPoP key than this request proves.');
    const grant = store.grants.get(row.grant_id);
    const token = issueConsented(authority, by, grant, row.terms, form);
    const next = newSecret();
    const expires_at = expiryOf(authority, grant!);
    if (!store.refresh.rotate(row.family, row.hash, hashed(next), expires_at)) throw noToken();
    return { ...token, refresh_token: `${family}.${next}`, refresh_token_timeout: expires_at - now() };
  });
  // Thrown out here: what ended is to stay ended.
  if (answer === 'ended')
    throw new OAuthError('invalid_grant', 'This refresh token was used before; the access it gave was ended.');
  return answer;
}

/** Ends everything that comes of a grant, for a copy of a code or of a refresh token was shown. */
export function endGrant({ store, now, log }: Authority, grantId: string, { client_id }: Client): 'ended' {
  if (store.changes.isRevoked('grant', grantId)) return 'ended';
  store.changes.revoke('grant', grantId, now());
  store.refresh.end(grantId);
  store.audit.note({
    ...{ time: now(), actor: client_id, asOperator: false },
    ...{ action: 'grant.reuse', subject: grantId },
  });
  log({ event: 'grant.reuse', client_id, subject: grantId });
  return 'ended';
}

/** RFC 9449 §5: of a client with a key of its own it is that key which binds. */
function keyOf(by: AuthenticatedClient): string | null {
  return by.client.auth === 'none' ? boundTo(by) : null;
}

function expiryOf({ now }: Authority, { expires_at }: Grant): number {
  return Math.min(now() + IDLE_SECONDS, expires_at ?? Number.MAX_SAFE_INTEGER);
}

function noToken(): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is not valid. Start again at the authorization endpoint.');
}
