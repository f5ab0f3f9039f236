/**
 * One dispatch (§5): the ten steps, in their order, in one place. Both forms come through here.
 * Never opens before step 6, and nothing read before it has any effect but refusal.
 */
import { Readable } from 'node:stream';
import {
  DAuthError,
  endpointParts,
  endpointsOf,
  pinsFor,
  tokenSchemeOf,
  type ConnectionHandle,
  type Injection,
  type OperatorRules,
  type Origin,
} from '@dauth/protocol';
import type { Hold } from './door/upload.ts';
import { permitCapture, type Captures } from './captures.ts';
import { settleBody, type SettledRequest } from './body.ts';
import type { Caller } from './who/authenticate.ts';
import type { AuthorizeDeps, Permit } from './who/authorize.ts';
import { permit } from './who/permit.ts';
import type { Facts, Intent, Journal } from './journal/journal.ts';
import { refused } from './refused.ts';
import type { OpenCalls } from './open-calls.ts';
import type { OpeningKey } from './open.ts';
import type { Refusals } from './journal/refusals.ts';
import { watchForOverride } from './where/override.ts';
import { exchange, type ExchangeDeps } from './exchanged.ts';
import { intentFacts } from './facts.ts';
import { makeReceipt } from './journal/receipt.ts';
import type { Seen } from './who/seen.ts';
import type { Shares } from './who/shares.ts';
import { assertOperatorAllows, boundBody } from './where/operator.ts';
import type { NamedState, UseLimits } from './who/use-limits.ts';
import { windowEndMs } from './who/window.ts';
import { decideTarget, type Destination, type Wish } from './where/target.ts';
import type { UpstreamAnswer } from './wire/call.ts';
import { assertKeysTaken } from './wire/token-call.ts';
import type { Upstream } from './wire/upstream.ts';

