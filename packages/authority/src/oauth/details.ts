/**
 * From asked-for details to those of a token: intake of what is carried inline, and the connections that are named
 * (spec/dauth.md §3, §4). Never names a connection that does not list the resource, or more than its envelope allows.
 */
import {
  DAuthError,
  detailsFromAllow,
  detailWithinAllow,
  LIMITS,
  parseDetailsRequest,
  parseEnvelope,
  parseJson,
  type AllowRule,
  type ConnectionDetail,
  type ConnectionWish,
  type CredentialDetail,
  type EnvelopePolicy,
  type ExecutorDirectory,
} from '@dauth/protocol';
import type { Authority } from '../context.ts';
import { assertSealedByOwner, checkIntake, type Subject } from '../intake.ts';
import type { Client } from '../store/registry.ts';
import { OAuthError } from './errors.ts';

export interface Asked {
  readonly credentials: readonly CredentialDetail[];
  readonly wishes: readonly ConnectionWish[];
}

/** One sentence for a handle nobody has, another owner's, a suspended one and a missing grant: they must look alike. */
export const NO_SUCH = 'An authorization detail names a connection that this client cannot use at this resource.';

export function readAsked(text: string | undefined): Asked {
  if (text === undefined) return { credentials: [], wishes: [] };
  // Compared before parsing: only a sealed credential is large, and one spelling of its type is enough.
  if (text.length > LIMITS.wishes && !text.includes('"dauth_credential"'))
    throw refusal(`"authorization_details" without a sealed credential has at most ${LIMITS.wishes} characters.`);
  return inDetails(() => {
    const items = parseDetailsRequest(parseJson(text, LIMITS.jsonBody));
    return {
      credentials: items.filter((item) => item.type === 'dauth_credential'),
      wishes: items.filter((item) => item.type === 'dauth_connection'),
    };
  });
}

/**
 * Whose connections the request is about: all of one owner. The client's own by default; another owner's only where every
 * envelope is pinned to the key that asks (the runner's rule, §3) – that owner's grant is looked up by the caller.
 */
export function subjectOfAsked(authority: Authority, asked: Asked, client: Client, jkt: string | null): Subject {
  const own: Subject = { sub: ownerOf(client), org: client.org };
  const carried = asked.credentials.map((credential) => readPolicy(credential.envelope));
  const named = asked.wishes.map(
    (wish) => storedPolicy(authority, wish) ?? carried.find((policy) => policy.handle === wish.identifier),
  );
  const policies = [...carried, ...named];
  const [first] = policies;
  if (first === undefined && policies.length === 0) return own;
  for (const policy of policies) {
    if (policy === undefined || policy.owner !== first?.owner || policy.org !== own.org) throw refusal(NO_SUCH);
    if (policy.owner !== own.sub && !isPinnedTo(policy, jkt)) throw refusal(NO_SUCH);
  }
  return { sub: first!.owner, org: own.org };
}

function isPinnedTo({ pin }: EnvelopePolicy, jkt: string | null): boolean {
  return jkt !== null && pin?.jkt?.includes(jkt) === true;
}

/** For whom a client speaks by its registration. */
export function ownerOf(client: Client): string {
  return client.owner ?? client.client_id;
}

export interface Settling {
  readonly asked: Asked;
  readonly client: Client;
  readonly subject: Subject;
  readonly resource: string;
  /** Thumbprint of the key the token will be bound to; null under the Bearer exception. */
  readonly jkt: string | null;
  /** Where credentials are carried. */
  readonly directory: ExecutorDirectory | undefined;
}

/**
 * Stores what is carried and says what the token will name. Call inside the transaction that issues: a refusal anywhere
 * leaves nothing behind.
 * @returns the details, and the handles stored for the first time
 */
export function settleDetails(
  authority: Authority,
  settling: Settling,
): { details: readonly ConnectionDetail[]; stored: readonly string[] } {
  const { asked, client, subject, directory } = settling;
  return inDetails(() => {
    const stored = asked.credentials.map((credential) => {
      const intake = checkIntake(authority, directory!, credential, subject);
      if (!intake.repeated && subject.sub !== ownerOf(client)) assertSealedByOwner(authority, intake, subject);
      intake.store();
      return { handle: intake.envelope.header.dauth.handle, repeated: intake.repeated };
    });
    const named = new Set(asked.wishes.map((wish) => wish.identifier));
    const implied = [...new Set(stored.map(({ handle }) => handle))].filter((handle) => !named.has(handle));
    const wishes: ConnectionWish[] = [
      ...asked.wishes,
      ...implied.map((identifier) => ({ type: 'dauth_connection', identifier }) as const),
    ];
    const details = wishes.flatMap((wish) => narrow(authority, settling, wish));
    if (details.length > LIMITS.details)
      throw refusal(`A token names at most ${LIMITS.details} connections and origins; ask for fewer.`);
    return { details, stored: stored.filter(({ repeated }) => !repeated).map(({ handle }) => handle) };
  });
}

