/**
 * `authorization_details` (RFC 9396) of type `dauth_connection` and `dauth_credential` (§4): the only thing that
 * authorizes a connection. Compared as A ⊆ B; whatever is not understood is not a subset.
 */
import { Reach, splitAction } from './action.ts';
import { explain, meets, type Decision, type Demands } from './demand.ts';
import { parseHandle, type ConnectionHandle } from './handle.ts';
import { isObject } from './json.ts';
import { LIMITS } from './limits.ts';
import { parseOrigin, type Origin } from './origin.ts';
import { matchesPath } from './path.ts';
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
  assertFewActions(value);
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
  assertFewActions(value);
  const items = list(value, '"authorization_details"', 0, LIMITS.details, (item) => {
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
  assertNoRepeats(items);
  return items;
}

/**
 * Counts before anything is parsed: whether one side is inside the other takes every action of the one with every action
 * of the other, so an unbounded side would hold up everybody else.
 */
function assertFewActions(value: unknown): void {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const actions = items.flatMap((item): unknown[] =>
    isObject(item) && Array.isArray(item.actions) ? item.actions : [],
  );
  const length = actions.reduce<number>((sum, action) => sum + (typeof action === 'string' ? action.length : 0), 0);
  if (actions.length > LIMITS.actions)
    refuse(`"authorization_details" has more than ${LIMITS.actions} actions in all; ask for fewer.`);
  if (length > LIMITS.actionsText)
    refuse(`The actions of "authorization_details" are longer than ${LIMITS.actionsText} characters; ask for fewer.`);
}

/** One wish a connection and origin; one without locations means every origin, so nothing may stand beside it. */
function assertNoRepeats(items: readonly (ConnectionWish | CredentialDetail)[]): void {
  const places = new Map<ConnectionHandle, (Origin | undefined)[]>();
  for (const item of items) {
    if (item.type !== 'dauth_connection') continue;
    const place = item.locations?.[0];
    const named = places.get(item.identifier) ?? [];
    if (named.length > 0 && (place === undefined || named.includes(undefined) || named.includes(place)))
      refuse('Two authorization details name the same connection and origin; put their actions into one.');
    places.set(item.identifier, [...named, place]);
  }
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
  const outer = new Reach();
  for (const rule of allow) {
    if (rule.origin !== detail.locations[0]) continue;
    for (const method of rule.methods) for (const path of rule.paths) outer.add(method, path);
  }
  return detail.actions.every((action) => outer.covers(action));
}

/** Whether every right in `inner` is also in `outer`. */
export function isNarrower(inner: readonly ConnectionDetail[], outer: readonly ConnectionDetail[]): boolean {
  const key = (detail: ConnectionDetail) => `${detail.identifier} ${detail.locations[0]}`;
  const reaches = new Map<string, Reach>();
  for (const detail of outer) {
    const reach = reaches.get(key(detail)) ?? new Reach();
    reaches.set(key(detail), reach);
    for (const { method, pattern } of detail.actions.map(splitAction)) reach.add(method, pattern);
  }
  return inner.every((detail) => {
    const reach = reaches.get(key(detail));
    return reach !== undefined && detail.actions.every((action) => reach.covers(action));
  });
}

/** What is asked of a token: a request over one connection. */
interface Call extends Target {
  readonly handle: ConnectionHandle;
}

/** Whether the details name this handle with this origin, method and path. */
export function detailAllows(details: readonly ConnectionDetail[], handle: ConnectionHandle, target: Target): boolean {
  return details.some((detail) => meets(DEMANDS, detail, { ...target, handle }));
}

/** How `detailAllows` decides, for whoever asks why. */
export function explainDetails(
  details: readonly ConnectionDetail[],
  handle: ConnectionHandle,
  target: Target,
): Decision {
  return explain(DEMANDS, details, { ...target, handle });
}

const DEMANDS = Object.freeze<Demands<ConnectionDetail, Call>>([
  ['identifier', (detail, { handle }) => detail.identifier === handle],
  ['locations', (detail, { origin }) => detail.locations[0] === origin],
  [
    'actions',
    (detail, { method, path }) =>
      detail.actions.some((action) => {
        const wanted = splitAction(action);
        return wanted.method === method && matchesPath(wanted.pattern, path);
      }),
  ],
]);
