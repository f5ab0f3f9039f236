/** `client_credentials` (RFC 6749 §4.4) with `resource` and `authorization_details`, for clients the operator registered. */
import { newId, type Authority } from '../context.ts';
import type { Subject } from '../intake.ts';
import type { Client, Grant } from '../store/registry.ts';
import { consumeOnce, type AuthenticatedClient } from './client-auth.ts';
import { readAsked, settleDetails, subjectOfAsked } from './details.ts';
import { OAuthError } from './errors.ts';
import { need, type Form } from './form.ts';
import { issueToken, type TokenAnswer } from './issue.ts';

/** Scopes of the authority's own API; `dauth:admin` only for a client whose registration names it. */
export const OWN_SCOPES: readonly string[] = ['dauth:connections.read', 'dauth:connections.write', 'dauth:grants.write', 'dauth:admin'];

export async function grantClientCredentials(authority: Authority, by: AuthenticatedClient, form: Form): Promise<TokenAnswer> {
  const { store, config, now } = authority;
  const { client, proof } = by;
  const resource = need(form, 'resource');
  const scope = settleScope(authority, client, resource, form.scope);
  const asked = readAsked(form.authorization_details);
  if (resource === config.issuer && asked.credentials.length + asked.wishes.length > 0) {
    throw new OAuthError('invalid_authorization_details', 'A token for the authority itself names no connections.');
  }
  const subject = subjectOfAsked(authority, asked, client, proof.jkt);
  // A runner's right is looked up before anything it sent is stored or looked at further.
  findGrant(authority, client, subject, resource);
  const { details, intakes } = await settleDetails(authority, asked, subject, resource, proof.jkt);
  return store.transaction(() => {
    consumeOnce(authority, by);
    const grant = findGrant(authority, client, subject, resource) ?? registrationGrant(authority, client, subject, resource);
    const revoked = { grant: grant.id, client: client.client_id, server: resource, owner: subject.sub, org: subject.org };
    if (store.changes.isAnyRevoked(revoked)) throw new OAuthError('invalid_grant', 'This access was revoked.');
    for (const intake of intakes) intake.store();
    const end = Math.min(now() + config.lifetimes.accessToken, grant.expires_at ?? Number.MAX_SAFE_INTEGER);
    return issueToken(authority, {
      ...{ sub: subject.sub, org: subject.org, aud: resource, client_id: client.client_id, scope },
      ...{ grant_id: grant.id, jkt: proof.jkt, exp: end, details },
    });
  });
}

/** A live grant; for another owner's connections there must be one, given by that owner to this runner. */
function findGrant(authority: Authority, client: Client, subject: Subject, resource: string): Grant | undefined {
  const isOwn = subject.sub === (client.owner ?? client.client_id) && subject.org === client.org;
  const by = { owner: subject.sub, org: subject.org, client_id: client.client_id, resource } as const;
  const grant = authority.store.registry.findGrant({ ...by, kind: isOwn ? 'client' : 'runner' }, authority.now());
  if (grant === undefined && !isOwn) {
    throw new OAuthError('invalid_authorization_details', 'An authorization detail names a connection that this client cannot use at this resource.');
  }
  if (grant === undefined && authority.store.registry.hadGrant({ ...by, kind: 'client' })) {
    throw new OAuthError('invalid_grant', 'This access was revoked.');
  }
  return grant;
}

/** The operator's registration of a client is its grant; it gets a row at first use, so that it can be seen and revoked. */
function registrationGrant(authority: Authority, client: Client, subject: Subject, resource: string): Grant {
  const grant: Grant = {
    ...{ id: newId(), kind: 'client', owner: subject.sub, org: subject.org, client_id: client.client_id, resource },
    ...{ expires_at: null, created_at: authority.now() },
  };
  authority.store.registry.addGrant(grant);
  return grant;
}

function settleScope(authority: Authority, client: Client, resource: string, asked: string | undefined): readonly string[] {
  const offered = offeredScopes(authority, client, resource);
  const scopes = asked === undefined ? [] : [...new Set(asked.split(' '))];
  const allowed = (scope: string) =>
    offered.includes(scope) && (client.scopes === null ? scope !== 'dauth:admin' : client.scopes.includes(scope));
  if (!scopes.every(allowed)) throw new OAuthError('invalid_scope', 'A scope is not offered by this resource, or not to this client.');
  return scopes;
}

function offeredScopes(authority: Authority, client: Client, resource: string): readonly string[] {
  if (resource === authority.config.issuer) return OWN_SCOPES;
  const server = authority.store.registry.server(resource);
  if (server === undefined || server.org !== client.org) {
    throw new OAuthError('invalid_target', 'The resource is not a registered MCP server. Register it with "dauth servers add".');
  }
  return server.scopes;
}
