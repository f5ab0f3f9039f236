/**
 * `authorization_details` (RFC 9396) of type `dauth_connection` and `dauth_credential` (§4): the only thing that
 * authorizes a connection. Compared as A ⊆ B; whatever is not understood is not a subset.
 */
import { parseHandle, type ConnectionHandle } from './handle.ts';
import { LIMITS } from './limits.ts';
import { parseMethod, type Method } from './method.ts';
import { parseOrigin, type Origin } from './origin.ts';
import { coversPattern, matchesPath, parsePathPattern, type PathPattern } from './path.ts';
import type { AllowRule, Target } from './policy.ts';
import { distinct, exactObject, list, refuse, text } from './shape.ts';

/** What a token says of one connection at one origin. `name` is for display and decides nothing. */
export interface ConnectionDetail {
  readonly type: 'dauth_connection';
  readonly identifier: ConnectionHandle;
  readonly name?: string;
  readonly locations: readonly [Origin];
  /** `METHOD pattern`, one space between. */
  readonly actions: readonly string[];
}

/** A connection as a client asks for it: without locations and actions it means all that the envelope allows. */
export interface ConnectionWish {
  readonly type: 'dauth_connection';
  readonly identifier: ConnectionHandle;
  readonly locations?: readonly [Origin];
  readonly actions?: readonly string[];
}

/** A sealed credential carried inside a token request (§3 "Intake"). */
export interface CredentialDetail {
  readonly type: 'dauth_credential';
  readonly envelope: string;
  readonly seal_proof: string;
  readonly endorsements?: readonly string[];
}

const NAME = 64;

/** Parses the `authorization_details` claim of a token: zero to eight complete details. @throws DAuthError `INVALID_REQUEST` */
export function parseDetails(value: unknown): readonly ConnectionDetail[] {
  return list(value, '"authorization_details"', 0, LIMITS.details, parseConnectionDetail);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseConnectionDetail(value: unknown): ConnectionDetail {
  const detail = exactObject(
    value,
    'A dauth_connection detail',
    ['type', 'identifier', 'locations', 'actions'],
    ['name'],
  );
  if (detail.type !== 'dauth_connection') refuse('An authorization detail has a type that is not known here.');
  return Object.freeze({
    type: 'dauth_connection',
    identifier: parseHandle(detail.identifier),
    ...(detail.name === undefined ? {} : { name: text(detail.name, '"name"', NAME) }),
    locations: parseLocations(detail.locations),
    actions: parseActions(detail.actions),
  });
}

/** Parses the `authorization_details` of a token request: wishes and sealed credentials. @throws DAuthError `INVALID_REQUEST` */
export function parseDetailsRequest(value: unknown): readonly (ConnectionWish | CredentialDetail)[] {
  return list(value, '"authorization_details"', 0, LIMITS.details, (item) => {
    const type = exactObject(
      item,
      'An authorization detail',
      ['type'],
      [...['identifier', 'name', 'locations', 'actions'], ...['envelope', 'seal_proof', 'endorsements']],
    ).type;
    if (type === 'dauth_connection') return parseWish(item);
    if (type === 'dauth_credential') return parseCredential(item);
    return refuse('An authorization detail has a type that is not known here.');
  });
}

function parseWish(value: unknown): ConnectionWish {
  const wish = exactObject(
    value,
    'A dauth_connection detail',
    ['type', 'identifier'],
    ['name', 'locations', 'actions'],
  );
  if ((wish.actions === undefined) !== (wish.locations === undefined)) {
    refuse('A dauth_connection detail names locations and actions together, or neither.');
  }
  return Object.freeze({
    type: 'dauth_connection',
    identifier: parseHandle(wish.identifier),
    ...(wish.locations === undefined
      ? {}
      : { locations: parseLocations(wish.locations), actions: parseActions(wish.actions) }),
  });
}

function parseCredential(value: unknown): CredentialDetail {
  const detail = exactObject(value, 'A dauth_credential detail', ['type', 'envelope', 'seal_proof'], ['endorsements']);
  return Object.freeze({
    type: 'dauth_credential',
    envelope: text(detail.envelope, '"envelope"', LIMITS.envelope),
    seal_proof: text(detail.seal_proof, '"seal_proof"', LIMITS.proof),
    ...(detail.endorsements === undefined ? {} : { endorsements: parseEndorsements(detail.endorsements) }),
  });
}

/** The chain by which an earlier sealing key vouches for a later one (§2 "Who sealed it"). */
export function parseEndorsements(value: unknown): readonly string[] {
  return list(value, '"endorsements"', 0, LIMITS.details, (item) => text(item, 'An endorsement', LIMITS.proof));
}

function parseLocations(value: unknown): readonly [Origin] {
  const [origin] = list(value, '"locations"', 1, 1, parseOrigin);
  return Object.freeze([origin!]) as readonly [Origin];
}

function parseActions(value: unknown): readonly string[] {
  const actions = list(value, '"actions"', 1, LIMITS.policyActions, (item) => {
    const { method, pattern } = splitAction(text(item, 'An action', 4_200));
    return `${method} ${pattern}`;
  });
  return distinct(actions, '"actions"', String);
}

function splitAction(action: string): { method: Method; pattern: PathPattern } {
  const space = action.indexOf(' ');
  return { method: parseMethod(action.slice(0, space)), pattern: parsePathPattern(action.slice(space + 1)) };
}

/** What an envelope allows, said as details: one per allow rule. */
export function detailsFromAllow(
  identifier: ConnectionHandle,
  name: string,
  allow: readonly AllowRule[],
): readonly ConnectionDetail[] {
  return allow.map((rule) => ({
    type: 'dauth_connection',
    identifier,
    name,
    locations: [rule.origin],
    actions: rule.methods.flatMap((method) => rule.paths.map((pattern) => `${method} ${pattern}`)),
  }));
}

/** Whether a wish or detail stays within the allow rules of an envelope. */
export function detailWithinAllow(
  detail: { readonly locations: readonly [Origin]; readonly actions: readonly string[] },
  allow: readonly AllowRule[],
): boolean {
  const rules = allow.filter((rule) => rule.origin === detail.locations[0]);
  return detail.actions.every((action) => {
    const { method, pattern } = splitAction(action);
    return rules.some(
      (rule) => rule.methods.includes(method) && rule.paths.some((path) => coversPattern(path, pattern)),
    );
  });
}

/** Whether every right in `inner` is also in `outer`. */
export function isNarrower(inner: readonly ConnectionDetail[], outer: readonly ConnectionDetail[]): boolean {
  return inner.every((detail) => {
    const rivals = outer.filter((o) => o.identifier === detail.identifier && o.locations[0] === detail.locations[0]);
    return detail.actions.every((action) =>
      rivals.some((rival) => rival.actions.some((wide) => coversAction(wide, action))),
    );
  });
}

function coversAction(outer: string, inner: string): boolean {
  const wide = splitAction(outer);
  const narrow = splitAction(inner);
  return wide.method === narrow.method && coversPattern(wide.pattern, narrow.pattern);
}

/** Whether the details name this handle with this origin, method and path. */
export function detailAllows(details: readonly ConnectionDetail[], handle: ConnectionHandle, target: Target): boolean {
  return details.some(
    (detail) =>
      detail.identifier === handle &&
      detail.locations[0] === target.origin &&
      detail.actions.some((action) => {
        const { method, pattern } = splitAction(action);
        return method === target.method && matchesPath(pattern, target.path);
      }),
  );
}
