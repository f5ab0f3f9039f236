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
  type ConnectionDetail,
  type ConnectionWish,
  type CredentialDetail,
  type EnvelopePolicy,
} from '@dauth/protocol';
import type { Authority } from '../context.ts';
import { checkIntake, type Intake, type Subject } from '../intake.ts';
import type { Client } from '../store/registry.ts';
import { OAuthError } from './errors.ts';

export interface Asked {
  readonly credentials: readonly CredentialDetail[];
  readonly wishes: readonly ConnectionWish[];
}

const NO_SUCH = 'An authorization detail names a connection that this client cannot use at this resource.';

export function readAsked(text: string | undefined): Asked {
  if (text === undefined) return { credentials: [], wishes: [] };
  try {
    const items = parseDetailsRequest(parseJson(text, LIMITS.jsonBody));
    return {
      credentials: items.filter((item) => item.type === 'dauth_credential'),
      wishes: items.filter((item) => item.type === 'dauth_connection'),
    };
  } catch (error) {
    throw asDetailsError(error);
  }
}

/**
 * Whose connections the request is about: all of one owner. The client's own by default; another owner's only where every
 * envelope is pinned to the key that asks (the runner's rule, §3) – that owner's grant is looked up by the caller.
 */
export function subjectOfAsked(authority: Authority, asked: Asked, client: Client, jkt: string): Subject {
  const own: Subject = { sub: client.owner ?? client.client_id, org: client.org };
  const policies = [
    ...asked.credentials.map((credential) => readPolicy(credential.envelope)),
    ...asked.wishes.map((wish) => storedPolicy(authority, wish, asked)).filter((policy) => policy !== undefined),
  ];
  const [first] = policies;
  if (first === undefined) return own;
  if (policies.some((policy) => policy.owner !== first.owner || policy.org !== first.org)) throw refusal(NO_SUCH);
  if (first.owner === own.sub && first.org === own.org) return own;
  if (policies.some((policy) => policy.pin?.jkt?.includes(jkt) !== true)) throw refusal(NO_SUCH);
  return { sub: first.owner, org: first.org };
}

export interface Settled {
  readonly details: readonly ConnectionDetail[];
  readonly intakes: readonly Intake[];
}

/** Checks everything asked for and says what the token will name; stores nothing yet. */
export async function settleDetails(
  authority: Authority,
  asked: Asked,
  subject: Subject,
  resource: string,
  jkt: string,
): Promise<Settled> {
  try {
    const intakes = [];
    for (const credential of asked.credentials) intakes.push(await checkIntake(authority, credential, subject));
    const inline = new Map(intakes.map((intake) => [intake.envelope.header.dauth.handle, intake.envelope.header.dauth]));
    const named = asked.wishes.map((wish) => wish.identifier);
    const implied = [...inline.keys()].filter((handle) => !named.includes(handle));
    const wishes: ConnectionWish[] = [
      ...asked.wishes,
      ...implied.map((identifier): ConnectionWish => ({ type: 'dauth_connection', identifier })),
    ];
    const details = wishes.flatMap((wish) => {
      const policy = inline.get(wish.identifier) ?? usablePolicy(authority, wish, subject);
      return narrow(wish, policy, resource, jkt, authority.now());
    });
    if (details.length > LIMITS.details) throw refusal(`A token names at most ${LIMITS.details} connections and origins; ask for fewer.`);
    return { details, intakes };
  } catch (error) {
    throw asDetailsError(error);
  }
}

function narrow(wish: ConnectionWish, policy: EnvelopePolicy, resource: string, jkt: string, now: number): readonly ConnectionDetail[] {
  if (!policy.servers.includes(resource)) throw refusal('The credential was not sealed for this resource; its owner has to seal it for this server.');
  if (policy.exp <= now || policy.iat > now + LIMITS.clockLeewaySeconds) throw refusal('The credential is outside the time it was sealed for.');
  if (policy.pin?.jkt !== undefined && !policy.pin.jkt.includes(jkt)) throw refusal('The credential is pinned to another client key.');
  const { identifier, locations, actions } = wish;
  if (locations === undefined || actions === undefined) return detailsFromAllow(identifier, policy.connection, policy.allow);
  if (!detailWithinAllow({ locations, actions }, policy.allow)) throw refusal('An authorization detail exceeds what its owner sealed.');
  return [{ type: 'dauth_connection', identifier, name: policy.connection, locations, actions }];
}

/** The policy of a stored, active connection of this owner; anything else is the same refusal as a handle nobody has. */
function usablePolicy(authority: Authority, wish: ConnectionWish, subject: Subject): EnvelopePolicy {
  const row = authority.store.connections.find(wish.identifier);
  if (row?.owner !== subject.sub || row.org !== subject.org || row.status !== 'active') throw refusal(NO_SUCH);
  const stored = authority.store.connections.envelope(row.handle, row.ver);
  if (stored === undefined) throw refusal(NO_SUCH);
  return readPolicy(stored.envelope);
}

function storedPolicy(authority: Authority, wish: ConnectionWish, asked: Asked): EnvelopePolicy | undefined {
  const row = authority.store.connections.find(wish.identifier);
  const stored = row === undefined ? undefined : authority.store.connections.envelope(row.handle, row.ver);
  if (stored !== undefined) return readPolicy(stored.envelope);
  // Named and carried in one request: the carried envelope speaks for it.
  if (asked.credentials.some((each) => readPolicy(each.envelope).handle === wish.identifier)) return undefined;
  throw refusal(NO_SUCH);
}

function readPolicy(compact: string): EnvelopePolicy {
  try {
    return parseEnvelope(compact).header.dauth;
  } catch (error) {
    throw asDetailsError(error);
  }
}

function refusal(description: string): OAuthError {
  return new OAuthError('invalid_authorization_details', description);
}

function asDetailsError(error: unknown): unknown {
  if (!(error instanceof DAuthError)) return error;
  if (error.code === 'ENCLAVE_UNAVAILABLE') return new OAuthError('temporarily_unavailable', error.publicMessage, { cause: error });
  return new OAuthError('invalid_authorization_details', error.publicMessage, { cause: error });
}
