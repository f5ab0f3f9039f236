/**
 * Step 4 of a dispatch: where to. Method, origin and raw path against token *and* envelope, then the headers that may go.
 * Never normalizes: what is checked here is, octet for octet, what goes upstream.
 */
import {
  allowsRequest,
  assertNoTokenEndpoint,
  DAuthError,
  dependsOnBody,
  detailAllows,
  isConsumed,
  isMethodOverride,
  isOverrideField,
  isPathOverride,
  originParts,
  parseOrigin,
  slotsOf,
  splitTarget,
  type Injection,
  type Method,
  type Origin,
  type Target,
} from '@dauth/protocol';
import type { Permit } from '../who/authorize.ts';
import { assertSlotsFree } from './collision.ts';
import { assertReadableType } from './override.ts';

/** What a caller wants done, the same for both forms. */
export interface Wish {
  readonly method: Method;
  /** Raw path and query for the upstream. */
  readonly target: string;
  readonly origin: string | undefined;
  /** Lowercase names. In the streaming form already `withoutHop`: there they also carry this hop's own credentials. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Where it is to go on as a WebSocket: what the caller offers to speak. */
  readonly webSocket?: { readonly protocols: readonly string[] };
}

/** A destination that token and envelope both allow. */
export interface Destination {
  readonly origin: Origin;
  readonly method: Method;
  /** Raw path before `?`, for the audit. */
  readonly path: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Where only rules with conditions on the body allow it: what they are asked of together with the body. */
  readonly onBody?: Target;
}

/** @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST` */
export function decideTarget(wish: Wish, permit: Permit): Destination {
  const { path, query } = splitTarget(wish.target);
  const origin = decideOrigin(wish.origin, permit);
  if (originParts(origin).scheme === 'postgres')
    throw denied('The connection goes to a database, which takes no requests; open a session.');
  const asked = { origin, method: wish.method, path, query };
  const target = { ...asked, webSocket: wish.webSocket !== undefined };
  // What is captured never goes back, wherever it was asked for.
  if (permit.policy.capture === undefined)
    for (const sent of [path, withSlot(path, permit.policy.inject)]) assertNoTokenEndpoint(origin, sent);
  const onBody = dependsOnBody(permit.policy.allow, target) ? target : undefined;
  if (onBody === undefined && !allowsRequest(permit.policy.allow, target))
    throw denied('The policy sealed with the credential does not allow this request.');
  if (!detailAllows(permit.caller.claims.details, permit.handle, target))
    throw denied('The token does not allow this request.');
  assertNoOverride(wish.headers, query);
  assertReadableType(wish.headers);
  assertSlotsFree(permit.policy.inject, wish);
  return {
    ...{ origin, method: wish.method, path, target: wish.target, headers: withoutHop(wish.headers) },
    ...(onBody === undefined ? {} : { onBody }),
  };
}

/** The path as it goes upstream, with something in the place of the segment that the credential fills. */
function withSlot(path: string, injections: readonly Injection[]): string {
  const slot = slotsOf(injections).find((each) => each.in === 'path');
  const segments = path.slice(1).split('/');
  return slot === undefined ? path : `/${segments.toSpliced(slot.segment, 0, '-').join('/')}`;
}

/** Byte-equal to an allowed origin; may be left out only where exactly one is possible (§5). */
export function decideOrigin(given: string | undefined, { caller, handle, policy }: Permit): Origin {
  if (given !== undefined) return parseOrigin(given);
  const sealed = new Set(policy.allow.map((rule) => rule.origin));
  const named = caller.claims.details.flatMap((detail) => (detail.identifier === handle ? detail.locations : []));
  const [only, ...others] = new Set(named.filter((origin) => sealed.has(origin)));
  if (only === undefined) throw denied('The token names no origin that the credential was sealed for.');
  if (others.length > 0)
    throw new DAuthError('INVALID_REQUEST', 'The connection has several origins; name one in DAuth-Origin.');
  return only;
}

/** An upstream that heeds one of these would act by another method than the one that was allowed. */
function assertNoOverride(headers: Wish['headers'], query: string): void {
  const inQuery = query
    .slice(1)
    .split(/[&;]/)
    .some((pair) => isOverrideField(pair.split('=', 1)[0]!));
  if (inQuery || headers.some(([name]) => isMethodOverride(name)))
    throw denied('Method overrides are not passed on; send the request with its real method.');
  if (headers.some(([name]) => isPathOverride(name)))
    throw denied('Headers that name another path or host are not passed on; send the request to its real one.');
}

/** The caller's headers without what ends here: its own credentials, framing, and what its Connection header names. */
export function withoutHop(headers: Wish['headers']): Destination['headers'] {
  const hop = new Set(
    headers.flatMap(([name, value]) =>
      name === 'connection' ? value.split(',').map((token) => token.trim().toLowerCase()) : [],
    ),
  );
  return headers.filter(([name]) => !isConsumed(name) && !hop.has(name));
}

function denied(detail: string): DAuthError {
  return new DAuthError('POLICY_DENIED', detail);
}
