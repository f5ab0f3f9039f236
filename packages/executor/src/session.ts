/**
 * One session with a database (spec/dauth.md §5.6): the ten steps of a dispatch (§5.1), in their order, in one place.
 * Never opens before step 6, and nothing read before it has any effect but refusal.
 */
import type { Readable, Writable } from 'node:stream';
import { DAuthError, type ConnectionHandle } from '@dauth/protocol';
import type { DispatchDeps } from './dispatch.ts';
import { intentFacts } from './facts.ts';
import type { Facts, Intent } from './journal/journal.ts';
import { makeReceipt } from './journal/receipt.ts';
import { refused } from './refused.ts';
import type { Databases, OpenedSession } from './postgres/databases.ts';
import type { CancelKeys } from './postgres/keys.ts';
import type { Hold } from './postgres/frames.ts';
import { passedOn, readStartup } from './postgres/startup.ts';
import type { SessionOutcome } from './postgres/relay.ts';
import { assertOperatorAllows } from './where/operator.ts';
import { decideSession, type SessionTarget, type SessionWish } from './where/session.ts';
import type { CheckedAddress } from './where/address.ts';
import type { Caller } from './who/authenticate.ts';
import type { Permit } from './who/authorize.ts';
import { permit } from './who/permit.ts';
import type { NamedState } from './who/use-limits.ts';

export interface SessionDeps extends DispatchDeps {
  readonly databases: Databases;
  readonly cancelKeys: CancelKeys;
}

/** What the door hands over after step 2. */
export interface AskedSession {
  readonly requestId: string;
  readonly handle: ConnectionHandle;
  readonly wish: SessionWish;
  /** The driver's octets. */
  readonly body: Readable;
  /** Milliseconds that it may last; its token's end is the other bound. */
  readonly totalMs: number;
  /** Aborts when the driver leaves. */
  readonly signal: AbortSignal;
  /** Takes room for octets of a message that has to be seen whole. */
  readonly hold: Hold;
}

/** How a session began. `receipt` is there from step 5 on, also with an error; `limits` once they were asked. */
export type SessionResult = { readonly limits: readonly NamedState[] } &
  /** Answers are written to `response` until the promise settles; it never rejects. */
  (
    | { readonly kind: 'session'; readonly receipt: string; run(response: Writable): Promise<DAuthError | null> }
    /** What another session did was stopped, or there was none; nobody is told which. */
    | { readonly kind: 'cancelled'; readonly receipt: string }
    | { readonly kind: 'error'; readonly receipt?: string; readonly error: DAuthError }
  );

/** Steps 3 to 10, for a caller that passed 1 and 2. Never throws. */
export async function openSession(caller: Caller, asked: AskedSession, deps: SessionDeps): Promise<SessionResult> {
  const startedAt = deps.monotonic();
  let permitted: Permit | undefined;
  let intent: Intent | undefined;
  let limits: readonly NamedState[] = [];
  try {
    // 3 · may they
    permitted = await permit(caller, asked.handle, deps, asked);
    // 4 · where to, by name; what the driver says first; by address
    const target = decideSession(asked.wish, permitted);
    // A session's octets have no announced size; they are counted as they come.
    assertOperatorAllows(
      deps.rules,
      { ...target, target: target.path, headers: [] },
      { bodyBytes: 0, atMs: deps.nowMs() },
    );
    const startup = await readStartup(asked.body);
    const parameters =
      startup.kind === 'cancel' ? new Map<string, string>() : passedOn(startup.parameters, target.database);
    const address = await deps.upstream.check(target.origin);
    if (startup.kind === 'session') limits = await deps.useLimits.take(permitted.policy);
    // 5 · what is intended, durable; the outcome's space reserved
    const facts = intentFacts(asked.requestId, permitted, target);
    const intended = await deps.journal.intent({ ...facts, session: startup.kind === 'cancel' ? 'cancel' : 'open' });
    intent = intended;
    const receipt = makeReceipt(deps.identity, intended.head);
    const end = (outcome: Facts): Promise<void> =>
      intended.outcome({ ...outcome, ms: Math.round(deps.monotonic() - startedAt) }).catch(() => undefined);
    if (startup.kind === 'cancel') {
      stillStands(permitted, deps)();
      await deps.cancelKeys.cancel(startup, permitted.standing);
      await end({ code: 'ok' });
      return { kind: 'cancelled', receipt, limits };
    }
    // 6–9 · open, log in, zero; then talk and scan
    const run = await open(asked, permitted, target, address, parameters, deps);
    return {
      ...{ kind: 'session', receipt, limits },
      run: async (response) => {
        const { error, bytes, redactions } = await run(response);
        // 10 · outcome, when the session has ended
        await end({ code: error?.code ?? 'ok', bytes, redactions });
        return error;
      },
    };
  } catch (caught) {
    return refused(caught, { caller, request: asked, permitted, intent, limits, startedAt }, deps);
  }
}

type Run = (response: Writable) => Promise<SessionOutcome>;

/** Steps 6 to 8, and what 9 is left to. */
async function open(
  asked: AskedSession,
  permitted: Permit,
  target: SessionTarget,
  address: CheckedAddress,
  parameters: ReadonlyMap<string, string>,
  deps: SessionDeps,
): Promise<Run> {
  const { caller, envelope, policy, standing, use } = permitted;
  const assertStands = stillStands(permitted, deps);
  const call = deps.calls.enter(standing, asked.signal);
  try {
    // A second look right away: what was revoked while the intent was written is not even opened.
    assertStands();
    const key = deps.openingKeys.get(envelope.header.kid);
    if (key === undefined) throw new DAuthError('DECRYPTION_FAILED');
    await deps.seen.admit(policy.handle, use, () => deps.open(envelope, key)[Symbol.dispose]());
    const opened = await deps.databases.open({
      ...{ login: target.login, database: target.database, isReadOnly: target.isReadOnly, parameters, address },
      open: () => deps.open(envelope, key),
      ...{ beforeSend: assertStands, assertStands, signal: call.signal, most: deps.rules, hold: asked.hold },
      // No longer than its token: whoever holds the server could else act on a call of long ago (§4).
      lifeMs: Math.max(1, Math.min(asked.totalMs, (caller.claims.exp - deps.now()) * 1_000)),
    });
    return (response) => talk(opened, asked.body, response, permitted, call, deps);
  } catch (error) {
    call.leave();
    throw call.reason() ?? error;
  }
}

async function talk(
  opened: OpenedSession,
  body: Readable,
  response: Writable,
  { standing }: Permit,
  call: ReturnType<DispatchDeps['calls']['enter']>,
  deps: SessionDeps,
): Promise<SessionOutcome> {
  const key = deps.cancelKeys.enter(standing, opened.cancel);
  const outcome = await opened.run(body, response, key);
  key.leave();
  call.leave();
  return outcome.error === null ? outcome : { ...outcome, error: call.reason() ?? outcome.error };
}

function stillStands({ standing }: Permit, deps: SessionDeps): () => void {
  return () => {
    deps.status.assertFresh();
    deps.status.view.assertStands(standing);
  };
}
