/**
 * `client_credentials` (RFC 6749 §4.4) with `resource` and `authorization_details`, for clients the operator registered.
 * Never a token half earned: proofs, grants, intake and details hold together in one transaction, or nothing happened.
 */
import { OPERATOR_ID, type Authority } from '../context.ts';
import type { Subject } from '../intake.ts';
import type { Grant } from '../store/grants.ts';
import type { Client } from '../store/registry.ts';
import { boundTo, consumeOnce, type AuthenticatedClient } from './client-auth.ts';
import { NO_SUCH, ownerOf, readAsked, settleDetails, subjectOfAsked } from './details.ts';
import { OAuthError } from './errors.ts';
import { needResource, type Form } from './form.ts';
import { issueToken, type TokenAnswer } from './issue.ts';
import { assertUnrevoked, endOf } from './live.ts';
import { MAX_SCOPES, offeredScopes } from './offered.ts';

export async function grantClientCredentials(
  authority: Authority,
  by: AuthenticatedClient,
  form: Form,
): Promise<TokenAnswer> {
  const { store, config, now, log } = authority;
  const { client } = by;
  const jkt = boundTo(by);
  const resource = needResource(form);
  const scope = settleScope(authority, client, resource, form.scope);
  const asked = readAsked(form.authorization_details);
  if (resource === config.issuer && asked.credentials.length + asked.wishes.length > 0) {
    throw new OAuthError('invalid_authorization_details', 'A token for the authority itself names no connections.');
  }
  // Waited for out here: within the transaction nothing of another request comes in between.
  const directory = asked.credentials.length === 0 ? undefined : await authority.directory.directory();
  return store.grouped(() => {
    consumeOnce(authority, by);
    const subject = subjectOfAsked(authority, asked, client, jkt);
    const grant = findGrant(authority, client, subject, resource);
    assertLive(authority, client, subject, resource, grant);
    const { details, stored } = settleDetails(authority, {
      ...{ asked, client, subject, resource, jkt, directory },
    });
    for (const handle of stored) {
      store.audit.note({
        time: now(),
        actor: client.client_id,
        asOperator: false,
        action: 'connection.create',
        subject: handle,
      });
      log({ event: 'connection.create', client_id: client.client_id, handle, inline: true });
    }
    return issueToken(authority, {
      ...{ sub: subject.sub, org: subject.org, aud: resource, client_id: client.client_id, scope },
      ...{ grant_id: grant.id, jkt, details },
      exp: Math.min(now() + config.lifetimes.accessToken, endOf(authority, grant)),
    });
  });
}

/** A live grant: the operator's registration for the client's own, the owner's word for another owner's (§3). */
function findGrant(authority: Authority, client: Client, subject: Subject, resource: string): Grant {
  const { grants } = authority.store;
  const isOwn = subject.sub === ownerOf(client);
  const by = {
    owner: subject.sub,
    org: subject.org,
    client_id: client.client_id,
    resource,
    kind: isOwn ? 'client' : 'runner',
  } as const;
  const grant = grants.find(by, authority.now());
  if (grant !== undefined) return grant;
  if (!isOwn) throw new OAuthError('invalid_authorization_details', NO_SUCH);
  // A revoked registration does not come back by asking again; the operator alone cannot lock itself out.
  if (grants.had(by) && !isOperatorAtHome(authority, client, resource))
    throw new OAuthError('invalid_grant', 'This access was revoked.');
  // The registration is the grant; it gets a row at first use, so that it can be seen and revoked.
  const unnarrowed = { scopes: null, details: null, expires_at: null };
  const made: Grant = { ...by, ...unnarrowed, id: authority.newId(), created_at: authority.now() };
  grants.add(made);
  return made;
}

function assertLive(authority: Authority, client: Client, subject: Subject, resource: string, grant: Grant): void {
  if (isOperatorAtHome(authority, client, resource)) return;
  const ids = { grant: grant.id, client: client.client_id, server: resource, owner: subject.sub, org: subject.org };
  assertUnrevoked(authority, ids);
}

/** Who revoked a whole organisation must still be able to look at it: the operator's key is changed in the configuration. */
function isOperatorAtHome({ config }: Authority, client: Client, resource: string): boolean {
  return client.client_id === OPERATOR_ID && resource === config.issuer;
}

function settleScope(
  authority: Authority,
  client: Client,
  resource: string,
  asked: string | undefined,
): readonly string[] {
  const offered = offeredScopes(authority, client, resource);
  const scopes = asked === undefined ? [] : [...new Set(asked.split(' '))];
  const allowed = (scope: string) =>
    offered.includes(scope) && (client.scopes === null ? scope !== 'dauth:admin' : client.scopes.includes(scope));
  if (scopes.length > MAX_SCOPES || !scopes.every(allowed))
    throw new OAuthError('invalid_scope', 'A scope is not offered by this resource, or not to this client.');
  return scopes;
}
