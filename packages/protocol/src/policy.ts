/**
 * The use policy sealed with a credential: which origins, methods and paths (§2 `allow`).
 * Only ever narrows: an empty rule allows nothing, and nothing here can widen a rule.
 */
import { isConditionIn, parseBodyConditions, type BodyCondition, type JsonBody } from './body-condition.ts';
import { explain, meets, type Decision, type Demands } from './demand.ts';
import { graphqlUnmet, parseGraphqlRule, type GraphqlRule } from './graphql-rule.ts';
import { LIMITS } from './limits.ts';
import { parseMethod, type Method } from './method.ts';
import { parseOrigin, type Origin } from './origin.ts';
import { matchesPath, parsePathPattern, type PathPattern } from './path.ts';
import { isQueryWithin, parseQueryNames } from './query.ts';
import { distinct, exactObject, list, refuse } from './shape.ts';

export interface AllowRule {
  readonly origin: Origin;
  readonly methods: readonly Method[];
  readonly paths: readonly PathPattern[];
  /** Names that a query may have: absent means any, and empty none. */
  readonly query?: readonly string[];
  /** What a JSON body must hold, all of it: absent means any body, and none. */
  readonly body?: readonly BodyCondition[];
  /** What a GraphQL request must be: absent means that nobody looks whether it is one. */
  readonly graphql?: GraphqlRule;
  /** Whether a WebSocket may be opened too: absent means none. */
  readonly websocket?: true;
}

/** Where one request wants to go. */
export interface Target {
  readonly origin: Origin;
  readonly method: Method;
  /** Raw, before `?`. */
  readonly path: string;
  /** Raw, with its `?`; empty where there is none. */
  readonly query: string;
  /** Only where it was read, and `null` where there is none: not looked at, no rule with conditions allows anything. */
  readonly body?: JsonBody | null;
  /** Whether it asks to go on as a WebSocket (RFC 6455 §4.1). */
  readonly webSocket?: boolean;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseAllow(value: unknown): readonly AllowRule[] {
  return list(value, '"allow"', 1, LIMITS.policyEntries, parseRule);
}

function parseRule(value: unknown): AllowRule {
  const rule = exactObject(
    value,
    'An allow rule',
    ['origin', 'methods', 'paths'],
    ['query', 'body', 'graphql', 'websocket'],
  );
  const methods = distinct(list(rule.methods, '"methods"', 1, LIMITS.policyEntries, parseMethod), '"methods"', String);
  const paths = distinct(list(rule.paths, '"paths"', 1, LIMITS.policyEntries, parsePathPattern), '"paths"', String);
  if (methods.length * paths.length > LIMITS.policyActions) refuse('An allow rule has too many methods and paths.');
  // GraphQL over HTTP has no other methods, and HEAD is a GET that nobody sees the answer of.
  if (rule.graphql !== undefined && methods.some((method) => method !== 'GET' && method !== 'POST'))
    refuse('An allow rule with "graphql" has no other methods than GET and POST.');
  if (rule.websocket !== undefined) assertWebSocket(rule.websocket, methods, rule.body ?? rule.graphql);
  return Object.freeze({
    ...{ origin: parseOrigin(rule.origin), methods, paths },
    ...(rule.query === undefined ? {} : { query: parseQueryNames(rule.query) }),
    ...(rule.body === undefined ? {} : { body: parseBodyConditions(rule.body) }),
    ...(rule.graphql === undefined ? {} : { graphql: parseGraphqlRule(rule.graphql) }),
    ...(rule.websocket === undefined ? {} : { websocket: true as const }),
  });
}

/** RFC 6455 §4.1: the request that opens one is a GET without a body. */
function assertWebSocket(value: unknown, methods: readonly Method[], body: unknown): void {
  // Only absence is the default: a rule that says `false` would read differently to whoever tests for presence.
  if (value !== true) refuse('"websocket" is true, or absent.');
  if (methods.length !== 1 || methods[0] !== 'GET' || body !== undefined)
    refuse('A rule with "websocket" has the method GET alone, and no conditions on a body.');
}

/** Whether some single rule allows all of a request together. */
export function allowsRequest(allow: readonly AllowRule[], target: Target): boolean {
  return allow.some((rule) => meets(DEMANDS, rule, target));
}

/** How `allowsRequest` decides, for the owner who asks why. */
export function explainAllow(allow: readonly AllowRule[], target: Target): Decision {
  return explain(DEMANDS, allow, target);
}

/** Whether what allows a request, if anything, are rules with conditions on its body. */
export function dependsOnBody(allow: readonly AllowRule[], target: Target): boolean {
  return (
    !allowsRequest(allow, target) &&
    allow.some((rule) => (rule.body ?? rule.graphql) !== undefined && meets(BEFORE_BODY, rule, target))
  );
}

const BEFORE_BODY = Object.freeze<Demands<AllowRule, Target>>([
  ['origin', (rule, { origin }) => rule.origin === origin],
  ['methods', (rule, { method }) => rule.methods.includes(method)],
  ['paths', (rule, { path }) => rule.paths.some((pattern) => matchesPath(pattern, path))],
  [
    'query',
    (rule, { query }) =>
      (rule.query === undefined || isQueryWithin(rule.query, query)) &&
      (rule.body === undefined || query === '' || !isConditionIn(query, rule.body)),
  ],
  ['websocket', (rule, { webSocket }) => webSocket !== true || rule.websocket === true],
]);

const DEMANDS = Object.freeze<Demands<AllowRule, Target>>([
  ...BEFORE_BODY,
  [
    'body',
    (rule, { body }) =>
      rule.body === undefined ||
      (body !== undefined && body !== null && rule.body.every((condition) => body.meets(condition))),
  ],
  [
    'graphql',
    (rule, target) => rule.graphql === undefined || graphqlUnmet(rule.graphql, target, rule.query ?? []) === undefined,
  ],
]);