/** Where and by whom a connection is to be used. */
export type Use = Pick<Settling, 'subject' | 'resource' | 'jkt'>;

/** What one wish comes to under the current envelope, whoever carried it. */
export function narrow(authority: Authority, use: Use, wish: ConnectionWish): readonly ConnectionDetail[] {
  const policy = policyFor(authority, use, wish);
  const { identifier, locations, actions } = wish;
  if (locations === undefined || actions === undefined)
    return detailsFromAllow(identifier, policy.connection, policy.allow);
  if (!detailWithinAllow({ locations, actions }, policy.allow))
    throw refusal('An authorization detail exceeds what its owner sealed.');
  return [{ type: 'dauth_connection', identifier, name: policy.connection, locations, actions }];
}

/** What is left of a detail under the current envelope: an action that it no longer allows is left out, and so is the whole. */
export function stillUsable(authority: Authority, use: Use, detail: ConnectionDetail): readonly ConnectionDetail[] {
  try {
    const { connection, allow } = policyFor(authority, use, detail);
    const { locations } = detail;
    const actions = detail.actions.filter((action) => detailWithinAllow({ locations, actions: [action] }, allow));
    return actions.length === 0 ? [] : [{ ...detail, name: connection, actions }];
  } catch (error) {
    if (error instanceof OAuthError) return [];
    throw error;
  }
}

/** The current policy of a connection that can be used here now. @throws OAuthError `invalid_authorization_details` */
function policyFor(authority: Authority, { subject, resource, jkt }: Use, wish: ConnectionWish): EnvelopePolicy {
  const now = authority.now();
  const policy = usablePolicy(authority, wish, subject);
  if (!policy.servers.includes(resource))
    throw refusal('The credential was not sealed for this resource; its owner has to seal it for this server.');
  if (policy.exp <= now || policy.iat > now + LIMITS.clockLeewaySeconds)
    throw refusal('The credential is outside the time it was sealed for.');
  if (policy.pin?.jkt !== undefined && !isPinnedTo(policy, jkt))
    throw refusal('The credential is pinned to another client key.');
  if (jkt === null && !policy.bearer)
    throw refusal('The credential was not sealed for tokens without a key; its owner has to allow Bearer.');
  return policy;
}

/** The policy of a stored, active connection of this owner; anything else is the same refusal as a handle nobody has. */
function usablePolicy(authority: Authority, wish: ConnectionWish, subject: Subject): EnvelopePolicy {
  const row = authority.store.connections.find(wish.identifier);
  const policy = storedPolicy(authority, wish);
  if (policy === undefined || row?.owner !== subject.sub || row.org !== subject.org || row.status !== 'active')
    throw refusal(NO_SUCH);
  return policy;
}

/** The rules that are sealed now for a detail's origin: they say of a request what a detail does not. */
export function sealedRules(authority: Authority, detail: ConnectionDetail): readonly AllowRule[] {
  const rules = storedPolicy(authority, detail)?.allow ?? [];
  return rules.filter(({ origin }) => origin === detail.locations[0]);
}

/**
 * The other one of a login and what is captured out of its answers, by name where it is stored.
 * @returns undefined for a connection that is neither
 */
export function sealedCapture(
  authority: Authority,
  detail: ConnectionDetail,
): { readonly role: 'login' | 'captured'; readonly other: string } | undefined {
  const { capture, captured } = storedPolicy(authority, detail) ?? {};
  const handle = capture?.into ?? captured?.from;
  if (handle === undefined) return undefined;
  const row = authority.store.connections.find(handle);
  const own = authority.store.connections.find(detail.identifier);
  // A policy may name anybody's handle: only what is the same owner's has a name here.
  const isOwn = row?.owner === own?.owner && row?.org === own?.org && row?.deleted_at === null;
  return { role: capture === undefined ? 'captured' : 'login', other: isOwn ? row.name : handle };
}

function storedPolicy({ store }: Authority, wish: ConnectionWish): EnvelopePolicy | undefined {
  const row = store.connections.find(wish.identifier);
  return row === undefined ? undefined : inDetails(() => store.connections.policy(row.handle, row.ver));
}

function readPolicy(compact: string): EnvelopePolicy {
  return inDetails(() => parseEnvelope(compact).header.dauth);
}

function refusal(description: string): OAuthError {
  return new OAuthError('invalid_authorization_details', description);
}

/** Gives a refusal of our own codecs the code of RFC 9396 §5. */
function inDetails<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof DAuthError) || error.code === 'INTERNAL') throw error;
    throw new OAuthError('invalid_authorization_details', error.publicMessage, { cause: error });
  }
}