export interface DispatchDeps extends AuthorizeDeps, ExchangeDeps {
  readonly seen: AuthorizeDeps['seen'] & Pick<Seen, 'admit'>;
  readonly journal: Pick<Journal, 'intent'>;
  readonly refusals: Pick<Refusals, 'record'>;
  readonly calls: OpenCalls;
  /** Places for dispatches under way; taken by the forms after step 2. */
  readonly shares: Shares;
  readonly upstream: Pick<Upstream, 'check' | 'call' | 'isFreedOverwritten'>;
  readonly openingKeys: ReadonlyMap<string, OpeningKey>;
  /** What the operator refuses besides. */
  readonly rules: OperatorRules;
  readonly useLimits: Pick<UseLimits, 'take'>;
  readonly captures: Pick<Captures, 'around'>;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

/** What a form hands over after step 2. */
export interface DispatchRequest {
  readonly requestId: string;
  readonly handle: ConnectionHandle;
  readonly wish: Wish;
  readonly body: Readable | Uint8Array | null;
  readonly bodyLength?: number;
  readonly timeoutMs?: number;
  readonly maxResponseBytes: number;
  /** Aborts when the caller leaves. */
  readonly signal: AbortSignal;
  /** Takes room for octets of a body that somebody has to see whole. */
  readonly hold: Hold;
}

/** How a dispatch ended. `receipt` is there from step 5 on, also with an error; `limits` once they were asked. */
export type DispatchResult = { readonly limits: readonly NamedState[] } & (
  | { readonly kind: 'answer'; readonly receipt: string; readonly answer: UpstreamAnswer }
  | { readonly kind: 'error'; readonly receipt?: string; readonly error: DAuthError }
);

/** Steps 3 to 10, for a caller that passed 1 and 2. Never throws. */
export async function dispatch(caller: Caller, request: DispatchRequest, deps: DispatchDeps): Promise<DispatchResult> {
  const startedAt = deps.monotonic();
  let permitted: Permit | undefined;
  let intent: Intent | undefined;
  let limits: readonly NamedState[] = [];
  try {
    // 3 · may they
    permitted = await permit(caller, request.handle, deps, request);
    const { capture } = permitted.policy;
    if (capture !== undefined) await permitCapture(permitted, capture, deps);
    // 4 · where to, by name and by address
    const destination = decideTarget(request.wish, permitted);
    assertOperator(request, permitted, destination, deps);
    const sending = await settleBody(boundRequest(request, startedAt, deps), permitted.policy, destination);
    const addresses = await checkAddresses(destination, permitted, deps);
    limits = await deps.useLimits.take(permitted.policy);
    // 5 · what is intended, durable; the outcome's space reserved
    const intended = await deps.journal.intent({
      ...intentFacts(request.requestId, permitted, destination),
      ...(request.wish.webSocket === undefined ? {} : { websocket: true }),
      ...(capture === undefined ? {} : { captured_into: capture.into }),
    });
    intent = intended;
    // 6–9 · open, inject, send, zero, scan
    const { answer, ended } = await send(sending, permitted, destination, addresses, deps);
    // 10 · outcome, when the answer has ended
    void ended
      .then((facts) => intended.outcome({ ...facts, ms: Math.round(deps.monotonic() - startedAt) }))
      .catch(() => undefined);
    return { kind: 'answer', receipt: makeReceipt(deps.identity, intended.head), answer, limits };
  } catch (caught) {
    return refused(caught, { caller, request, permitted, intent, limits, startedAt }, deps);
  }
}

/** Of a body that is here, its size; of one that is not, what was announced. */
function assertOperator(
  { body, bodyLength = 0 }: DispatchRequest,
  { policy }: Permit,
  destination: Destination,
  { rules, nowMs }: DispatchDeps,
): void {
  assertOperatorAllows(rules, destination, {
    endpoints: endpointOrigins(policy.inject),
    bodyBytes: body instanceof Uint8Array ? body.length : bodyLength,
    atMs: nowMs(),
  });
}

function boundRequest(
  request: DispatchRequest,
  startedAt: number,
  { rules, monotonic }: DispatchDeps,
): DispatchRequest {
  const { requestBytes, responseBytes = Infinity } = rules;
  const { timeoutMs } = request;
  // What step 3 waited for is its time too.
  const left = timeoutMs === undefined ? {} : { timeoutMs: Math.max(startedAt + timeoutMs - monotonic(), 1) };
  const maxResponseBytes = Math.min(request.maxResponseBytes, responseBytes);
  return { ...request, ...left, body: boundBody(request.body, requestBytes), maxResponseBytes };
}

type Checked = Awaited<ReturnType<Upstream['check']>>;

/** Where the request goes, and where its credential is exchanged before, if it is. */
interface Addresses {
  readonly target: Checked;
  readonly endpoints: readonly Checked[];
}

function endpointOrigins(injections: readonly Injection[]): readonly Origin[] {
  const scheme = tokenSchemeOf(injections);
  return scheme === undefined ? [] : endpointsOf(scheme).map((endpoint) => endpointParts(endpoint).origin);
}

async function checkAddresses({ origin }: Destination, { policy }: Permit, deps: DispatchDeps): Promise<Addresses> {
  const scheme = tokenSchemeOf(policy.inject);
  if (scheme !== undefined) assertKeysTaken(scheme, deps.upstream);
  const target = await deps.upstream.check(origin);
  const endpoints: Checked[] = [];
  for (const endpoint of endpointOrigins(policy.inject)) endpoints.push(await deps.upstream.check(endpoint));
  return { target, endpoints };
}

/** Steps 6 to 9, in the hands of the data path; this side says when it may open and whether it may still send. */
async function send(
  request: SettledRequest,
  permitted: Permit,
  destination: Destination,
  addresses: Addresses,
  deps: DispatchDeps,
): Promise<{ answer: UpstreamAnswer; ended: Promise<Facts> }> {
  const { caller, envelope, policy, standing, use, base } = permitted;
  const stillStands = (): void => {
    deps.status.assertFresh();
    deps.status.view.assertStands(standing);
  };
  const call = deps.calls.enter(standing, request.signal);
  try {
    // A second look right away: what was revoked while the intent was written is not even opened.
    stillStands();
    const key = deps.openingKeys.get(envelope.header.kid);
    if (key === undefined) throw new DAuthError('DECRYPTION_FAILED');
    // The first use of a version opens it once before anything is sent: who sealed it counts for good from here on, so
    // that it opens at all has to be known, and has to be durable before the first octet goes out.
    await deps.seen.admit(policy.handle, use, () => deps.open(envelope, key)[Symbol.dispose]());
    const common = {
      connection: { handle: policy.handle, ver: policy.ver },
      injections: policy.inject,
      open: () => deps.open(envelope, key),
      beforeSend: stillStands,
      signal: call.signal,
    };
    const deadline = request.timeoutMs === undefined ? undefined : deps.monotonic() + request.timeoutMs;
    const timeout = () => (deadline === undefined ? {} : { timeoutMs: Math.max(deadline - deps.monotonic(), 1) });
    const exchanged = await exchange(
      { ...common, ...timeout() },
      { sealed: { envelope, use, base }, key, scheme: tokenSchemeOf(policy.inject), addresses: addresses.endpoints },
      deps,
    );
    const { webSocket } = request.wish;
    const asked = {
      ...common,
      ...timeout(),
      ...exchanged.call,
      address: addresses.target,
      pins: pinsFor(policy, destination.origin),
      releases: policy.response_headers,
      echoes: policy.echoes,
      method: destination.method,
      target: destination.target,
      headers: destination.headers,
      body: request.body instanceof Readable ? watchForOverride(request.body, destination.headers) : request.body,
      ...(request.bodyLength === undefined ? {} : { bodyLength: request.bodyLength }),
      ...(request.slotted === undefined ? {} : { slotted: request.slotted }),
      ...(webSocket === undefined ? {} : { webSocket: { ...webSocket, endsAtMs: windowEndMs(caller) } }),
      maxResponseBytes: request.maxResponseBytes,
    };
    const { capture } = policy;
    const answer = await (capture === undefined
      ? deps.upstream.call(asked)
      : deps.captures.around(
          capture,
          asked,
          () => permitCapture(permitted, capture, deps),
          (more) => deps.upstream.call({ ...asked, ...more }),
        ));
    // Never sent again by itself: only the caller knows whether its request may be repeated.
    if (answer.status === 401) exchanged.forget();
    const ended = answer.finished.then(({ status, bytes, redactions, error }) => {
      call.leave();
      return { code: call.reason()?.code ?? error ?? 'ok', status, bytes, redactions };
    });
    return { answer, ended };
  } catch (error) {
    call.leave();
    const reason = call.reason();
    // Of the same thing said twice, what was thrown says why; the stream only that.
    throw reason === undefined || (error instanceof DAuthError && error.code === reason.code) ? error : reason;
  }
}
