/**
 * What a person can say yes to: what an app asks for, and the connections it could use here, less what it has already.
 * Never a connection that could not be used at this resource now, or that is pinned to a key nobody has shown yet.
 */
import { isNarrower, LIMITS, type ConnectionDetail } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import type { Subject } from '../intake.ts';
import type { Grant } from '../store/grants.ts';
import type { Client } from '../store/registry.ts';
import { mayBeUnbound } from './client-auth.ts';
import type { Terms } from './consented.ts';
import { narrow, type Use } from './details.ts';
import { OAuthError } from './errors.ts';
import { IDENTITY_SCOPES, offeredByPeople } from './offered.ts';
import { isLocal } from './redirect.ts';
import type { AuthorizationRequest, Wanted } from './request.ts';

/** Connections that are looked at for one page: each has an envelope to read, and everybody else waits. */
const LOOKED_AT = 256;
/** Boxes for connections on one page. */
const SHOWN = 32;

/** Plain JSON: it is stored until the person answers, and what is answered is compared with it. */
export interface Offer<Request extends Wanted = Wanted> extends Terms {
  readonly request: Request;
  /** What the person gave this app here before; it stays, and the page shows it. */
  readonly given: (Terms & { readonly grant_id: string }) | null;
  /** What the app asked for by name, new or not. */
  readonly named: readonly ConnectionDetail[];
}

/** @throws OAuthError `invalid_scope`, `invalid_target`, `invalid_authorization_details` */
export function makeOffer<Request extends Wanted>(
  authority: Authority,
  client: Client,
  request: Request,
  { sub, org }: Subject,
): Offer<Request> {
  const { resource } = request;
  const grant = liveConsent(authority, request, { sub, org });
  const given = grant === undefined ? null : { ...termsOf(grant), grant_id: grant.id };
  const use: Use = { subject: { sub, org }, resource, jkt: request.jkt ?? keyStandIn(authority, client) };
  const named = request.wishes.flatMap((wish) => narrow(authority, use, wish));
  const isNew = (detail: ConnectionDetail) => !isNarrower([detail], given?.details ?? []);
  const others = resource === authority.config.issuer ? [] : usableElse(authority, use, named);
  return {
    ...{ request, given, named, details: [...named, ...others].filter(isNew).slice(0, SHOWN) },
    scopes: askedScopes(authority, client, request).filter((scope) => given?.scopes.includes(scope) !== true),
  };
}

/** The consent that lives now for this app, at this place, by this person. */
export function liveConsent(
  { store, now }: Authority,
  { client_id, resource }: Pick<Wanted, 'client_id' | 'resource'>,
  { sub, org }: Subject,
): Grant | undefined {
  return store.grants.find({ kind: 'consent', owner: sub, org, client_id, resource }, now());
}

/**
 * What comes of a request without asking: all of it was said yes to before, and the app is one that nobody can pass
 * themselves off as (RFC 8252 §8.6, RFC 9700 §4.15).
 * @returns undefined where the person has to be asked
 */
export function settledBefore(client: Client, offer: Offer<AuthorizationRequest>): Terms | undefined {
  const { request, given, scopes, details, named } = offer;
  const isProven = !isNameOnly(client, request.redirect_uri);
  if (given === null || !isProven || request.prompt.includes('consent') || scopes.length > 0) return undefined;
  // An app that names none may be back because it lacks one: whatever it could have then is a question.
  const isAsked = named.length === 0 ? details.length > 0 : details.some((detail) => isNamed(offer, detail));
  if (isAsked) return undefined;
  return { scopes: request.scopes ?? given.scopes, details: named.length === 0 ? given.details : named };
}

/**
 * Whether an app is known by its name alone, which anybody can send: it has no key of its own, and the answer goes to whatever
 * took the way back on some machine.
 * @param redirectUri null where the answer goes to a device
 */
export function isNameOnly({ auth }: Client, redirectUri: string | null): boolean {
  return auth === 'none' && (redirectUri === null || isLocal(redirectUri));
}

/** Whether the app asked for this connection by name. */
export function isNamed({ named }: Offer, { identifier }: ConnectionDetail): boolean {
  return named.some((each) => each.identifier === identifier);
}

function termsOf({ scopes, details }: Grant): Terms {
  return { scopes: scopes ?? [], details: details ?? [] };
}

/** Where no key is known yet: none that a pin could name, or none at all for a client that may go without. */
function keyStandIn(authority: Authority, client: Client): '' | null {
  return mayBeUnbound(authority, client) ? null : '';
}

function askedScopes(authority: Authority, client: Client, { resource, scopes }: Wanted): readonly string[] {
  const offered = offeredByPeople(authority, client, resource);
  if (scopes === null) return offered.filter((scope) => !IDENTITY_SCOPES.includes(scope));
  // A pushed request may be older than what the operator offers now.
  if (!scopes.every((scope) => offered.includes(scope)))
    throw new OAuthError('invalid_scope', 'A scope is not offered by this resource, or not to this client.');
  return scopes;
}

/** The person's other connections that could be used here, whole. */
function usableElse(authority: Authority, use: Use, named: readonly ConnectionDetail[]): readonly ConnectionDetail[] {
  const apart = new Set<string>(named.map(({ identifier }) => identifier));
  const rows = authority.store.connections.page(use.subject, '', LOOKED_AT);
  return rows
    .filter(({ status, handle }) => status === 'active' && !apart.has(handle))
    .flatMap(({ handle }) => {
      try {
        return narrow(authority, use, { type: 'dauth_connection', identifier: handle });
      } catch (error) {
        if (error instanceof OAuthError) return [];
        throw error;
      }
    });
}

/** Both together, one detail a connection and origin. */
export function union(
  one: readonly ConnectionDetail[],
  other: readonly ConnectionDetail[],
): readonly ConnectionDetail[] {
  const all = new Map<string, ConnectionDetail>();
  for (const detail of [...one, ...other]) {
    const key = `${detail.identifier} ${detail.locations[0]}`;
    const actions = [...new Set([...(all.get(key)?.actions ?? []), ...detail.actions])];
    all.set(key, { ...detail, actions });
  }
  return [...all.values()];
}

/** Whether a token could name all of it (spec/dauth.md §4). */
export function isTokenSized(details: readonly ConnectionDetail[]): boolean {
  const actions = details.flatMap((detail) => detail.actions);
  return (
    details.length <= LIMITS.details &&
    actions.length <= LIMITS.actions &&
    actions.join('').length <= LIMITS.actionsText
  );
}
