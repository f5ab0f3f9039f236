/**
 * Tokens under a consent: what one page was answered with, less what the client leaves out, the grant no longer has, or the
 * envelopes no longer allow. Never more than the smallest of them.
 */
import { isNarrower, type ConnectionDetail } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import type { Grant } from '../store/grants.ts';
import { boundTo, type AuthenticatedClient } from './client-auth.ts';
import { NO_SUCH, readAsked, stillUsable } from './details.ts';
import { OAuthError } from './errors.ts';
import type { Form } from './form.ts';
import { issueToken, type Issue, type TokenAnswer } from './issue.ts';
import { assertUnrevoked, endOf } from './live.ts';
import { offeredByPeople } from './offered.ts';

/** What a code or a refresh token may come to: what the page that led to it showed, and the person said yes to. */
export interface Terms {
  readonly scopes: readonly string[];
  readonly details: readonly ConnectionDetail[];
}

/**
 * Issues an access token for a person. Call inside the transaction that used the code or rotated the refresh token.
 * @throws OAuthError `invalid_grant`, `invalid_scope`, `invalid_target`, `invalid_authorization_details`
 */
export function issueConsented(
  authority: Authority,
  by: AuthenticatedClient,
  grant: Grant | undefined,
  terms: Terms,
  form: Form,
): TokenAnswer {
  const { config, store, now } = authority;
  const end = endOf(authority, grant);
  const { id, owner, org, resource, client_id, ...consented } = grant!;
  assertUnrevoked(authority, { grant: id, client: client_id, server: resource, owner, org });
  if (form.resource !== undefined && form.resource !== resource)
    throw new OAuthError('invalid_target', 'The resource is not the one that was consented to.');
  const offered = offeredByPeople(authority, by.client, resource);
  const jkt = boundTo(by);
  const scopes = terms.scopes.filter((scope) => offered.includes(scope) && consented.scopes?.includes(scope) === true);
  const use = { subject: { sub: owner, org }, resource, jkt };
  const details = within(terms.details, consented.details ?? []).flatMap((detail) =>
    stillUsable(authority, use, detail),
  );
  const scope = narrowScopes(scopes, form.scope);
  // Used is what a person let in: whatever else anybody may do in the name of a client must not keep it.
  store.registry.touchClient(client_id, now());
  return issueToken(authority, {
    ...{ sub: owner, org, aud: resource, client_id, scope, grant_id: id, jkt },
    ...{ details: narrowDetails(details, form.authorization_details), profile: profileOf(authority, owner, scope) },
    exp: Math.min(now() + config.lifetimes.accessToken, end),
  });
}

/** The part of `details` that is also in `outer`, action by action. */
export function within(
  details: readonly ConnectionDetail[],
  outer: readonly ConnectionDetail[],
): readonly ConnectionDetail[] {
  return details.flatMap((detail) => {
    const actions = detail.actions.filter((action) => isNarrower([{ ...detail, actions: [action] }], outer));
    return actions.length === 0 ? [] : [{ ...detail, actions }];
  });
}

/** RFC 6749 §6: the same or fewer, at the code's exchange as at a refresh. */
export function narrowScopes(given: readonly string[], asked: string | undefined): readonly string[] {
  if (asked === undefined) return given;
  const scopes = [...new Set(asked.split(' '))].filter((scope) => scope !== 'offline_access');
  if (!scopes.every((scope) => given.includes(scope)))
    throw new OAuthError(
      'invalid_scope',
      'A scope was not consented to. Send the person to the authorization endpoint.',
    );
  return scopes;
}

/** RFC 9396 §6. */
function narrowDetails(given: readonly ConnectionDetail[], asked: string | undefined): readonly ConnectionDetail[] {
  if (asked === undefined) return given;
  const { credentials, wishes } = readAsked(asked);
  const refuse = (why: string) => new OAuthError('invalid_authorization_details', why);
  if (credentials.length > 0) throw refuse('A sealed credential is carried with client_credentials only.');
  return wishes.flatMap(({ identifier, locations, actions }) => {
    const own = given.filter((detail) => detail.identifier === identifier);
    if (own.length === 0) throw refuse(NO_SUCH);
    if (locations === undefined || actions === undefined) return own;
    const fewer: ConnectionDetail = { ...own[0]!, locations, actions };
    if (!isNarrower([fewer], own)) throw refuse('An authorization detail exceeds what was consented to.');
    return [fewer];
  });
}

/** As they are now, not as they were when the person said yes. */
function profileOf({ store }: Authority, sub: string, scope: readonly string[]): NonNullable<Issue['profile']> {
  const user = store.people.user(sub);
  return {
    ...(scope.includes('profile') && user !== undefined ? { name: user.name } : {}),
    ...(scope.includes('email') && user?.email != null ? { email: user.email } : {}),
  };
}
