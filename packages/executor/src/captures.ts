/**
 * Answers that are credentials (§2.8): which connection each goes into, one login at a time for each of those, and the version
 * that is sealed out of what came and stored before the answer goes back.
 * Never a capture into a connection that its owner did not seal for it, nor one that the caller's token does not name.
 */
import { DAuthError, LIMITS, nextHeader, type Capture, type ConnectionHandle } from '@dauth/protocol';
import type { OpeningKey, openEnvelope } from './open.ts';
import type { Pending } from './refresh/pending.ts';
import { storeVersion, type StoreDeps } from './refresh/version.ts';
import type { Replacement, resealEnvelope } from './reseal.ts';
import type { Authority } from './who/authority.ts';
import { permitAny, type AuthorizeDeps, type Permit } from './who/authorize.ts';
import type { Seen } from './who/seen.ts';
import type { UpstreamRequest } from './wire/call.ts';
import { deferred } from './wire/deferred.ts';
import { waitFor } from './wire/wait.ts';

export interface CapturesOptions extends StoreDeps {
  readonly seen: Pick<Seen, 'admit'>;
  readonly authority: Pick<Authority, 'lease'>;
  readonly pending: Pick<Pending, 'settle' | 'keep' | 'reserve' | 'release'>;
  readonly open: typeof openEnvelope;
  readonly reseal: typeof resealEnvelope;
  readonly openingKeys: ReadonlyMap<string, OpeningKey>;
  /** This node's URL. */
  readonly node: string;
  /** Milliseconds of a clock that never goes back; Unix seconds. */
  readonly monotonic: () => number;
  readonly now: () => number;
}

/** What a call has of a capture besides. */
type CapturingCall = Required<Pick<UpstreamRequest, 'capture' | 'beforeSend' | 'timeoutMs'>>;

/** Milliseconds for a login, answer included: well within the lease that it runs under. */
const TOTAL_MS = 20_000;

/**
 * Step 3, the other half: the connection that a login's answer goes into.
 * @throws DAuthError as `permit`, and `POLICY_DENIED` where the two do not name each other or are not of one sealer
 */
export async function permitCapture(login: Permit, capture: Capture, deps: AuthorizeDeps): Promise<Permit> {
  const isNamed = login.caller.claims.details.some(({ identifier }) => identifier === capture.into);
  if (!isNamed) throw denied('The token does not name the connection that the answer is captured into.');
  const session = await permitAny(login.caller, capture.into, deps);
  const { captured } = session.policy;
  const wanted = new Set(captured?.fields);
  const isWhole = capture.fields.length === wanted.size && capture.fields.every(({ field }) => wanted.has(field));
  if (captured?.from !== login.handle || !isWhole)
    throw denied('The connection that the answer is captured into was not sealed for that.');
  // The authority can put an envelope of its own under a handle that is not used yet (§2.4): it would get the token, or choose
  // whose it is. Each has to trust who sealed the other: that one of them vouches for a key says nothing of that key's owner.
  if (!login.use.trusted.includes(session.use.jkt) || !session.use.trusted.includes(login.use.jkt))
    throw denied('The connection that the answer is captured into was sealed by another key than the login.');
  return session;
}

export class Captures {
  readonly #options: CapturesOptions;
  readonly #turns = new Map<ConnectionHandle, Promise<undefined>>();

  constructor(options: CapturesOptions) {
    this.#options = options;
  }

  /**
   * Makes a call whose answer is captured, when it is its turn.
   * @param permitted looks at the connection once more: an earlier login may have made another version
   * @throws DAuthError `ENCLAVE_UNAVAILABLE`, `AUDIT_UNAVAILABLE`, and whatever the call and `permitted` do
   */
  async around<T>(
    capture: Capture,
    request: Required<Pick<UpstreamRequest, 'beforeSend' | 'signal'>> & Pick<UpstreamRequest, 'timeoutMs'>,
    permitted: () => Promise<Permit>,
    call: (capturing: CapturingCall) => Promise<T>,
  ): Promise<T> {
    const { monotonic } = this.#options;
    const end = request.timeoutMs === undefined ? Infinity : monotonic() + request.timeoutMs;
    const { into } = capture;
    const before = this.#turns.get(into) ?? Promise.resolve(undefined);
    const mine = deferred<undefined>();
    this.#turns.set(into, mine.promise);
    const storing: Promise<void>[] = [];
    try {
      await waitFor(before, end - monotonic(), request.signal);
      const timeoutMs = Math.max(Math.min(end - monotonic(), TOTAL_MS), 1);
      return await this.#capture(capture, { ...request, timeoutMs }, permitted, call, storing);
    } finally {
      // What came is stored whatever became of the call, and the next one is made of that.
      void Promise.allSettled([before, ...storing]).then(async () => {
        if (storing.length === 0) await this.#options.pending.release(into).catch(() => undefined);
        if (this.#turns.get(into) === mine.promise) this.#turns.delete(into);
        mine.resolve(undefined);
      });
    }
  }

  async #capture<T>(
    { into, fields }: Capture,
    request: Required<Pick<UpstreamRequest, 'beforeSend' | 'timeoutMs'>>,
    permitted: () => Promise<Permit>,
    call: (capturing: CapturingCall) => Promise<T>,
    storing: Promise<void>[],
  ): Promise<T> {
    const { authority, pending, seen, view, open, reseal, openingKeys, node, monotonic, now } = this.#options;
    await pending.settle(into);
    const session = await permitted();
    const { envelope, use } = session;
    const key = openingKeys.get(envelope.header.kid);
    if (key === undefined) throw new DAuthError('DECRYPTION_FAILED');
    await seen.admit(into, use, () => open(envelope, key)[Symbol.dispose]());
    // A version that there can be, a lease, and space for it: all of it before anything is sent.
    nextHeader(envelope.header, key);
    const leasedAt = monotonic();
    await authority.lease(into, use.ver, node);
    await pending.reserve(into).catch((cause: unknown) => {
      throw new DAuthError('AUDIT_UNAVAILABLE', undefined, { cause });
    });
    const beforeSend = (): void => {
      view.assertStands(session.standing);
      if (monotonic() - leasedAt > LIMITS.leaseSendSeconds * 1_000)
        throw new DAuthError('ENCLAVE_UNAVAILABLE', 'The login took too long to begin. Try again shortly.');
      request.beforeSend();
    };
    const take = (values: readonly Replacement[]): Promise<void> => {
      using plaintext = open(envelope, key);
      const compact = reseal(plaintext, envelope.header, key, ...values);
      const stored = storeVersion(session, compact, this.#options, now()).then(() => undefined);
      storing.push(stored);
      return stored;
    };
    return call({
      beforeSend,
      timeoutMs: request.timeoutMs,
      capture: { fields, into, before: () => open(envelope, key), take },
    });
  }
}

function denied(detail: string): DAuthError {
  return new DAuthError('POLICY_DENIED', detail);
}
