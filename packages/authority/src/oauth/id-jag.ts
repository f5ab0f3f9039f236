/**
 * Enterprise-managed authorization: an identity provider's ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant) becomes
 * a token for one of its users. Never for another client, another server or another key than it names, and never twice.
 */
import { isNarrower, parseDetails, type ConnectionDetail, type JsonObject } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { parseEmail, parseName } from '../people/details.ts';
import { AssertionRefused, inAssertion, verifyIdJag } from './assertion.ts';
import { consumeOnce, type AuthenticatedClient } from './client-auth.ts';
import { readAsked } from './details.ts';
import { OAuthError } from './errors.ts';
import { issueFederated, meetScopes, serverFor } from './federated.ts';
import type { Form } from './form.ts';
import type { Issue, TokenAnswer } from './issue.ts';
import { IDENTITY_SCOPES } from './offered.ts';

/** It is good once and at once; a longer life would only have to be remembered longer. */
const MOST_SECONDS = 300;
const MAX_JTI = 256;
/** As long as an envelope lets an owner be (spec/dauth.md §2.1). */
const MAX_OWNER = 256;

type Profile = NonNullable<Issue['profile']>;

/** @throws AssertionRefused, OAuthError */
export async function grantIdJag(authority: Authority, by: AuthenticatedClient, form: Form): Promise<TokenAnswer> {
  const { client, proof, assertion } = by;
  // Who is only named proves nothing, and what only an assertion stands behind is bound to a key without exception.
  if (assertion === null)
    throw new OAuthError('invalid_client', 'Clients authenticate with private_key_jwt (client_assertion).');
  if (proof === null)
    throw new OAuthError('invalid_dpop_proof', 'The token request needs a DPoP header; this token is bound to a key.');
  const { issuer, claims, sub, exp } = await verifyIdJag(authority, form.assertion!, proof.jkt);
  if (exp - (claims.iat as number) > MOST_SECONDS) throw new AssertionRefused('time');
  if (claims.client_id !== client.client_id || client.org !== (issuer.org ?? authority.config.org))
    throw new AssertionRefused('client');
  const jti = readJti(claims);
  const owner = `${issuer.ownerPrefix}${sub}`;
  if (owner.length > MAX_OWNER) throw new AssertionRefused('sub');
  const server = serverFor(authority, client, readResource(claims, form));
  const allowed = typeof claims.scope === 'string' ? claims.scope.split(' ') : [];
  const permitted = readPermitted(claims);
  const asked = readAsked(form.authorization_details ?? (permitted && JSON.stringify(permitted)));
  // Who the user is, is told where the client asked for it by name: all that can be had is no answer to a request without a word.
  const named = form.scope === undefined ? [] : IDENTITY_SCOPES;
  const scope = meetScopes(client, [...server.scopes, ...named], allowed, form.scope);
  const profile = identityOf(
    claims,
    scope.filter((each) => named.includes(each)),
  );
  const subject = { sub: owner, org: client.org };
  return issueFederated(
    authority,
    { client, subject, server, proof, scope, asked, profile, exp },
    () => {
      consumeOnce(authority, by);
      // Hashed: how long a `jti` is, and what stands in it, is the issuer's to choose.
      const key = `id-jag.${sha256Base64url(JSON.stringify([issuer.issuer, jti]))}`;
      if (!authority.store.once.consume(key, exp)) throw new AssertionRefused('used');
    },
    (details) => {
      if (permitted !== undefined && !isNarrower(details, permitted))
        throw new OAuthError('invalid_authorization_details', 'The assertion does not permit these details.');
    },
  );
}

function readJti({ jti }: JsonObject): string {
  if (typeof jti !== 'string' || jti.length === 0 || jti.length > MAX_JTI) throw new AssertionRefused('jti');
  return jti;
}

/** The audience of the token is the one the identity provider decided about; a request may only say the same. */
function readResource({ resource }: JsonObject, form: Form): string {
  const only = Array.isArray(resource) && resource.length === 1 ? (resource as readonly unknown[])[0] : resource;
  if (typeof only !== 'string') throw new OAuthError('invalid_target', 'The assertion names no single resource.');
  if (form.resource !== undefined && form.resource !== only)
    throw new OAuthError('invalid_target', 'The resource is not the one that the assertion names.');
  return only;
}

/** Details in the assertion permit at most themselves; one of a kind that is not known here permits nothing. */
function readPermitted({ authorization_details: details }: JsonObject): readonly ConnectionDetail[] | undefined {
  return details === undefined ? undefined : inAssertion('details', () => parseDetails(details));
}

/** As the identity provider says it now, held to what a person could type here: tools show it, and print it. */
function identityOf({ name, email, email_verified: proven }: JsonObject, scope: readonly string[]): Profile {
  const isTold = scope.includes('email') && email !== undefined && isProven(proven);
  return {
    ...(scope.includes('profile') && name !== undefined ? { name: inAssertion('name', () => parseName(name)) } : {}),
    ...(isTold ? { email: inAssertion('email', () => parseEmail(email)) } : {}),
  };
}

/**
 * Tools take an address for its person's. One that the identity provider says it did not verify may be another's, and is told to
 * nobody (OpenID Connect Core §5.1); where it says nothing of that, it vouches for what it sends.
 */
function isProven(proven: unknown): boolean {
  if (proven !== undefined && typeof proven !== 'boolean') throw new AssertionRefused('email_verified');
  return proven ?? true;
}
